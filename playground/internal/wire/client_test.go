package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "sk-0123456789abcdefghij"

// client calls a handler.
func client(tb testing.TB, change func(*Config), h http.HandlerFunc) *Client {
	tb.Helper()
	server := httptest.NewServer(h)
	c := Config{Name: "acme", KeyVariable: "ACME_API_KEY", BaseVariable: "ACME_BASE_URL", BaseURL: server.URL, APIKey: secret, Now: time.Now}
	if change != nil {
		change(&c)
	}
	w, err := New(c)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, w.Close())
		server.CloseClientConnections()
		server.Close()
	})
	return w
}

func get(ctx context.Context, w *Client) (string, error) {
	var out struct{ Text string }
	err := w.JSON(ctx, Request{Method: http.MethodGet, Path: "/x"}, &out)
	return out.Text, err
}

func TestWholeAnswersAreBounded(t *testing.T) {
	t.Parallel()
	w := client(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"text":"`)
		piece := []byte(strings.Repeat("x", 1<<20))
		for range longestBody>>20 + 1 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	_, err := get(t.Context(), w)
	require.ErrorIs(t, err, pmerr.ErrProvider)
	require.ErrorContains(t, err, "32 MB")
}

func TestTheKey(t *testing.T) {
	t.Parallel()
	t.Run("is hidden in answers that repeat it", func(t *testing.T) {
		t.Parallel()
		w := client(t, nil, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"text":"you sent `+r.Header.Get("Authorization")+`"}`)
		})
		text, err := get(t.Context(), w)
		require.NoError(t, err)
		require.Equal(t, "you sent Bearer [redacted]", text)
	})
	t.Run("that is no secret is an ordinary word", func(t *testing.T) {
		t.Parallel()
		w := client(t, func(c *Config) { c.APIKey = "none" }, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"text":"none of it"}`)
		})
		text, err := get(t.Context(), w)
		require.NoError(t, err)
		require.Equal(t, "none of it", text)
	})
	t.Run("does not follow a redirect", func(t *testing.T) {
		t.Parallel()
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it followed") }))
		defer elsewhere.Close()
		// A host program's client that follows redirects.
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		given := &http.Client{Transport: transport, Timeout: time.Nanosecond}
		w := client(t, func(c *Config) { c.HTTPClient = given }, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		})
		_, err := get(t.Context(), w)
		require.ErrorIs(t, err, pmerr.ErrProvider)
		require.ErrorContains(t, err, "ACME_BASE_URL")
		require.Nil(t, given.CheckRedirect, "the host program's client stays as it was")
	})
	t.Run("is hidden in what a transport says", func(t *testing.T) {
		t.Parallel()
		w := client(t, func(c *Config) {
			c.Retries = -1
			c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return nil, errors.New("cannot send " + r.Header.Get("Authorization"))
			})}
		}, nil)
		_, err := get(t.Context(), w)
		require.ErrorIs(t, err, pmerr.ErrProvider)
		require.ErrorContains(t, err, "cannot send")
		require.NotContains(t, err.Error(), secret)
	})
	t.Run("that is missing is told", func(t *testing.T) {
		t.Parallel()
		w := client(t, func(c *Config) { c.APIKey = "" }, func(w http.ResponseWriter, r *http.Request) {
			_, given := r.Header["Authorization"]
			if !given {
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		_, err := get(t.Context(), w)
		require.ErrorContains(t, err, "acme wants an API key: set ACME_API_KEY")
		_, err = New(Config{Name: "acme", KeyVariable: "ACME_API_KEY", NeedsKey: true, BaseURL: "https://acme.example"})
		require.ErrorContains(t, err, "Options.APIKey is missing: set ACME_API_KEY")
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestQuotas(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	w := client(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}`)
	})
	_, err := get(t.Context(), w)
	require.ErrorIs(t, err, pmerr.ErrProviderRateLimited)
	require.ErrorContains(t, err, "quota is used up")
	require.EqualValues(t, 1, n.Load(), "waiting brings no money")
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	t.Run("a caller who leaves while it is tried again does not keep it half open", func(t *testing.T) {
		t.Parallel()
		var n atomic.Int64
		w := client(t, func(c *Config) { c.Retries, c.BreakAfter, c.BreakFor = -1, 1, 50*time.Millisecond }, func(w http.ResponseWriter, r *http.Request) {
			switch n.Add(1) {
			case 1:
				w.WriteHeader(http.StatusInternalServerError)
			case 2:
				<-r.Context().Done()
			default:
				_, _ = io.WriteString(w, `{"text":"back"}`)
			}
		})
		_, err := get(t.Context(), w)
		require.ErrorIs(t, err, pmerr.ErrProvider)
		time.Sleep(60 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = get(ctx, w)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		text, err := get(t.Context(), w)
		require.NoError(t, err)
		require.Equal(t, "back", text)
	})
	t.Run("a stream that has begun closes it", func(t *testing.T) {
		t.Parallel()
		var n atomic.Int64
		w := client(t, func(c *Config) { c.Retries, c.BreakAfter, c.BreakFor = -1, 1, 50*time.Millisecond }, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			_, _ = io.WriteString(w, "data: \"one\"\n\n")
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/stream" {
				<-r.Context().Done()
			}
		})
		_, err := get(t.Context(), w)
		require.Error(t, err)
		time.Sleep(60 * time.Millisecond)
		for part, err := range w.Stream(t.Context(), Request{Method: http.MethodGet, Path: "/stream"}, ServerSent, func() Decoder { return texts{} }) {
			require.NoError(t, err)
			require.Equal(t, "one", part.Content)
			// While this stream goes on, others may call.
			for other, err := range w.Stream(t.Context(), Request{Method: http.MethodGet, Path: "/other"}, ServerSent, func() Decoder { return texts{} }) {
				require.NoError(t, err)
				require.Equal(t, "one", other.Content)
				break
			}
			break
		}
	})
	t.Run("not at all if so set", func(t *testing.T) {
		t.Parallel()
		var n atomic.Int64
		w := client(t, func(c *Config) { c.Retries, c.BreakAfter = -1, -1 }, func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		})
		for range 20 {
			_, err := get(t.Context(), w)
			require.ErrorIs(t, err, pmerr.ErrProvider)
		}
		require.EqualValues(t, 20, n.Load())
	})
}

// texts gives each event's data as a part.
type texts struct{}

func (texts) Decode(e Event) ([]playground.Part, error) {
	return []playground.Part{{Content: strings.Trim(string(e.Data), `"`)}}, nil
}
func (texts) Whole([]byte) ([]playground.Part, error) { return nil, ErrNothing }
func (texts) End() (playground.Part, bool)            { return playground.Part{}, false }

func TestRequestsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	w := client(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	r := Request{Method: http.MethodPost, Path: "/", Body: map[string]any{"schema": func() {}}}
	require.ErrorIs(t, w.JSON(t.Context(), r, new(any)), pmerr.ErrInvalidRequest)
	for _, err := range w.Stream(t.Context(), r, ServerSent, func() Decoder { return texts{} }) {
		require.ErrorIs(t, err, pmerr.ErrInvalidRequest)
	}
}

func TestHostilePaths(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	w := client(t, nil, func(w http.ResponseWriter, r *http.Request) {
		got <- r.RequestURI
		_, _ = io.WriteString(w, `{}`)
	})
	require.NoError(t, w.JSON(t.Context(), Request{Method: http.MethodGet, Path: "/deployments/" + url.PathEscape("../../a b?c#d/e") + "/chat"}, new(any)))
	require.Equal(t, "/deployments/..%2F..%2Fa%20b%3Fc%23d%2Fe/chat", <-got)
}
