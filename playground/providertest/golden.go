package providertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Calls are calls that together use everything that a call can hold.
func Calls() map[string]playground.Call {
	schema := []byte(`{"type":"object","properties":{"score":{"type":"number"}},"required":["score"]}`)
	weather := playground.ToolDefinition{
		Name: "weather", Description: "The weather of a city.",
		Parameters: []byte(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`),
	}
	with := func(change func(*playground.Call)) playground.Call {
		c := hello()
		change(&c)
		return c
	}
	return map[string]playground.Call{
		"plain": hello(),
		"sampling": with(func(c *playground.Call) {
			c.Temperature, c.TopP, c.MaxTokens, c.Stop = ptr(0.0), ptr(0.9), ptr(int64(64)), []string{"END", "\n\n"}
		}),
		"system": with(func(c *playground.Call) {
			c.Messages = append([]playground.Message{{Role: playground.System, Content: "Be brief & kind <3."}}, c.Messages...)
			c.Messages = append(c.Messages, playground.Message{Role: playground.System, Content: "In French."})
		}),
		"turns": with(func(c *playground.Call) {
			c.Messages = append(c.Messages,
				playground.Message{Role: playground.User, Content: "twice"},
				playground.Message{Role: playground.Assistant, Content: "hello hello"},
				playground.Message{Role: playground.User, Content: "again"})
		}),
		"tools": with(func(c *playground.Call) {
			c.Tools, c.ToolChoice = []playground.ToolDefinition{weather, {Name: "now"}}, "auto"
		}),
		"tool_required": with(func(c *playground.Call) { c.Tools, c.ToolChoice = []playground.ToolDefinition{weather}, "required" }),
		"tool_none":     with(func(c *playground.Call) { c.Tools, c.ToolChoice = []playground.ToolDefinition{weather}, "none" }),
		"tool_named": with(func(c *playground.Call) {
			c.Tools, c.ToolChoice = []playground.ToolDefinition{weather, {Name: "now"}}, "now"
		}),
		"tool_results": with(func(c *playground.Call) {
			c.Tools = []playground.ToolDefinition{weather}
			c.Messages = append(c.Messages,
				playground.Message{Role: playground.Assistant, Content: "Let me see.", ToolCalls: []playground.ToolCall{
					{ID: "call_1", Name: "weather", Arguments: `{"city":"Bern"}`}, {ID: "call_2", Name: "weather", Arguments: "no JSON"},
				}},
				playground.Message{Role: playground.Tool, ToolCallID: "call_1", Content: "sunny"},
				playground.Message{Role: playground.Tool, ToolCallID: "call_2", Content: "error"})
		}),
		"json":   with(func(c *playground.Call) { c.ResponseFormat = []byte(`"json"`) }),
		"schema": with(func(c *playground.Call) { c.ResponseFormat = schema }),
	}
}

// Golden compares what a provider sends for calls with the files of a folder,
// or writes those.
func Golden(t *testing.T, f Fixture, folder string, update bool, calls map[string]playground.Call) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			b := set(t, f, Settings{}, always(Answer{Text: "Hi"}))
			_, err := b.Call(t.Context(), call)
			require.NoError(t, err)
			require.NoError(t, collect(t.Context(), t, b, call).err)
			var got bytes.Buffer
			for _, q := range b.record.Asked() {
				got.WriteString(q.Method + " " + q.Path)
				if query := q.Query.Encode(); query != "" {
					got.WriteString("?" + query)
				}
				got.WriteString("\n")
				require.NoError(t, json.Indent(&got, q.Body, "", "  "))
				got.WriteString("\n")
			}
			path := filepath.Join(folder, name+".txt")
			if update {
				require.NoError(t, os.MkdirAll(folder, 0o750))
				require.NoError(t, os.WriteFile(path, got.Bytes(), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String())
		})
	}
}
