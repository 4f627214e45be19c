package providertest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

func answers(t *testing.T, f Fixture) {
	both(t, func(t *testing.T, ask asker) {
		b := set(t, f, Settings{}, always(Answer{Text: "Grüße, 世界 👋\n\"quoted\""}))
		require.Equal(t, f.Name, b.Name())
		text, err := ask(t.Context(), b, hello())
		require.NoError(t, err)
		require.Equal(t, "Grüße, 世界 👋\n\"quoted\"", text)
		asked := b.record.Asked()
		require.Len(t, asked, 1, "one request a call")
		require.Equal(t, http.MethodPost, asked[0].Method)
		require.Equal(t, "application/json", asked[0].Header.Get("Content-Type"))
		require.Equal(t, "say hello", asked[0].LastUser())
	})
	t.Run("with what the provider counted", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{Text: "Hi", TokensIn: 12, TokensOut: 34}))
		r, err := b.Call(t.Context(), hello())
		require.NoError(t, err)
		require.Equal(t, Model, r.Model)
		require.Equal(t, playground.Usage{TokensIn: ptr(int64(12)), TokensOut: ptr(int64(34))}, r.Usage)
		s := collect(t.Context(), t, b, hello())
		require.NoError(t, s.err)
		require.Equal(t, r.Usage, s.last.Usage)
		require.Equal(t, Model, s.last.Model)
		require.Equal(t, r.ID == "", s.last.ID == "")
	})
	t.Run("without counts if it counted nothing", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{Text: "Hi", NoUsage: true}))
		r, err := b.Call(t.Context(), hello())
		require.NoError(t, err)
		require.Equal(t, playground.Usage{}, r.Usage)
		s := collect(t.Context(), t, b, hello())
		require.NoError(t, s.err)
		require.Equal(t, playground.Usage{}, s.last.Usage)
	})
	for _, reason := range append([]string{"something_new"}, f.FinishReasons...) {
		t.Run("with the finish reason "+reason, func(t *testing.T) {
			t.Parallel()
			a := Answer{Text: "Hi", FinishReason: reason}
			if reason == "tool_calls" {
				a.ToolCalls = []playground.ToolCall{{ID: "call_1", Name: "a", Arguments: "{}"}}
			}
			b := set(t, f, Settings{}, always(a))
			r, err := b.Call(t.Context(), hello())
			require.NoError(t, err)
			require.Equal(t, reason, r.FinishReason)
			s := collect(t.Context(), t, b, hello())
			require.NoError(t, s.err)
			require.Equal(t, reason, s.last.FinishReason)
		})
	}
	t.Run("many callers at once", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, func(q Question) Answer { return Answer{Text: "you said " + q.LastUser()} })
		errs := make(chan string, 16)
		for i := range cap(errs) {
			go func() {
				c := hello()
				c.Messages[0].Content = strconv.Itoa(i)
				r, err := b.Call(t.Context(), c)
				if err == nil && r.Output == "you said "+strconv.Itoa(i) {
					errs <- ""
				} else {
					errs <- "wrong answer"
				}
			}()
		}
		for range cap(errs) {
			require.Empty(t, <-errs)
		}
		require.Len(t, b.record.Asked(), 16)
	})
}

func streams(t *testing.T, f Fixture) {
	t.Run("every token is there before the next is sent", func(t *testing.T) {
		t.Parallel()
		const n = 200
		seen := make(chan struct{})
		var chunks []string
		for i := range n {
			chunks = append(chunks, strconv.Itoa(i)+" ")
		}
		b := set(t, f, Settings{}, always(Answer{Chunks: chunks, Hold: func(piece int) {
			if piece == 0 {
				return
			}
			select {
			case <-seen:
			case <-time.After(20 * time.Second):
			}
		}}))
		var got []string
		start := time.Now()
		for part, err := range b.Stream(t.Context(), hello()) {
			require.NoError(t, err)
			if part.Done {
				break
			}
			got = append(got, part.Content)
			seen <- struct{}{}
		}
		require.Equal(t, chunks, got)
		require.Less(t, time.Since(start), 15*time.Second, "no token waited for another")
		require.Len(t, b.record.Asked(), 1)
	})
	accepted := map[string]Answer{
		"line ends of two characters": {Text: "one two three", CRLF: true},
		"signs of life":               {Text: "one two three", KeepAlive: true},
		"pieces without any text":     {Chunks: []string{"", "one ", "", "two ", "", "three"}},
	}
	if !f.EndMatters {
		accepted["a missing mark at the end"] = Answer{Text: "one two three", NoEnd: true}
	}
	for name, a := range accepted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := collect(t.Context(), t, set(t, f, Settings{}, always(a)), hello())
			require.NoError(t, s.err)
			require.Equal(t, []string{"one ", "two ", "three"}, s.tokens)
			require.Equal(t, "stop", s.last.FinishReason)
		})
	}
	t.Run("bytes that come one by one", func(t *testing.T) {
		t.Parallel()
		h, _ := f.Play(always(Answer{Chunks: []string{"Grüße ", "世界 ", "👋🏽"}, CRLF: true}))
		s := collect(t.Context(), t, provider(t, f, Settings{}, drip(h)), hello())
		require.NoError(t, s.err)
		require.Equal(t, []string{"Grüße ", "世界 ", "👋🏽"}, s.tokens)
	})
	t.Run("a character that was cut between two pieces", func(t *testing.T) {
		t.Parallel()
		// Private characters stand for what no JSON encoder writes.
		h, _ := f.Play(always(Answer{Chunks: []string{"a\uE000", "\uE001b", "c\uE002", "\uE003d"}}))
		s := collect(t.Context(), t, provider(t, f, Settings{}, replace(h, strings.NewReplacer(
			"\uE000", `\ud83d`, "\uE001", `\udc4b`, "\uE002", "\xe4\xb8", "\uE003", "\x96",
		))), hello())
		require.NoError(t, s.err)
		require.Equal(t, "a👋bc世d", s.text())
	})
	t.Run("a reader that leaves cancels the call", func(t *testing.T) {
		t.Parallel()
		gone := make(chan struct{})
		b := set(t, f, Settings{}, func(q Question) Answer {
			return Answer{Chunks: []string{"a", "b"}, Hold: func(piece int) {
				if piece == 1 {
					select {
					case <-q.Gone():
						close(gone)
					case <-time.After(20 * time.Second):
					}
				}
			}}
		})
		for part, err := range b.Stream(t.Context(), hello()) {
			require.NoError(t, err)
			require.Equal(t, "a", part.Content)
			break
		}
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			require.Fail(t, "the server still writes for nobody")
		}
	})
	t.Run("a connection is used again", func(t *testing.T) {
		t.Parallel()
		h, _ := f.Play(always(Answer{Text: "one two"}))
		addresses := make(chan string, 3)
		p := provider(t, f, Settings{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			addresses <- r.RemoteAddr
			h.ServeHTTP(w, r)
		}))
		for range 3 {
			require.NoError(t, collect(t.Context(), t, p, hello()).err)
		}
		a := <-addresses
		require.Equal(t, []string{a, a}, []string{<-addresses, <-addresses})
	})
}

func tools(t *testing.T, f Fixture) {
	want := []playground.ToolCall{
		{ID: "call_1", Name: "weather", Arguments: `{"city":"Zürich","days":3}`},
		{ID: "call_2", Name: "time", Arguments: `{"zone":"Europe/Zurich"}`},
	}
	check := func(t *testing.T, got []playground.ToolCall) {
		t.Helper()
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i].ID, got[i].ID)
			require.Equal(t, want[i].Name, got[i].Name)
			require.JSONEq(t, want[i].Arguments, got[i].Arguments)
		}
	}
	call := hello()
	call.Tools = []playground.ToolDefinition{{Name: "weather", Parameters: []byte(`{"type":"object"}`)}, {Name: "time"}}
	t.Run("whole", func(t *testing.T) {
		t.Parallel()
		r, err := set(t, f, Settings{}, always(Answer{ToolCalls: want})).Call(t.Context(), call)
		require.NoError(t, err)
		check(t, r.ToolCalls)
		require.Equal(t, "tool_calls", r.FinishReason)
		require.Empty(t, r.Output)
	})
	t.Run("put together from their fragments", func(t *testing.T) {
		t.Parallel()
		s := collect(t.Context(), t, set(t, f, Settings{}, always(Answer{Text: "Let me see.", ToolCalls: want})), call)
		require.NoError(t, s.err)
		require.Equal(t, "Let me see.", s.text())
		check(t, s.calls)
		require.Equal(t, "tool_calls", s.last.FinishReason)
	})
	t.Run("without arguments", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{ToolCalls: []playground.ToolCall{{ID: "call_1", Name: "time", Arguments: "{}"}}}))
		r, err := b.Call(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, []playground.ToolCall{{ID: "call_1", Name: "time", Arguments: "{}"}}, r.ToolCalls)
		s := collect(t.Context(), t, b, call)
		require.NoError(t, s.err)
		require.Equal(t, r.ToolCalls, s.calls)
	})
	t.Run("their results go back", func(t *testing.T) {
		t.Parallel()
		b := set(t, f, Settings{}, always(Answer{Text: "It is sunny."}))
		c := call
		c.Messages = append(c.Messages[:1:1],
			playground.Message{Role: playground.Assistant, ToolCalls: want},
			playground.Message{Role: playground.Tool, ToolCallID: "call_1", Content: "sunny-7731"},
			playground.Message{Role: playground.Tool, ToolCallID: "call_2", Content: "noon-4412"},
		)
		_, err := b.Call(t.Context(), c)
		require.NoError(t, err)
		body := string(b.record.Asked()[0].Body)
		for _, text := range []string{"sunny-7731", "noon-4412", "weather", "Europe/Zurich"} {
			require.Contains(t, body, text)
		}
	})
}
