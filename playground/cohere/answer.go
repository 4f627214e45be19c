package cohere

import (
	"encoding/json"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// response is a whole answer.
type response struct {
	ID      string `json:"id"`
	Message *struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
		ToolCalls []call `json:"tool_calls"`
	} `json:"message"`
	FinishReason string `json:"finish_reason"`
	Usage        usage  `json:"usage"`
}

// Check misses what an answer must have, and finds errors in successful ones.
func (r *response) Check() error {
	if r.Message == nil {
		return wire.ErrNothing
	}
	return failed(r.FinishReason, "")
}

// reply names the model that was asked: the answer does not say which answered.
func (r *response) reply(model string) playground.Reply {
	out := playground.Reply{ID: r.ID, Model: model, Usage: r.Usage.counts(), FinishReason: reason(r.FinishReason)}
	var text strings.Builder
	for _, b := range r.Message.Content {
		if b.Type == "text" || b.Type == "" {
			text.WriteString(b.Text)
		}
	}
	out.Output = text.String()
	for i, c := range r.Message.ToolCalls {
		if c.ID == "" {
			c.ID = wire.CallID(i)
		}
		out.ToolCalls = append(out.ToolCalls, playground.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: wire.Arguments(c.Function.Arguments)})
	}
	return out
}

// event is an event of a stream, as in docs.cohere.com/v2/docs/streaming. New
// kinds may come, and are passed over.
type event struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Index int    `json:"index"`
	Delta struct {
		Message struct {
			// Content and ToolCalls are an object in some events and a list
			// in others.
			Content   json.RawMessage `json:"content"`
			ToolCalls json.RawMessage `json:"tool_calls"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
		Error        string `json:"error"`
		Usage        usage  `json:"usage"`
	} `json:"delta"`
}

// decoder reads one stream.
type decoder struct {
	id, model string
	text      wire.Text
	calls     wire.Calls
	finish    string
	usage     usage
}

// Decode reads an event.
func (d *decoder) Decode(e wire.Event) ([]playground.Part, error) {
	if e.IsDone() {
		return nil, nil
	}
	var v event
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return nil, err
	}
	switch v.Type {
	case "message-start":
		d.id = v.ID
	case "content-start", "content-delta":
		return d.add(v)
	case "tool-call-start", "tool-call-delta":
		var c call
		if err := json.Unmarshal(v.Delta.Message.ToolCalls, &c); err != nil {
			return nil, err
		}
		return nil, d.calls.Add(wire.Fragment{Index: v.Index, ID: c.ID, Name: c.Function.Name, Arguments: wire.Quoted(c.Function.Arguments)})
	case "tool-call-end":
		return d.calls.Take(), nil
	case "message-end":
		if err := failed(v.Delta.FinishReason, v.Delta.Error); err != nil {
			return nil, err
		}
		d.finish, d.usage = v.Delta.FinishReason, v.Delta.Usage
		parts := append([]playground.Part{{Content: d.text.Rest()}}, d.calls.Take()...)
		return append(parts, d.last()), nil
	case "":
		if w := wire.ParseWords(e.Data); !w.Empty() {
			return nil, w
		}
	}
	return nil, nil
}

func (d *decoder) add(v event) ([]playground.Part, error) {
	var content struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
	}
	if err := json.Unmarshal(v.Delta.Message.Content, &content); err != nil {
		return nil, err
	}
	if content.Type != "" && content.Type != "text" {
		return nil, nil
	}
	text, err := d.text.Add(content.Text)
	return []playground.Part{{Content: text}}, err
}

func (d *decoder) last() playground.Part {
	return playground.Part{Done: true, ID: d.id, Model: d.model, Usage: d.usage.counts(), FinishReason: reason(d.finish)}
}

// End refuses a stream without its last event: only that says why it ended.
func (d *decoder) End() (playground.Part, bool) { return d.last(), d.finish != "" }

// Whole reads an answer that was not streamed.
func (d *decoder) Whole(data []byte) ([]playground.Part, error) {
	var r response
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return wire.Parts(r.reply(d.model)), nil
}
