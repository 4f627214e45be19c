package ollama

import (
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// question is the body of a request, as in docs.ollama.com/api/chat.
type question struct {
	Model    string          `json:"model"`
	Messages []message       `json:"messages"`
	Tools    []tool          `json:"tools,omitempty"`
	Format   json.RawMessage `json:"format,omitempty"`
	Options  *settings       `json:"options,omitempty"`
	// Stream is true where it is left out.
	Stream bool `json:"stream"`
}

type settings struct {
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"top_p,omitempty"`
	NumPredict  *int64   `json:"num_predict,omitempty"`
	Stop        []string `json:"stop,omitempty"`
}

type message struct {
	Role      playground.Role `json:"role"`
	Content   string          `json:"content"`
	ToolCalls []toolCall      `json:"tool_calls,omitempty"`
	// ToolName says whose result a tool's message is; there are no ids.
	ToolName string `json:"tool_name,omitempty"`
}

type toolCall struct {
	Function function `json:"function"`
}

type function struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
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
	body := question{Model: c.Model, Messages: messages(c.Messages), Tools: tools(c), Stream: stream}
	if c.Temperature != nil || c.TopP != nil || c.MaxTokens != nil || len(c.Stop) > 0 {
		body.Options = &settings{c.Temperature, c.TopP, c.MaxTokens, c.Stop}
	}
	if f := wire.ParseFormat(c.ResponseFormat); f.Schema != nil {
		body.Format = f.Schema
	} else if f.JSON {
		body.Format = json.RawMessage(`"json"`)
	}
	return wire.Request{Method: http.MethodPost, Path: "/api/chat", Body: body, Model: c.Model}
}

func messages(given []playground.Message) []message {
	list := make([]message, 0, len(given))
	names := map[string]string{} // of the tools, by the ids of their calls
	for _, m := range given {
		out := message{Role: m.Role, Content: m.Content}
		for _, c := range m.ToolCalls {
			names[c.ID] = c.Name
			out.ToolCalls = append(out.ToolCalls, toolCall{function{c.Name, wire.Object(c.Arguments)}})
		}
		if m.Role == playground.Tool {
			out.ToolName = m.Name
			if out.ToolName == "" {
				out.ToolName = names[m.ToolCallID]
			}
		}
		list = append(list, out)
	}
	return list
}

func tools(c playground.Call) []tool {
	var list []tool
	for _, t := range c.Tools {
		switch c.ToolChoice {
		case "", "auto", "required", t.Name:
			list = append(list, tool{"function", definition{t.Name, t.Description, wire.Schema(t.Parameters)}})
		}
	}
	return list
}
