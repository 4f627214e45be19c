package registry_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func compile(tb testing.TB, p registry.Prompt, lim registry.Limits) *registry.Template {
	tb.Helper()
	t, err := registry.Compile(p, lim)
	require.NoError(tb, err)
	return t
}

type values = map[string]any

func TestRender(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content, declared string
		given             values
		want              string
	}{
		"a value":                              {"Hi {{name}}!", ``, values{"name": "Ada"}, "Hi Ada!"},
		"nothing is escaped":                   {"{{a}} {{{a}}} {{&a}}", ``, values{"a": `<b> & "c"`}, `<b> & "c" <b> & "c" <b> & "c"`},
		"no variables leave it as it is":       {"Hi {{name}} {{#a}}x{{/a}}", ``, nil, "Hi {{name}} {{#a}}x{{/a}}"},
		"an empty set leaves it as it is":      {"Hi {{name}}", ``, values{}, "Hi {{name}}"},
		"undeclared and missing are empty":     {"Hi {{name}}{{other}}", ``, values{"x": 1}, "Hi "},
		"optional and missing is empty":        {"Hi {{name}}", `{"name":{"type":"string"}}`, values{"x": 1}, "Hi "},
		"a default alone is reason to render":  {"Hi {{name}}", `{"name":{"type":"string","default":"you"}}`, nil, "Hi you"},
		"a value replaces the default":         {"Hi {{name}}", `{"name":{"type":"string","default":"you"}}`, values{"name": "Ada"}, "Hi Ada"},
		"an empty text replaces the default":   {"Hi {{name}}", `{"name":{"type":"string","default":"you"}}`, values{"name": ""}, "Hi "},
		"null means the default":               {"Hi {{name}}", `{"name":{"type":"string","default":"you"}}`, values{"name": nil}, "Hi you"},
		"a required default is enough":         {"Hi {{name}}", `{"name":{"type":"string","required":true,"default":"you"}}`, nil, "Hi you"},
		"a default of null is none":            {"Hi {{name}}", `{"name":{"type":"string","default":null}}`, nil, "Hi {{name}}"},
		"a default of false is one":            {"{{flag}}", `{"flag":{"type":"boolean","default":false}}`, nil, "false"},
		"a default of zero is one":             {"{{n}}", `{"n":{"type":"number","default":0}}`, nil, "0"},
		"a default list":                       {"{{#l}}[{{.}}]{{/l}}", `{"l":{"type":"array","default":["a","b"]}}`, nil, "[a][b]"},
		"a default object":                     {"{{o.a}}", `{"o":{"type":"object","default":{"a":"x"}}}`, nil, "x"},
		"a default that is a text of a number": {"{{n}}", `{"n":{"type":"number","default":"5"}}`, nil, "5"},
		"a section":                            {"{{#on}}yes{{/on}}{{^on}}no{{/on}}", ``, values{"on": true}, "yes"},
		"an inverted section":                  {"{{#on}}yes{{/on}}{{^on}}no{{/on}}", ``, values{"on": false}, "no"},
		"a list":                               {"{{#l}}<{{a}}>{{/l}}", ``, values{"l": []any{values{"a": 1}, values{"a": 2}}}, "<1><2>"},
		"a dotted name":                        {"{{user.name}}", ``, values{"user": values{"name": "Ada"}}, "Ada"},
		"a large whole number":                 {"{{n}}", ``, values{"n": 1000000}, "1000000"},
		"a large whole number from JSON":       {"{{n}}", ``, values{"n": json.Number("1000000")}, "1000000"},
		"a large float":                        {"{{n}}", ``, values{"n": float64(1000000)}, "1000000"},
		"a fraction":                           {"{{n}}", ``, values{"n": 0.1}, "0.1"},
		"null":                                 {"[{{n}}]", ``, values{"n": nil}, "[]"},
		"an object as text":                    {"{{o}}", ``, values{"o": values{"b": []any{1, nil}, "a": "<x>"}}, `{"a":"<x>","b":[1,null]}`},
		"a struct is its JSON": {"{{o}} {{o.Secret}}", ``, values{"o": struct {
			Name   string `json:"name"`
			Secret string `json:"-"`
		}{"Ada", "x"}}, `{"name":"Ada"} `},
		"a value is not rendered again":          {"{{a}}", ``, values{"a": "{{b}}", "b": "x"}, "{{b}}"},
		"a default is not rendered again":        {"{{a}}", `{"a":{"type":"string","default":"{{b}}"}}`, values{"b": "x"}, "{{b}}"},
		"a number from a text":                   {"{{n}}", `{"n":{"type":"number"}}`, values{"n": "42"}, "42"},
		"a boolean from a text":                  {"{{#b}}yes{{/b}}{{^b}}no{{/b}}", `{"b":{"type":"boolean"}}`, values{"b": "false"}, "no"},
		"a list from a text":                     {"{{#l}}[{{.}}]{{/l}}", `{"l":{"type":"array"}}`, values{"l": `["a",1]`}, "[a][1]"},
		"an object from a text":                  {"{{o.a}}", `{"o":{"type":"object"}}`, values{"o": `{"a":1000000}`}, "1000000"},
		"a text that looks like a number":        {"{{s}}", `{"s":{"type":"string"}}`, values{"s": "007"}, "007"},
		"an undeclared text stays a text":        {"{{^b}}no{{/b}}{{#b}}yes{{/b}}", ``, values{"b": "false"}, "yes"},
		"any Go number":                          {"{{a}}{{b}}{{c}}", `{"a":{"type":"number"},"b":{"type":"number"},"c":{"type":"number"}}`, values{"a": int8(1), "b": uint64(2), "c": float32(3)}, "123"},
		"a Go list":                              {"{{#l}}{{.}},{{/l}}", `{"l":{"type":"array"}}`, values{"l": []string{"a", "b"}}, "a,b,"},
		"a text beyond ASCII":                    {"{{größe}}", ``, values{"größe": "🌱"}, "🌱"},
		"a literal stays when there is data too": {"No tags, <b> & \"q\"", ``, values{"a": 1}, "No tags, <b> & \"q\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prompt("p", "1.0.0", test.content)
			if test.declared != "" {
				p.Variables = declare(test.declared)
			}
			got, err := compile(t, p, registry.Limits{}).Render(test.given)
			require.NoError(t, err)
			require.Equal(t, test.want, got.Messages[0].Content)
		})
	}

	t.Run("assistant messages are never touched", func(t *testing.T) {
		t.Parallel()
		p := registry.Prompt{Name: "p", Version: "1.0.0", Messages: []registry.Message{
			{Role: registry.System, Content: "s {{x}}"},
			{Role: registry.Assistant, Content: "a {{x}} {{#broken"},
			{Role: registry.User, Content: "u {{x}}", Name: "who"},
		}}
		got, err := compile(t, p, registry.Limits{}).Render(values{"x": "1"})
		require.NoError(t, err)
		require.Equal(t, []registry.Message{
			{Role: registry.System, Content: "s 1"},
			{Role: registry.Assistant, Content: "a {{x}} {{#broken"},
			{Role: registry.User, Content: "u 1", Name: "who"},
		}, got.Messages)
	})

	t.Run("the template and the given values are left as they are", func(t *testing.T) {
		t.Parallel()
		p := prompt("p", "1.0.0", "{{a}}{{b}}{{n}}")
		p.Variables = declare(`{"b":{"type":"string","default":"x"},"n":{"type":"number"}}`)
		template := compile(t, p, registry.Limits{})
		given := values{"a": "1", "n": "5"}
		got, err := template.Render(given)
		require.NoError(t, err)
		require.Equal(t, "1x5", got.Messages[0].Content)
		require.Equal(t, values{"a": "1", "n": "5"}, given)
		require.Equal(t, "{{a}}{{b}}{{n}}", template.Prompt().Messages[0].Content)
	})

	t.Run("many render at once", func(t *testing.T) {
		t.Parallel()
		p := prompt("p", "1.0.0", "{{#l}}{{.}}{{/l}}{{d}}")
		p.Variables = declare(`{"d":{"type":"object","default":{"a":[1]}}}`)
		template := compile(t, p, registry.Limits{})
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				for range 100 {
					got, err := template.Render(values{"l": []any{"a", "b"}})
					if err != nil || got.Messages[0].Content != `ab{"a":[1]}` {
						t.Errorf("got %v, %v", got.Messages, err)
						return
					}
				}
			})
		}
		calls.Wait()
	})
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		declared string
		given    values
		kind     error
		fields   []string
		message  string
	}{
		"what is required and missing, all at once": {
			declared: `{"b":{"type":"string","required":true},"a":{"type":"number","required":true},"c":{"type":"string"}}`,
			kind:     pmerr.ErrBadRequest, message: "Missing required variables: a, b",
		},
		"what is required and null": {
			declared: `{"a":{"type":"string","required":true}}`, given: values{"a": nil},
			kind: pmerr.ErrBadRequest, message: "Missing required variables: a",
		},
		"wrong types, all at once": {
			declared: `{"a":{"type":"array"},"b":{"type":"boolean"},"n":{"type":"number"},"o":{"type":"object"},"s":{"type":"string"}}`,
			given:    values{"a": "x", "b": 1, "n": true, "o": []any{}, "s": 5},
			kind:     pmerr.ErrValidation,
			fields: []string{
				"variables.a must be an array", "variables.b must be true or false", "variables.n must be a number",
				"variables.o must be an object", "variables.s must be a string",
			},
		},
		"a text that spells another type": {
			declared: `{"n":{"type":"number"}}`, given: values{"n": "true"},
			kind: pmerr.ErrValidation, fields: []string{"variables.n must be a number"},
		},
		"a text in a text": {
			declared: `{"n":{"type":"number"}}`, given: values{"n": `"5"`},
			kind: pmerr.ErrValidation, fields: []string{"variables.n must be a number"},
		},
		"two numbers in a text": {
			declared: `{"n":{"type":"number"}}`, given: values{"n": `5 6`},
			kind: pmerr.ErrValidation, fields: []string{"variables.n must be a number"},
		},
		"a function": {
			given: values{"f": func() string { return "x" }},
			kind:  pmerr.ErrValidation,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prompt("p", "1.0.0", "{{a}}{{f}}")
			if test.declared != "" {
				p.Variables = declare(test.declared)
			}
			_, err := compile(t, p, registry.Limits{}).Render(test.given)
			require.ErrorIs(t, err, test.kind)
			e := pmerr.From(err)
			if test.fields != nil {
				require.Equal(t, test.fields, e.Fields)
			}
			if test.message != "" {
				require.Equal(t, test.message, e.Message)
			}
			if errors.Is(test.kind, pmerr.ErrValidation) {
				require.NotEmpty(t, e.Fields)
				require.Contains(t, e.Fields[0], "variables")
			}
		})
	}
}

func TestRenderLimits(t *testing.T) {
	t.Parallel()
	t.Run("the output of all messages together is bounded", func(t *testing.T) {
		t.Parallel()
		template := compile(t, prompt("p", "1.0.0", "{{x}}", "{{x}}"), registry.Limits{MaxOutput: 10})
		got, err := template.Render(values{"x": "12345"})
		require.NoError(t, err)
		require.Equal(t, "12345", got.Messages[1].Content)
		_, err = template.Render(values{"x": "123456"})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Contains(t, pmerr.From(err).Fields[0], "messages[1] too large")
	})
	t.Run("the work is bounded", func(t *testing.T) {
		t.Parallel()
		nested := strings.Repeat("{{#l}}", 6) + "x" + strings.Repeat("{{/l}}", 6)
		list := make([]any, 30)
		for i := range list {
			list[i] = true
		}
		_, err := compile(t, prompt("p", "1.0.0", nested), registry.Limits{}).Render(values{"l": list})
		require.ErrorIs(t, err, pmerr.ErrValidation)
	})
	t.Run("the default bound of the output is ten megabytes", func(t *testing.T) {
		t.Parallel()
		template := compile(t, prompt("p", "1.0.0", "{{x}}{{x}}"), registry.Limits{})
		half := strings.Repeat("x", 5<<20)
		_, err := template.Render(values{"x": half})
		require.NoError(t, err)
		_, err = template.Render(values{"x": half + "x"})
		require.ErrorIs(t, err, pmerr.ErrValidation)
	})
	t.Run("nesting is bounded when it is published", func(t *testing.T) {
		t.Parallel()
		deep := strings.Repeat("{{#a}}", 20) + strings.Repeat("{{/a}}", 20)
		_, err := registry.Compile(prompt("p", "1.0.0", deep), registry.Limits{})
		require.ErrorIs(t, err, pmerr.ErrValidation)
	})
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"a partial":                   "{{> header}}",
		"a partial that names a file": "{{>/etc/passwd}}",
		"a parent":                    "{{<layout}}{{/layout}}",
		"a block":                     "{{$block}}{{/block}}",
		"a section without an end":    "{{#a}}x",
		"an end without a section":    "x{{/a}}",
		"crossed sections":            "{{#a}}{{#b}}{{/a}}{{/b}}",
		"a tag without an end":        "{{a",
		"an empty tag":                "{{}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := registry.Compile(prompt("p", "1.0.0", "fine", "line one\n"+content), registry.Limits{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			fields := pmerr.From(err).Fields
			require.Len(t, fields, 1)
			require.Contains(t, fields[0], "messages[1].content is no valid template: line 2")
		})
	}
}
