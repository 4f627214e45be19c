package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/anthropic"
	"github.com/promptmetrics-go/promptmetrics/playground/cohere"
	"github.com/promptmetrics-go/promptmetrics/playground/ollama"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// providerKey is the key of every played provider. It may show nowhere.
const providerKey = "sk-marker-0123456789abcdef"

// stage is a server whose providers are all played.
type stage struct {
	*server
	played  []*providertest.Record
	servers []*httptest.Server
}

// everyProvider are the names under which requests find the played ones.
func everyProvider() []string {
	return []string{"openai", "anthropic", "cohere", "ollama", "azure_openai", "groq"}
}

// play starts a server with every provider, all of which answer alike. Calls are
// not repeated.
func play(tb testing.TB, answer func(providertest.Question) providertest.Answer) *stage {
	tb.Helper()
	return playWithin(tb, 30*time.Second, answer)
}

// playWithin is play with a limit for the time of a call.
func playWithin(tb testing.TB, limit time.Duration, answer func(providertest.Question) providertest.Answer) *stage {
	tb.Helper()
	s := &stage{}
	serve := func(h http.Handler, record *providertest.Record) string {
		listening := httptest.NewServer(h)
		tb.Cleanup(listening.Close)
		s.played, s.servers = append(s.played, record), append(s.servers, listening)
		return listening.URL
	}
	gpt := &providertest.OpenAI{Answer: answer}
	claude := &providertest.Anthropic{Answer: answer}
	command := &providertest.Cohere{Answer: answer}
	llama := &providertest.Ollama{Answer: answer}
	gptURL, claudeURL := serve(gpt, &gpt.Record), serve(claude, &claude.Record)
	commandURL, llamaURL := serve(command, &command.Record), serve(llama, &llama.Record)
	s.server = start(tb, func(o *setup) {
		o.Logger = o.api.Logger
		made := func(p playground.Provider, err error) {
			require.NoError(tb, err)
			o.Providers = append(o.Providers, p)
		}
		options := openai.Options{
			APIKey: providerKey, BaseURL: gptURL, Timeout: limit, Retries: -1, BreakAfter: -1, Logger: o.Logger,
		}
		made(openai.New(options))
		made(openai.NewAzure(options))
		made(openai.NewCompatible("groq", options))
		made(anthropic.New(anthropic.Options{
			APIKey: providerKey, BaseURL: claudeURL, Timeout: limit, Retries: -1, BreakAfter: -1, Logger: o.Logger,
		}))
		made(cohere.New(cohere.Options{
			APIKey: providerKey, BaseURL: commandURL, Timeout: limit, Retries: -1, BreakAfter: -1, Logger: o.Logger,
		}))
		made(ollama.New(ollama.Options{
			APIKey: providerKey, BaseURL: llamaURL, Timeout: limit, Retries: -1, BreakAfter: -1, Logger: o.Logger,
		}))
	})
	return s
}

// chats counts the calls that reached a provider.
func (s *stage) chats() (n int) {
	for _, record := range s.played {
		n += len(record.Chats())
	}
	return n
}

// actions gives the audit log of the workspace default, oldest first, without
// what the keys left there.
func (s *stage) actions(tb testing.TB) (all []string) {
	tb.Helper()
	var list struct{ Items []struct{ Action string } }
	s.send(tb, admin, "GET", "/v1/audit-logs?limit=100", "").decode(tb, &list)
	for _, item := range list.Items {
		if !strings.HasPrefix(item.Action, "api_key:") {
			all = append([]string{item.Action}, all...)
		}
	}
	return all
}

// asking makes the body of a chat with one message of the user.
func asking(provider, text string, more ...string) string {
	content, _ := json.Marshal(text) // a string
	return fmt.Sprintf(`{"provider":%q,"model":"gpt-4o","messages":[{"role":"user","content":%s}]%s}`, provider, content, strings.Join(more, ""))
}

const (
	chatPath       = "/v1/playground/chat"
	streamPath     = "/v1/playground/chat/stream"
	completionPath = "/v1/playground/completions"
	modelsPath     = "/v1/playground/models"
)

func says(a providertest.Answer) func(providertest.Question) providertest.Answer {
	return func(providertest.Question) providertest.Answer { return a }
}

func TestPlaygroundModels(t *testing.T) {
	t.Parallel()
	s := play(t, nil)
	s.run(t, []scenario{
		{
			name: "a page", key: reader, method: "GET", path: modelsPath + "?page=2&limit=2", status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				var p struct{ NextCursor string }
				r.decode(t, &p)
				require.NotEmpty(t, p.NextCursor)
				matchJSON(t, `{"items":[{"id":"gpt-4o","name":"gpt-4o","provider":"azure_openai","contextWindow":128000},
					{"id":"gpt-4o-mini","name":"gpt-4o-mini","provider":"azure_openai","contextWindow":128000}],
					"total":12,"page":2,"limit":2,"totalPages":6,"nextCursor":"`+p.NextCursor+`"}`, r.body)
			},
		},
		{name: "a page beyond the end", key: reader, method: "GET", path: modelsPath + "?page=9", status: 200, json: `{"items":[],"total":12,"page":9,"limit":50,"totalPages":1}`},
		{name: "a limit that is too high", key: reader, method: "GET", path: modelsPath + "?limit=101", status: 422, fields: []string{"limit must be an integer from 1 to 100"}},
		{name: "a page of nothing", key: reader, method: "GET", path: modelsPath + "?page=0", status: 422, fields: []string{"page must be an integer of at least 1"}},
		{name: "a cursor that is none", key: reader, method: "GET", path: modelsPath + "?cursor=x", status: 400},
		{name: "a key that may not read", key: writer, method: "GET", path: modelsPath, status: 403, message: "Missing scope: read"},
		{name: "no key", key: nobody, method: "GET", path: modelsPath, status: 401},
		{name: "asking anew is for admins", key: worker, method: "POST", path: modelsPath + "/refresh", status: 403, message: "Missing scope: admin"},
		{name: "asking anew", key: boss, method: "POST", path: modelsPath + "/refresh", status: 200, json: `{"refreshed":12,"errors":{}}`},
		{name: "asking anew with a body", key: boss, method: "POST", path: modelsPath + "/refresh", body: `{}`, status: 200},
		{name: "asking is no reading", key: boss, method: "GET", path: modelsPath + "/refresh", status: 405},
	})
	require.Equal(t, []string{"playground_models_refresh", "playground_models_refresh"}, s.actions(t), "once each, none for who was refused")

	for _, listening := range s.servers {
		listening.Close()
	}
	r := s.send(t, admin, "POST", modelsPath+"/refresh", "")
	require.Equal(t, 200, r.status)
	var done struct {
		Refreshed int
		Errors    map[string]string
	}
	r.decode(t, &done)
	require.Equal(t, 12, done.Refreshed, "what was offered before stays")
	require.Len(t, done.Errors, 6)
	require.NotContains(t, r.body, "127.0.0.1")
}

func TestPlaygroundAnswers(t *testing.T) {
	t.Parallel()
	s := play(t, func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: "You said " + q.LastUser(), TokensIn: 1000, TokensOut: 500}
	})
	const answer = `{"id":%s,"model":"gpt-4o","output":"You said <b>Ada & 1</b> 😀","tokensIn":1000,"tokensOut":500,"latencyMs":%s,"costUsd":%s,"finishReason":"stop"}`
	check := func(provider string) func(*testing.T, reply) {
		return func(t *testing.T, r reply) {
			t.Helper()
			var told struct {
				ID      string
				Latency json.RawMessage `json:"latencyMs"`
			}
			r.decode(t, &told)
			require.NotEmpty(t, told.ID)
			require.Regexp(t, `^\d+$`, string(told.Latency))
			cost := "null" // nobody has told what gpt-4o costs elsewhere
			if provider == "openai" {
				cost = "0.0075"
			}
			matchJSON(t, fmt.Sprintf(answer, `"`+told.ID+`"`, told.Latency, cost), r.body)
		}
	}
	const text = `<b>{{name}} & {{n}}</b> 😀`
	variables := `,"variables":{"name":"Ada","n":1},"temperature":0,"topP":1,"maxTokens":9,"max_tokens":3,"stream":true,"extra":{"deep":[1]},"stop":null,"tools":null`
	var want []string
	var calls []scenario
	for _, provider := range everyProvider() {
		calls = append(calls,
			scenario{
				name: provider + " chats", key: worker, method: "POST", path: chatPath, body: asking(provider, text, variables),
				status: 200, after: check(provider),
			},
			scenario{
				name: provider + " completes", key: writer, method: "POST", path: completionPath, status: 200, after: check(provider),
				body: fmt.Sprintf(`{"provider":%q,"model":"gpt-4o","prompt":%q,"variables":{"name":"Ada","n":1},"messages":"unknown here"}`, provider, text),
			})
		want = append(want, "playground_chat", "playground_completion")
	}
	s.run(t, calls)
	require.Equal(t, len(calls), s.chats(), "one request each")
	require.Equal(t, want, s.actions(t))
	var logs struct {
		Total int
		Items []struct {
			PromptName string  `json:"prompt_name"`
			VersionTag string  `json:"version_tag"`
			Provider   string  `json:"provider"`
			TokensIn   int     `json:"tokens_in"`
			CostUSD    float64 `json:"cost_usd"`
			Status     string
		}
	}
	s.send(t, reader, "GET", "/v1/logs?provider=openai", "").decode(t, &logs)
	require.Equal(t, 2, logs.Total)
	require.Equal(t, "playground", logs.Items[0].PromptName)
	require.Equal(t, "latest", logs.Items[0].VersionTag)
	require.Equal(t, "ok", logs.Items[0].Status)
	require.Equal(t, 1000, logs.Items[0].TokensIn)
	require.InDelta(t, 0.0075, logs.Items[0].CostUSD, 1e-12)
	require.Empty(t, s.log.about("Ada"), "what people and models say is in no log")
}

func TestPlaygroundRefusals(t *testing.T) {
	t.Parallel()
	s := play(t, says(providertest.Answer{Text: "never asked"}))
	long := strings.Repeat("x", 200)
	type body struct {
		name, body string
		status     int
		message    string
		fields     []string
	}
	bodies := []body{
		{"no body", "", 400, "Invalid JSON body", nil},
		{"half a body", `{"provider":`, 400, "Invalid JSON body", nil},
		{"null", "null", 422, "", []string{"body must be an object"}},
		{"a list", "[]", 422, "", []string{"body must be an object"}},
		{"a text", `"x"`, 422, "", []string{"body must be an object"}},
		{"bytes that are no text", "{\"provider\":\"\xff\"}", 400, "Invalid JSON body", nil},
		{"nesting without end", strings.Repeat("[", 100_000), 400, "Invalid JSON body", nil},
		{
			"wrong types throughout", `{"provider":5,"model":[],"variables":[],"temperature":"1","maxTokens":1.5,"topP":true,"stop":"END","messages":"x","prompt":7}`, 422, "",
			nil,
		},
		{"long names", asking(long, "x"), 422, "", []string{"provider is required and must be at most 64 characters"}},
		{"an integer beyond all bounds", asking("openai", "x", `,"maxTokens":1e30`), 422, "", []string{"maxTokens must be an integer"}},
		{"a temperature too hot", asking("openai", "x", `,"temperature":2.1,"topP":-0.1,"maxTokens":0`), 422, "", []string{
			"temperature must be from 0 to 2", "topP must be from 0 to 1", "maxTokens must be an integer of at least 1",
		}},
		{"an unknown provider", asking("nobody", "x"), 400, "Unknown provider: known are anthropic, azure_openai, cohere, groq, ollama, openai", nil},
	}
	var calls []scenario
	for _, path := range []string{chatPath, streamPath, completionPath} {
		for _, b := range bodies {
			if path == completionPath {
				b.body = strings.ReplaceAll(b.body, `"messages":[{"role":"user","content":"x"}]`, `"prompt":"x"`)
			}
			calls = append(calls, scenario{
				name: path + " " + b.name, key: worker, method: "POST", path: path, body: b.body, status: b.status, message: b.message, fields: b.fields,
			})
		}
		calls = append(calls,
			scenario{name: path + " a key that only reads", key: reader, method: "POST", path: path, body: asking("openai", "x"), status: 403, message: "Missing scope: write"},
			scenario{name: path + " no key", key: nobody, method: "POST", path: path, body: asking("openai", "x"), status: 401},
			scenario{
				name: path + " another workspace", key: worker, method: "POST", path: path, body: asking("openai", "x"), headers: []string{"X-Workspace-Id: other"},
				status: 401, message: "API key does not belong to this workspace",
			},
			scenario{
				name: path + " no workspace at all", key: worker, method: "POST", path: path, body: asking("openai", "x"), headers: []string{"X-Workspace-Id: a b"},
				status: 400,
			},
			scenario{name: path + " not JSON", key: worker, method: "POST", path: path, body: "x", headers: []string{"Content-Type: text/plain"}, status: 415},
			scenario{name: path + " a body that is packed", key: worker, method: "POST", path: path, body: "x", headers: []string{"Content-Encoding: gzip"}, status: 415},
		)
	}
	calls = append(calls,
		scenario{name: "a body that is too large", key: worker, method: "POST", path: chatPath, body: asking("openai", strings.Repeat("x", 10<<20)), status: 413},
		scenario{
			name: "a million variables", key: worker, method: "POST", path: chatPath, status: 413,
			body: asking("openai", "x", `,"variables":{"a":[`+strings.Repeat("1,", 1_000_000)+`1]}`),
		},
		scenario{
			name: "a million empty tool calls", key: worker, method: "POST", path: chatPath, status: 413,
			body: `{"provider":"openai","model":"m","prompt":"x","messages":[{"role":"assistant","tool_calls":[` + strings.Repeat("{},", 1_000_000) + `{}]}]}`,
		},
		scenario{
			name: "lists in lists", key: worker, method: "POST", path: chatPath, status: 413,
			body: asking("openai", "x", `,"variables":{"a":[`+strings.Repeat(`[[],[],[],[],[],[],[],[]],`, 200_000)+`1]}`),
		},
	)
	calls = append(calls,
		scenario{name: "nothing", key: worker, method: "POST", path: chatPath, body: `{}`, status: 422, fields: []string{
			"provider is required and must be at most 64 characters", "model is required and must be at most 128 characters", "messages must have 1 to 1000 items",
		}},
		scenario{name: "a completion of nothing", key: worker, method: "POST", path: completionPath, body: `{"prompt":null}`, status: 422, fields: []string{
			"provider is required and must be at most 64 characters", "model is required and must be at most 128 characters", "prompt is required",
		}},
		scenario{name: "no messages", key: worker, method: "POST", path: chatPath, body: `{"provider":"openai","model":"m","messages":null}`, status: 422, fields: []string{"messages must have 1 to 1000 items"}},
		scenario{name: "a message of nothing", key: worker, method: "POST", path: chatPath, body: `{"provider":"openai","model":"m","messages":[null]}`, status: 422, fields: []string{
			"messages[0].role must be system, user, assistant or tool", "messages[0].content is required",
		}},
		scenario{name: "a missing variable", key: worker, method: "POST", path: chatPath, body: asking("openai", "Hi {{name}} of {{place.city}}", `,"variables":{"name":"Ada"}`), status: 422, fields: []string{"variables.place is required by messages[0]"}},
		scenario{name: "a variable of null", key: worker, method: "POST", path: completionPath, body: `{"provider":"openai","model":"m","prompt":"{{x}}","variables":{"x":null}}`, status: 422, fields: []string{"variables.x is required by prompt"}},
		scenario{
			name: "a missing variable in a stream", key: worker, method: "POST", path: streamPath, body: asking("openai", "{{x}}"), status: 422,
			fields: []string{"variables.x is required by messages[0]"}, header: map[string]string{"Content-Type": "application/json; charset=utf-8"},
		},
		scenario{name: "a template that is none", key: worker, method: "POST", path: chatPath, body: asking("openai", "{{x"), status: 422},
		scenario{name: "a partial", key: worker, method: "POST", path: chatPath, body: asking("openai", "{{> /etc/passwd}}"), status: 422},
		scenario{
			name: "a template that grows", key: worker, method: "POST", path: chatPath, status: 422,
			body: asking("openai", "{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}"+long+"{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}", `,"variables":{"a":[`+strings.Repeat("1,", 100)+`1]}`),
		},
	)
	s.run(t, calls)
	require.Zero(t, s.chats(), "nothing reached a provider")
	require.Empty(t, s.actions(t))
	var logs struct{ Total int }
	s.send(t, reader, "GET", "/v1/logs", "").decode(t, &logs)
	require.Zero(t, logs.Total)
}

func TestPlaygroundWithoutProviders(t *testing.T) {
	t.Parallel()
	s := start(t)
	var calls []scenario
	for provider, variable := range map[string]string{
		"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "cohere": "COHERE_API_KEY", "ollama": "OLLAMA_BASE_URL",
		"azure_openai": "AZURE_OPENAI_API_KEY and AZURE_OPENAI_BASE_URL",
	} {
		calls = append(calls, scenario{
			name: provider, key: worker, method: "POST", path: chatPath, body: asking(provider, "x"), status: 400,
			message: "The provider " + provider + " is not set up: set " + variable + " on the server, or give it in Options.Providers",
		})
	}
	s.run(t, append(calls, scenario{
		name: "no models", key: reader, method: "GET", path: modelsPath, status: 200, json: `{"items":[],"total":0,"page":1,"limit":50,"totalPages":0}`,
	}))
}

// TestWhatProvidersRefuse also searches every answer, and everything that was
// logged, for the key.
func TestWhatProvidersRefuse(t *testing.T) {
	t.Parallel()
	leaky := func(status int, kind string) providertest.Answer {
		return providertest.Answer{Status: status, Kind: kind, Message: "the key " + providerKey + " said: my secret prompt"}
	}
	for name, c := range map[string]struct {
		answer providertest.Answer
		status int
		code   string
	}{
		"a rate":         {leaky(429, ""), 429, "RATE_LIMIT"},
		"a bad request":  {leaky(400, ""), 400, "INVALID_REQUEST"},
		"a wrong key":    {leaky(401, ""), 502, "PROVIDER_ERROR"},
		"a poor key":     {leaky(403, ""), 502, "PROVIDER_ERROR"},
		"no such model":  {leaky(404, ""), 400, "INVALID_REQUEST"},
		"its own limit":  {leaky(408, ""), 504, "TIMEOUT"},
		"a large call":   {leaky(413, ""), 400, "INVALID_REQUEST"},
		"a failure":      {leaky(500, ""), 502, "PROVIDER_ERROR"},
		"a dead gateway": {leaky(503, ""), 502, "PROVIDER_ERROR"},
		"an overload":    {leaky(529, ""), 502, "PROVIDER_ERROR"},
		"an odd status":  {leaky(418, ""), 400, "INVALID_REQUEST"},
		"a redirect": {
			providertest.Answer{Status: 302, Raw: []byte{}, Header: http.Header{"Location": {"http://127.0.0.1:1/?" + providerKey}}}, 502, "PROVIDER_ERROR",
		},
		"garbage":        {providertest.Answer{Raw: []byte("hello " + providerKey), ContentType: "application/json"}, 502, "PROVIDER_ERROR"},
		"a web page":     {providertest.Answer{Raw: []byte("<html>" + providerKey), ContentType: "text/html"}, 502, "PROVIDER_ERROR"},
		"half an answer": {providertest.Answer{Text: "one two", CutAfter: -1}, 502, "PROVIDER_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, says(c.answer))
			n := 0
			for _, provider := range everyProvider() {
				for path, body := range map[string]string{
					chatPath: asking(provider, "my secret prompt"), streamPath: asking(provider, "my secret prompt"),
					completionPath: `{"provider":"` + provider + `","model":"gpt-4o","prompt":"my secret prompt"}`,
				} {
					r := s.send(t, worker, "POST", path, body)
					scenario{status: c.status, code: c.code}.check(t, r)
					require.NotContains(t, r.body, providerKey, "%s by %s", provider, path)
					require.Contains(t, r.body, provider)
					n++
				}
			}
			require.Equal(t, n, s.chats(), "one request each")
			require.Empty(t, s.actions(t), "a refused request leaves no entry")
			require.Empty(t, s.log.about(providerKey))
			require.Empty(t, s.log.about("my secret prompt"), "what people say is in no log")
			var logs struct {
				Total int
				Items []struct {
					Status string
					Code   string `json:"error_code"`
				}
			}
			s.send(t, reader, "GET", "/v1/logs?limit=100", "").decode(t, &logs)
			require.Equal(t, n, logs.Total, "every call is logged")
			for _, l := range logs.Items {
				require.Equal(t, "error", l.Status)
				require.Equal(t, c.code, l.Code)
			}
		})
	}
	t.Run("a content policy", func(t *testing.T) {
		t.Parallel()
		s := play(t, says(providertest.Answer{Status: 400, Kind: "content_filter", Message: "the prompt triggers our content management policy"}))
		for _, provider := range []string{"openai", "azure_openai", "groq"} {
			s.run(t, []scenario{
				{name: provider + " chats", key: worker, method: "POST", path: chatPath, body: asking(provider, "x"), status: 400, code: "CONTENT_POLICY"},
				{name: provider + " streams", key: worker, method: "POST", path: streamPath, body: asking(provider, "x"), status: 400, code: "CONTENT_POLICY"},
			})
		}
	})
}

func TestPlaygroundStreams(t *testing.T) {
	t.Parallel()
	s := play(t, func(q providertest.Question) providertest.Answer {
		switch q.LastUser() {
		case "nothing":
			return providertest.Answer{NoUsage: true}
		case "cut":
			return providertest.Answer{Text: "one two three", CutAfter: 2}
		case "fail":
			return providertest.Answer{Text: "one two three", FailAfter: 2, Message: "lost " + providerKey}
		case "tool":
			return providertest.Answer{ToolCalls: []playground.ToolCall{{ID: "c1", Name: "weather", Arguments: `{"city":"Bern"}`}}, TokensIn: 1, TokensOut: 2}
		}
		return providertest.Answer{Text: "<one> two", TokensIn: 1000, TokensOut: 500}
	})
	lines := func(t *testing.T, provider, text string) []string {
		t.Helper()
		before := s.chats()
		r := s.send(t, worker, "POST", streamPath, asking(provider, text))
		require.Equal(t, 200, r.status, r.body)
		require.Equal(t, "application/x-ndjson; charset=utf-8", r.header.Get("Content-Type"))
		require.Equal(t, "no-store", r.header.Get("Cache-Control"))
		require.NotEmpty(t, r.header.Get("X-Request-Id"))
		require.True(t, strings.HasSuffix(r.body, "\n"))
		require.NotContains(t, r.body, providerKey)
		require.Equal(t, before+1, s.chats(), "the provider is called exactly once")
		return strings.Split(strings.TrimSuffix(r.body, "\n"), "\n")
	}
	metrics := func(t *testing.T, line, in, out, cost string) {
		t.Helper()
		var told struct {
			Latency json.RawMessage `json:"latencyMs"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &told))
		require.Regexp(t, `^\d+$`, string(told.Latency), line)
		matchJSON(t, fmt.Sprintf(`{"type":"metrics","tokensIn":%s,"tokensOut":%s,"latencyMs":%s,"costUsd":%s}`, in, out, told.Latency, cost), line)
	}
	var want []string
	for _, provider := range everyProvider() {
		t.Run(provider, func(t *testing.T) {
			got := lines(t, provider, "hello")
			require.Len(t, got, 4)
			require.Equal(t, `{"type":"token","content":"<one> "}`, got[0])
			require.Equal(t, `{"type":"token","content":"two"}`, got[1])
			cost := "null"
			if provider == "openai" {
				cost = "0.0075"
			}
			metrics(t, got[2], "1000", "500", cost)
			require.Equal(t, `{"type":"done","finishReason":"stop"}`, got[3])

			got = lines(t, provider, "cut")
			require.Len(t, got, 3)
			require.Equal(t, `{"type":"token","content":"two "}`, got[1])
			matchJSON(t, `{"type":"error","message":"`+provider+` ended its answer in the middle","code":"PROVIDER_ERROR"}`, got[2])

			got = lines(t, provider, "fail")
			require.Len(t, got, 3)
			var failed struct{ Type, Message, Code string }
			require.NoError(t, json.Unmarshal([]byte(got[2]), &failed))
			require.Equal(t, "error", failed.Type)
			require.Contains(t, failed.Message, "lost")
			require.Equal(t, "PROVIDER_ERROR", failed.Code)

			got = lines(t, provider, "tool")
			require.Len(t, got, 3)
			require.True(t, strings.HasPrefix(got[0], `{"type":"tool_call",`), got[0])
			require.Contains(t, got[0], `weather`)
			require.Contains(t, got[0], `Bern`)
			require.Equal(t, `{"type":"done","finishReason":"tool_calls"}`, got[2])
		})
		want = append(want, "playground_chat_stream", "playground_chat_stream", "playground_chat_stream", "playground_chat_stream")
	}
	t.Run("an answer without a word has all members, too", func(t *testing.T) {
		got := lines(t, "groq", "nothing")
		require.Len(t, got, 2)
		metrics(t, got[0], "null", "null", "null")
	})
	require.Equal(t, append(want, "playground_chat_stream"), s.actions(t), "every stream that was begun to be answered, once")
}

// TestStreamsComeAtOnce checks that every token has arrived before the provider
// sends the next one.
func TestStreamsComeAtOnce(t *testing.T) {
	t.Parallel()
	const tokens = 20
	read := make(chan struct{})
	s := play(t, func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: strings.Repeat("word ", tokens), Hold: func(piece int) {
			if piece == 0 || piece > tokens {
				return
			}
			select {
			case <-read:
			case <-q.Gone():
			case <-time.After(10 * time.Second):
				t.Errorf("token %d was never read", piece)
			}
		}}
	})
	for _, provider := range everyProvider() {
		body := s.open(t, &http.Client{}, asking(provider, "x"))
		lines := bufio.NewScanner(body)
		for n := 0; lines.Scan(); n++ {
			if n < tokens {
				require.Contains(t, lines.Text(), `"token"`)
				select {
				case read <- struct{}{}:
				case <-time.After(20 * time.Second):
					require.FailNow(t, "the provider does not go on")
				}
			}
		}
		require.NoError(t, lines.Err())
		require.NoError(t, body.Close())
	}
}

// open begins a stream; its body has to be closed.
func (s *stage) open(tb testing.TB, client *http.Client, body string) io.ReadCloser {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, s.url+streamPath, strings.NewReader(body))
	require.NoError(tb, err)
	req.Header.Set("X-API-Key", s.keys[worker])
	res, err := client.Do(req)
	require.NoError(tb, err)
	require.Equal(tb, 200, res.StatusCode)
	return res.Body
}

// TestBrokenProvidersLeaveNothingBehind runs alone, as it counts goroutines.
func TestBrokenProvidersLeaveNothingBehind(t *testing.T) { //nolint:paralleltest // it looks at every goroutine of the process.
	before := goleak.IgnoreCurrent()
	t.Run("scenarios", func(t *testing.T) {
		var mu sync.Mutex
		gone := 0
		hang := func(q providertest.Question) {
			<-q.Gone()
			mu.Lock()
			gone++
			mu.Unlock()
		}
		answer := func(q providertest.Question) providertest.Answer {
			switch q.LastUser() {
			case "hang":
				hang(q)
			case "hang in the middle":
				return providertest.Answer{Text: "one two three", Hold: func(piece int) {
					if piece == 2 {
						hang(q)
					}
				}}
			case "cut":
				return providertest.Answer{Text: "one two three", CutAfter: 1}
			case "garbage":
				return providertest.Answer{Raw: []byte("\x00\xff{"), ContentType: "text/event-stream"}
			}
			return providertest.Answer{Text: "fine"}
		}
		s, patient := playWithin(t, 300*time.Millisecond, answer), play(t, answer)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for _, provider := range everyProvider() {
			for _, path := range []string{chatPath, streamPath} {
				s.run(t, []scenario{
					{name: provider + " hangs" + path, key: worker, method: "POST", path: path, body: asking(provider, "hang"), status: 504, code: "TIMEOUT"},
					{name: provider + " sends garbage" + path, key: worker, method: "POST", path: path, body: asking(provider, "garbage"), status: 502, code: "PROVIDER_ERROR"},
				})
			}
			r := s.send(t, worker, "POST", streamPath, asking(provider, "hang in the middle"))
			require.Equal(t, 200, r.status)
			require.Contains(t, r.body, `{"type":"error","message":"`+provider+` did not answer within 300ms","code":"TIMEOUT"}`)
			r = s.send(t, worker, "POST", streamPath, asking(provider, "cut"))
			require.Contains(t, r.body, `"code":"PROVIDER_ERROR"`)

			// A client that leaves in the middle.
			mu.Lock()
			known := gone
			mu.Unlock()
			body := patient.open(t, client, asking(provider, "hang in the middle"))
			_, err := bufio.NewReader(body).ReadString('\n')
			require.NoError(t, err)
			require.NoError(t, body.Close())
			require.Eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return gone > known
			}, 10*time.Second, time.Millisecond, "the call is not cancelled")
		}
		for stage, calls := range map[*stage]int{s: 6, patient: 1} {
			require.Eventually(t, func() bool {
				var logs struct{ Total int }
				stage.send(t, reader, "GET", "/v1/logs?status=error", "").decode(t, &logs)
				return logs.Total == calls*len(everyProvider())
			}, 10*time.Second, 10*time.Millisecond, "every call is logged")
			for _, listening := range stage.servers {
				listening.CloseClientConnections()
			}
		}
	})
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestPlaygroundGuardAndBudget(t *testing.T) {
	t.Parallel()
	s := play(t, says(providertest.Answer{Text: "fine", TokensIn: 1_000_000, TokensOut: 0}))
	const policy = `{"on_playground":"block","min_severity":"critical"}`
	refused := func(name, path, body string) scenario {
		return scenario{
			name: name, key: worker, method: "POST", path: path, body: body, status: 400, message: "The compliance policy of the workspace refuses this text",
			details: `{"code":"COMPLIANCE_BLOCKED","stage":"playground","entities":["US_SSN"]}`,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.NotContains(t, r.body, "219-09")
			},
		}
	}
	const number = "my SSN is 219-09-9999"
	s.run(t, []scenario{
		{name: "a policy", key: admin, method: "PUT", path: "/v1/compliance/policy", body: policy, status: 200},
		refused("a chat", chatPath, asking("openai", number)),
		refused("a stream", streamPath, asking("openai", number)),
		refused("a completion", completionPath, `{"provider":"openai","model":"gpt-4o","prompt":"`+number+`"}`),
		refused("a variable", chatPath, asking("openai", "my SSN is {{n}}", `,"variables":{"n":"219-09-9999"}`)),
		refused("a tool call", chatPath, `{"provider":"openai","model":"gpt-4o","messages":[{"role":"assistant","content":"","tool_calls":[{"id":"1","name":"f","arguments":"{\"SSN\":\"219-09-9999\"}"}]},{"role":"tool","tool_call_id":"1","content":"ok"}]}`),
		refused("the description of a tool", chatPath, asking("openai", "x", `,"tools":[{"name":"f","description":"`+number+`"}]`)),
		refused("the schema of a tool", chatPath, asking("openai", "x", `,"tools":[{"name":"f","parameters":{"description":"`+number+`"}}]`)),
		refused("the form of the answer", chatPath, asking("openai", "x", `,"responseFormat":{"title":"t","description":"my SSN is 219\u002d09-9999"}`)),
		refused("a word to stop at", chatPath, asking("openai", "x", `,"stop":["`+number+`"]`)),
		{name: "what is clean", key: worker, method: "POST", path: chatPath, body: asking("openai", "hello"), status: 200},
		{name: "another workspace", key: other, method: "POST", path: chatPath, body: asking("openai", number), status: 200},
		{name: "a budget", key: admin, method: "PUT", path: "/v1/budget", body: `{"budget_usd":2}`, status: 200},
	})
	require.Equal(t, 2, s.chats())
	require.Empty(t, s.log.about("219-09-9999"))
	over := `{"code":"BUDGET_EXCEEDED","spend":2.50001,"budget":2}`
	s.run(t, []scenario{
		{name: "a chat over the budget", key: worker, method: "POST", path: chatPath, body: asking("openai", "x"), status: 400, details: over},
		{name: "a stream over the budget", key: worker, method: "POST", path: streamPath, body: asking("openai", "x"), status: 400, details: over},
		{name: "a completion over the budget", key: worker, method: "POST", path: completionPath, body: `{"provider":"openai","model":"gpt-4o","prompt":"x"}`, status: 400, details: over},
		{name: "a log is never refused", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":"p","version_tag":"1","cost_usd":5}`, status: 202},
		{name: "who sets budgets is an admin", key: worker, method: "PUT", path: "/v1/budget", body: `{"budget_usd":null}`, status: 403, message: "Missing scope: admin"},
	})
	require.Equal(t, 2, s.chats())
	require.Equal(t, []string{"compliance:policy:update", "playground_chat", "budget:set", "log:create"}, s.actions(t))
}

func TestEvaluationsTellProvidersNothingThatThePolicyBlocks(t *testing.T) {
	t.Parallel()
	s := play(t, says(providertest.Answer{Text: "fine"}))
	s.publish(t, "triage", "1.0.0", "Sort this: {{text}}")
	s.run(t, []scenario{
		{name: "a policy", key: admin, method: "PUT", path: "/v1/compliance/policy", body: `{"on_playground":"block"}`, status: 200},
		{
			name: "rows", key: worker, method: "POST", path: "/v1/datasets", status: 201,
			body: `{"name":"d","rows":[{"input":{"text":"my SSN is 219-09-9999"}},{"input":{"text":"hello"}}]}`,
		},
		{
			name: "an evaluation", key: worker, method: "POST", path: "/v1/evaluations", status: 201,
			body: `{"name":"e","prompt_name":"triage","criteria":{"rules":[{"type":"length","config":{"min":1}}]}}`,
		},
		{name: "a run", key: worker, method: "POST", path: "/v1/evaluations/1/run", body: `{"dataset_id":1,"provider":"openai","model":"gpt-4o"}`, status: 201},
	})
	var r reply
	require.Eventually(t, func() bool {
		r = s.send(t, reader, "GET", "/v1/evaluations/1/run/1", "")
		return !strings.Contains(r.body, `"status":"running"`)
	}, 20*time.Second, 10*time.Millisecond)
	require.Contains(t, r.body, "The compliance policy of the workspace refuses this text")
	require.NotContains(t, r.body, "219-09")
	require.Equal(t, 1, s.chats(), "only the clean row was asked about")
}
