package providertest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Settings are what the suite sets in a provider's Options.
type Settings struct {
	BaseURL, APIKey string
	Timeout         time.Duration
	Retries         int
	BreakAfter      int
	BreakFor        time.Duration
	Logger          *slog.Logger
}

// Fixture is a provider under test.
type Fixture struct {
	// Name is what the provider has to be called.
	Name string
	// KeyHint is what the message about a refused key tells to check.
	KeyHint string
	// New makes the provider.
	New func(Settings) (playground.Provider, error)
	// Play makes the server that plays it; its record too.
	Play func(answer func(Question) Answer) (http.Handler, *Record)
	// Filtered is the provider's answer to what its content policy refuses; nil
	// if it has no such answer.
	Filtered *Answer
	// FinishReasons are those that its format tells apart.
	FinishReasons []string
	// EndMatters says that only the mark at the end tells a whole stream from
	// one that was cut.
	EndMatters bool
	// Sibling says that the package runs the suite on another provider of its
	// own: what does not depend on the format is left out.
	Sibling bool
}

// Key is the API key of the suite. It may appear in no error and no log.
const Key = "sk-played-0123456789abcdef"

// Model is the model that the suite asks for.
const Model = "model-1"

// Run is the suite of providers.
func Run(t *testing.T, f Fixture) {
	t.Run("answers", func(t *testing.T) { t.Parallel(); answers(t, f) })
	t.Run("streams", func(t *testing.T) { t.Parallel(); streams(t, f) })
	t.Run("tools", func(t *testing.T) { t.Parallel(); tools(t, f) })
	t.Run("refusals", func(t *testing.T) { t.Parallel(); refusals(t, f) })
	t.Run("models", func(t *testing.T) { t.Parallel(); models(t, f) })
	t.Run("embeddings", func(t *testing.T) { t.Parallel(); embeddings(t, f) })
	t.Run("options", func(t *testing.T) { t.Parallel(); options(t, f) })
	if f.Sibling {
		return
	}
	t.Run("retries", func(t *testing.T) { t.Parallel(); retries(t, f) })
	t.Run("broken servers", func(t *testing.T) { t.Parallel(); brokenServers(t, f) })
	t.Run("broken streams", func(t *testing.T) { t.Parallel(); brokenStreams(t, f) })
	t.Run("ends with its context", func(t *testing.T) { t.Parallel(); contexts(t, f) })
	t.Run("breaker", func(t *testing.T) { t.Parallel(); breakers(t, f) })
}

// bench is a provider with its played server.
type bench struct {
	playground.Provider
	record *Record
}

// set makes a bench. Whatever the provider logs is searched for the key.
func set(tb testing.TB, f Fixture, s Settings, answer func(Question) Answer) bench {
	tb.Helper()
	h, record := f.Play(answer)
	return bench{provider(tb, f, s, h), record}
}

// provider makes a provider that calls a handler.
func provider(tb testing.TB, f Fixture, s Settings, h http.Handler) playground.Provider {
	tb.Helper()
	server := httptest.NewServer(h)
	log := &lockedBuffer{}
	s.BaseURL, s.APIKey = server.URL, Key
	s.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	p, err := f.New(s)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if c, ok := p.(interface{ Close() error }); ok {
			require.NoError(tb, c.Close())
		}
		server.CloseClientConnections()
		server.Close()
		require.NotContains(tb, log.String(), Key, "the log holds the key")
	})
	return p
}

type lockedBuffer struct {
	mutex sync.Mutex
	b     bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.b.String()
}

// always answers every question alike.
func always(a Answer) func(Question) Answer { return func(Question) Answer { return a } }

// first gives answers in turn, and the last one for ever.
func first(list ...Answer) func(Question) Answer {
	return func(q Question) Answer { return list[min(q.Number, len(list))-1] }
}

// hello is a call.
func hello() playground.Call {
	return playground.Call{Model: Model, Messages: []playground.Message{{Role: playground.User, Content: "say hello"}}}
}

// streamed is what a stream gave.
type streamed struct {
	tokens []string
	calls  []playground.ToolCall
	last   playground.Part
	err    error
	ended  bool
}

func (s streamed) text() string { return strings.Join(s.tokens, "") }

// collect reads a stream to its end.
func collect(ctx context.Context, tb testing.TB, p playground.Provider, c playground.Call) streamed {
	tb.Helper()
	var s streamed
	for part, err := range p.Stream(ctx, c) {
		require.False(tb, s.ended || s.err != nil, "nothing comes after the end")
		switch {
		case err != nil:
			s.err = err
		case part.Done:
			s.ended, s.last = true, part
		case part.ToolCall != nil:
			s.calls = append(s.calls, *part.ToolCall)
		default:
			require.NotEmpty(tb, part.Content, "a part says something")
			s.tokens = append(s.tokens, part.Content)
		}
	}
	require.True(tb, s.ended != (s.err != nil), "a stream ends with Done or with an error")
	return s
}

// both tests a call and a stream alike. ask gives what was answered.
func both(t *testing.T, test func(t *testing.T, ask func(context.Context, playground.Provider, playground.Call) (string, error))) {
	t.Helper()
	t.Run("called", func(t *testing.T) {
		t.Parallel()
		test(t, func(ctx context.Context, p playground.Provider, c playground.Call) (string, error) {
			r, err := p.Call(ctx, c)
			return r.Output, err
		})
	})
	t.Run("streamed", func(t *testing.T) {
		t.Parallel()
		test(t, func(ctx context.Context, p playground.Provider, c playground.Call) (string, error) {
			s := collect(ctx, t, p, c)
			return s.text(), s.err
		})
	})
}

type asker = func(context.Context, playground.Provider, playground.Call) (string, error)

func ptr[T any](v T) *T { return &v }
