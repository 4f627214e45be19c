package openai

import (
	"encoding/json"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// completion is a whole answer.
type completion struct {
	ID      string `json:"id"`
	Model   string `json:"model"`
	Choices []struct {
		Index   int `json:"index"`
		Message struct {
			Content   json.RawMessage `json:"content"`
			Refusal   string          `json:"refusal"`
			ToolCalls []fragment      `json:"tool_calls"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *usage          `json:"usage"`
	Error json.RawMessage `json:"error"`
}

type usage struct {
	Prompt     wire.Count `json:"prompt_tokens"`
	Completion wire.Count `json:"completion_tokens"`
}

func (u *usage) counts() playground.Usage {
	if u == nil {
		return playground.Usage{}
	}
	return playground.Usage{TokensIn: u.Prompt.N, TokensOut: u.Completion.N}
}

// fragment is a call of a tool, or a piece of one in a stream.
type fragment struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

// Check finds errors in successful answers, as some gateways send them.
func (c *completion) Check() error {
	if wire.Present(c.Error) {
		return wire.Said(c.Error)
	}
	if len(c.Choices) == 0 {
		return wire.ErrNothing
	}
	_, err := content(c.Choices[0].Message.Content, &wire.Text{})
	return err
}

func (c *completion) reply() playground.Reply {
	first := c.Choices[0]
	var t wire.Text
	text, _ := content(first.Message.Content, &t) // Check has seen it
	r := playground.Reply{ID: c.ID, Model: c.Model, Output: text + t.Rest(), Usage: c.Usage.counts()}
	for i, f := range first.Message.ToolCalls {
		if f.ID == "" {
			f.ID = wire.CallID(i)
		}
		r.ToolCalls = append(r.ToolCalls, playground.ToolCall{ID: f.ID, Name: f.Function.Name, Arguments: wire.Arguments(f.Function.Arguments)})
	}
	r.FinishReason = reason(first.FinishReason, len(r.ToolCalls) > 0)
	if r.Output == "" && first.Message.Refusal != "" {
		r.Output, r.FinishReason = first.Message.Refusal, "content_filter"
	}
	return r
}

// content reads a text, or a list of blocks of which only the texts count.
func content(raw json.RawMessage, t *wire.Text) (string, error) {
	if len(raw) == 0 || raw[0] != '[' {
		return t.Add(raw)
	}
	var blocks []struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
	}
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return "", err
	}
	var all strings.Builder
	for _, b := range blocks {
		if b.Type != "" && b.Type != "text" && b.Type != "output_text" {
			continue
		}
		text, err := t.Add(b.Text)
		if err != nil {
			return "", err
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

// reason puts the reason why an answer ended into our words. Many servers say
// "stop" for calls of tools.
func reason(word string, calls bool) string {
	switch word {
	case "stop", "eos", "eos_token", "end_turn", "stop_sequence", "":
		if calls {
			return "tool_calls"
		}
		return "stop"
	case "length", "max_tokens", "model_length":
		return "length"
	case "tool_calls", "function_call", "tool_use":
		return "tool_calls"
	}
	return word
}
