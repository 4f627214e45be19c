package ollama

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/internal/wire"
)

// line is a whole answer, or a line of a stream.
type line struct {
	Model   string `json:"model"`
	Message *struct {
		Content   json.RawMessage `json:"content"`
		ToolCalls []struct {
			ID       string `json:"id"`
			Function struct {
				Name      string          `json:"name"`
				Arguments json.RawMessage `json:"arguments"`
			} `json:"function"`
		} `json:"tool_calls"`
	} `json:"message"`
	Done       bool            `json:"done"`
	DoneReason string          `json:"done_reason"`
	PromptEval wire.Count      `json:"prompt_eval_count"`
	Eval       wire.Count      `json:"eval_count"`
	Error      json.RawMessage `json:"error"`
}

// Check misses what a whole answer must have, and finds errors.
func (l *line) Check() error {
	if err := l.fault(); err != nil {
		return err
	}
	if l.Message == nil || !l.Done {
		return wire.ErrNothing
	}
	_, err := (&wire.Text{}).Add(l.Message.Content)
	return err
}

func (l *line) fault() error {
	if !wire.Present(l.Error) {
		return nil
	}
	return wire.Said(l.Error)
}

// calls gives the calls of tools, which have no ids in most versions; the ids
// count on from those of earlier lines.
func (l *line) calls(before int) []playground.ToolCall {
	if l.Message == nil {
		return nil
	}
	var list []playground.ToolCall
	for _, c := range l.Message.ToolCalls {
		if c.ID == "" {
			c.ID = wire.CallID(before + len(list))
		}
		arguments := wire.Arguments(c.Function.Arguments)
		if arguments == "" {
			arguments = "{}"
		}
		list = append(list, playground.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: arguments})
	}
	return list
}

func (l *line) usage() playground.Usage {
	return playground.Usage{TokensIn: l.PromptEval.N, TokensOut: l.Eval.N}
}

func (l *line) reply() playground.Reply {
	var t wire.Text
	text, _ := t.Add(l.Message.Content) // Check has seen it
	calls := l.calls(0)
	return playground.Reply{
		Model: l.Model, Output: text + t.Rest(), ToolCalls: calls, Usage: l.usage(),
		FinishReason: reason(l.DoneReason, len(calls) > 0),
	}
}

// reason puts the reason why an answer ended into our words. It says "stop" for
// calls of tools too, and old versions say nothing.
func reason(word string, called bool) string {
	if word == "stop" || word == "" {
		if called {
			return "tool_calls"
		}
		return "stop"
	}
	return word
}

// decoder reads one stream.
type decoder struct {
	model  string
	text   wire.Text
	called int
}

// Decode reads a line.
func (d *decoder) Decode(e wire.Event) ([]playground.Part, error) {
	var l line
	if err := json.Unmarshal(e.Data, &l); err != nil {
		return nil, err
	}
	if err := l.fault(); err != nil {
		return nil, err
	}
	if l.Model != "" {
		d.model = l.Model
	}
	var parts []playground.Part
	if l.Message != nil {
		text, err := d.text.Add(l.Message.Content)
		if err != nil {
			return nil, err
		}
		parts = append(parts, playground.Part{Content: text})
	}
	for _, c := range l.calls(d.called) {
		parts = append(parts, playground.Part{ToolCall: &c})
		d.called++
	}
	if l.Done {
		parts = append(parts, playground.Part{Content: d.text.Rest()},
			playground.Part{Done: true, Model: d.model, Usage: l.usage(), FinishReason: reason(l.DoneReason, d.called > 0)})
	}
	return parts, nil
}

// End refuses a stream without its last line: only that says that it is whole.
func (d *decoder) End() (playground.Part, bool) { return playground.Part{}, false }

// Whole reads an answer that was not streamed.
func (d *decoder) Whole(data []byte) ([]playground.Part, error) {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, err
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	return wire.Parts(l.reply()), nil
}
