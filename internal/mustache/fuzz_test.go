package mustache_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

var fuzzData = []string{
	`{}`, `null`, `"text"`, `[1,[2,[]],{"a":"b"}]`,
	`{"a":"x","b":"{{a}}","c":[1,2.50,1e3,-0,1e-9,1E400],"d":{"e":null,"f":[]},"t":true,"z":0}`,
	`{"a":[{"a":[{"a":[{"b":1}]}]},{"b":2}],"l":["","a",null]}`,
}

// decode reads JSON into plain data, or says that it is none.
func decode(text string) (any, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	v, err := mustache.Normalize(v)
	return v, err == nil
}

func FuzzParseAndRender(f *testing.F) {
	for i, text := range slices.Concat(oracleTemplates, oracleDelimiters) {
		f.Add(text, fuzzData[i%len(fuzzData)])
	}
	for _, text := range []string{
		"{{", "{{{a}}", "{{#a}}", "{{/a}}", "{{>a}}", "{{$a}}", "{{==}}", "{{=a=}}", "{{= =}}", "{{..}}", "{{{}}}", "{{!}}",
		"{{#a}}{{#a}}{{#a}}{{b}}{{.}}{{/a}}{{/a}}{{/a}}", "{{={ }=}}{{{a}}}", "\xff{{\xff}}",
	} {
		f.Add(text, fuzzData[4])
	}
	f.Fuzz(func(t *testing.T, text, source string) {
		data, ok := decode(source)
		if !ok {
			t.Skip()
		}
		tmpl, err := mustache.Parse(text, mustache.Limits{})
		if err != nil {
			var fault *mustache.SyntaxError
			require.ErrorAs(t, err, &fault)
			require.NotEmpty(t, fault.Message)
			require.GreaterOrEqual(t, fault.Line, 1)
			require.LessOrEqual(t, fault.Line, 1+strings.Count(text, "\n"))
			require.Less(t, len(fault.Message), 2000)
			return
		}
		names := tmpl.Names()
		require.True(t, slices.IsSorted(names))
		require.Len(t, slices.Compact(slices.Clone(names)), len(names))
		require.NotContains(t, names, "")

		lim := mustache.Limits{MaxOutput: 1 << 14, MaxSteps: 1 << 14}
		out, err := tmpl.Append(nil, data, lim)
		if err != nil {
			var fault *mustache.LimitError
			require.ErrorAs(t, err, &fault, "plain data fails by limits alone")
			require.Empty(t, out)
			return
		}
		require.LessOrEqual(t, len(out), lim.MaxOutput)
		if static, ok := tmpl.Static(); ok {
			require.Equal(t, static, string(out))
			require.Empty(t, names)
		}

		again, err := mustache.Parse(text, mustache.Limits{})
		require.NoError(t, err)
		twice, err := again.Append([]byte("kept"), data, lim)
		require.NoError(t, err)
		require.Equal(t, "kept"+string(out), string(twice))

		// Names tells all that is read: without the rest nothing changes.
		if whole, ok := data.(map[string]any); ok && !strings.Contains(text, ".") {
			read := map[string]any{}
			for _, name := range names {
				if v, ok := whole[name]; ok {
					read[name] = v
				}
			}
			less, err := tmpl.Append(nil, read, lim)
			require.NoError(t, err)
			require.Equal(t, string(out), string(less))
		}
	})
}

func FuzzNormalize(f *testing.F) {
	for _, source := range fuzzData {
		f.Add([]byte(source))
	}
	f.Add([]byte(`{"a":"\ud800","b":"\u2028<&>\u0000","c":-1.50E+07}`))
	f.Add([]byte("\"\xff\""))
	f.Add([]byte(strings.Repeat("[", 150) + strings.Repeat("]", 150)))
	whole, err := mustache.Parse("{{.}}", mustache.Limits{})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, source []byte) {
		// Any bytes are a string that becomes plain.
		s, err := mustache.Normalize(string(source))
		require.NoError(t, err)
		require.True(t, utf8.ValidString(s.(string)))
		viaJSON, err := json.Marshal(string(source))
		require.NoError(t, err)
		var want string
		require.NoError(t, json.Unmarshal(viaJSON, &want))
		require.Equal(t, want, s, "the replacement is that of encoding/json")

		// Bytes that are a JSON number are one for us, and no others.
		_, err = mustache.Normalize(json.Number(source))
		first := json.Valid(source) && (source[0] == '-' || source[0] >= '0' && source[0] <= '9')
		trimmed := bytes.TrimSpace(source)
		require.Equal(t, len(source) == 0 || first && len(trimmed) == len(source), err == nil, "%q", source)

		// Whatever is JSON is plain, and comes out as it went in, by either way.
		d := json.NewDecoder(bytes.NewReader(source))
		d.UseNumber()
		var data any
		if d.Decode(&data) != nil {
			return
		}
		plain, err := mustache.Normalize(data)
		if err != nil {
			var fault *mustache.LimitError
			require.ErrorAs(t, err, &fault)
			return
		}
		require.Equal(t, data, plain)
		raw, err := mustache.Normalize(struct{ V any }{data})
		if err != nil {
			var fault *mustache.LimitError
			require.ErrorAs(t, err, &fault, "one level more may be too deep")
			return
		}
		require.Equal(t, map[string]any{"V": data}, raw)

		// As text it means the same data; a list keeps null and strings visible.
		out, err := whole.Append(nil, []any{plain}, mustache.Limits{})
		if err != nil {
			var fault *mustache.LimitError
			require.ErrorAs(t, err, &fault)
			return
		}
		require.True(t, json.Valid(out), "%s", out)
		plainText, err := json.Marshal([]any{plain})
		require.NoError(t, err)
		var got, same any
		if json.Unmarshal(plainText, &same) != nil {
			return // a number beyond float64
		}
		require.NoError(t, json.Unmarshal(out, &got), "%s", out)
		require.Equal(t, same, got)
	})
}
