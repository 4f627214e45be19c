package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// hang is a server that never answers; it leaves with its client.
func hang() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1<<16))
		<-r.Context().Done()
	})
}

func contexts(t *testing.T, f Fixture) {
	t.Run("a hanging server and a deadline", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			p := provider(t, f, Settings{}, hang())
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := ask(ctx, p, hello())
			require.ErrorIs(t, err, pmerr.ErrTimeout)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			_ = safe(t, err)
			require.Less(t, time.Since(start), 10*time.Second)
		})
	})
	t.Run("a hanging server and a caller who leaves", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			p := provider(t, f, Settings{}, hang())
			ctx, cancel := context.WithCancel(t.Context())
			defer time.AfterFunc(50*time.Millisecond, cancel).Stop()
			_, err := ask(ctx, p, hello())
			require.ErrorIs(t, err, context.Canceled)
			require.NotContains(t, err.Error(), Key)
		})
	})
	t.Run("a hanging server and the provider's own limit", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			p := provider(t, f, Settings{Timeout: 100 * time.Millisecond}, hang())
			_, err := ask(t.Context(), p, hello())
			require.ErrorIs(t, err, pmerr.ErrTimeout)
			require.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's deadline")
			require.Contains(t, safe(t, err).Message, "100ms")
		})
	})
	t.Run("a stream that stops in the middle", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{Timeout: 200 * time.Millisecond}, func(q Question) Answer {
			return Answer{Chunks: []string{"one ", "two"}, Hold: func(piece int) {
				if piece == 1 {
					<-q.Gone()
				}
			}}
		})
		s := collect(t.Context(), t, b, hello())
		require.ErrorIs(t, s.err, pmerr.ErrTimeout)
		require.Equal(t, []string{"one "}, s.tokens)
		require.Len(t, b.record.Asked(), 1)
	})
	t.Run("a slow reader is not a slow provider", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{Timeout: 300 * time.Millisecond}, always(Answer{Text: "one two three"}))
		var got []string
		for part, err := range b.Stream(t.Context(), hello()) {
			require.NoError(t, err)
			got = append(got, part.Content)
			time.Sleep(200 * time.Millisecond)
		}
		require.Equal(t, "one two three", strings.Join(got, ""))
	})
	t.Run("a stream that takes longer than the limit of its pauses", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{Timeout: time.Second}, always(Answer{
			Text: "one two three four five six", Hold: func(int) { time.Sleep(250 * time.Millisecond) },
		}))
		s := collect(t.Context(), t, b, hello())
		require.NoError(t, s.err)
		require.Equal(t, "one two three four five six", s.text())
	})
	t.Run("a caller who leaves in the middle", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := set(t, f, Settings{}, func(q Question) Answer {
			return Answer{Chunks: []string{"one ", "two"}, Hold: func(piece int) {
				if piece == 1 {
					cancel()
					<-q.Gone()
				}
			}}
		})
		s := collect(ctx, t, b, hello())
		require.ErrorIs(t, s.err, context.Canceled)
	})
	t.Run("an answer that drips", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			h, _ := f.Play(always(Answer{Text: strings.Repeat("word ", 400)}))
			p := provider(t, f, Settings{Timeout: 200 * time.Millisecond, Retries: -1}, trickle(h, 20*time.Millisecond))
			_, err := ask(t.Context(), p, hello())
			require.ErrorIs(t, err, pmerr.ErrTimeout)
		})
	})
	t.Run("a context that has ended makes no request", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{}, always(Answer{}))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := ask(ctx, b, hello())
			require.ErrorIs(t, err, context.Canceled)
			require.Empty(t, b.record.Asked())
		})
	})
}

func breakers(t *testing.T, f Fixture) {
	down := Answer{Status: 500, Message: "oops"}
	t.Run("opens after failures in a row, and closes again", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{Retries: -1, BreakAfter: 3, BreakFor: time.Second}, first(down, down, down, Answer{Text: "back"}))
			for range 3 {
				_, err := ask(t.Context(), b, hello())
				require.ErrorIs(t, err, pmerr.ErrProvider)
			}
			_, err := ask(t.Context(), b, hello())
			require.ErrorIs(t, err, pmerr.ErrProvider)
			e := safe(t, err)
			require.Contains(t, e.Message, fmt.Sprintf("the provider %s failed 3 times in a row; trying again in 1s", f.Name))
			require.Equal(t, time.Second, e.RetryAfter)
			require.Len(t, b.record.Asked(), 3, "it was not asked")
			require.Eventually(t, func() bool {
				text, err := ask(t.Context(), b, hello())
				return err == nil && text == "back"
			}, 10*time.Second, 100*time.Millisecond)
			_, err = ask(t.Context(), b, hello())
			require.NoError(t, err)
		})
	})
	t.Run("refused requests do not open it", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			b := set(t, f, Settings{Retries: -1, BreakAfter: 2}, func(q Question) Answer {
				return Answer{Status: []int{400, 401, 403, 404, 422}[q.Number%5], Message: "no"}
			})
			for range 10 {
				_, err := ask(t.Context(), b, hello())
				_ = safe(t, err)
			}
			require.Len(t, b.record.Asked(), 10)
		})
	})
	t.Run("callers who leave do not open it", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, ask asker) {
			p := provider(t, f, Settings{Retries: -1, BreakAfter: 1}, hang())
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				_, err := ask(ctx, p, hello())
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		})
	})
	t.Run("limited rates open it", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{Retries: -1, BreakAfter: 2}, always(Answer{Status: 429, Message: "slow down"}))
		for range 2 {
			_, err := b.Call(t.Context(), hello())
			require.ErrorIs(t, err, pmerr.ErrProviderRateLimited)
		}
		_, err := b.Call(t.Context(), hello())
		require.ErrorIs(t, err, pmerr.ErrProvider)
		require.Len(t, b.record.Asked(), 2)
	})
	t.Run("a stream that panics in its reader blocks nothing", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{Retries: -1, BreakAfter: 1}, always(Answer{Text: "one two"}))
		require.Panics(t, func() {
			for _, err := range b.Stream(t.Context(), hello()) {
				panic(fmt.Sprint("the reader's own fault, not ", err))
			}
		})
		require.NoError(t, collect(t.Context(), t, b, hello()).err)
	})
}

func models(t *testing.T, f Fixture) {
	t.Run("all of them", func(t *testing.T) {
		t.Parallel()
		p := provider(t, f, Settings{}, play(f, Answer{}))
		list, err := p.Models(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, list)
		for _, m := range list {
			require.Equal(t, f.Name, m.Provider)
			require.NotEmpty(t, m.ID)
			require.NotEmpty(t, m.Name)
			require.GreaterOrEqual(t, m.ContextWindow, int64(0))
		}
	})
	t.Run("a list that is none", func(t *testing.T) {
		t.Parallel()
		p := provider(t, f, Settings{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"hello":"world"}`))
		}))
		_, err := p.Models(t.Context())
		require.ErrorIs(t, err, pmerr.ErrProvider)
	})
	t.Run("a refused key", func(t *testing.T) {
		t.Parallel()
		p := provider(t, f, Settings{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusUnauthorized, object{"error": object{"message": Key}})
		}))
		_, err := p.Models(t.Context())
		require.ErrorIs(t, err, pmerr.ErrProvider)
		require.Contains(t, safe(t, err).Message, f.KeyHint)
	})
}

func play(f Fixture, a Answer) http.Handler {
	h, _ := f.Play(always(a))
	return h
}

func embeddings(t *testing.T, f Fixture) {
	b := set(t, f, Settings{}, always(Answer{}))
	e, ok := b.Provider.(playground.Embedder)
	if !ok {
		return // a provider need not make any
	}
	t.Run("a vector for each text, in order", func(t *testing.T) {
		var texts []string
		var want [][]float64
		for i := range 300 {
			texts = append(texts, fmt.Sprintf("text %d", i))
			want = append(want, Vector(texts[i]))
		}
		got, err := e.Embed(t.Context(), "embedder", texts)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
	t.Run("none for none", func(t *testing.T) {
		got, err := e.Embed(t.Context(), "embedder", nil)
		require.NoError(t, err)
		require.Empty(t, got)
	})
	t.Run("too few are an error", func(t *testing.T) {
		p := provider(t, f, Settings{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, object{
				"data": []object{{"embedding": []float64{1}}}, "embeddings": []any{[]float64{1}},
			})
		}))
		_, err := p.(playground.Embedder).Embed(t.Context(), "embedder", []string{"a", "b"})
		require.ErrorIs(t, err, pmerr.ErrProvider)
	})
}

func options(t *testing.T, f Fixture) {
	for name, address := range map[string]string{
		"another scheme": "ftp://models.example",
		"a file":         "/etc/passwd",
		"credentials":    "https://user:hunter2@models.example/v1",
		"a query":        "https://models.example/v1?key=hunter2",
		"a fragment":     "https://models.example/#hunter2",
		"no host":        "https:///v1",
		"a line end":     "https://models.example/\r\nhunter2",
	} {
		t.Run("an address with "+name+" is refused", func(t *testing.T) {
			t.Parallel()
			_, err := f.New(Settings{BaseURL: address, APIKey: Key})
			require.ErrorContains(t, err, "Options.BaseURL")
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), Key)
		})
	}
	t.Run("every fault is named", func(t *testing.T) {
		t.Parallel()
		_, err := f.New(Settings{BaseURL: "models.example", APIKey: "two words", Timeout: -1, Retries: 99, BreakFor: -1})
		for _, option := range []string{"BaseURL", "APIKey", "Timeout", "Retries", "BreakFor"} {
			require.ErrorContains(t, err, "Options."+option)
		}
		require.NotContains(t, err.Error(), "two words")
		var p *pmerr.Error
		require.False(t, errors.As(err, &p), "it is the operator's, not a caller's")
	})
}
