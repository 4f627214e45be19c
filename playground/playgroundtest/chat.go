package playgroundtest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func chatCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"answers, and logs the call with its cost": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "Paris, of course", TokensIn: 1000, TokensOut: 2000})
			a, err := e.Mine.Chat(t.Context(), e.request("What is the capital of France?"))
			require.NoError(t, err)
			require.Equal(t, "Paris, of course", a.Output)
			require.Equal(t, "stop", a.FinishReason)
			require.NotEmpty(t, a.ID)
			require.NotEmpty(t, a.Model)
			require.EqualValues(t, 1000, *a.TokensIn)
			require.EqualValues(t, 2000, *a.TokensOut)
			require.GreaterOrEqual(t, a.LatencyMS, int64(0))

			l := onlyLog(t, e.Logs)
			require.Equal(t, "playground", l.PromptName)
			require.Equal(t, "latest", l.VersionTag)
			require.Equal(t, e.Provider, *l.Provider)
			require.Equal(t, "gpt-4o", *l.Model)
			require.EqualValues(t, 1000, *l.TokensIn)
			require.EqualValues(t, 2000, *l.TokensOut)
			require.Equal(t, a.LatencyMS, *l.LatencyMS)
			require.Equal(t, telemetry.OK, l.Status)
			want, ok := telemetry.DefaultPrices().Cost("openai", "gpt-4o", 1000, 2000)
			require.True(t, ok)
			require.InDelta(t, want, *a.CostUSD, 1e-12)
			require.InDelta(t, want, *l.CostUSD, 1e-12)
			require.Equal(t, telemetry.CostFromTable, *l.CostSource)
			require.Equal(t, []string{"playground_chat"}, e.actions(t))
		},
		"asks the provider once, with everything that was asked": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			q := e.request("hello")
			temperature, topP, most := 0.0, 0.5, int64(77)
			q.Temperature, q.TopP, q.MaxTokens, q.Stop = &temperature, &topP, &most, []string{"END"}
			q.Messages = append(q.Messages,
				playground.Message{Role: playground.Assistant, Content: "{{not a template}}"},
				playground.Message{Role: playground.User, Content: "more"})
			_, err := e.Mine.Chat(t.Context(), q)
			require.NoError(t, err)
			asked := e.asked()
			require.Len(t, asked, 1)
			require.Equal(t, "{{not a template}}", asked[0].Messages[1].Content)
			var body map[string]any
			require.NoError(t, json.Unmarshal(asked[0].Body, &body))
			require.InDelta(t, 0.0, body["temperature"], 0, "zero is not left out")
			require.InDelta(t, 0.5, body["top_p"], 0)
			require.Equal(t, []any{"END"}, body["stop"])
		},
		"fills templates strictly and does not escape": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			q := e.request("Hi {{name}}, you are {{age}}{{#vip}} and {{rank}}{{/vip}}")
			q.Variables = map[string]any{"name": "<Ada> & {{x}}", "age": json.Number("1000000")}
			_, err := e.Mine.Chat(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, e.Scene+" Hi <Ada> & {{x}}, you are 1000000", e.asked()[0].LastUser())
		},
		"names the prompt in the log": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok"})
			q := e.request("x")
			q.PromptName, q.VersionTag = "welcome", "1.2.0"
			_, err := e.Mine.Chat(t.Context(), q)
			require.NoError(t, err)
			l := onlyLog(t, e.Logs)
			require.Equal(t, "welcome", l.PromptName)
			require.Equal(t, "1.2.0", l.VersionTag)
		},
		"passes tool calls through": func(t *testing.T, e Env) {
			call := playground.ToolCall{ID: "call_1", Name: "weather", Arguments: `{"city":"Bern"}`}
			e.play(providertest.Answer{ToolCalls: []playground.ToolCall{call}})
			q := e.request("weather?")
			q.Tools = []playground.ToolDefinition{{Name: "weather", Description: "The weather", Parameters: json.RawMessage(`{"type":"object"}`)}}
			a, err := e.Mine.Chat(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, []playground.ToolCall{call}, a.ToolCalls)
			require.Equal(t, "tool_calls", a.FinishReason)

			q.Messages = append(q.Messages,
				playground.Message{Role: playground.Assistant, ToolCalls: a.ToolCalls},
				playground.Message{Role: playground.Tool, ToolCallID: "call_1", Content: "sunny"})
			_, err = e.Mine.Chat(t.Context(), q)
			require.NoError(t, err)
			require.Contains(t, string(e.asked()[1].Body), "sunny")
		},
		"completes one prompt": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "world"})
			a, err := e.Mine.Complete(t.Context(), playground.Completion{
				Prompt:  e.Scene + " hello {{x}}",
				Request: playground.Request{Provider: e.Provider, Model: "gpt-4o", Variables: map[string]any{"x": "y"}},
			})
			require.NoError(t, err)
			require.Equal(t, "world", a.Output)
			require.Equal(t, e.Scene+" hello y", e.asked()[0].LastUser())
			require.Equal(t, []string{"playground_completion"}, e.actions(t))
		},
		"an unknown model has no price": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok", TokensIn: 3, TokensOut: 4})
			q := e.request("x")
			q.Model = "nobody-sells-this"
			a, err := e.Mine.Chat(t.Context(), q)
			require.NoError(t, err)
			require.Nil(t, a.CostUSD)
			require.Nil(t, onlyLog(t, e.Logs).CostUSD)
		},
		"a provider that does not count leaves the tokens open": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "ok", NoUsage: true})
			a, err := e.Mine.Chat(t.Context(), e.request("x"))
			require.NoError(t, err)
			require.Nil(t, a.TokensIn)
			require.Nil(t, a.TokensOut)
		},
	}
}

func refusalCases() map[string]func(*testing.T, Env) {
	cases := map[string]func(*testing.T, Env){
		"an unknown provider is named with those there are": func(t *testing.T, e Env) {
			q := e.request("x")
			q.Provider = "acme"
			_, err := e.Mine.Chat(t.Context(), q)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, e.Provider)
		},
		"a provider without a key names the variable": func(t *testing.T, e Env) {
			q := e.request("x")
			q.Provider = "anthropic"
			_, err := e.Mine.Chat(t.Context(), q)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, "ANTHROPIC_API_KEY")
		},
		"a completion needs a prompt": func(t *testing.T, e Env) {
			_, err := e.Mine.Complete(t.Context(), playground.Completion{Request: playground.Request{Provider: e.Provider, Model: "m"}})
			require.Equal(t, []string{"prompt is required"}, pmerr.From(err).Fields)
		},
		"a completion tells all of its faults, in its own words": func(t *testing.T, e Env) {
			hot := 3.0
			_, err := e.Mine.Complete(t.Context(), playground.Completion{Request: playground.Request{Temperature: &hot}})
			require.Equal(t, []string{
				"provider is required and must be at most 64 characters", "model is required and must be at most 128 characters",
				"prompt is required", "temperature must be from 0 to 2",
			}, pmerr.From(err).Fields)
			q := playground.Request{Provider: e.Provider, Model: "m"}
			_, err = e.Mine.Complete(t.Context(), playground.Completion{Prompt: "{{x}}", Request: q})
			require.Equal(t, []string{"variables.x is required by prompt"}, pmerr.From(err).Fields)
			_, err = e.Mine.Complete(t.Context(), playground.Completion{Prompt: "{{#x}}", Request: q})
			require.Equal(t, []string{`prompt is no valid template: line 1: section "x" is not closed; add "{{/x}}"`}, pmerr.From(err).Fields)
		},
	}
	for name, c := range map[string]struct {
		change func(*playground.Request)
		fields []string
	}{
		"nothing at all": {
			func(q *playground.Request) { *q = playground.Request{} },
			[]string{"provider is required and must be at most 64 characters", "model is required and must be at most 128 characters", "messages must have 1 to 1000 items"},
		},
		"a missing variable": {
			func(q *playground.Request) {
				q.Messages[0].Content += "{{a}} {{b.c}}"
				q.Variables = map[string]any{"a": 1}
			},
			[]string{"variables.b is required by messages[0]"},
		},
		"a missing variable without any": {
			func(q *playground.Request) { q.Messages[0].Content += "{{a}}" }, []string{"variables.a is required by messages[0]"},
		},
		"a broken template": {
			func(q *playground.Request) { q.Messages[0].Content = "{{#a}}" },
			[]string{`messages[0].content is no valid template: line 1: section "a" is not closed; add "{{/a}}"`},
		},
		"numbers out of range": {
			func(q *playground.Request) {
				hot, over, none := 2.5, -0.1, int64(0)
				q.Temperature, q.TopP, q.MaxTokens = &hot, &over, &none
			},
			[]string{"temperature must be from 0 to 2", "topP must be from 0 to 1", "maxTokens must be an integer of at least 1"},
		},
		"a role that nobody has": {
			func(q *playground.Request) { q.Messages[0].Role = "wizard" },
			[]string{"messages[0].role must be system, user, assistant or tool"},
		},
		"an empty message": {
			func(q *playground.Request) { q.Messages[0].Content = "" }, []string{"messages[0].content is required"},
		},
		"a tool that is not there": {
			func(q *playground.Request) { q.ToolChoice = "hammer" },
			[]string{"toolChoice must be auto, none, required or the name of one of the tools"},
		},
	} {
		cases[name] = func(t *testing.T, e Env) {
			q := e.request("x ")
			c.change(&q)
			_, err := e.Mine.Chat(t.Context(), q)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Equal(t, c.fields, pmerr.From(err).Fields)
			_, streamed := collect(t.Context(), e.Mine, q)
			require.ErrorIs(t, streamed, pmerr.ErrValidation)
			require.Equal(t, c.fields, pmerr.From(streamed).Fields)
			require.Empty(t, e.asked(), "nothing reached the provider")
			require.Empty(t, e.actions(t))
			p, err := e.Logs.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.Empty(t, p.Items)
		}
	}
	for name, c := range map[string]struct {
		answer providertest.Answer
		kind   error
	}{
		"a rate limit":     {providertest.Answer{Status: 429, Message: "slow down"}, pmerr.ErrProviderRateLimited},
		"a policy":         {providertest.Answer{Status: 400, Kind: "content_policy_violation", Message: "no"}, pmerr.ErrContentPolicy},
		"a bad request":    {providertest.Answer{Status: 400, Message: "max_tokens is too large"}, pmerr.ErrInvalidRequest},
		"a refused key":    {providertest.Answer{Status: 401, Message: "bad key"}, pmerr.ErrProvider},
		"a broken answer":  {providertest.Answer{Raw: []byte("<html>"), ContentType: "text/html"}, pmerr.ErrProvider},
		"a failing server": {providertest.Answer{Status: 500, Message: "oops"}, pmerr.ErrProvider},
	} {
		cases["the provider answers with "+name] = func(t *testing.T, e Env) {
			e.play(c.answer)
			_, err := e.Mine.Chat(t.Context(), e.request("x"))
			require.ErrorIs(t, err, c.kind)
			require.NotContains(t, err.Error(), "played-secret")
			l := onlyLog(t, e.Logs)
			require.Equal(t, telemetry.Failed, l.Status)
			require.Equal(t, string(pmerr.From(err).Code), *l.ErrorCode)
			require.Empty(t, e.actions(t), "what failed leaves no entry")
		}
	}
	return cases
}
