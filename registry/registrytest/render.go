package registrytest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

type values = map[string]any

// rendering is one user message, its declarations as JSON, what is given, and
// the text that comes out, or the error.
type rendering struct {
	content, declared string
	given             values
	want              string
	kind              error
	message           string // of the error, or one of its fields
}

func renderings() map[string]rendering {
	return map[string]rendering{
		"a value":                          {content: "Hi {{name}}!", given: values{"name": "Ada"}, want: "Hi Ada!"},
		"nothing is escaped":               {content: "{{a}} {{{a}}} {{&a}}", given: values{"a": `<b> & "c"`}, want: `<b> & "c" <b> & "c" <b> & "c"`},
		"no variables leave it as it is":   {content: "Hi {{name}} {{#a}}x{{/a}}", want: "Hi {{name}} {{#a}}x{{/a}}"},
		"undeclared and missing are empty": {content: "[{{a}}{{#b}}x{{/b}}]", given: values{"x": "1"}, want: "[]"},
		"optional and missing is empty":    {content: "[{{a}}]", declared: `{"a":{"type":"string"}}`, given: values{"x": "1"}, want: "[]"},
		"a default applies":                {content: "Hi {{a}}", declared: `{"a":{"type":"string","default":"you"}}`, want: "Hi you"},
		"a value replaces the default":     {content: "Hi {{a}}", declared: `{"a":{"type":"string","default":"you"}}`, given: values{"a": "Ada"}, want: "Hi Ada"},
		"a false default applies":          {content: "{{a}}", declared: `{"a":{"type":"boolean","default":false}}`, want: "false"},
		"a zero default applies":           {content: "{{a}}", declared: `{"a":{"type":"number","default":0}}`, want: "0"},
		"required with a default":          {content: "{{a}}", declared: `{"a":{"type":"string","required":true,"default":"x"}}`, want: "x"},
		"a section":                        {content: "{{#a}}yes{{/a}}{{^a}}no{{/a}}", given: values{"a": true}, want: "yes"},
		"an inverted section":              {content: "{{#a}}yes{{/a}}{{^a}}no{{/a}}", given: values{"a": false}, want: "no"},
		"a list of objects":                {content: "{{#l}}<{{a}}>{{/l}}", given: values{"l": []any{values{"a": 1}, values{"a": 2}}}, want: "<1><2>"},
		"a dotted name":                    {content: "{{user.name}}", given: values{"user": values{"name": "Ada"}}, want: "Ada"},
		"a million":                        {content: "{{n}}", given: values{"n": 1000000}, want: "1000000"},
		"a million that is a float":        {content: "{{n}}", given: values{"n": 1e6}, want: "1000000"},
		"a million that is JSON":           {content: "{{n}}", given: values{"n": json.Number("1000000")}, want: "1000000"},
		"a fraction":                       {content: "{{n}}", given: values{"n": 0.1}, want: "0.1"},
		"null":                             {content: "[{{n}}]", given: values{"n": nil}, want: "[]"},
		"an object as text":                {content: "{{o}}", given: values{"o": values{"b": []any{1, nil}, "a": "<x>"}}, want: `{"a":"<x>","b":[1,null]}`},
		"a value is not rendered twice":    {content: "{{a}}", given: values{"a": "{{b}}", "b": "x"}, want: "{{b}}"},
		"a default is not rendered twice":  {content: "{{a}}", declared: `{"a":{"type":"string","default":"{{b}}"}}`, given: values{"b": "x"}, want: "{{b}}"},
		"a number from a text":             {content: "{{n}}", declared: `{"n":{"type":"number"}}`, given: values{"n": "42"}, want: "42"},
		"a boolean from a text":            {content: "{{^b}}no{{/b}}", declared: `{"b":{"type":"boolean"}}`, given: values{"b": "false"}, want: "no"},
		"a list from a text":               {content: "{{#l}}[{{.}}]{{/l}}", declared: `{"l":{"type":"array"}}`, given: values{"l": `["a",1]`}, want: "[a][1]"},
		"a text that looks like a number":  {content: "{{s}}", declared: `{"s":{"type":"string"}}`, given: values{"s": "007"}, want: "007"},
		"a struct by its JSON": {content: "{{o.name}}{{o.Secret}}", given: values{"o": struct {
			Name   string `json:"name"`
			Secret string `json:"-"`
		}{"Ada", "x"}}, want: "Ada"},
		"what is required and missing": {
			content: "{{a}}{{b}}{{c}}", declared: `{"b":{"type":"string","required":true},"a":{"type":"number","required":true},"c":{"type":"string"}}`,
			given: values{"c": "x"}, kind: pmerr.ErrBadRequest, message: "Missing required variables: a, b",
		},
		"what is required when nothing is given": {
			content: "{{a}}", declared: `{"a":{"type":"string","required":true}}`,
			kind: pmerr.ErrBadRequest, message: "Missing required variables: a",
		},
		"a number that is a word": {
			content: "{{n}}", declared: `{"n":{"type":"number"}}`, given: values{"n": "many"},
			kind: pmerr.ErrValidation, message: "variables.n must be a number",
		},
		"a text that is a number": {
			content: "{{s}}", declared: `{"s":{"type":"string"}}`, given: values{"s": 5},
			kind: pmerr.ErrValidation, message: "variables.s must be a string",
		},
		"an object that is a list": {
			content: "{{o}}", declared: `{"o":{"type":"object"}}`, given: values{"o": []any{}},
			kind: pmerr.ErrValidation, message: "variables.o must be an object",
		},
		"a function": {
			content: "{{f}}", given: values{"f": func() string { return "x" }},
			kind: pmerr.ErrValidation, message: "variables",
		},
		"output that grows without end": {
			content: strings.Repeat("{{x}}", 20), given: values{"x": strings.Repeat("x", 1<<20)},
			kind: pmerr.ErrValidation, message: "too large",
		},
	}
}

func renderCases() map[string]func(*testing.T, Env) {
	cases := map[string]func(*testing.T, Env){
		"assistant messages are never touched": func(t *testing.T, e Env) {
			p := prompt("p", "1.0.0", "u {{x}}")
			p.Messages = append(p.Messages, registry.Message{Role: registry.Assistant, Content: "a {{x}}"},
				registry.Message{Role: registry.System, Content: "s {{x}}"})
			create(t, e.Mine, p)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{Variables: values{"x": 1}})
			require.NoError(t, err)
			require.Equal(t, "u 1", got.Content.Messages[0].Content)
			require.Equal(t, "a {{x}}", got.Content.Messages[1].Content)
			require.Equal(t, "s 1", got.Content.Messages[2].Content)
		},
		"raw is the file as it is": func(t *testing.T, e Env) {
			p := prompt("p", "1.0.0", "Hi {{name}} {{missing}}")
			p.Variables = map[string]registry.Variable{
				"name":    {Type: registry.String, Default: raw(`"you"`)},
				"missing": {Type: registry.String, Required: true},
			}
			create(t, e.Mine, p)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{Raw: true, Variables: values{"name": "Ada"}})
			require.NoError(t, err)
			require.JSONEq(t, text(t, p), text(t, got.Content))
		},
		"one version renders many values": func(t *testing.T, e Env) {
			create(t, e.Mine, prompt("p", "1.0.0", "{{x}}"))
			for _, x := range []string{"a", "b", "a"} {
				got, err := e.Mine.Get(t.Context(), "p", registry.Query{Variables: values{"x": x}})
				require.NoError(t, err)
				require.Equal(t, x, got.Content.Messages[0].Content)
			}
		},
	}
	for name, r := range renderings() {
		cases[name] = func(t *testing.T, e Env) {
			p := prompt("p", "1.0.0", r.content)
			if r.declared != "" {
				require.NoError(t, json.Unmarshal([]byte(r.declared), &p.Variables))
			}
			create(t, e.Mine, p)
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{Variables: r.given})
			if r.kind == nil {
				require.NoError(t, err)
				require.Equal(t, r.want, got.Content.Messages[0].Content)
				return
			}
			require.ErrorIs(t, err, r.kind)
			fault := pmerr.From(err)
			require.Contains(t, strings.Join(append(fault.Fields, fault.Message), "\n"), r.message)
		}
	}
	return cases
}
