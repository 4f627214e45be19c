package providertest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// safe checks what holds for every error.
func safe(tb testing.TB, err error) *pmerr.Error {
	tb.Helper()
	require.Error(tb, err)
	require.NotContains(tb, err.Error(), Key)
	e, ok := errors.AsType[*pmerr.Error](err)
	require.True(tb, ok, "%T: %v", err, err)
	require.NotContains(tb, e.Message, Key)
	require.NotEmpty(tb, e.Message)
	require.LessOrEqual(tb, len([]rune(e.Message)), 700)
	require.False(tb, strings.ContainsFunc(e.Message, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }), "%q", e.Message)
	return e
}

func refusals(t *testing.T, f Fixture) {
	tests := []struct {
		name     string
		answer   Answer
		want     error
		contains []string
	}{
		{"a bad request", Answer{Status: 400, Message: "bad temperature"}, pmerr.ErrInvalidRequest, []string{f.Name, "bad temperature"}},
		{"an unprocessable request", Answer{Status: 422, Message: "no such member"}, pmerr.ErrInvalidRequest, []string{"no such member"}},
		{"too long a request", Answer{Status: 413, Message: "too large"}, pmerr.ErrInvalidRequest, []string{"too large"}},
		{"a refused key", Answer{Status: 401, Message: "Incorrect API key: " + Key}, pmerr.ErrProvider, []string{f.Name, "refused the API key", f.KeyHint}},
		{"a forbidden call", Answer{Status: 403, Message: "no"}, pmerr.ErrProvider, []string{f.Name, f.KeyHint}},
		{"an unknown model", Answer{Status: 404, Message: "no such thing"}, pmerr.ErrInvalidRequest, []string{f.Name, `"` + Model + `"`}},
		{
			"a wrong address",
			Answer{Status: 404, Raw: []byte("404 page not found"), ContentType: "text/plain"},
			pmerr.ErrProvider,
			[]string{f.Name, "no such API", "check"},
		},
		{
			"a message that is hostile",
			Answer{Status: 400, Message: "key " + Key + "\r\nX: \x1b[31m\u202e" + strings.Repeat("long ", 1000)},
			pmerr.ErrInvalidRequest,
			[]string{"[redacted]"},
		},
		{
			"a message that hides the key",
			Answer{Status: 400, Message: Key[:9] + "\u202e" + Key[9:]},
			pmerr.ErrInvalidRequest,
			[]string{"[redacted]"},
		},
		{"a time limit of its own", Answer{Status: 408, Message: "slow"}, pmerr.ErrTimeout, []string{f.Name}},
		{
			"a redirect",
			Answer{Status: 307, Raw: []byte{}, Header: http.Header{"Location": {"https://elsewhere.example/a?secret=1"}}},
			pmerr.ErrProvider,
			[]string{"redirects", "check"},
		},
	}
	if f.Filtered != nil {
		tests = append(tests, struct {
			name     string
			answer   Answer
			want     error
			contains []string
		}{"a content policy", *f.Filtered, pmerr.ErrContentPolicy, []string{f.Name, "content policy"}})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, ask asker) {
				b := set(t, f, Settings{}, always(test.answer))
				_, err := ask(t.Context(), b, hello())
				require.ErrorIs(t, err, test.want)
				e := safe(t, err)
				for _, text := range test.contains {
					require.Contains(t, e.Message, text)
				}
				require.NotContains(t, e.Message, "secret")
				require.Len(t, b.record.Asked(), 1, "no is no")
			})
		})
	}
}

func retries(t *testing.T, f Fixture) {
	ok := Answer{Text: "at last"}
	limited := func(after string) Answer {
		return Answer{Status: 429, Message: "slow down", Header: http.Header{"Retry-After": {after}}}
	}
	soon := http.Header{"Retry-After-Ms": {"1"}}
	for name, bad := range map[string]Answer{
		"an overload":         {Status: 529, Message: "overloaded"},
		"an inner error":      {Status: 500, Message: "oops"},
		"a gateway's page":    {Status: 502, Raw: []byte("<html>Bad gateway</html>"), ContentType: "text/html"},
		"a server that stops": {Status: 503, Raw: []byte{}},
		"a gateway's timeout": {Status: 504, Raw: []byte{}},
		"a limited rate":      {Status: 429, Message: "slow down"},
	} {
		t.Run(name+" passes", func(t *testing.T) {
			t.Parallel()
			bad.Header = soon
			both(t, func(t *testing.T, ask asker) {
				b := set(t, f, Settings{}, first(bad, bad, ok))
				text, err := ask(t.Context(), b, hello())
				require.NoError(t, err)
				require.Equal(t, "at last", text)
				asked := b.record.Asked()
				require.Len(t, asked, 3)
				require.Equal(t, asked[0].Body, asked[2].Body)
			})
		})
	}
	t.Run("Retry-After is honoured", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{}, first(limited("1"), ok))
			_, err := ask(t.Context(), b, hello())
			require.NoError(t, err)
			asked := b.record.Asked()
			require.Len(t, asked, 2)
			require.GreaterOrEqual(t, asked[1].At.Sub(asked[0].At), time.Second)
		})
	})
	t.Run("a Retry-After that is too long is passed on", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{}, always(limited("3600")))
			_, err := ask(t.Context(), b, hello())
			require.ErrorIs(t, err, pmerr.ErrProviderRateLimited)
			require.Equal(t, time.Hour, safe(t, err).RetryAfter)
			require.Len(t, b.record.Asked(), 1)
		})
	})
	t.Run("what does not pass is told after three requests", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{}, always(Answer{Status: 500, Message: "oops", Header: soon}))
			_, err := ask(t.Context(), b, hello())
			require.ErrorIs(t, err, pmerr.ErrProvider)
			require.Contains(t, safe(t, err).Message, "oops")
			require.Len(t, b.record.Asked(), 3)
		})
	})
	t.Run("not at all if so set", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{Retries: -1}, always(Answer{Status: 500, Message: "oops"}))
			_, err := ask(t.Context(), b, hello())
			require.ErrorIs(t, err, pmerr.ErrProvider)
			require.Len(t, b.record.Asked(), 1)
		})
	})
	t.Run("not past the caller's deadline", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{}, always(limited("20")))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			start := time.Now()
			_, err := ask(ctx, b, hello())
			require.ErrorIs(t, err, pmerr.ErrProviderRateLimited)
			require.Less(t, time.Since(start), 1500*time.Millisecond, "the wait would have been for nothing")
		})
	})
	t.Run("a pause ends with its caller", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			ctx, cancel := context.WithCancel(t.Context())
			b := set(t, f, Settings{}, func(Question) Answer {
				time.AfterFunc(50*time.Millisecond, cancel)
				return limited("20")
			})
			start := time.Now()
			_, err := ask(ctx, b, hello())
			require.ErrorIs(t, err, context.Canceled)
			require.Less(t, time.Since(start), 10*time.Second)
		})
	})
	t.Run("a connection that breaks", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			h, record := f.Play(always(ok))
			var n atomic.Int64
			p := provider(t, f, Settings{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) < 3 {
					panic(http.ErrAbortHandler)
				}
				h.ServeHTTP(w, r)
			}))
			text, err := ask(t.Context(), p, hello())
			require.NoError(t, err)
			require.Equal(t, "at last", text)
			require.Len(t, record.Asked(), 1)
			require.EqualValues(t, 3, n.Load())
		})
	})
}

func brokenServers(t *testing.T, f Fixture) {
	tests := map[string]struct {
		answer   Answer
		requests int // of a stream
	}{
		"text that is no JSON":      {Answer{Raw: []byte("hello?"), ContentType: "application/json"}, 0},
		"JSON of another kind":      {Answer{Raw: []byte(`{"status":"ok"}`), ContentType: "application/json"}, 0},
		"a list":                    {Answer{Raw: []byte(`[1,2,3]`), ContentType: "application/json"}, 0},
		"a web page":                {Answer{Raw: []byte("<html><body>Welcome to the portal</body></html>"), ContentType: "text/html; charset=utf-8"}, 0},
		"nothing":                   {Answer{Raw: []byte{}, ContentType: "application/json"}, 0},
		"half an answer":            {Answer{Text: strings.Repeat("word ", 1000), CutAfter: -1}, 3},
		"an answer of another type": {Answer{Raw: []byte(`{"id":7,"choices":"no","content":3,"message":[],"model":{}}`), ContentType: "application/json"}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("called", func(t *testing.T) {
				t.Parallel()
				b := set(t, f, Settings{}, always(test.answer))
				r, err := b.Call(t.Context(), hello())
				require.ErrorIs(t, err, pmerr.ErrProvider)
				_ = safe(t, err)
				require.Empty(t, r)
				require.Len(t, b.record.Asked(), 1, "the provider wants to be paid for each")
			})
			t.Run("streamed", func(t *testing.T) {
				t.Parallel()
				b := set(t, f, Settings{}, always(test.answer))
				s := collect(t.Context(), t, b, hello())
				require.ErrorIs(t, s.err, pmerr.ErrProvider)
				_ = safe(t, s.err)
				require.Empty(t, s.tokens)
				if test.requests > 0 {
					require.Len(t, b.record.Asked(), test.requests)
				}
			})
		})
	}
	t.Run("nobody at that address", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			p, err := f.New(Settings{BaseURL: "http://127.0.0.1:1", APIKey: Key})
			require.NoError(t, err)
			_, err = ask(t.Context(), p, hello())
			require.ErrorIs(t, err, pmerr.ErrProvider)
			e := safe(t, err)
			require.Contains(t, e.Message, "cannot be reached: check")
			require.NotContains(t, e.Message, "127.0.0.1", "where it is, is the operator's business")
			require.ErrorContains(t, err, "127.0.0.1:1")
		})
	})
}

func brokenStreams(t *testing.T, f Fixture) {
	t.Run("cut in the middle", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{Text: "one two three", CutAfter: 2}))
		s := collect(t.Context(), t, b, hello())
		require.ErrorIs(t, s.err, pmerr.ErrProvider)
		require.Contains(t, safe(t, s.err).Message, "ended its answer in the middle")
		require.Equal(t, []string{"one ", "two "}, s.tokens, "what came is given")
		require.Len(t, b.record.Asked(), 1, "nothing is tried again once something was answered")
	})
	t.Run("cut before anything", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, first(Answer{CutAfter: -1}, Answer{Text: "one two"}))
		s := collect(t.Context(), t, b, hello())
		require.NoError(t, s.err)
		require.Equal(t, "one two", s.text())
		require.Len(t, b.record.Asked(), 2)
	})
	t.Run("an error in the middle", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{Text: "one two three", FailAfter: 2, Message: "lost my head " + Key}))
		s := collect(t.Context(), t, b, hello())
		require.ErrorIs(t, s.err, pmerr.ErrProvider)
		require.Contains(t, safe(t, s.err).Message, "lost my head")
		require.Equal(t, []string{"one ", "two "}, s.tokens)
		require.Len(t, b.record.Asked(), 1)
	})
	t.Run("an error before anything", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, first(Answer{FailAfter: -1, Message: "busy"}, Answer{Text: "one two"}))
		s := collect(t.Context(), t, b, hello())
		require.NoError(t, s.err)
		require.Equal(t, "one two", s.text())
		require.Len(t, b.record.Asked(), 2)
	})
	t.Run("a line without end", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{Chunks: []string{"one ", strings.Repeat("x", 2<<20)}}))
		s := collect(t.Context(), t, b, hello())
		require.ErrorIs(t, s.err, pmerr.ErrProvider)
		_ = safe(t, s.err)
		require.Equal(t, []string{"one "}, s.tokens)
	})
	t.Run("garbage in the middle", func(t *testing.T) {
		t.Parallel()
		h, record := f.Play(always(Answer{Chunks: []string{"one ", "\uE000", "three"}}))
		s := collect(t.Context(), t, provider(t, f, Settings{}, replace(h, strings.NewReplacer("\uE000", `"`))), hello())
		require.ErrorIs(t, s.err, pmerr.ErrProvider)
		_ = safe(t, s.err)
		require.Equal(t, []string{"one "}, s.tokens)
		require.Len(t, record.Asked(), 1)
	})
	if f.EndMatters {
		t.Run("no mark at the end", func(t *testing.T) {
			t.Parallel()
			b := set(t, f, Settings{}, always(Answer{Text: "one two", NoEnd: true}))
			s := collect(t.Context(), t, b, hello())
			require.ErrorIs(t, s.err, pmerr.ErrProvider)
			require.Equal(t, "one two", s.text())
		})
	}
}
