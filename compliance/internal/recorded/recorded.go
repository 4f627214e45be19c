// Package recorded plays foreign scanners in tests: from files that hold a
// request and the answer to it.
package recorded

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Server is a scanner at an address.
type Server struct {
	URL string

	mu   sync.Mutex
	seen []Request
}

// Request is what a scanner was asked.
type Request struct {
	Method, Path, Authorization, ContentType, Body string
}

// Serve answers every request with a function.
func Serve(tb testing.TB, answer http.HandlerFunc) *Server {
	tb.Helper()
	s := &Server{}
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, Request{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)})
		s.mu.Unlock()
		answer(w, r)
	}))
	tb.Cleanup(listening.Close)
	s.URL = listening.URL
	return s
}

// Play answers with testdata/NAME.response.json, and checks at the end that what
// was asked is testdata/NAME.request.json.
func Play(tb testing.TB, name string) *Server {
	tb.Helper()
	response := read(tb, name+".response.json")
	s := Serve(tb, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(response)
	})
	tb.Cleanup(func() {
		seen := s.Seen()
		require.Len(tb, seen, 1)
		require.JSONEq(tb, string(read(tb, name+".request.json")), seen[0].Body)
		require.Equal(tb, http.MethodPost, seen[0].Method)
		require.Equal(tb, "application/json", seen[0].ContentType)
	})
	return s
}

func read(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file)) //nolint:gosec // a test's own files.
	require.NoError(tb, err)
	return data
}

// Seen gives what was asked so far.
func (s *Server) Seen() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.seen...)
}

// Faults checks what a driver makes of everything that can go wrong. open makes
// one of an address, with a key and a limit of 200 ms; name is what its errors
// call the service, keyVariable what they name to be checked.
func Faults(t *testing.T, name, keyVariable string, open func(t *testing.T, url, key string) compliance.Driver) {
	t.Helper()
	const key, text = "k-0123456789-secret", "the text that was scanned"
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "you sent "+r.Header.Get("Authorization"))
		}
	}
	body := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
	}
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		kind    error
		message string
		after   time.Duration
	}{
		{"a refused key", status(401), pmerr.ErrProvider, name + " refused the API key; check " + keyVariable, 0},
		{"a key without the right", status(403), pmerr.ErrProvider, name + " refused the API key; check " + keyVariable, 0},
		{"a wrong address", status(404), pmerr.ErrProvider, name + " has no such address; check COMPLIANCE_SCANNER_URL", 0},
		{"a redirect", status(302, "Location", "http://127.0.0.1:1/"), pmerr.ErrProvider, name + " failed", 0},
		{"a rate limit", status(429, "Retry-After", "7"), pmerr.ErrProviderRateLimited, name + " limits the rate of calls", 7 * time.Second},
		{"a refused text", status(422), pmerr.ErrInvalidRequest, name + " refused the text", 0},
		{"an outage", status(503), pmerr.ErrProvider, name + " failed", 0},
		{"a failure", status(500), pmerr.ErrProvider, name + " failed", 0},
		{"an answer that is no JSON", body("<html>"), pmerr.ErrProvider, name + " gave an answer that is not understood; check COMPLIANCE_SCANNER_URL", 0},
		{"an answer of something else", body("{}"), pmerr.ErrProvider, name + " gave an answer that is not understood; check COMPLIANCE_SCANNER_URL", 0},
		{"silence", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}, pmerr.ErrTimeout, name + " did not answer within 200ms", 0},
		{"a cut answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
		}, pmerr.ErrProvider, name + " cannot be reached; check COMPLIANCE_SCANNER_URL", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := Serve(t, c.answer)
			_, _, err := open(t, s.URL, key).Scan(t.Context(), text)
			require.ErrorIs(t, err, c.kind)
			e := pmerr.From(err)
			require.Equal(t, c.message, e.Message)
			require.Equal(t, c.after, e.RetryAfter)
			require.NotContains(t, err.Error(), key)
			require.NotContains(t, err.Error(), text)
			require.Len(t, s.Seen(), 1, "it is asked once")
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		_, _, err := open(t, "http://127.0.0.1:1", key).Scan(t.Context(), text)
		require.ErrorIs(t, err, pmerr.ErrProvider)
		require.Equal(t, name+" cannot be reached; check COMPLIANCE_SCANNER_URL", pmerr.From(err).Message)
		require.NotContains(t, err.Error(), key)
	})
	t.Run("a caller who leaves", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := open(t, "http://127.0.0.1:1", key).Scan(ctx, text)
		require.ErrorContains(t, err, "context canceled")
		var e *pmerr.Error
		require.False(t, errors.As(err, &e))
	})
}
