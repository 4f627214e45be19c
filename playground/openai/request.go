package openai

import (
	"encoding/json"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// chat is the body of a request, as in
// developers.openai.com/api/reference/resources/chat.
type chat struct {
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	Temperature         *float64       `json:"temperature,omitempty"`
	TopP                *float64       `json:"top_p,omitempty"`
	MaxTokens           *int64         `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int64         `json:"max_completion_tokens,omitempty"`
	Stop                []string       `json:"stop,omitempty"`
	Tools               []tool         `json:"tools,omitempty"`
	ToolChoice          any            `json:"tool_choice,omitempty"`
	ResponseFormat      any            `json:"response_format,omitempty"`
	ReasoningEffort     string         `json:"reasoning_effort,omitempty"`
	Stream              bool           `json:"stream,omitempty"`
	StreamOptions       *streamOptions `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role playground.Role `json:"role"`
	// Content is null on a message that only calls tools.
	Content    *string `json:"content"`
	Name       string  `json:"name,omitempty"`
	ToolCalls  []call  `json:"tool_calls,omitempty"`
	ToolCallID string  `json:"tool_call_id,omitempty"`
}

type call struct {
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

func (p *Provider) request(c playground.Call, stream bool) wire.Request {
	body := chat{
		Model: c.Model, Messages: messages(c.Messages), Temperature: c.Temperature, TopP: c.TopP,
		Stop: c.Stop, ToolChoice: choice(c), ResponseFormat: format(c.ResponseFormat), Stream: stream,
	}
	for _, t := range c.Tools {
		body.Tools = append(body.Tools, tool{"function", definition{t.Name, t.Description, wire.Schema(t.Parameters)}})
	}
	generation := generationOf(c.Model)
	if generation.reasons {
		body.Temperature, body.TopP = nil, nil
	}
	if generation.idleTools && len(c.Tools) > 0 {
		body.ReasoningEffort = "none"
	}
	// Azure names deployments as it likes, and takes the newer member for all.
	if generation.newer || (p.flavor == azure && p.options.APIVersion == "") {
		body.MaxCompletionTokens = c.MaxTokens
	} else {
		body.MaxTokens = c.MaxTokens
	}
	if stream && !p.options.OmitStreamOptions {
		body.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	return p.post("/chat/completions", c.Model, body)
}

func messages(given []playground.Message) []message {
	list := make([]message, 0, len(given))
	for _, m := range given {
		out := message{Role: m.Role, Name: m.Name, ToolCallID: m.ToolCallID}
		if m.Content != "" || len(m.ToolCalls) == 0 {
			out.Content = &m.Content
		}
		for _, c := range m.ToolCalls {
			out.ToolCalls = append(out.ToolCalls, call{c.ID, "function", function{c.Name, c.Arguments}})
		}
		list = append(list, out)
	}
	return list
}

func choice(c playground.Call) any {
	switch c.ToolChoice {
	case "":
		return nil
	case "auto", "none", "required":
		return c.ToolChoice
	}
	return map[string]any{"type": "function", "function": map[string]string{"name": c.ToolChoice}}
}

// format asks for JSON. A value that is already what the API calls a response
// format goes as it is, so that strict schemas can be asked for.
func format(raw []byte) any {
	f := wire.ParseFormat(raw)
	switch {
	case !f.JSON:
		return nil
	case f.Schema == nil:
		return map[string]string{"type": "json_object"}
	}
	var own struct {
		Type any `json:"type"`
	}
	if json.Unmarshal(f.Schema, &own) == nil && (own.Type == "json_schema" || own.Type == "json_object") {
		return f.Schema
	}
	return map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "answer", "schema": f.Schema}}
}

// generation is what a model's name tells of what it takes.
type generation struct {
	newer   bool // max_completion_tokens
	reasons bool // no temperature
	// idleTools says that it takes tools only where it does not reason, which
	// it does unless told otherwise.
	idleTools bool
}

// generationOf reads names such as o3-mini, gpt-5.4 and ft:o4-mini:acme.
func generationOf(model string) generation {
	name := strings.ToLower(model)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "openai/"), "ft:")
	if len(name) > 1 && name[0] == 'o' && digit(name[1]) {
		return generation{newer: true, reasons: true}
	}
	rest, ok := strings.CutPrefix(name, "gpt-")
	if !ok {
		return generation{}
	}
	major, rest := number(rest)
	minor := 0
	if after, ok := strings.CutPrefix(rest, "."); ok {
		minor, rest = number(after)
	}
	if major < 5 {
		return generation{}
	}
	reasons := !strings.HasPrefix(rest, "-chat")
	return generation{newer: true, reasons: reasons, idleTools: reasons && (major > 5 || minor >= 6)}
}

// number reads the digits that a text begins with, at most 3.
func number(s string) (n int, rest string) {
	for i := 0; i < len(s) && i < 3 && digit(s[i]); i++ {
		n = 10*n + int(s[i]-'0')
		rest = s[i+1:]
	}
	if n == 0 {
		return 0, s
	}
	return n, rest
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
