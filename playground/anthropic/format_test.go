package anthropic_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/anthropic"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func provider(tb testing.TB, h http.Handler) *anthropic.Provider {
	tb.Helper()
	server := httptest.NewServer(h)
	p, err := anthropic.New(anthropic.Options{APIKey: "sk-ant-key", BaseURL: server.URL + "/v1/", Retries: -1})
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

var ask = playground.Call{Model: "claude-sonnet-4-5", Messages: []playground.Message{{Role: playground.User, Content: "hi"}}}

func TestHeaders(t *testing.T) {
	t.Parallel()
	played := providertest.NewAnthropic(nil)
	_, err := provider(t, played).Call(t.Context(), ask)
	require.NoError(t, err)
	q := played.Asked()[0]
	require.Equal(t, "/v1/messages", q.Path)
	require.Equal(t, "2023-06-01", q.Header.Get("Anthropic-Version"))
	require.Equal(t, "sk-ant-key", q.Header.Get("X-Api-Key"))
	require.Empty(t, q.Header.Get("Authorization"))
}

func TestThoughtsAndCachesAndUnknownBlocks(t *testing.T) {
	t.Parallel()
	in, out := int64(111), int64(20)
	want := playground.Reply{
		ID: "msg_1", Model: "claude-sonnet-4-5-20250929", Output: "Hello there", FinishReason: "tool_calls",
		Usage:     playground.Usage{TokensIn: &in, TokensOut: &out},
		ToolCalls: []playground.ToolCall{{ID: "toolu_1", Name: "f", Arguments: `{"a":[1,2]}`}},
	}
	t.Run("whole", func(t *testing.T) {
		t.Parallel()
		r, err := provider(t, body("application/json", `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[
			{"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"Hello "},
			{"type":"server_tool_use","id":"srv","name":"web_search","input":{"query":"q"}},{"type":"text","text":"there","citations":null},
			{"type":"tool_use","id":"toolu_1","name":"f","input":{"a": [1, 2]}}],
			"stop_reason":"tool_use","usage":{"input_tokens":1,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":20,"service_tier":"standard"}}`)).Call(t.Context(), ask)
		require.NoError(t, err)
		require.Equal(t, want, r)
	})
	t.Run("streamed", func(t *testing.T) {
		t.Parallel()
		events := []string{
			`{"type":"message_start","message":{"id":"msg_1","model":"claude-sonnet-4-5-20250929","content":[],"usage":{"input_tokens":1,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":3}}}`,
			`{"type":"ping"}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"Hel"}}`,
			`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo "}}`,
			`{"type":"content_block_stop","index":1}`,
			`{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"srv","name":"web_search","input":{}}}`,
			`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"q\"}"}}`,
			`{"type":"content_block_stop","index":2}`,
			`{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"there"}}`,
			`{"type":"something_new","x":1}`,
			`{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}`,
			`{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":""}}`,
			`{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{\"a\":["}}`,
			`{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"1,2]}"}}`,
			`{"type":"content_block_stop","index":4}`,
			`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}`,
			`{"type":"message_stop"}`,
		}
		var got playground.Reply
		for part, err := range provider(t, body("text/event-stream", "data: "+strings.Join(events, "\n\ndata: ")+"\n\n")).Stream(t.Context(), ask) {
			require.NoError(t, err)
			got.Output += part.Content
			if part.ToolCall != nil {
				got.ToolCalls = append(got.ToolCalls, *part.ToolCall)
			}
			if part.Done {
				got.ID, got.Model, got.Usage, got.FinishReason = part.ID, part.Model, part.Usage, part.FinishReason
			}
		}
		require.Equal(t, want, got)
	})
}

func TestErrorsOfStreams(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]error{
		"overloaded_error": pmerr.ErrProvider, "api_error": pmerr.ErrProvider, "rate_limit_error": pmerr.ErrProviderRateLimited,
		"invalid_request_error": pmerr.ErrInvalidRequest, "timeout_error": pmerr.ErrTimeout, "authentication_error": pmerr.ErrProvider,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := provider(t, body("text/event-stream", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\""+kind+"\",\"message\":\"m\"}}\n\n"))
			n := 0
			for _, err := range p.Stream(t.Context(), ask) {
				n++
				require.ErrorIs(t, err, want)
			}
			require.Equal(t, 1, n)
		})
	}
}

func TestModelsOverPages(t *testing.T) {
	t.Parallel()
	played := providertest.NewAnthropic(nil)
	for i := range 2345 {
		name := "claude-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)
		played.Models = append(played.Models, playground.Model{ID: name, Name: "Claude", ContextWindow: int64(1000 + i)})
	}
	got, err := provider(t, played).Models(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 2345)
	require.Len(t, played.Asked(), 3)
	for i, m := range got {
		require.Equal(t, played.Models[i].ID, m.ID)
		require.Equal(t, played.Models[i].ContextWindow, m.ContextWindow)
		require.Equal(t, "anthropic", m.Provider)
	}
}

func TestModelsOfAServerThatNeverEnds(t *testing.T) {
	t.Parallel()
	n := 0
	p := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = w.Write([]byte(`{"data":[{"id":"claude"}],"has_more":true,"last_id":"` + strings.Repeat("x", n) + `"}`))
	}))
	got, err := p.Models(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 20)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := anthropic.New(anthropic.Options{MaxTokens: -1})
	require.ErrorContains(t, err, "Options.APIKey is missing: set ANTHROPIC_API_KEY")
	require.ErrorContains(t, err, "Options.MaxTokens")
}
