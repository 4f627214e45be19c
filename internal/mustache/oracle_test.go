package mustache_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	oracle "github.com/cbroglie/mustache"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

// The other engine prints what fmt prints. These types give its data our text
// form, so that the two can be compared on any value.
type (
	oracleObject map[string]any
	oracleList   []any
	oracleNull   struct{}
)

func (o oracleObject) String() string               { return compact(o) }
func (l oracleList) String() string                 { return compact(l) }
func (oracleNull) String() string                   { return "" }
func (oracleNull) MarshalJSON() ([]byte, error)     { return []byte("null"), nil }
func (o oracleObject) MarshalJSON() ([]byte, error) { return []byte(compact(map[string]any(o))), nil }
func (l oracleList) MarshalJSON() ([]byte, error)   { return []byte(compact([]any(l))), nil }

func compact(v any) string {
	switch t := v.(type) {
	case oracleObject:
		v = map[string]any(t)
	case oracleList:
		v = []any(t)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func forOracle(v any) any {
	switch v := v.(type) {
	case nil:
		return oracleNull{}
	case map[string]any:
		o := make(oracleObject, len(v))
		for key, item := range v {
			o[key] = forOracle(item)
		}
		return o
	case []any:
		l := make(oracleList, len(v))
		for i, item := range v {
			l[i] = forOracle(item)
		}
		return l
	}
	return v
}

// oracleData holds nothing on which the engines differ by intent: blank strings
// (falsy there) and numbers that are not integers.
var oracleData = []any{
	map[string]any{},
	map[string]any{"a": "x", "b": "<&>\"", "c": 7, "t": true, "f": false, "z": 0, "n": nil, "e": "", "s": "{{a}}"},
	map[string]any{"a": map[string]any{"b": map[string]any{"c": "deep", "n": nil}, "c": 1}, "b": map[string]any{"c": "outer"}, "n": "out", "c": "cc"},
	map[string]any{"a": []any{1, 2, 3}, "b": []any{}, "c": []any{[]any{"x"}, []any{}, []any{"y", "z"}}, "t": true},
	map[string]any{
		"a": []any{map[string]any{"b": "1", "c": []any{map[string]any{"d": "p"}, map[string]any{"b": "q"}}}, map[string]any{"c": []any{}, "n": nil}},
		"b": "B", "d": "D", "e": map[string]any{}, "f": false,
	},
	[]any{map[string]any{"a": 1}, "a", 0, nil, []any{true}},
	"plain",
}

var oracleTemplates = []string{
	"", "text only", "{{a}}", "{{{a}}} {{&a}} {{ a }}", "[{{a.b.c}}] [{{a.b}}] [{{a.n.x}}] [{{n}}]", "{{.}}",
	"{{#a}}<{{.}}|{{b}}|{{c}}>{{/a}}", "{{^a}}none{{/a}}", "{{#a}}yes{{/a}}{{^a}}no{{/a}}",
	"{{#t}}{{#f}}x{{/f}}{{^f}}y{{/f}}{{/t}}", "{{#c}}({{#.}}{{.}}{{/.}}){{/c}}", "{{#.}}{{a}}{{.}};{{/.}}",
	"{{#a}}{{#c}}{{b}}{{d}}{{/c}}{{^c}}-{{/c}}{{/a}}", "{{#a.b}}{{c}}{{/a.b}}{{^a.b}}!{{/a.b}}",
	"{{#e}}e{{/e}}{{#z}}z{{/z}}{{#n}}n{{/n}}{{^e}}E{{/e}}{{^z}}Z{{/z}}{{^n}}N{{/n}}",
	"list:\n{{#a}}\n - {{b}}\n{{/a}}\nend\n", "list:\r\n  {{#a}}\r\n - {{.}}\r\n  {{/a}}\r\nend",
	"{{! c }}\nx\n  {{! d\n }}\ny {{! e }}\n", "{{#a}}{{#b}}\nx\n{{/b}}{{/a}}\n", "  {{#t}}\n#{{/t}}\n/",
	"{{#a}}\n{{#b}}\n{{^f}}\nx\n{{/f}}\n{{/b}}\n{{/a}}\n", " | {{#t}}\t|\t{{/t}} | \n", "{{s}}{{{s}}}",
	"}} { } {{a}}}", "{{#t}}{{/t}}", "\n{{#t}}\n\n{{/t}}\n\n", "{{a b}}{{a-b}}",
}

var oracleDelimiters = []string{
	"{{=<% %>=}}(<%a%>)({{a}})", "{{=| |=}}|#t|\nx\n|/t|\n|={{ }}=|\n{{#t}}y{{/t}}", "1\n  {{=@ @=}}\n2\n@a@",
	"{{=<% %>=}}<%#a%><%.%><%/a%><%^a%>-<%/a%><%! c %><%&b%>",
}

// ask renders with the other engine; ok is false where it finds no template.
func ask(tb testing.TB, text string, data any) (out string, ok bool) {
	tb.Helper()
	t, err := oracle.ParseStringPartialsRaw(text, &oracle.StaticProvider{}, true)
	if err != nil {
		return "", false
	}
	out, err = t.Render(forOracle(data))
	require.NoError(tb, err)
	return out, true
}

func TestAgreesWithOracle(t *testing.T) {
	t.Parallel()
	for _, text := range slices.Concat(oracleTemplates, oracleDelimiters) {
		for i, data := range oracleData {
			t.Run(fmt.Sprintf("%q on %d", text, i), func(t *testing.T) {
				t.Parallel()
				want, ok := ask(t, text, data)
				require.True(t, ok, "the oracle refuses it")
				require.Equal(t, want, render(t, text, data))
			})
		}
	}
}

// oracleDiffers names the known places in which the other engine goes another
// way, or goes wrong.
func oracleDiffers(text string) bool {
	return strings.Contains(text, "=") || // it takes malformed delimiters for variables
		strings.HasSuffix(text, " ") || strings.HasSuffix(text, "\t") || // it sees no standalone tag before blanks that end the text
		strings.Contains(text, "String") // the method of the types above
}

func FuzzAgainstOracle(f *testing.F) {
	for i, text := range oracleTemplates {
		f.Add(text, uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		if len(text) > 1000 || oracleDiffers(text) {
			t.Skip()
		}
		tmpl, err := mustache.Parse(text, mustache.Limits{})
		if err != nil {
			t.Skip() // we refuse more
		}
		data := oracleData[int(which)%len(oracleData)]
		got, err := tmpl.Append(nil, data, mustache.Limits{MaxOutput: 1 << 16, MaxSteps: 1 << 16})
		if err != nil {
			t.Skip() // and it knows no limits
		}
		want, ok := ask(t, text, data)
		require.True(t, ok, "the oracle refuses what we accept: %q", text)
		require.Equal(t, want, string(got), "template %q on %d", text, int(which)%len(oracleData))
	})
}

// TestOracleDifferences pins what is ours on purpose.
func TestOracleDifferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text  string
		data        map[string]any
		ours, other string
	}{
		{"null prints nothing", "{{n}}", map[string]any{"n": nil}, "", "<nil>"},
		{"whole floats print digits", "{{n}}", map[string]any{"n": 1e6}, "1000000", "1e+06"},
		{"objects print JSON", "{{o}}", map[string]any{"o": map[string]any{"a": 1}}, `{"a":1}`, "map[a:1]"},
		{"blank strings are truthy", "{{#s}}x{{/s}}", map[string]any{"s": " "}, "x", ""},
		{"blanks after the last tag belong to its line", "{{#t}}\nx\n{{/t}}  ", map[string]any{"t": true}, "x\n", "x\n  "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.ours, render(t, c.text, maps.Clone(c.data)))
			other, err := oracle.RenderRaw(c.text, true, c.data)
			require.NoError(t, err)
			require.Equal(t, c.other, other)
		})
	}
}
