package scorer

import (
	"encoding/json"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// isRowName tells whether templates may read a name from the row.
func isRowName(name string) bool {
	switch name {
	case "input", "expected", "expectedOutput", "output", ".":
		return true
	}
	return false
}

// template is a text of a configuration, rendered over the row.
type template struct {
	member string
	text   string
	parsed *mustache.Template
	names  map[string]bool // top-level names that it may read
}

// render gives the text for a row.
func (t template) render(c *subject) (string, error) {
	// The row is not read where nothing of it is shown.
	if text, same := t.parsed.Static(); same {
		return text, nil
	}
	data, err := c.rowData()
	if err != nil {
		return "", err
	}
	return t.over(data)
}

// over gives the text for data, at most MaxText bytes.
func (t template) over(data map[string]any) (string, error) {
	out, err := t.parsed.Append(nil, data, mustache.Limits{MaxOutput: MaxText})
	if err != nil {
		return "", pmerr.New(pmerr.BadRequest, "config.%s: %s", t.member, err)
	}
	return string(out), nil
}

// subject is a case that is being judged by one rule.
type subject struct {
	eval.Case
	data map[string]any // of rowData
}

// rowData is what templates read. It is made once and must not be changed.
func (c *subject) rowData() (map[string]any, error) {
	if c.data != nil {
		return c.data, nil
	}
	data := map[string]any{"output": c.Output}
	for _, part := range []struct {
		name string
		raw  json.RawMessage
	}{{"input", c.Row.Input}, {"expected", c.Row.ExpectedOutput}} {
		if len(part.raw) == 0 {
			continue
		}
		value, err := parseJSON(part.raw)
		if err != nil {
			return nil, pmerr.New(pmerr.BadRequest, "the row's %s %s", part.name, err)
		}
		data[part.name] = value
	}
	data["expectedOutput"] = data["expected"]
	c.data = data
	return data, nil
}

// expectation is where a rule's expected text comes from.
type expectation struct {
	// template of the configuration; without one the row's expectedOutput.
	template *template
}

// expectation reads an optional template.
func (r *rule) expectation(member string, text *string) expectation {
	if text == nil {
		return expectation{}
	}
	t := r.template(member, *text)
	return expectation{template: &t}
}

// text is the expected text of a row. whole tells that it is the entire
// expectedOutput as JSON. No expectation, or a template that renders to nothing,
// is ErrBadRequest: comparing with an empty text would pass for a low score.
func (e expectation) text(c *subject) (text string, whole bool, err error) {
	if e.template == nil {
		return expectedText(c.Row.ExpectedOutput)
	}
	text, err = e.template.render(c)
	if err != nil {
		return "", false, err
	}
	if text == "" && e.template.text != "" {
		return "", false, pmerr.New(pmerr.BadRequest, "config.%s renders to nothing for this row", e.template.member)
	}
	return text, false, nil
}

// expectedText finds the expected text in an expectedOutput.
func expectedText(raw json.RawMessage) (text string, whole bool, err error) {
	if len(raw) == 0 || strings.TrimSpace(string(raw)) == "null" {
		return "", false, pmerr.New(pmerr.BadRequest, "the row has no expectedOutput, and the rule names no expected value")
	}
	value, err := parseJSON(raw)
	if err != nil {
		return "", false, pmerr.New(pmerr.BadRequest, "the row's expectedOutput %s", err)
	}
	switch v := value.(type) {
	case string:
		return v, false, nil
	case map[string]any:
		for _, member := range expectedMembers {
			if s, ok := v[member].(string); ok {
				return s, false, nil
			}
		}
	}
	compact, err := compactJSON(value)
	if err != nil {
		return "", false, err
	}
	return compact, true, nil
}

// expectedMembers are the members that hold an expected text, the first first.
var expectedMembers = [...]string{"answer", "output", "text"}
