package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// program is a server under measurement, in a process of its own.
type program struct {
	command *exec.Cmd
	address string
	started time.Duration // until the first answer
}

// build makes the server as it is shipped: static and stripped.
func build(ctx context.Context, folder string) (path string, err error) {
	path = filepath.Join(folder, "promptmetrics-server")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/promptmetrics-server") //nolint:gosec // our own command.
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	return path, command.Run()
}

// launch starts a program and waits for its first answer.
func launch(ctx context.Context, binary, folder string, args ...string) (*program, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p := &program{command: exec.CommandContext(ctx, binary, args...), address: address} //nolint:gosec // our own command.
	p.command.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT="+port, "DATA_DIR="+folder, "LOG_LEVEL=error",
		"RATE_LIMIT_MAX_REQUESTS=1000000000")
	p.command.Dir = filepath.Dir(binary)
	p.command.Stderr = os.Stderr
	start := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for time.Since(start) < 30*time.Second {
		if answered(ctx, "http://"+address+"/health") {
			p.started = time.Since(start)
			return p, nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil, errors.Join(errors.New("the server does not answer"), p.stop())
}

func answered(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (p *program) stop() error {
	if err := p.command.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return p.command.Wait()
}

// memory is the resident set in megabytes; Linux only, else 0.
func (p *program) memory() float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kilobytes / 1024
		}
	}
	return 0
}

// createKey makes an API key while the server runs.
func createKey(ctx context.Context, binary, folder string) (string, error) {
	command := exec.CommandContext(ctx, binary, "create-key", "--name", "bench", "--scopes", "read,write,admin") //nolint:gosec // our own command.
	command.Env = append(os.Environ(), "DATA_DIR="+folder)
	command.Dir = filepath.Dir(binary)
	command.Stderr = os.Stderr
	out, err := command.Output()
	return strings.TrimSpace(string(out)), err
}

// bare serves fixed answers with nothing but net/http, for comparison.
func bare(ctx context.Context, address string) error {
	body := bytes.Repeat([]byte("x"), 600)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/prompts/{name}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}
