package anthropic

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// event is an event of a stream, as in
// platform.claude.com/docs/en/build-with-claude/streaming. New kinds of events,
// blocks and deltas may come at any time, and are passed over.
type event struct {
	Type         string  `json:"type"`
	Message      message `json:"message"`
	Index        int     `json:"index"`
	ContentBlock struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
		ID   string          `json:"id"`
		Name string          `json:"name"`
	} `json:"content_block"`
	Delta struct {
		Type        string          `json:"type"`
		Text        json.RawMessage `json:"text"`
		PartialJSON json.RawMessage `json:"partial_json"`
		StopReason  string          `json:"stop_reason"`
	} `json:"delta"`
	Usage usage           `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// decoder reads one stream.
type decoder struct {
	id, model string
	text      wire.Text
	calls     wire.Calls
	usage     usage
	finish    string
}

// Decode reads an event.
func (d *decoder) Decode(e wire.Event) ([]playground.Part, error) {
	var v event
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return nil, err
	}
	switch v.Type {
	case "message_start":
		d.id = v.Message.ID
		if v.Message.Model != "" {
			d.model = v.Message.Model
		}
		d.count(v.Message.Usage)
	case "content_block_start":
		return d.begin(v)
	case "content_block_delta":
		return d.add(v)
	case "content_block_stop":
		return d.complete(), nil
	case "message_delta":
		if v.Delta.StopReason != "" {
			d.finish = v.Delta.StopReason
		}
		d.count(v.Usage)
	case "message_stop":
		return append(d.complete(), d.last()), nil
	case "error":
		return nil, wire.Said(v.Error)
	}
	return nil, nil
}

func (d *decoder) begin(v event) ([]playground.Part, error) {
	switch v.ContentBlock.Type {
	case "text":
		text, err := d.text.Add(v.ContentBlock.Text)
		return []playground.Part{{Content: text}}, err
	case "tool_use":
		return nil, d.calls.Add(wire.Fragment{Index: v.Index, ID: v.ContentBlock.ID, Name: v.ContentBlock.Name})
	}
	return nil, nil
}

func (d *decoder) add(v event) ([]playground.Part, error) {
	switch v.Delta.Type {
	case "text_delta":
		text, err := d.text.Add(v.Delta.Text)
		return []playground.Part{{Content: text}}, err
	case "input_json_delta":
		if !d.calls.Any() {
			return nil, nil // the input of a tool that the provider runs itself
		}
		return nil, d.calls.Add(wire.Fragment{Index: v.Index, Arguments: v.Delta.PartialJSON})
	}
	return nil, nil
}

// complete gives what waited for the end of a block.
func (d *decoder) complete() []playground.Part {
	parts := []playground.Part{{Content: d.text.Rest()}}
	for _, p := range d.calls.Take() {
		if p.ToolCall.Arguments == "" {
			p.ToolCall.Arguments = "{}"
		}
		parts = append(parts, p)
	}
	return parts
}

// count takes the later, cumulative numbers.
func (d *decoder) count(u usage) {
	d.usage.Input = u.Input.Or(d.usage.Input)
	d.usage.CacheCreated = u.CacheCreated.Or(d.usage.CacheCreated)
	d.usage.CacheRead = u.CacheRead.Or(d.usage.CacheRead)
	d.usage.Output = u.Output.Or(d.usage.Output)
}

func (d *decoder) last() playground.Part {
	return playground.Part{Done: true, ID: d.id, Model: d.model, Usage: d.usage.counts(), FinishReason: reason(d.finish)}
}

// End accepts a stream that said why it ended, without the mark.
func (d *decoder) End() (playground.Part, bool) { return d.last(), d.finish != "" }

// Whole reads an answer that was not streamed.
func (d *decoder) Whole(data []byte) ([]playground.Part, error) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	return wire.Parts(m.reply()), nil
}
