package otlptest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// server is the API over a real client, on a real port.
type server struct {
	*promptmetrics.Client
	url, key string
	http     *http.Client
}

// start serves a database; several servers on one are nodes of one deployment.
func start(tb testing.TB, o promptmetrics.Options) *server {
	tb.Helper()
	o.DataDir, o.ReconcileInterval = tb.TempDir(), -1
	if o.RateLimit.Max == 0 {
		o.RateLimit.Max = -1
	}
	pm, err := promptmetrics.New(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, pm.Close()) })
	listening := httptest.NewServer(httpapi.Handler(pm, httpapi.Options{Logger: slog.New(slog.DiscardHandler)}))
	tb.Cleanup(listening.Close)
	made, err := pm.Keys.Create(tb.Context(), access.KeySpec{Name: "exporter", Scopes: access.Scopes{access.Read, access.Write}, Workspace: "default"})
	require.NoError(tb, err)
	return &server{Client: pm, url: listening.URL, key: made.Secret, http: listening.Client()}
}

// on gives options for a fresh database of an engine.
func on(tb testing.TB, e dbtest.Engine) promptmetrics.Options {
	tb.Helper()
	c := e.Config(tb)
	return promptmetrics.Options{SQLitePath: c.Path, DatabaseURL: c.URL, BusyTimeout: c.BusyTimeout}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// post sends traces. Headers are given as "Name: value".
func (s *server) post(tb testing.TB, body []byte, headers ...string) reply {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, s.url+"/v1/otlp/v1/traces", bytes.NewReader(body))
	require.NoError(tb, err)
	req.Header.Set("Authorization", "Bearer "+s.key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	return s.do(tb, req)
}

func (s *server) do(tb testing.TB, req *http.Request) reply {
	tb.Helper()
	res, err := s.http.Do(req)
	require.NoError(tb, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(tb, err)
	return reply{res.StatusCode, res.Header, data}
}

// get reads JSON that must be there.
func (s *server) get(tb testing.TB, path string, into any) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(tb, err)
	req.Header.Set("X-API-Key", s.key)
	r := s.do(tb, req)
	require.Equal(tb, http.StatusOK, r.status, string(r.body))
	require.NoError(tb, json.Unmarshal(r.body, into), string(r.body))
}

const (
	protobufType = "Content-Type: application/x-protobuf"
	jsonType     = "Content-Type: application/json"
)

// clock stands still.
func clock() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }
