package jsontext_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"a\u002d\nb"`:                    "a-\nb\n",
		`12.50`:                           "12.50\n",
		`null`:                            "\n",
		`[]`:                              "",
		`{}`:                              "",
		`{"a":{"b":["x",1,true]},"c":""}`: "a: b: x\n1\n\nc: \n",
		`[{"a":"x"},{"a":["y"]},"z"]`:     "a: x\na: y\nz\n",
		`{"a":[],"b":{},"c":"x"}`:         "a: b: c: x\n",
	} {
		got, ok := jsontext.Plain([]byte(raw))
		require.True(t, ok, raw)
		require.Equal(t, want, got, raw)
	}
	for _, raw := range []string{`{`, `[1`, `{"a":`, `{"a" 1}`, `nope`, "\xff"} {
		_, ok := jsontext.Plain([]byte(raw))
		require.False(t, ok, raw)
	}
	_, ok := jsontext.Plain(nil)
	require.True(t, ok)
}

// FuzzPlain checks that every text of a document is in what comes out.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{`{"a":["b",{"c":"\u0064"}]}`, `[[["x"]]]`, `"x"`, `{"":{"":""}}`, `{"a":1`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		text, ok := jsontext.Plain(raw)
		var v any
		if json.Unmarshal(raw, &v) != nil {
			return
		}
		require.True(t, ok)
		every(t, v, text)
	})
}

func every(t *testing.T, v any, text string) {
	t.Helper()
	switch v := v.(type) {
	case string:
		require.Contains(t, text, v+"\n")
	case []any:
		for _, item := range v {
			every(t, item, text)
		}
	case map[string]any:
		for name, member := range v {
			require.Contains(t, text, name+": ")
			every(t, member, text)
		}
	}
}
