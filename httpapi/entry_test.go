package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// standard is what encoding/json makes of a value.
func standard(tb testing.TB, v any) string {
	tb.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	require.NoError(tb, enc.Encode(v))
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func fullEntry() registry.Entry {
	half, many := 0.5, int64(100)
	return registry.Entry{
		Content: registry.Prompt{
			Name: "welcome", Version: "1.0.0-rc.1+b",
			Messages: []registry.Message{
				{Role: registry.System, Content: "a <b> & \"c\" \\ \n\t\r\b\f\x00\x1f\x7f é 漢 \u2028\u2029 \xff", Name: "narrator"},
				{Role: registry.Assistant, Extra: map[string]json.RawMessage{"z": []byte(`[1, 2]`), "a\"": []byte(`{"x": "<"}`)}},
			},
			Variables: map[string]registry.Variable{
				"b": {Type: registry.Number, Required: true, Default: []byte(`1`)}, "<c\">": {},
				"a": {Type: registry.Object, Default: []byte(`{"k": 1.50}`), Extra: map[string]json.RawMessage{"doc": []byte(`"<i>"`)}},
			},
			ModelConfig: &registry.ModelConfig{
				Model: "m", Temperature: &half, MaxTokens: &many, TopP: &half, FrequencyPenalty: &half, PresencePenalty: &half,
				Extra: map[string]json.RawMessage{"seed": []byte(`7`)},
			},
			Ollama: &registry.Ollama{Options: map[string]json.RawMessage{"num_ctx": []byte(`1`)}, KeepAlive: "5m", Format: []byte(`"json"`)},
			Tags:   []string{"x", "<y>"},
			Extra:  map[string]json.RawMessage{"description": []byte(`"d"`), "b": []byte(`null`)},
		},
		Version: registry.Version{
			Name: "welcome", Version: "1.0.0-rc.1+b", CreatedAt: timestamp.Of(time.Unix(1_700_000_000, 0)),
			Commit: "c0ffee", Author: "Ada <ada@example.com>", Message: "first\n\nbody",
		},
	}
}

func TestEntryIsWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	withEmpty := fullEntry()
	withEmpty.Content.Variables = map[string]registry.Variable{}
	withEmpty.Content.Tags = []string{}
	withEmpty.Content.Messages = []registry.Message{}
	for name, e := range map[string]registry.Entry{
		"full": fullEntry(), "zero": {Version: registry.Version{CreatedAt: timestamp.Of(time.Unix(0, 0))}}, "empty parts": withEmpty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := appendEntry(nil, newBuffer(), &e)
			require.NoError(t, err)
			require.Equal(t, standard(t, e), string(data))
		})
	}
}

// A field that is new in the domain has to be written here as well.
func TestEntryWriterKnowsEveryField(t *testing.T) {
	t.Parallel()
	e := fullEntry()
	for _, part := range []any{e, e.Content, e.Content.Messages[0], e.Content.Variables["b"], e.Version} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("json") == "-" || f.Name == "Extra" {
				continue
			}
			require.False(t, v.Field(i).IsZero(), "%s.%s is new: write it in entry.go and set it in fullEntry", v.Type(), f.Name)
		}
	}
}

func TestEntryWithBrokenPartIsAnError(t *testing.T) {
	t.Parallel()
	e := fullEntry()
	e.Content.Extra["broken"] = json.RawMessage("{")
	_, err := appendEntry(nil, newBuffer(), &e)
	require.Error(t, err)
}

func FuzzText(f *testing.F) {
	f.Add("plain")
	f.Add("a\"b\\c\n\x00\xff\xed\xa0\x80 é \u2028 \U0001F600<>&")
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, standard(t, s), string(appendText(nil, s)))
	})
}
