package otelexport

import (
	"bytes"
	"encoding/json"

	"go.opentelemetry.io/otel/attribute"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// maxContent bounds the texts of one attribute, in bytes; longer ones are left
// out as a whole, for half a message would be no JSON.
const maxContent = 256 << 10

// message and its parts are as the conventions' JSON schemas of
// gen_ai.input.messages and gen_ai.output.messages want them.
type message struct {
	Role         string `json:"role"`
	Parts        []part `json:"parts"`
	FinishReason string `json:"finish_reason,omitempty"`
}

type part struct {
	Type      string          `json:"type"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Content   string          `json:"content,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Response  *string         `json:"response,omitempty"`
}

// said gives messages as an attribute.
func said(key attribute.Key, turns []telemetry.Turn, finish string) []attribute.KeyValue {
	if len(turns) == 0 {
		return nil
	}
	messages := make([]message, len(turns))
	for i, t := range turns {
		messages[i] = message{Role: t.Role, Parts: parts(t), FinishReason: finish}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if enc.Encode(messages) != nil || text.Len() > maxContent {
		return []attribute.KeyValue{omitted.String(string(key))}
	}
	return []attribute.KeyValue{key.String(string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))))}
}

func parts(t telemetry.Turn) []part {
	all := []part{}
	if t.ToolCallID != "" {
		return append(all, part{Type: "tool_call_response", ID: t.ToolCallID, Response: &t.Content})
	}
	if t.Content != "" {
		all = append(all, part{Type: "text", Content: t.Content})
	}
	for _, c := range t.ToolCalls {
		arguments := json.RawMessage(c.Arguments)
		if !json.Valid(arguments) { // as the model wrote it
			arguments, _ = json.Marshal(c.Arguments) //nolint:errchkjson // a string always encodes.
		}
		all = append(all, part{Type: "tool_call", ID: c.ID, Name: c.Name, Arguments: arguments})
	}
	return all
}
