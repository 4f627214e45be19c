package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/httpapi"
)

// diary is an observer that remembers.
type diary struct {
	mu    sync.Mutex
	begun int
	ended []httpapi.Observation
}

func (d *diary) RequestBegins() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun++
}

func (d *diary) RequestEnds(o httpapi.Observation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = append(d.ended, o)
}

// last gives the newest observation once all requests have ended.
func (d *diary) last(t *testing.T) (o httpapi.Observation) {
	t.Helper()
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.ended) == 0 || d.begun != len(d.ended) {
			return false
		}
		o = d.ended[len(d.ended)-1]
		return true
	}, 10*time.Second, time.Millisecond)
	return o
}

func TestWhatAnObserverHears(t *testing.T) {
	t.Parallel()
	type mount = func(*setup)
	for name, how := range map[string]struct {
		prefix string
		mount  mount
	}{
		"on a server of its own": {"", func(*setup) {}},
		"on a host's mux, below a prefix": {"/pm", func(s *setup) {
			s.api.Prefix, s.mount = "/pm", beside
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &diary{}
			s := start(t, func(s *setup) { s.api.Observer = d }, how.mount)
			s.publish(t, "welcome", "1.0.0", "Hello")
			for _, c := range []struct {
				name, key, method, path string
				want                    httpapi.Observation
			}{
				{"a prompt", worker, "GET", "/v1/prompts/welcome", httpapi.Observation{Method: "GET", Route: "/v1/prompts/{name}", Status: 200}},
				{"its head", worker, "HEAD", "/v1/prompts/welcome", httpapi.Observation{Method: "HEAD", Route: "/v1/prompts/{name}", Status: 200}},
				{"a slash at the end", worker, "GET", "/v1/prompts/welcome/", httpapi.Observation{Method: "GET", Route: "/v1/prompts/{name}", Status: 200}},
				{"a prompt that is not there", worker, "GET", "/v1/prompts/nothing", httpapi.Observation{Method: "GET", Route: "/v1/prompts/{name}", Status: 404}},
				{"a stranger", nobody, "GET", "/v1/prompts", httpapi.Observation{Method: "GET", Route: "/v1/prompts", Status: 401}},
				{"no such path", worker, "GET", "/v1/invented-by-a-stranger", httpapi.Observation{Method: "GET", Route: "unmatched", Status: 404}},
				{"no such method", worker, "PUT", "/v1/prompts", httpapi.Observation{Method: "PUT", Route: "unmatched", Status: 405}},
				{"a path that is not clean", worker, "GET", "/v1/%2e%2e/prompts", httpapi.Observation{Method: "GET", Route: "unmatched", Status: 404}},
				{"a preflight", nobody, "OPTIONS", "/v1/prompts", httpapi.Observation{Method: "OPTIONS", Route: "unmatched", Status: 204}},
				{"health", nobody, "GET", "/health", httpapi.Observation{Method: "GET", Route: "/health", Status: 200}},
			} {
				r := s.send(t, c.key, c.method, how.prefix+c.path, "")
				got := d.last(t)
				if c.method != "HEAD" {
					require.Equal(t, int64(len(r.body)), got.Bytes, c.name)
				}
				require.GreaterOrEqual(t, got.Took, time.Duration(0))
				got.Bytes, got.Took = 0, 0
				require.Equal(t, c.want, got, c.name)
			}
		})
	}
	t.Run("a method of a stranger's", func(t *testing.T) {
		t.Parallel()
		d := &diary{}
		s := start(t, func(s *setup) { s.api.Observer = d })
		s.send(t, nobody, "BREW", "/v1/prompts", "")
		require.Equal(t, "other", d.last(t).Method)
	})
}

// TestRequestLog asks for what succeeds, what fails on our side, and what takes
// long, and looks for their lines and levels.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, c := range []struct {
		log              httpapi.RequestLog
		good, bad, tardy string
	}{
		{"", "DEBUG", "INFO", "INFO"},
		{httpapi.LogFailures, "DEBUG", "INFO", "INFO"},
		{httpapi.LogRequests, "INFO", "INFO", "INFO"},
		{httpapi.LogNothing, none, none, none},
	} {
		t.Run("log "+string(c.log), func(t *testing.T) {
			t.Parallel()
			slow := &tardyClock{}
			s := start(t, func(s *setup) { s.api.RequestLog, s.api.WebhookSecret, s.api.Now = c.log, "", slow.now })
			s.send(t, worker, "GET", "/v1/prompts?q=private", "", "x-request-id: good")
			s.send(t, nobody, "POST", "/webhooks/github", "", "x-request-id: bad")
			slow.step.Store(int64(2 * time.Second))
			s.send(t, worker, "GET", "/v1/prompts", "", "x-request-id: tardy")
			s.send(t, worker, "GET", "/v1/logs/export", "", "x-request-id: patient")
			for id, level := range map[string]string{"good": c.good, "bad": c.bad, "tardy": c.tardy, "patient": c.good} {
				require.Equal(t, level, requestLine(t, s, id), id)
			}
			require.Len(t, s.log.about("request failed"), 1, "a cause is logged in any case")
			require.Contains(t, s.log.about("request failed")[0], `"request_id":"bad"`)
			require.Empty(t, s.log.about("private"))
		})
	}
}

// requestLine gives the level of the line about a request.
func requestLine(t *testing.T, s *server, id string) string {
	t.Helper()
	for _, text := range s.log.about(`"` + id + `"`) {
		var line struct{ Level, Msg string }
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		if line.Msg == "request" {
			require.Equal(t, 1, strings.Count(text, `"request_id"`))
			return line.Level
		}
	}
	return ""
}

func TestLongPathsAreCutInTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.api.RequestLog = httpapi.LogRequests })
	s.send(t, nobody, http.MethodGet, "/"+strings.Repeat("é", 2000), "", "x-request-id: long")
	lines := s.log.about("long")
	require.Len(t, lines, 1)
	require.Less(t, len(lines[0]), 600)
}

func TestDeepLinesNameTheirRequest(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.Content, s.Logger = brokenContent{}, s.api.Logger })
	s.send(t, nobody, "GET", "/health/deep", "", "x-request-id: deep")
	lines := s.log.about("health check failed")
	require.NotEmpty(t, lines)
	require.Contains(t, lines[0], `"request_id":"deep"`)
}

// tardyClock moves on by a step whenever it is asked.
type tardyClock struct{ step, passed atomic.Int64 }

func (c *tardyClock) now() time.Time {
	return time.Unix(1_800_000_000, c.passed.Add(c.step.Load()))
}
