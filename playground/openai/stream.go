package openai

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// chunk is an event of a stream.
type chunk struct {
	ID      string `json:"id"`
	Model   string `json:"model"`
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content   json.RawMessage `json:"content"`
			Refusal   json.RawMessage `json:"refusal"`
			ToolCalls []fragment      `json:"tool_calls"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *usage          `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// decoder reads one stream. The usage comes in an event of its own after the
// one that says why the answer ended, on some servers within that one or in
// every one.
type decoder struct {
	id, model string
	text      wire.Text
	calls     wire.Calls
	called    bool
	refused   bool
	ended     bool
	finish    string
	usage     *usage
}

// Decode reads an event.
func (d *decoder) Decode(e wire.Event) ([]playground.Part, error) {
	if e.IsDone() {
		return d.last(), nil
	}
	var c chunk
	if err := json.Unmarshal(e.Data, &c); err != nil {
		return nil, err
	}
	if wire.Present(c.Error) {
		return nil, wire.Said(c.Error)
	}
	if e.Type == "error" {
		return nil, wire.ParseWords(e.Data)
	}
	if c.ID != "" {
		d.id = c.ID
	}
	if c.Model != "" {
		d.model = c.Model
	}
	if c.Usage != nil {
		d.usage = c.Usage
	}
	var parts []playground.Part
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue
		}
		for _, raw := range []json.RawMessage{choice.Delta.Content, choice.Delta.Refusal} {
			text, err := content(raw, &d.text)
			if err != nil {
				return nil, err
			}
			parts = append(parts, playground.Part{Content: text})
		}
		d.refused = d.refused || wire.Present(choice.Delta.Refusal)
		for _, f := range choice.Delta.ToolCalls {
			if err := d.calls.Add(piece(f)); err != nil {
				return nil, err
			}
		}
		if choice.FinishReason != "" {
			d.ended, d.finish = true, choice.FinishReason
			parts = append(parts, d.rest()...)
		}
	}
	return parts, nil
}

func piece(f fragment) wire.Fragment {
	index := -1
	if f.Index != nil && *f.Index >= 0 {
		index = *f.Index
	}
	return wire.Fragment{Index: index, ID: f.ID, Name: f.Function.Name, Arguments: wire.Quoted(f.Function.Arguments)}
}

// rest gives what waited for the end of the answer.
func (d *decoder) rest() []playground.Part {
	d.called = d.called || d.calls.Any()
	return append([]playground.Part{{Content: d.text.Rest()}}, d.calls.Take()...)
}

func (d *decoder) last() []playground.Part {
	parts := d.rest()
	finish := reason(d.finish, d.called)
	if d.refused {
		finish = "content_filter"
	}
	return append(parts, playground.Part{Done: true, ID: d.id, Model: d.model, Usage: d.usage.counts(), FinishReason: finish})
}

// End accepts a stream that said why it ended, without the mark.
func (d *decoder) End() (playground.Part, bool) {
	parts := d.last()
	return parts[len(parts)-1], d.ended
}

// Whole reads an answer that was not streamed.
func (d *decoder) Whole(data []byte) ([]playground.Part, error) {
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	r := c.reply()
	r.Model = orDefault(r.Model, d.model)
	return wire.Parts(r), nil
}
