package anthropic

import (
	"encoding/json"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// message is a whole answer.
type message struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Model   string `json:"model"`
	Content []struct {
		Type  string          `json:"type"`
		Text  string          `json:"text"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	} `json:"content"`
	StopReason string          `json:"stop_reason"`
	Usage      usage           `json:"usage"`
	Error      json.RawMessage `json:"error"`
}

// usage counts what was read from and written to the prompt cache apart.
type usage struct {
	Input        wire.Count `json:"input_tokens"`
	CacheCreated wire.Count `json:"cache_creation_input_tokens"`
	CacheRead    wire.Count `json:"cache_read_input_tokens"`
	Output       wire.Count `json:"output_tokens"`
}

// counts adds up all that the model has read.
func (u usage) counts() playground.Usage {
	in := u.Input.N
	if in != nil {
		sum := *in
		for _, c := range []wire.Count{u.CacheCreated, u.CacheRead} {
			if c.N != nil {
				sum += *c.N
			}
		}
		in = &sum
	}
	return playground.Usage{TokensIn: in, TokensOut: u.Output.N}
}

// Check misses what an answer must have.
func (m *message) Check() error {
	if wire.Present(m.Error) {
		return wire.Said(m.Error)
	}
	if m.Content == nil {
		return wire.ErrNothing
	}
	return nil
}

func (m *message) reply() playground.Reply {
	r := playground.Reply{ID: m.ID, Model: m.Model, Usage: m.Usage.counts(), FinishReason: reason(m.StopReason)}
	var text strings.Builder
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			text.WriteString(b.Text)
		case "tool_use":
			r.ToolCalls = append(r.ToolCalls, playground.ToolCall{ID: b.ID, Name: b.Name, Arguments: wire.Arguments(b.Input)})
		}
	}
	r.Output = text.String()
	return r
}

// reason puts the reason why an answer ended into our words.
func reason(word string) string {
	switch word {
	case "end_turn", "stop_sequence":
		return "stop"
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		return "tool_calls"
	case "refusal":
		return "content_filter"
	}
	return word
}
