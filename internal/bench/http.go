package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// overHTTP measures the server as it is shipped, beside a bare net/http one.
func overHTTP(ctx context.Context, t *table, folder string, rows int, during time.Duration) (err error) {
	binary, err := build(ctx, folder)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	t.row("static stripped server", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "≤ 30 MB")
	data := filepath.Join(folder, "server")
	first, err := launch(ctx, binary, data)
	if err != nil {
		return err
	}
	t.row("first start to first 200, new data folder", short(first.started), "")
	if err := first.stop(); err != nil {
		return err
	}
	p, err := launch(ctx, binary, data)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	t.row("start to first 200", short(p.started), "≤ 50 ms")
	time.Sleep(time.Second)
	t.row("resident memory, idle", fmt.Sprintf("%.0f MB", p.memory()), "≤ 30 MB")
	key, err := createKey(ctx, binary, data)
	if err != nil {
		return err
	}
	if err := reads(ctx, t, p, key, during); err != nil {
		return err
	}
	if err := writes(ctx, t, p, key, during); err != nil {
		return err
	}
	t.row("resident memory, under load", fmt.Sprintf("%.0f MB", p.memory()), "≤ 80 MB")
	return lists(ctx, t, p, key, rows, during)
}

func reads(ctx context.Context, t *table, p *program, key string, during time.Duration) error {
	file, err := json.Marshal(welcome("welcome"))
	if err != nil {
		return err
	}
	if err := post(ctx, p, key, "/v1/prompts", file); err != nil {
		return err
	}
	plain, err := launchBare(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = plain.stop() }()
	const path = "/v1/prompts/welcome?variables[name]=Alice&variables[question]=What%20is%20a%20monad%3F&variables[company]=ACME&variables[language]=English"
	get := request(http.MethodGet, path, key, "")
	same := func(int) []byte { return get }
	reference, err := drive(ctx, plain.address, 16, during, http.StatusOK, same)
	if err != nil {
		return err
	}
	ours, err := drive(ctx, p.address, 16, during, http.StatusOK, same)
	if err != nil {
		return err
	}
	t.row("bare net/http GET, 16 connections", reference.rate(), "")
	t.row("GET rendered prompt, 16 connections", ours.rate()+fmt.Sprintf(", %.2f × bare", ours.perSecond/reference.perSecond),
		"≥ 25,000/s, ≥ 0.5 × bare, p99 ≤ 8 ms")
	return nil
}

func launchBare(ctx context.Context) (*program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch(ctx, self, "", "-bare")
}

func writes(ctx context.Context, t *table, p *program, key string, during time.Duration) error {
	one, err := json.Marshal(call(1))
	if err != nil {
		return err
	}
	log := request(http.MethodPost, "/v1/logs", key, string(one))
	for connections, goal := range map[int]string{16: "≥ 12,000/s, p99 ≤ 10 ms", 64: "≥ 18,000/s"} {
		l, err := drive(ctx, p.address, connections, during, http.StatusAccepted, func(int) []byte { return log })
		if err != nil {
			return err
		}
		t.row(fmt.Sprintf("POST /v1/logs, durable, %d connections", connections), l.rate(), goal)
	}
	batch := request(http.MethodPost, "/v1/logs/batch", key, `{"logs":[`+strings.Repeat(string(one)+",", 99)+string(one)+`]}`)
	l, err := drive(ctx, p.address, 8, during, http.StatusAccepted, func(int) []byte { return batch })
	if err != nil {
		return err
	}
	t.row("POST /v1/logs/batch of 100, 8 connections", thousands(l.perSecond*100)+" rows/s", "≥ 60,000 rows/s")
	return nil
}

// lists measures first pages over many rows.
func lists(ctx context.Context, t *table, p *program, key string, rows int, during time.Duration) error {
	one, err := json.Marshal(call(1))
	if err != nil {
		return err
	}
	batch := request(http.MethodPost, "/v1/logs/batch", key, `{"logs":[`+strings.Repeat(string(one)+",", 999)+string(one)+`]}`)
	if err := spread(ctx, 4, rows/1000, func(ctx context.Context, _ int) error {
		_, err := sendOne(ctx, p.address, http.StatusAccepted, batch)
		return err
	}); err != nil {
		return err
	}
	for _, path := range []string{"/v1/logs", "/v1/logs?prompt_name=welcome", "/v1/logs?model=gpt-4o&status=ok", "/v1/logs?status=error", "/v1/audit-logs"} {
		get := request(http.MethodGet, path, key, "")
		l, err := drive(ctx, p.address, 1, during/2, http.StatusOK, func(int) []byte { return get })
		if err != nil {
			return err
		}
		t.row(fmt.Sprintf("GET %s, first page, %s more logs", path, thousands(float64(rows))), l.latency(), "p99 ≤ 5 ms")
	}
	return nil
}

func sendOne(ctx context.Context, address string, status int, r []byte) (load, error) {
	sent := false
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return drive(ctx, address, 1, time.Hour, status, func(int) []byte {
		if sent {
			return nil
		}
		sent = true
		cancel()
		return r
	})
}

func post(ctx context.Context, p *program, key, path string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-API-Key", key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s answered %s", path, answer.Status)
	}
	return answer.Body.Close()
}
