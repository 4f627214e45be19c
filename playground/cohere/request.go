package cohere

import (
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// question is the body of a request, as in docs.cohere.com/reference/chat.
type question struct {
	Model          string    `json:"model"`
	Messages       []message `json:"messages"`
	Temperature    *float64  `json:"temperature,omitempty"`
	P              *float64  `json:"p,omitempty"`
	MaxTokens      *int64    `json:"max_tokens,omitempty"`
	Stop           []string  `json:"stop_sequences,omitempty"`
	Tools          []tool    `json:"tools,omitempty"`
	ToolChoice     string    `json:"tool_choice,omitempty"`
	ResponseFormat any       `json:"response_format,omitempty"`
	// Stream has no default in this version.
	Stream bool `json:"stream"`
}

type message struct {
	Role       playground.Role `json:"role"`
	Content    *string         `json:"content,omitempty"`
	ToolCalls  []toolCall      `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
}

type toolCall struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type tool struct {
	Type     string     `json:"type"`
	Function definition `json:"function"`
}

type definition struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

func request(c playground.Call, stream bool) wire.Request {
	body := question{
		Model: c.Model, Messages: []message{}, Temperature: c.Temperature, P: c.TopP,
		MaxTokens: c.MaxTokens, Stop: c.Stop, Stream: stream,
	}
	for _, m := range c.Messages {
		body.Messages = append(body.Messages, messageOf(m))
	}
	for _, t := range c.Tools {
		// It knows no choice of one tool, but of one there is no other choice.
		if named(c.ToolChoice) && t.Name != c.ToolChoice {
			continue
		}
		body.Tools = append(body.Tools, tool{"function", definition{t.Name, t.Description, wire.Schema(t.Parameters)}})
	}
	switch {
	case c.ToolChoice == "none":
		body.ToolChoice = "NONE"
	case c.ToolChoice == "required" || named(c.ToolChoice):
		body.ToolChoice = "REQUIRED"
	}
	if f := wire.ParseFormat(c.ResponseFormat); f.JSON {
		format := map[string]any{"type": "json_object"}
		if f.Schema != nil {
			format["json_schema"] = f.Schema
		}
		body.ResponseFormat = format
	}
	return wire.Request{Method: http.MethodPost, Path: "/v2/chat", Body: body, Model: c.Model}
}

// named reports whether a choice is the name of a tool.
func named(choice string) bool {
	switch choice {
	case "", "auto", "none", "required":
		return false
	}
	return true
}

func messageOf(m playground.Message) message {
	out := message{Role: m.Role, ToolCallID: m.ToolCallID}
	if m.Content != "" || len(m.ToolCalls) == 0 {
		out.Content = &m.Content
	}
	for _, c := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, toolCall{c.ID, "function", function{c.Name, c.Arguments}})
	}
	return out
}
