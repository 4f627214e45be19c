package scorer_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// hook serves a handler and gives its address with the options to reach it.
func hook(tb testing.TB, handler http.HandlerFunc) (string, scorer.Options) {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server.URL + "/score", scorer.Options{HTTPClient: server.Client(), WebhookPrivate: true}
}

func callHook(tb testing.TB, address string, o scorer.Options, c eval.Case) (eval.Verdict, error) {
	tb.Helper()
	return compiled(tb, o, "webhook", `{"url":"`+address+`"}`).Score(tb.Context(), c)
}

func TestWebhookScores(t *testing.T) {
	t.Parallel()
	address, o := hook(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/score" || r.Header.Get("Content-Type") != "application/json" ||
			string(body) != `{"input":{"question":"What is 6 times 7?","words":["a","b"]},"expectedOutput":{"answer":"42"},"output":"41"}` {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(w, `{"score":0.6,"reason":"close","extra":true}`)
	})
	v, err := callHook(t, address, o, row("41", `{"answer":"42"}`))
	require.NoError(t, err)
	require.Equal(t, eval.Verdict{Rule: "webhook", Type: "webhook", Score: 0.6, Passed: true, Reason: "close"}, v)
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	t.Run("passed goes before the threshold", func(t *testing.T) {
		t.Parallel()
		address, o := hook(t, answer(200, `{"score":0.9,"passed":false}`))
		v, err := callHook(t, address, o, row("x", ""))
		require.NoError(t, err)
		require.False(t, v.Passed)
		require.Equal(t, 0.9, v.Score)
	})
	tests := []struct {
		name    string
		handler http.HandlerFunc
		kind    error
		message string
	}{
		{"no score", answer(200, `{"passed":true}`), pmerr.ErrProvider, "the webhook must answer JSON such as"},
		{"no JSON", answer(200, `secret page`), pmerr.ErrProvider, "the webhook must answer JSON such as"},
		{"a score out of range", answer(200, `{"score":1.5}`), pmerr.ErrProvider, "must be a number from 0 to 1"},
		{"too much", answer(200, `{"reason":"`+strings.Repeat("x", 64<<10)+`","score":1}`), pmerr.ErrProvider, "more than 65536 bytes"},
		{"an error", answer(500, `secret page`), pmerr.ErrProvider, "status 500"},
		{"a redirect", answer(302, ``, "Location", "http://127.0.0.1:1/"), pmerr.ErrProvider, "status 302: redirects are not followed"},
		{"a limit", answer(429, ``, "Retry-After", "7"), pmerr.ErrProviderRateLimited, "status 429"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			address, o := hook(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				test.handler(w, r)
			})
			_, err := callHook(t, address, o, row("x", ""))
			require.ErrorIs(t, err, test.kind)
			var e *pmerr.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Message, test.message)
			require.NotContains(t, err.Error(), "secret page")
			require.Equal(t, int32(1), calls.Load())
			if e.Code == pmerr.ProviderRateLimited {
				require.Equal(t, 7*time.Second, e.RetryAfter)
			}
		})
	}
	t.Run("a connection that breaks", func(t *testing.T) {
		t.Parallel()
		address, o := hook(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		_, err := callHook(t, address, o, row("x", ""))
		require.ErrorIs(t, err, pmerr.ErrProvider)
		var e *pmerr.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "the webhook cannot be reached", e.Message)
	})
	t.Run("the caller goes away", func(t *testing.T) {
		t.Parallel()
		arrived := make(chan struct{})
		address, o := hook(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is the end of the connection seen
			close(arrived)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		_, err := compiled(t, o, "webhook", `{"url":"`+address+`"}`).Score(ctx, row("x", ""))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestWebhookAddressesAreCheckedWhenCompiled(t *testing.T) {
	t.Parallel()
	open := scorer.Options{HTTPClient: &http.Client{}}
	listed := scorer.Options{WebhookHosts: []string{"hooks.example.com", "Scores.Example.com:8443"}}
	tests := []struct {
		url   string
		o     scorer.Options
		fault string // empty: allowed
	}{
		{"https://example.com/x", open, ""},
		{"http://93.184.216.34/", open, ""},
		{"https://HOOKS.example.com/x", listed, ""},
		{"https://hooks.example.com:444/x", listed, ""},
		{"https://scores.example.com:8443/", listed, ""},
		{"https://scores.example.com/", listed, "names a host that the operator does not allow"},
		{"https://example.com/", listed, "names a host that the operator does not allow"},
		{"https://hooks.example.com.evil.net/", listed, "names a host that the operator does not allow"},
		{"https://hooks.example.com@evil.net/", listed, "must not hold a user name"},
		{"https://user:pw@example.com/", open, "must not hold a user name or a password"},
		{"ftp://example.com/", open, "must be an http or https URL"},
		{"file:///etc/passwd", open, "must be an http or https URL"},
		{"/relative", open, "must be an http or https URL"},
		{"http://:80/", open, "must be an http or https URL"},
		{"http://exa mple.com", open, "must be an http or https URL"},
		{"", open, "is required"},
		{"http://localhost/", open, "private or loopback"},
		{"http://LOCALHOST./", open, "private or loopback"},
		{"http://a.localhost/", open, "private or loopback"},
		{"http://127.0.0.1/", open, "private or loopback"},
		{"http://10.1.2.3/", open, "private or loopback"},
		{"http://169.254.169.254/latest/meta-data", open, "private or loopback"},
		{"http://100.100.100.200/", open, "private or loopback"},
		{"http://0.0.0.0/", open, "private or loopback"},
		{"http://168.63.129.16/metadata", open, "private or loopback"},
		{"http://[::ffff:0:127.0.0.1]/", open, "private or loopback"},
		{"http://[fd00:ec2::254]/latest/meta-data", open, "private or loopback"},
		{"http://[fe80::1%25eth0]/", open, "private or loopback"},
		{"http://[::1]/", open, "private or loopback"},
		{"http://[::ffff:127.0.0.1]/", open, "private or loopback"},
		{"http://[fd00::1]/", open, "private or loopback"},
		{"http://[fe80::1]/", open, "private or loopback"},
		{"http://[64:ff9b::7f00:1]/", open, "private or loopback"},
		{"http://[2002:7f00:1::]/", open, "private or loopback"},
	}
	for _, test := range tests {
		t.Run(test.url, func(t *testing.T) {
			t.Parallel()
			if test.fault == "" {
				compiled(t, test.o, "webhook", `{"url":"`+test.url+`"}`)
				return
			}
			all := strings.Join(faults(t, test.o, "webhook", `{"url":"`+test.url+`"}`), "\n")
			require.Contains(t, all, "criteria.rules[0].config.url ")
			require.Contains(t, all, test.fault)
		})
	}
}
