package playground_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

func TestEventsHaveTheFieldsOfTheirType(t *testing.T) {
	t.Parallel()
	in, cost := int64(3), 0.5
	for name, tc := range map[string]struct {
		event playground.Event
		json  string
	}{
		"a token, as it is":              {playground.Event{Type: playground.EventToken, Content: "<b> "}, `{"type":"token","content":"<b> "}`},
		"a call of a tool":               {playground.Event{Type: playground.EventToolCall, ToolCall: &playground.ToolCall{ID: "1", Name: "f", Arguments: "{}"}}, `{"type":"tool_call","toolCall":{"id":"1","name":"f","arguments":"{}"}}`},
		"metrics of 0 ms":                {playground.Event{Type: playground.EventMetrics, TokensIn: &in, TokensOut: &in, CostUSD: &cost}, `{"type":"metrics","tokensIn":3,"tokensOut":3,"latencyMs":0,"costUsd":0.5}`},
		"metrics that nobody counted":    {playground.Event{Type: playground.EventMetrics, LatencyMS: 7}, `{"type":"metrics","tokensIn":null,"tokensOut":null,"latencyMs":7,"costUsd":null}`},
		"an end without a reason":        {playground.Event{Type: playground.EventDone}, `{"type":"done","finishReason":""}`},
		"an end that the provider named": {playground.Event{Type: playground.EventDone, FinishReason: "stop"}, `{"type":"done","finishReason":"stop"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(tc.event)
			require.NoError(t, err)
			require.JSONEq(t, tc.json, string(text))
			var back playground.Event
			require.NoError(t, json.Unmarshal(text, &back))
			require.Equal(t, tc.event, back)
		})
	}
	_, err := json.Marshal(playground.Event{})
	require.ErrorContains(t, err, `no form`)
}
