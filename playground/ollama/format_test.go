package ollama_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/ollama"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func provider(tb testing.TB, h http.Handler) *ollama.Provider {
	tb.Helper()
	server := httptest.NewServer(h)
	p, err := ollama.New(ollama.Options{BaseURL: server.URL + "/api", Retries: -1})
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, p.Close())
		server.Close()
	})
	return p
}

func body(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = w.Write([]byte(text))
	})
}

var ask = playground.Call{Model: "qwen3", Messages: []playground.Message{{Role: playground.User, Content: "hi"}}}

func TestThoughtsAndIDs(t *testing.T) {
	t.Parallel()
	want := []playground.ToolCall{{ID: "call_1", Name: "f", Arguments: `{"a":1}`}, {ID: "given", Name: "g", Arguments: "{}"}, {ID: "call_3", Name: "h", Arguments: "{}"}}
	p := provider(t, body(`{"model":"qwen3","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}
{"model":"qwen3","message":{"role":"assistant","content":"Let me see.","tool_calls":[{"function":{"index":0,"name":"f","arguments":{"a": 1}}},{"id":"given","function":{"name":"g"}}]},"done":false}
{"model":"qwen3","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"h","arguments":{}}}]},"done":false}
{"model":"qwen3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":7}`))
	var text string
	var calls []playground.ToolCall
	for part, err := range p.Stream(t.Context(), ask) {
		require.NoError(t, err)
		text += part.Content
		if part.ToolCall != nil {
			calls = append(calls, *part.ToolCall)
		}
		if part.Done {
			require.Equal(t, "tool_calls", part.FinishReason)
			require.Nil(t, part.Usage.TokensIn, "a prompt from the cache is not counted")
			require.EqualValues(t, 7, *part.Usage.TokensOut)
			require.Equal(t, "qwen3", part.Model)
		}
	}
	require.Equal(t, "Let me see.", text)
	require.Equal(t, want, calls)
}

func TestUnfinishedAnswerIsNone(t *testing.T) {
	t.Parallel()
	_, err := provider(t, body(`{"model":"qwen3","message":{"role":"assistant","content":"half"},"done":false}`)).Call(t.Context(), ask)
	require.ErrorIs(t, err, pmerr.ErrProvider)
	_, err = provider(t, body(`{"error":"out of memory"}`)).Call(t.Context(), ask)
	require.ErrorIs(t, err, pmerr.ErrProvider)
	require.ErrorContains(t, err, "out of memory")
}

func TestModels(t *testing.T) {
	t.Parallel()
	t.Run("have the windows that they were trained with", func(t *testing.T) {
		t.Parallel()
		played := providertest.NewOllama(nil)
		for i := range 70 {
			played.Models = append(played.Models, playground.Model{ID: "m" + strconv.Itoa(i), ContextWindow: 4096})
		}
		got, err := provider(t, played).Models(t.Context())
		require.NoError(t, err)
		require.Len(t, got, 70)
		require.Equal(t, playground.Model{ID: "m0", Name: "m0", Provider: "ollama", ContextWindow: 4096}, got[0])
		require.Zero(t, got[69].ContextWindow, "not asked for so many")
		require.Len(t, played.Asked(), 65)
	})
	t.Run("are listed though they cannot be shown", func(t *testing.T) {
		t.Parallel()
		var shown atomic.Int64
		got, err := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/tags" {
				_, _ = w.Write([]byte(`{"models":[{"name":"a"},{"name":""},{"name":"b"}]}`))
				return
			}
			shown.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		})).Models(t.Context())
		require.NoError(t, err)
		require.Equal(t, []playground.Model{{ID: "a", Name: "a", Provider: "ollama"}, {ID: "b", Name: "b", Provider: "ollama"}}, got)
		require.EqualValues(t, 1, shown.Load(), "it does not wear the breaker out")
	})
}

func TestKeyIsSentIfThereIsOne(t *testing.T) {
	t.Parallel()
	played := providertest.NewOllama(nil)
	_, err := provider(t, played).Call(t.Context(), ask)
	require.NoError(t, err)
	require.Empty(t, played.Asked()[0].Header.Get("Authorization"))
}
