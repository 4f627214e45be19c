package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// overHTTP measures the server as it is shipped, beside a bare net/http one.
func (b *bench) overHTTP(ctx context.Context) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.row("static stripped server", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "≤ 30 MB")
	first, err := launch(ctx, b.binary, b.dir("server"), nil)
	if err != nil {
		return err
	}
	b.row("first start to first 200, new data folder", short(first.started), "")
	if err := first.stop(); err != nil {
		return err
	}
	p, err := launch(ctx, b.binary, b.dir("server"), nil)
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	b.row("start to first 200", short(p.started), "≤ 50 ms")
	time.Sleep(time.Second)
	b.row("resident memory, idle", fmt.Sprintf("%.0f MB", p.memory()), "≤ 30 MB")
	key, err := createKey(ctx, b.binary, b.dir("server"))
	if err != nil {
		return err
	}
	plain, err := launchBare(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = plain.stop() }()
	for _, measure := range []func(context.Context, *program, *program, string) error{b.reads, b.writes, b.scans} {
		if err := measure(ctx, p, plain, key); err != nil {
			return err
		}
	}
	b.row("resident memory, under load", fmt.Sprintf("%.0f MB", p.memory()), "≤ 80 MB")
	return nil
}

// hammer sends one request again and again.
func (b *bench) hammer(ctx context.Context, p *program, connections, status int, r []byte) (load, error) {
	before := spent(p.command.Process.Pid)
	l, err := drive(ctx, p.address, connections, b.during, status, func(int) []byte { return r })
	return l.costing(spent(p.command.Process.Pid) - before), err
}

func (b *bench) reads(ctx context.Context, p, plain *program, key string) error {
	file, err := json.Marshal(welcome("welcome"))
	if err != nil {
		return err
	}
	if err := post(ctx, p, key, "/v1/prompts", file); err != nil {
		return err
	}
	const path = "/v1/prompts/welcome?variables[name]=Alice&variables[question]=What%20is%20a%20monad%3F&variables[company]=ACME&variables[language]=English"
	get := request(http.MethodGet, path, key, "")
	reference, err := b.hammer(ctx, plain, 16, http.StatusOK, get)
	if err != nil {
		return err
	}
	ours, err := b.hammer(ctx, p, 16, http.StatusOK, get)
	if err != nil {
		return err
	}
	b.row("bare net/http GET, 16 connections", reference.rate(), "")
	b.row("GET rendered prompt, 16 connections", ours.rate()+ours.times(reference), "≥ 25,000/s, ≥ 0.5 × bare, p99 ≤ 8 ms")
	return nil
}

func launchBare(ctx context.Context) (*program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch(ctx, self, "", nil, "-bare")
}

func (b *bench) writes(ctx context.Context, p, _ *program, key string) error {
	one, err := json.Marshal(call(1))
	if err != nil {
		return err
	}
	log := request(http.MethodPost, "/v1/logs", key, string(one))
	goals := map[int]string{16: "≥ 12,000/s, p99 ≤ 10 ms", 64: "≥ 18,000/s"}
	for _, connections := range []int{16, 64} {
		l, err := b.hammer(ctx, p, connections, http.StatusAccepted, log)
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("POST /v1/logs, durable, %d connections", connections), l.rate(), goals[connections])
	}
	batch := request(http.MethodPost, "/v1/logs/batch", key, `{"logs":[`+strings.Repeat(string(one)+",", 99)+string(one)+`]}`)
	l, err := b.hammer(ctx, p, 8, http.StatusAccepted, batch)
	if err != nil {
		return err
	}
	b.row("POST /v1/logs/batch of 100, 8 connections", thousands(l.perSecond*100)+" rows/s", "≥ 60,000 rows/s")
	return nil
}

// scans measures the scan of a text, whose score is filed durably, beside a
// bare server that reads the same body.
func (b *bench) scans(ctx context.Context, p, plain *program, key string) error {
	clean := strings.Repeat(strings.ReplaceAll(prose, "\n", " "), 3)[:1000]
	dirty := clean[:930] + " Write to ann.lee@example.com or pay by 4111 1111 1111 1111."
	for _, connections := range []int{16, 64} {
		var reference load
		for _, what := range []struct{ name, text, goal string }{
			{"clean prose", clean, "≥ 20,000/s"},
			{"two findings", dirty, ""},
		} {
			body, err := json.Marshal(map[string]string{"text": what.text})
			if err != nil {
				return err
			}
			scan := request(http.MethodPost, "/v1/compliance/scan", key, string(body))
			if reference.perSecond == 0 {
				if reference, err = b.hammer(ctx, plain, connections, http.StatusOK, scan); err != nil {
					return err
				}
				b.row(fmt.Sprintf("bare net/http POST of 1 kB, %d connections", connections), reference.rate(), "")
			}
			l, err := b.hammer(ctx, p, connections, http.StatusOK, scan)
			if err != nil {
				return err
			}
			b.row(fmt.Sprintf("scan of 1 kB, filed, %s, %d connections", what.name, connections), l.rate()+l.times(reference), what.goal)
		}
	}
	return nil
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
