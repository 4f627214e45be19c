package anthropic

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// question is the body of a request, as in
// platform.claude.com/docs/en/api/messages.
type question struct {
	Model        string   `json:"model"`
	MaxTokens    int64    `json:"max_tokens"`
	System       string   `json:"system,omitempty"`
	Messages     []turn   `json:"messages"`
	Temperature  *float64 `json:"temperature,omitempty"`
	TopP         *float64 `json:"top_p,omitempty"`
	Stop         []string `json:"stop_sequences,omitempty"`
	Tools        []tool   `json:"tools,omitempty"`
	ToolChoice   *choice  `json:"tool_choice,omitempty"`
	OutputConfig any      `json:"output_config,omitempty"`
	Stream       bool     `json:"stream,omitempty"`
}

type turn struct {
	Role    playground.Role `json:"role"`
	Content []block         `json:"content"`
}

// block is a piece of a message: a text, a call of a tool, or its result.
type block struct {
	Type      string          `json:"type"`
	Text      string          `json:"text,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	ToolUseID string          `json:"tool_use_id,omitempty"`
	Content   string          `json:"content,omitempty"`
}

type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"input_schema"`
}

type choice struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

func (p *Provider) request(c playground.Call, stream bool) wire.Request {
	a := ageOf(c.Model)
	body := question{Model: c.Model, MaxTokens: p.options.MaxTokens, Stop: c.Stop, ToolChoice: choiceOf(c.ToolChoice), Stream: stream}
	if a.major == 3 {
		body.MaxTokens = min(body.MaxTokens, 4096)
	}
	if c.MaxTokens != nil {
		body.MaxTokens = *c.MaxTokens
	}
	body.System, body.Messages = turns(c.Messages)
	if !a.fixed() {
		body.Temperature, body.TopP = c.Temperature, c.TopP
		if c.Temperature != nil && a.major >= 4 {
			body.TopP = nil
		}
	}
	for _, t := range c.Tools {
		body.Tools = append(body.Tools, tool{t.Name, t.Description, wire.Schema(t.Parameters)})
	}
	body.format(wire.ParseFormat(c.ResponseFormat), a)
	return wire.Request{Method: http.MethodPost, Path: "/v1/messages", Header: header(), Body: body, Model: c.Model}
}

// turns takes the system messages out, and merges neighbours of one role.
func turns(given []playground.Message) (system string, list []turn) {
	list = []turn{}
	var systems []string
	for _, m := range given {
		if m.Role == playground.System {
			systems = append(systems, m.Content)
			continue
		}
		role, blocks := m.Role, blocks(m)
		if role == playground.Tool {
			role = playground.User
		}
		if n := len(list); n > 0 && list[n-1].Role == role {
			list[n-1].Content = append(list[n-1].Content, blocks...)
		} else if len(blocks) > 0 {
			list = append(list, turn{role, blocks})
		}
	}
	return strings.Join(systems, "\n\n"), list
}

// blocks gives a message's pieces; texts without any character are refused, so
// they are left out.
func blocks(m playground.Message) []block {
	if m.Role == playground.Tool {
		return []block{{Type: "tool_result", ToolUseID: m.ToolCallID, Content: m.Content}}
	}
	var list []block
	if m.Content != "" {
		list = append(list, block{Type: "text", Text: m.Content})
	}
	for _, c := range m.ToolCalls {
		list = append(list, block{Type: "tool_use", ID: c.ID, Name: c.Name, Input: wire.Object(c.Arguments)})
	}
	return list
}

func choiceOf(c string) *choice {
	switch c {
	case "":
		return nil
	case "auto", "none":
		return &choice{Type: c}
	case "required":
		return &choice{Type: "any"}
	}
	return &choice{Type: "tool", Name: c}
}

// format asks for JSON: by a schema where the model knows structured outputs,
// else in words.
func (q *question) format(f wire.Format, a age) {
	switch {
	case !f.JSON:
	case f.Schema == nil:
		q.instruct("Answer with one JSON value and nothing else.")
	case a.structured():
		q.OutputConfig = map[string]any{"format": map[string]any{"type": "json_schema", "schema": closed(f.Schema)}}
	default:
		q.instruct("Answer with one JSON value that follows this JSON schema, and nothing else:\n" + string(f.Schema))
	}
}

func (q *question) instruct(text string) {
	if q.System != "" {
		q.System += "\n\n"
	}
	q.System += text
}
