package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Limits bound what rendering a prompt may cost. Zero fields mean the default.
type Limits struct {
	// MaxNesting is how deep sections may nest; default 16.
	MaxNesting int
	// MaxOutput is the size of all rendered messages of a prompt together, in
	// bytes; default 10 MiB.
	MaxOutput int
	// MaxSteps is how many parts of its templates one rendering of a prompt
	// may evaluate, loops counted; the messages share it evenly. Default
	// 1,000,000.
	MaxSteps int
}

// engine gives each of some messages its share.
func (l Limits) engine(messages int) mustache.Limits {
	return mustache.Limits{
		MaxNesting: l.MaxNesting,
		MaxOutput:  cmp.Or(l.MaxOutput, mustache.DefaultMaxOutput),
		MaxSteps:   max(1000, cmp.Or(l.MaxSteps, mustache.DefaultMaxSteps)/max(1, messages)),
	}
}

// Template is a prompt version whose templates are parsed. It is immutable and
// safe for concurrent use.
type Template struct {
	prompt   Prompt
	messages []*mustache.Template // nil for a message that is literal text
	declared []declaration
	limits   mustache.Limits
	// literal is set when a call without variables gets the messages as they
	// are: nothing is required and nothing has a default.
	literal bool
}

// declaration is a declared variable, ready to check a value.
type declaration struct {
	name     string
	kind     VariableType
	required bool
	def      any // plain JSON data; nil for none
}

// Compile parses the templates of a valid prompt. A prompt that [Validate]
// refuses is an ErrValidation.
func Compile(p Prompt, lim Limits) (*Template, error) {
	if err := Validate(p); err != nil {
		return nil, err
	}
	t := &Template{prompt: p, limits: lim.engine(len(p.Messages)), literal: true, messages: make([]*mustache.Template, len(p.Messages))}
	for i, m := range p.Messages {
		if m.Role == Assistant {
			continue
		}
		parsed, err := mustache.Parse(m.Content, t.limits)
		if err != nil {
			return nil, pmerr.Invalid(fmt.Sprintf("messages[%d].content is no valid template: %v", i, err))
		}
		if _, static := parsed.Static(); !static {
			t.messages[i] = parsed
		}
	}
	for _, name := range sortedKeys(p.Variables) {
		v := p.Variables[name]
		d := declaration{name: name, kind: v.Type, required: v.Required}
		if len(v.Default) > 0 {
			value, err := decodeValue(v.Default)
			if err != nil {
				return nil, pmerr.Invalid("variables." + name + ".default must be JSON")
			}
			if value != nil {
				d.def, _ = v.Type.fit(value)
			}
		}
		t.literal = t.literal && !d.required && d.def == nil
		t.declared = append(t.declared, d)
	}
	return t, nil
}

// Prompt gives the prompt as it was published.
func (t *Template) Prompt() Prompt { return t.prompt }

// Render gives the prompt with its system and user messages rendered over the
// variables. A required variable without a value: ErrBadRequest. A value of
// the wrong type, or output over the limits: ErrValidation.
func (t *Template) Render(variables map[string]any) (Prompt, error) {
	p := t.prompt
	p.Messages = slices.Clone(p.Messages)
	if len(variables) == 0 && t.literal {
		return p, nil
	}
	values, err := t.values(variables)
	if err != nil {
		return Prompt{}, err
	}
	buffer := make([]byte, 0, 1024)
	left := t.limits
	for i, m := range t.messages {
		if m == nil {
			continue
		}
		buffer, err = m.Append(buffer[:0], values, left)
		if err != nil {
			return Prompt{}, renderFault(i, err)
		}
		p.Messages[i].Content = string(buffer)
		// A limit of zero would mean the default.
		left.MaxOutput = max(1, left.MaxOutput-len(buffer))
	}
	return p, nil
}

func renderFault(message int, err error) error {
	var limit *mustache.LimitError
	if errors.As(err, &limit) {
		return pmerr.Invalid(fmt.Sprintf("variables make messages[%d] too large: %v", message, limit))
	}
	return pmerr.Invalid(fmt.Sprintf("variables do not fit messages[%d]: %v", message, err))
}

// values checks the given values against the declarations and fills the
// defaults. What fits as it is comes back without a copy.
func (t *Template) values(given map[string]any) (map[string]any, error) {
	plain, err := mustache.Normalize(given)
	if err != nil {
		return nil, pmerr.Invalid("variables must be plain JSON data: " + err.Error())
	}
	values, _ := plain.(map[string]any)
	shared := true // values is still the caller's map
	set := func(name string, value any) {
		if shared {
			values, shared = maps.Clone(values), false
			if values == nil {
				values = map[string]any{}
			}
		}
		values[name] = value
	}
	var missing, faults []string
	for _, d := range t.declared {
		value := values[d.name]
		if value == nil {
			switch {
			case d.def != nil:
				set(d.name, d.def)
			case d.required:
				missing = append(missing, d.name)
			}
			continue
		}
		fitted, ok := d.kind.fit(value)
		if !ok {
			faults = append(faults, fmt.Sprintf("variables.%s must be %s", d.name, d.kind.article()))
			continue
		}
		if converted(d.kind, value) {
			set(d.name, fitted)
		}
	}
	switch {
	case missing != nil:
		return nil, pmerr.New(pmerr.BadRequest, "Missing required variables: %s", strings.Join(missing, ", ")).With("missing", missing)
	case faults != nil:
		return nil, pmerr.Invalid(faults...)
	}
	return values, nil
}

// converted tells that fit turned a text into another type.
func converted(kind VariableType, value any) bool {
	_, text := value.(string)
	return text && kind != String
}

// fit checks that plain JSON data has the type. A text is accepted for any
// type that it spells, since a query string holds nothing but text.
func (k VariableType) fit(value any) (any, bool) {
	text, isText := value.(string)
	if k == String {
		return value, isText
	}
	if isText {
		parsed, err := decodeValue([]byte(text))
		if err != nil {
			return nil, false
		}
		if _, again := parsed.(string); again {
			return nil, false
		}
		value = parsed
	}
	ok := false
	switch value.(type) {
	case bool:
		ok = k == Boolean
	case []any:
		ok = k == Array
	case map[string]any:
		ok = k == Object
	case nil:
	default: // every other plain value is a number
		ok = k == Number
	}
	return value, ok
}

func (k VariableType) article() string {
	switch k {
	case Array, Object:
		return "an " + string(k)
	case Boolean:
		return "true or false"
	case String, Number:
	}
	return "a " + string(k)
}

// decodeValue reads one JSON value and keeps the text of its numbers.
func decodeValue(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}
