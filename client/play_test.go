package client

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "pm_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// seen is a request as the played server got it.
type seen struct {
	method, path string // path as it was escaped
	query        url.Values
	header       http.Header
	body         string
}

// reply is what the played server answers.
type reply struct {
	status int
	body   string
	header map[string]string
	// cut carries the request out but loses the answer.
	cut bool
	// wait holds the answer back until it is closed.
	wait <-chan struct{}
}

// played is a real HTTP server that answers from a script.
type played struct {
	url string

	mu       sync.Mutex
	requests []seen
	script   func(n int, r seen) reply
}

// play starts a server; script gets the requests, counted from 0.
func play(tb testing.TB, script func(n int, r seen) reply) *played {
	tb.Helper()
	p := &played{script: script}
	s := httptest.NewServer(p)
	tb.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// sequence answers with one reply after the other, and repeats the last.
func sequence(replies ...reply) func(int, seen) reply {
	return func(n int, _ seen) reply { return replies[min(n, len(replies)-1)] }
}

func (p *played) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s := seen{r.Method, r.URL.EscapedPath(), r.URL.Query(), r.Header.Clone(), string(body)}
	p.mu.Lock()
	n := len(p.requests)
	p.requests = append(p.requests, s)
	script := p.script
	p.mu.Unlock()
	a := script(n, s)
	if a.wait != nil {
		select {
		case <-a.wait:
		case <-r.Context().Done():
			return
		}
	}
	if a.cut {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (p *played) all() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]seen(nil), p.requests...)
}

func (p *played) count() int { return len(p.all()) }

// turn changes the script.
func (p *played) turn(script func(int, seen) reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = script
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

func envelopeOf(status int, code, message string) reply {
	return reply{status: status, body: `{"error":"` + message + `","code":"` + code + `","detailsType":"context","requestId":"r-1"}`}
}

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// pauses records what the client would have slept, and does not sleep.
type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) sleep(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, d)
	return ctx.Err()
}

func (p *pauses) slept() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Duration(nil), p.all...)
}

// text is a log that tests read.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

func (t *text) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(t, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// setup gives a client of a played server that never really sleeps.
func setup(tb testing.TB, url string, o Options) (*Client, *pauses) {
	tb.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.APIKey == "" {
		o.APIKey = testKey
	}
	c, err := New(url, o)
	require.NoError(tb, err)
	tb.Cleanup(c.Close)
	p := &pauses{}
	c.wire.sleep = p.sleep
	return c, p
}
