package openai_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// serve makes a compatible provider of a server that answers everything alike.
func serve(tb testing.TB, contentType, body string) *openai.Provider {
	tb.Helper()
	return build(tb, openai.Options{}, func(o openai.Options) (*openai.Provider, error) { return openai.NewCompatible("acme", o) },
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write([]byte(body))
		})
}

func build(tb testing.TB, o openai.Options, make func(openai.Options) (*openai.Provider, error), h http.HandlerFunc) *openai.Provider {
	tb.Helper()
	server := httptest.NewServer(h)
	o.BaseURL, o.Retries, o.Timeout = server.URL, -1, 10*time.Second
	p, err := make(o)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, p.Close())
		server.Close()
	})
	return p
}

var ask = playground.Call{Model: "m", Messages: []playground.Message{{Role: playground.User, Content: "hi"}}}

// read gives what a stream said as one Reply.
func read(tb testing.TB, p playground.Provider) (playground.Reply, error) {
	tb.Helper()
	var r playground.Reply
	for part, err := range p.Stream(tb.Context(), ask) {
		if err != nil {
			return r, err
		}
		r.Output += part.Content
		if part.ToolCall != nil {
			r.ToolCalls = append(r.ToolCalls, *part.ToolCall)
		}
		if part.Done {
			r.ID, r.Model, r.Usage, r.FinishReason = part.ID, part.Model, part.Usage, part.FinishReason
		}
	}
	return r, nil
}

func usage(in, out int64) playground.Usage { return playground.Usage{TokensIn: &in, TokensOut: &out} }

func TestAnswersOfOtherServers(t *testing.T) {
	t.Parallel()
	hi := playground.Reply{ID: "1", Model: "m", Output: "hi", FinishReason: "stop"}
	with := func(change func(*playground.Reply)) playground.Reply {
		r := hi
		change(&r)
		return r
	}
	tests := map[string]struct {
		body string
		want playground.Reply
	}{
		"content in blocks, with thoughts": {
			`{"id":"1","model":"m","choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"h"},{"type":"text","text":"i"}]},"finish_reason":"stop"}]}`, hi,
		},
		"thoughts beside the content": {
			`{"id":"1","model":"m","choices":[{"message":{"reasoning_content":"hm","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":null}}`,
			with(func(r *playground.Reply) { r.Usage = usage(3, 4) }),
		},
		"other words for the end": {`{"id":"1","model":"m","choices":[{"message":{"content":"hi"},"finish_reason":"eos"}]}`, hi},
		"no word for the end":     {`{"id":"1","model":"m","choices":[{"message":{"content":"hi"},"finish_reason":null}]}`, hi},
		"an error that is null":   {`{"id":"1","model":"m","error":null,"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`, hi},
		"strange counts": {
			`{"id":"1","model":"m","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3.0,"completion_tokens":-4}}`,
			with(func(r *playground.Reply) { r.Usage.TokensIn = usage(3, 0).TokensIn }),
		},
		"a refusal": {
			`{"id":"1","model":"m","choices":[{"message":{"content":null,"refusal":"I will not."},"finish_reason":"stop"}]}`,
			with(func(r *playground.Reply) { r.Output, r.FinishReason = "I will not.", "content_filter" }),
		},
		"calls of tools that end with stop, arguments as an object, no ids": {
			`{"id":"1","model":"m","choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":{"a": 1}}},{"function":{"name":"g","arguments":""}}]},"finish_reason":"stop"}]}`,
			with(func(r *playground.Reply) {
				r.Output, r.FinishReason = "", "tool_calls"
				r.ToolCalls = []playground.ToolCall{{ID: "call_1", Name: "f", Arguments: `{"a":1}`}, {ID: "call_2", Name: "g"}}
			}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, "application/json", test.body)
			r, err := p.Call(t.Context(), ask)
			require.NoError(t, err)
			require.Equal(t, test.want, r)
			// Servers that do not stream answer a stream like this.
			r, err = read(t, p)
			require.NoError(t, err)
			require.Equal(t, test.want, r)
		})
	}
}

func TestStreamsOfOtherServers(t *testing.T) {
	t.Parallel()
	hi := playground.Reply{ID: "1", Model: "m", Output: "hi", FinishReason: "stop"}
	counted := hi
	counted.Usage = usage(3, 2)
	calls := playground.Reply{Model: "m", FinishReason: "tool_calls", ToolCalls: []playground.ToolCall{
		{ID: "a", Name: "f", Arguments: `{"x":1}`}, {ID: "b", Name: "g", Arguments: "{}"},
	}}
	lines := func(list ...string) string { return "data: " + strings.Join(list, "\n\ndata: ") + "\n\n" }
	tests := map[string]struct {
		body string
		want playground.Reply
	}{
		"usage in every event": {lines(
			`{"id":"1","model":"m","choices":[{"delta":{"content":"h"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`,
			`{"id":"1","model":"m","choices":[{"delta":{"content":"i"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, "[DONE]"), counted},
		"the result of a filter first": {lines(
			`{"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false}}}]}`,
			`{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}`,
			`{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}`,
			`{"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{}}]}`, "[DONE]"), hi},
		"thoughts, and other choices": {lines(
			`{"id":"1","model":"m","choices":[{"index":0,"delta":{"reasoning_content":"hm"}},{"index":1,"delta":{"content":"other"}}]}`,
			`{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}`), hi},
		"a mark without a reason": {lines(`{"id":"1","model":"m","choices":[{"delta":{"content":"hi"}}]}`, " [DONE] "), hi},
		"one line end an event": {
			"data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\ndata: [DONE]\n", hi,
		},
		"whole calls, all numbered 0": {lines(
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":{}}}]},"finish_reason":"stop"}]}`, "[DONE]"), calls},
		"calls without a number": {lines(
			`{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":1}"}}]}}]}`,
			`{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`, "[DONE]"), calls},
		"calls without a reason for the end": {lines(
			`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]}}]}`, "[DONE]"), calls},
		"a refusal": {
			lines(
				`{"choices":[{"delta":{"refusal":"I will "}}]}`, `{"choices":[{"delta":{"refusal":"not."},"finish_reason":"stop"}]}`, "[DONE]"),
			playground.Reply{Model: "m", Output: "I will not.", FinishReason: "content_filter"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := read(t, serve(t, "text/event-stream", test.body))
			require.NoError(t, err)
			require.Equal(t, test.want, r)
		})
	}
}

func TestErrorsWithinSuccess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault string
		want  error
	}{
		"a limited rate":       {`{"message":"slow","code":429}`, pmerr.ErrProviderRateLimited},
		"a content filter":     {`{"message":"no","code":"content_filter"}`, pmerr.ErrContentPolicy},
		"a bad request":        {`{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}`, pmerr.ErrInvalidRequest},
		"anything else":        {`{"message":"oops"}`, pmerr.ErrProvider},
		"a text":               {`"oops"`, pmerr.ErrProvider},
		"a key":                {`{"message":"no","code":401}`, pmerr.ErrProvider},
		"something unheard of": {`[{"a":1}]`, pmerr.ErrProvider},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := serve(t, "application/json", `{"error":`+test.fault+`}`).Call(t.Context(), ask)
			require.ErrorIs(t, err, test.want)
			for _, body := range []string{"data: {\"error\":" + test.fault + "}\n\n", "event: error\ndata: {\"error\":" + test.fault + "}\n\n"} {
				_, err = read(t, serve(t, "text/event-stream", body))
				require.ErrorIs(t, err, test.want)
			}
		})
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	const list = `{"object":"list","data":[
		{"id":"gpt-4o-2024-08-06"},{"id":"gpt-4o-audio-preview"},{"id":"text-embedding-3-small"},{"id":"whisper-1"},{"id":"dall-e-3"},
		{"id":"o3-mini"},{"id":"o3-pro"},{"id":"gpt-9-future"},{"id":"ft:gpt-4o-mini-2024-07-18:acme::x"},{"id":"omni-moderation-latest"},{"id":""},{"id":"gpt-realtime"}]}`
	h := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/models" && r.URL.Path != "/openai/v1/models" {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(body))
		}
	}
	compatible := func(o openai.Options) (*openai.Provider, error) { return openai.NewCompatible("acme", o) }
	t.Run("of OpenAI are those that chat, with their windows", func(t *testing.T) {
		t.Parallel()
		got, err := build(t, openai.Options{APIKey: "key"}, openai.New, h(list)).Models(t.Context())
		require.NoError(t, err)
		require.Equal(t, []playground.Model{
			{ID: "ft:gpt-4o-mini-2024-07-18:acme::x", Name: "ft:gpt-4o-mini-2024-07-18:acme::x", Provider: "openai"},
			{ID: "gpt-4o-2024-08-06", Name: "gpt-4o-2024-08-06", Provider: "openai", ContextWindow: 128000},
			{ID: "gpt-9-future", Name: "gpt-9-future", Provider: "openai"},
			{ID: "o3-mini", Name: "o3-mini", Provider: "openai", ContextWindow: 200000},
		}, got)
	})
	t.Run("of other servers are all, with the windows that they tell", func(t *testing.T) {
		t.Parallel()
		got, err := build(t, openai.Options{}, compatible, h(`{"data":[
			{"id":"a","context_window":1},{"id":"b","max_model_len":2},{"id":"c","context_length":3,"name":"C"},{"id":"d","max_context_length":4},
			{"id":"e","meta":{"n_ctx_train":5}},{"id":"f","meta":null},{"id":"gpt-4o"}]}`)).Models(t.Context())
		require.NoError(t, err)
		windows := map[string]int64{}
		for _, m := range got {
			windows[m.ID] = m.ContextWindow
			require.Equal(t, "acme", m.Provider)
		}
		require.Equal(t, map[string]int64{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 0, "gpt-4o": 0}, windows)
		require.Equal(t, "C", got[2].Name)
	})
	t.Run("of a bare list, or of an empty one", func(t *testing.T) {
		t.Parallel()
		got, err := build(t, openai.Options{}, compatible, h(`[{"id":"a"}]`)).Models(t.Context())
		require.NoError(t, err)
		require.Len(t, got, 1)
		got, err = build(t, openai.Options{}, compatible, h(`{"data":[]}`)).Models(t.Context())
		require.NoError(t, err)
		require.Empty(t, got)
	})
	t.Run("of Azure are the deployments that the operator names", func(t *testing.T) {
		t.Parallel()
		p := build(t, openai.Options{APIKey: "key", Deployments: []string{"prod", "gpt-4o"}}, openai.NewAzure, func(http.ResponseWriter, *http.Request) { t.Error("it asked") })
		got, err := p.Models(t.Context())
		require.NoError(t, err)
		require.Equal(t, []playground.Model{
			{ID: "prod", Name: "prod", Provider: "azure_openai"}, {ID: "gpt-4o", Name: "gpt-4o", Provider: "azure_openai", ContextWindow: 128000},
		}, got)
	})
}

func TestAddressesAndKeys(t *testing.T) {
	t.Parallel()
	type sent struct{ path, key, bearer, organization, project string }
	for name, test := range map[string]struct {
		options openai.Options
		base    string
		make    func(openai.Options) (*openai.Provider, error)
		want    sent
	}{
		"openai":                   {openai.Options{Organization: "org", Project: "proj"}, "/v1/", openai.New, sent{"/v1/chat/completions", "", "Bearer sk-key", "org", "proj"}},
		"azure":                    {openai.Options{}, "", openai.NewAzure, sent{"/openai/v1/chat/completions", "sk-key", "", "", ""}},
		"azure, the whole address": {openai.Options{}, "/openai/v1/", openai.NewAzure, sent{"/openai/v1/chat/completions", "sk-key", "", "", ""}},
		"azure with a version": {
			openai.Options{APIVersion: "2024-10-21"},
			"/openai", openai.NewAzure,
			sent{"/openai/deployments/a%2Fb%20c/chat/completions?api-version=2024-10-21", "sk-key", "", "", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan sent, 1)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				h := r.Header
				got <- sent{r.RequestURI, h.Get("Api-Key"), h.Get("Authorization"), h.Get("OpenAI-Organization"), h.Get("OpenAI-Project")}
			}))
			defer server.Close()
			o := test.options
			o.BaseURL, o.APIKey = server.URL+test.base, "sk-key"
			p, err := test.make(o)
			require.NoError(t, err)
			defer p.Close()
			_, err = p.Call(t.Context(), playground.Call{Model: "a/b c"})
			require.ErrorIs(t, err, pmerr.ErrProvider)
			require.Equal(t, test.want, <-got)
		})
	}
	t.Run("a deployment that would climb is refused", func(t *testing.T) {
		t.Parallel()
		p, err := openai.NewAzure(openai.Options{APIKey: "k", BaseURL: "https://acme.example", APIVersion: "2024-10-21"})
		require.NoError(t, err)
		_, err = p.Call(t.Context(), playground.Call{Model: ".."})
		require.ErrorIs(t, err, pmerr.ErrInvalidRequest)
	})
	t.Run("faults of options", func(t *testing.T) {
		t.Parallel()
		_, err := openai.New(openai.Options{Organization: "a\nb", APIVersion: "a b"})
		for _, text := range []string{"Options.APIKey is missing: set OPENAI_API_KEY", "Options.Organization", "Options.APIVersion"} {
			require.ErrorContains(t, err, text)
		}
		_, err = openai.NewAzure(openai.Options{APIKey: "k"})
		require.ErrorContains(t, err, "Options.BaseURL (AZURE_OPENAI_BASE_URL) is missing")
		for _, name := range []string{"", "a b", "../x", strings.Repeat("a", 65)} {
			_, err = openai.NewCompatible(name, openai.Options{BaseURL: "https://acme.example"})
			require.ErrorContains(t, err, "the name of a compatible provider", name)
		}
		_, err = openai.NewCompatible("acme", openai.Options{})
		require.ErrorContains(t, err, "acme: Options.BaseURL is missing")
	})
}

func TestRefusedKeyNamesTheOperatorsVariable(t *testing.T) {
	t.Parallel()
	p := build(t, openai.Options{APIKey: "k", KeyVariable: "GROQ_API_KEY"}, func(o openai.Options) (*openai.Provider, error) { return openai.NewCompatible("groq", o) },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	_, err := p.Call(t.Context(), ask)
	e, ok := errors.AsType[*pmerr.Error](err)
	require.True(t, ok)
	require.Equal(t, "groq refused the API key: check GROQ_API_KEY", e.Message)
}
