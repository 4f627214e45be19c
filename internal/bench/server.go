package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// build makes the server as it is shipped, static and stripped, unless it is
// made already.
func (b *bench) build(ctx context.Context) error {
	if b.binary != "" {
		return nil
	}
	path := filepath.Join(b.folder, "promptmetrics-server")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/promptmetrics-server") //nolint:gosec // our own command.
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	b.binary = path
	return nil
}

// launch starts a program, with further variables of the environment, and waits
// for its first answer.
func launch(ctx context.Context, binary, folder string, environment []string, args ...string) (*program, error) {
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
	p.command.Env = append(p.command.Env, environment...)
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
	out, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("create-key: %w: %s", err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// spent is the time of processors that a process has used; Linux only, else 0.
// It says what a request costs even while other programs take the machine.
func spent(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name of the program may hold blanks; it ends with the last bracket.
	_, rest, _ := bytes.Cut(data, []byte(") "))
	fields := bytes.Fields(rest)
	const user, system, perSecond = 11, 12, 100 // fields behind the name; ticks
	if len(fields) <= system {
		return 0
	}
	var ticks int64
	for _, i := range []int{user, system} {
		n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / perSecond
}

// bare serves fixed answers with nothing but net/http, for comparison.
func bare(ctx context.Context, address string) error {
	body, long := bytes.Repeat([]byte("x"), 600), bytes.Repeat([]byte("x"), 1200)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/prompts/{name}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	mux.HandleFunc("POST /v1/compliance/scan", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(long)))
		_, _ = w.Write(long)
	})
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}
