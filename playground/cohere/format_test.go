package cohere_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/cohere"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func provider(tb testing.TB, h http.Handler) *cohere.Provider {
	tb.Helper()
	server := httptest.NewServer(h)
	p, err := cohere.New(cohere.Options{APIKey: "co-key", BaseURL: server.URL + "/v2", Retries: -1, InputType: "clustering"})
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, p.Close())
		server.Close()
	})
	return p
}

func body(contentType, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(text))
	})
}

var ask = playground.Call{Model: "command-a-03-2025", Messages: []playground.Message{{Role: playground.User, Content: "hi"}}}

func TestThoughtsAndCitations(t *testing.T) {
	t.Parallel()
	in, out := int64(5), int64(2)
	want := playground.Reply{
		ID: "i", Model: "command-a-03-2025", Output: "Hello", FinishReason: "stop",
		Usage: playground.Usage{TokensIn: &in, TokensOut: &out},
	}
	r, err := provider(t, body("application/json", `{"id":"i","finish_reason":"COMPLETE","message":{"role":"assistant","content":[
		{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hello"}],"citations":[{"start":0}]},
		"usage":{"billed_units":{"input_tokens":5,"output_tokens":2},"tokens":{"input_tokens":71,"output_tokens":4},"cached_tokens":0}}`)).Call(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, want, r)

	events := []string{
		`{"id":"i","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_calls":[]}}}`,
		`{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}`,
		`{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}`,
		`{"type":"content-end","index":0}`,
		`{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}`,
		`{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Hello"}}}}`,
		`{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":5}}}}`,
		`{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":5,"output_tokens":2}}}}`,
		"[DONE]",
	}
	var got playground.Reply
	for part, err := range provider(t, body("text/event-stream", "data: "+strings.Join(events, "\n\ndata: ")+"\n\n")).Stream(t.Context(), ask) {
		require.NoError(t, err)
		got.Output += part.Content
		if part.Done {
			got.ID, got.Model, got.Usage, got.FinishReason = part.ID, part.Model, part.Usage, part.FinishReason
		}
	}
	require.Equal(t, want, got)
}

func TestFailedGenerations(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]error{"ERROR": pmerr.ErrProvider, "TIMEOUT": pmerr.ErrTimeout} {
		_, err := provider(t, body("application/json", `{"id":"i","finish_reason":"`+reason+`","message":{"content":[]}}`)).Call(t.Context(), ask)
		require.ErrorIs(t, err, want)
		p := provider(t, body("text/event-stream", `data: {"type":"message-end","delta":{"finish_reason":"`+reason+`","error":"lost"}}`+"\n\n"))
		for _, err := range p.Stream(t.Context(), ask) {
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, "lost")
		}
	}
	for _, err := range provider(t, body("text/event-stream", `data: {"message":"too many tokens","code":400}`+"\n\n")).Stream(t.Context(), ask) {
		require.ErrorIs(t, err, pmerr.ErrInvalidRequest)
		require.ErrorContains(t, err, "too many tokens")
	}
}

func TestModelsOverPages(t *testing.T) {
	t.Parallel()
	played := providertest.NewCohere(nil)
	for i := range 2345 {
		played.Models = append(played.Models, playground.Model{ID: "model-" + strconv.Itoa(i), ContextWindow: int64(i)})
	}
	got, err := provider(t, played).Models(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 2345)
	require.Len(t, played.Asked(), 3)
	require.Equal(t, "chat", played.Asked()[0].Query.Get("endpoint"))
	require.Equal(t, playground.Model{ID: "model-2344", Name: "model-2344", Provider: "cohere", ContextWindow: 2344}, got[2344])
}

func TestEmbedSaysWhatFor(t *testing.T) {
	t.Parallel()
	played := providertest.NewCohere(nil)
	_, err := provider(t, played).Embed(t.Context(), "embed-v4.0", []string{"a"})
	require.NoError(t, err)
	require.JSONEq(t, `{"model":"embed-v4.0","texts":["a"],"input_type":"clustering","embedding_types":["float"]}`, string(played.Asked()[0].Body))
}
