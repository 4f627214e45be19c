package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// server is an API over a real client, listening on a real port.
type server struct {
	pm   *promptmetrics.Client
	url  string
	log  *logbook
	keys map[string]string
}

// The keys that every server has, by name.
const (
	worker = "worker" // read and write in default
	reader = "reader"
	writer = "writer"
	admin  = "admin" // all scopes in default
	boss   = "boss"  // only admin, in default
	other  = "other" // all scopes in the workspace other
	master = "master"
	nobody = ""
)

// setup changes what a server is made of.
type setup struct {
	promptmetrics.Options
	api httpapi.Options
	// mount serves beside a host's own routes.
	mount func(*http.ServeMux, *promptmetrics.Client, httpapi.Options)
}

func start(tb testing.TB, change ...func(*setup)) *server {
	tb.Helper()
	book := &logbook{}
	logger := slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := setup{
		Options: promptmetrics.Options{
			DataDir: tb.TempDir(), RateLimit: promptmetrics.RateLimit{Max: 1_000_000}, ReconcileInterval: -1,
		},
		api: httpapi.Options{Logger: logger, WebhookSecret: webhookSecret},
	}
	for _, f := range change {
		f(&s)
	}
	pm, err := promptmetrics.New(s.Options)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, pm.Close()) })
	var handler http.Handler
	if s.mount != nil {
		mux := http.NewServeMux()
		s.mount(mux, pm, s.api)
		handler = mux
	} else {
		handler = httpapi.Handler(pm, s.api)
	}
	listening := httptest.NewServer(handler)
	tb.Cleanup(listening.Close)
	out := &server{pm: pm, url: listening.URL, log: book, keys: map[string]string{}}
	all := access.Scopes{access.Read, access.Write, access.Admin}
	out.newKey(tb, worker, "default", access.Read, access.Write)
	out.newKey(tb, reader, "default", access.Read)
	out.newKey(tb, writer, "default", access.Write)
	out.newKey(tb, admin, "default", all...)
	out.newKey(tb, boss, "default", access.Admin)
	out.newKey(tb, other, "other", all...)
	out.newKey(tb, master, access.Master, all...)
	return out
}

func (s *server) newKey(tb testing.TB, name, in string, scopes ...access.Scope) {
	tb.Helper()
	made, err := s.pm.Keys.Create(tb.Context(), access.KeySpec{Name: name, Scopes: scopes, Workspace: in})
	require.NoError(tb, err)
	s.keys[name] = made.Secret
}

// publish adds a prompt with one system message.
func (s *server) publish(tb testing.TB, name, version, content string, tags ...string) {
	tb.Helper()
	_, err := s.pm.Registry.Create(tb.Context(), registry.Prompt{
		Name: name, Version: version, Messages: []registry.Message{{Role: registry.System, Content: content}}, Tags: tags,
	}, registry.Signature{Author: "Ada", Message: "add " + version})
	require.NoError(tb, err)
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

// decode reads the answer's JSON.
func (r reply) decode(tb testing.TB, v any) {
	tb.Helper()
	require.NoError(tb, json.Unmarshal([]byte(r.body), v), r.body)
}

// send makes a request with the key of that name. Headers are given as
// "Name: value".
func (s *server) send(tb testing.TB, key, method, path, body string, headers ...string) reply {
	tb.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(tb.Context(), method, s.url+path, reader)
	require.NoError(tb, err)
	if key != nobody {
		req.Header.Set("X-API-Key", s.keys[key])
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return do(tb, req)
}

func do(tb testing.TB, req *http.Request) reply {
	tb.Helper()
	res, err := (&http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(req)
	require.NoError(tb, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(tb, err)
	return reply{status: res.StatusCode, header: res.Header, body: string(data)}
}

// logbook collects log lines.
type logbook struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

// about gives the lines that hold a text.
func (l *logbook) about(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.lines.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
