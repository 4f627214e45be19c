package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// quiet leaves the log out of what is measured.
func quiet(s *setup) { s.api = httpapi.Options{} }

func BenchmarkGetPrompt(b *testing.B) {
	s := start(b, quiet)
	_, err := s.pm.Registry.Create(b.Context(), registry.Prompt{
		Name: "welcome", Version: "1.0.0",
		Messages: []registry.Message{
			{Role: registry.System, Content: "You are a helpful assistant of {{company}}. Answer in {{language}}, in at most three sentences."},
			{Role: registry.User, Content: "Hello, my name is {{name}}. {{question}}"},
		},
		Variables:   map[string]registry.Variable{"name": {Type: registry.String, Required: true}},
		ModelConfig: &registry.ModelConfig{Model: "gpt-4o"},
	}, registry.Signature{})
	require.NoError(b, err)
	path := "/v1/prompts/welcome?variables[name]=Ada&variables[company]=Example&variables[language]=English&variables[question]=Why%3F"
	answer := s.send(b, worker, http.MethodGet, path, "")
	require.Equal(b, http.StatusOK, answer.status)

	get := "GET " + path + " HTTP/1.1\r\nHost: bench\r\nX-API-Key: " + s.keys[worker] + "\r\n\r\n"
	b.Run("ours", func(b *testing.B) { hammer(b, s.url, get) })
	b.Run("bare", func(b *testing.B) { hammer(b, bare(b, answer.body, false), get) })
}

func BenchmarkPostLog(b *testing.B) {
	s := start(b, quiet)
	body := `{"prompt_name":"welcome","version_tag":"1.0.0","provider":"openai","model":"gpt-4o","tokens_in":120,"tokens_out":42,` +
		`"latency_ms":812,"metadata":{"user":"u-42","region":"eu","rating":5}}`
	post := "POST /v1/logs HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-API-Key: " + s.keys[worker] +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	b.Run("ours", func(b *testing.B) { hammer(b, s.url, post) })
	b.Run("bare", func(b *testing.B) { hammer(b, bare(b, `{"id":1,"status":"accepted"}`, true), post) })
}

// bare serves a constant answer, the least that a server can do.
func bare(tb testing.TB, body string, read bool) string {
	tb.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		if read {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	server := &http.Server{Handler: mux} //nolint:gosec // measured on the loopback.
	go func() { _ = server.Serve(l) }()
	tb.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}

// hammer sends a request over 16 connections, with a client that does next to
// nothing.
func hammer(b *testing.B, url, request string) {
	b.Helper()
	b.SetParallelism(8) // of 2 processors
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for pb.Next() {
			if _, err := io.WriteString(conn, request); err != nil {
				b.Error(err)
				return
			}
			if err := skipAnswer(in); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

func skipAnswer(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 || line[9] != '2' {
		return fmt.Errorf("answered %q", line)
	}
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
		if len(line) == 2 {
			_, err = in.Discard(length)
			return err
		}
		if name := "Content-Length: "; len(line) > len(name) && string(line[:len(name)]) == name {
			if length, err = strconv.Atoi(string(line[len(name) : len(line)-2])); err != nil {
				return err
			}
		}
	}
}
