package registry_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// full is a prompt that uses every field, and unknown ones everywhere.
func full() registry.Prompt {
	return registry.Prompt{
		Name: "welcome", Version: "1.2.0-rc.1+build.5",
		Messages: []registry.Message{
			{Role: registry.System, Content: "You are <kind> & \"helpful\".\nSpeak {{language}}.", Extra: extra(`{"cache":true}`)},
			{Role: registry.User, Content: "{{question}}", Name: "customer"},
			{Role: registry.Assistant, Content: "Grüße 🌱 {{not rendered}}"},
		},
		Variables: map[string]registry.Variable{
			"question": {Type: registry.String, Required: true},
			"language": {Type: registry.String, Default: json.RawMessage(`"English"`), Extra: extra(`{"description":"of the answer"}`)},
			"limits":   {Type: registry.Object, Default: json.RawMessage(`{"big":12345678901234567890,"small":1e-7}`)},
		},
		ModelConfig: &registry.ModelConfig{
			Model: "gpt-4o", Temperature: ptr(0.0), MaxTokens: ptr(int64(512)), TopP: ptr(1.0),
			FrequencyPenalty: ptr(-0.5), PresencePenalty: ptr(0.25), Extra: extra(`{"provider":"openai","stop":["<end>"]}`),
		},
		Ollama: &registry.Ollama{
			Options: map[string]json.RawMessage{"num_ctx": json.RawMessage(`4096`)}, KeepAlive: "5m",
			Format: json.RawMessage(`{"type":"object"}`), Extra: extra(`{"raw":false}`),
		},
		Tags:  []string{"support", "a & b"},
		Extra: extra(`{"owner":{"team":"growth"},"1":null}`),
	}
}

func TestFormatFile(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]registry.Prompt{"full": full(), "smallest": prompt("p", "1.0.0", "hello")} {
		t.Run("the "+name+" prompt is as people know it", func(t *testing.T) {
			t.Parallel()
			got, err := registry.FormatFile(p)
			require.NoError(t, err)
			want, err := os.ReadFile(filepath.Join("testdata", name+".json"))
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
		t.Run("the "+name+" prompt comes back as it was", func(t *testing.T) {
			t.Parallel()
			data, err := registry.FormatFile(p)
			require.NoError(t, err)
			back, err := registry.ParseFile("x.json", data)
			require.NoError(t, err)
			require.Equal(t, p, back)
		})
	}
	t.Run("unknown fields that are no JSON are refused", func(t *testing.T) {
		t.Parallel()
		p := prompt("p", "1.0.0", "x")
		p.Extra = map[string]json.RawMessage{"x": json.RawMessage(`{`)}
		_, err := registry.FormatFile(p)
		require.Error(t, err)
	})
}

func TestParseFile(t *testing.T) {
	t.Parallel()

	t.Run("YAML is the same thing", func(t *testing.T) {
		t.Parallel()
		data, err := os.ReadFile("testdata/full.yaml")
		require.NoError(t, err)
		for _, name := range []string{"1.0.0.yaml", "1.0.0.yml"} {
			got, err := registry.ParseFile(name, data)
			require.NoError(t, err)
			want, err := json.Marshal(full())
			require.NoError(t, err)
			have, err := json.Marshal(got)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(have))
		}
	})

	t.Run("YAML that means more than JSON becomes JSON", func(t *testing.T) {
		t.Parallel()
		p, err := registry.ParseFile("x.yaml", []byte(`
name: p
version: "1.0.0"
messages: [{role: user, content: "x"}]
day: 2026-01-02
moment: 2026-01-02T03:04:05.5Z
answers: {1: one, true: yes}
`))
		require.NoError(t, err)
		require.JSONEq(t, `"2026-01-02"`, string(p.Extra["day"]))
		require.JSONEq(t, `"2026-01-02T03:04:05.5Z"`, string(p.Extra["moment"]))
		require.JSONEq(t, `{"1":"one","true":"yes"}`, string(p.Extra["answers"]))
	})

	t.Run("the case of known names does not matter, unknown ones keep theirs", func(t *testing.T) {
		t.Parallel()
		p, err := registry.ParseFile("x.json", []byte(`{"Name":"p","VERSION":"1.0.0","messages":[{"Role":"user","content":"x"}],"Owner":1}`))
		require.NoError(t, err)
		require.Equal(t, "p", p.Name)
		require.Equal(t, map[string]json.RawMessage{"Owner": json.RawMessage("1")}, p.Extra)
	})

	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for _, c := range "bcdefghi" {
		before := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+before+",", 8) + "*" + before + "]\n"
	}
	for name, test := range map[string]struct {
		file, data string
		kind       error
		says       string
	}{
		"no JSON":                    {"x.json", `{"name":`, pmerr.ErrBadRequest, "Invalid JSON body"},
		"an empty file":              {"x.json", ``, pmerr.ErrBadRequest, "Invalid JSON body"},
		"a JSON list":                {"x.json", `[]`, pmerr.ErrValidation, "body must be an object"},
		"a field of the wrong type":  {"x.json", `{"name":5}`, pmerr.ErrValidation, "name must be a string"},
		"a prompt with faults":       {"x.json", `{"name":"p"}`, pmerr.ErrValidation, "messages must have at least one message"},
		"a version that is a number": {"x.yaml", "name: p\nversion: 1.0\nmessages: [{role: user, content: x}]", pmerr.ErrValidation, "version must be a string"},
		"no YAML":                    {"x.yaml", "a: [", pmerr.ErrBadRequest, "no valid YAML"},
		"an empty YAML file":         {"x.yaml", "", pmerr.ErrValidation, "body must be an object"},
		"a YAML text":                {"x.yaml", "hello", pmerr.ErrValidation, "body must be an object"},
		"YAML with no number":        {"x.yaml", "a: .nan", pmerr.ErrBadRequest, "no valid YAML"},
		"YAML that unfolds":          {"x.yaml", bomb, pmerr.ErrBadRequest, "no valid YAML"},
		"YAML of many levels":        {"x.yaml", strings.Repeat("[", 200) + strings.Repeat("]", 200), pmerr.ErrBadRequest, "nested deeper than 100"},
		"YAML that holds itself":     {"x.yaml", "a: &a [*a]", pmerr.ErrBadRequest, "no valid YAML"},
		"a huge file":                {"x.json", strings.Repeat(" ", 10<<20+1), pmerr.ErrTooLarge, "larger than 10 MiB"},
		"YAML called JSON":           {"x.json", "name: p", pmerr.ErrBadRequest, "Invalid JSON body"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			_, err := registry.ParseFile(test.file, []byte(test.data))
			require.ErrorIs(t, err, test.kind)
			e := pmerr.From(err)
			require.Contains(t, strings.Join(append(e.Fields, e.Message), "\n"), test.says)
		})
	}
}

// FuzzPromptFile checks that a file is refused as what it is, or is read into
// a prompt that is written and read again without a change.
func FuzzPromptFile(f *testing.F) {
	for _, name := range []string{"full.json", "smallest.json", "full.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(data, strings.HasSuffix(name, ".yaml"))
	}
	for _, seed := range []string{
		`{"name":"p","version":"1.0.0","messages":[{"role":"user","content":"x","x":"\ud800"}],"tags":null,"variables":{},"ollama":{},"model_config":{}}`,
		`{"name":"p","version":"1.0.0","messages":[{"role":"user","content":"x"}],"variables":{"a":{"type":"number","default": 1.0e+2 }}}`,
		`{"NAME":"p","name":"q","version":"1.0.0","messages":[{"role":"user","content":"x"}],"":1,"\u0000":2}`,
	} {
		f.Add([]byte(seed), false)
	}
	f.Add([]byte("name: p\nversion: 1.0.0\nmessages:\n- {role: user, content: &x \"{{a}}\"}\nmore: *x\n<<: {a: 1}\n"), true)
	f.Add([]byte("!!binary aGVsbG8="), true)
	f.Fuzz(func(t *testing.T, data []byte, isYAML bool) {
		name := "x.json"
		if isYAML {
			name = "x.yaml"
		}
		p, err := registry.ParseFile(name, data)
		if err != nil {
			code := pmerr.From(err).Code
			require.Contains(t, []pmerr.Code{pmerr.BadRequest, pmerr.Validation, pmerr.TooLarge}, code, "%v", err)
			return
		}
		written, err := registry.FormatFile(p)
		require.NoError(t, err)
		back, err := registry.ParseFile("x.json", written)
		require.NoError(t, err, "%s", written)
		again, err := registry.FormatFile(back)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
		_, err = registry.Compile(p, registry.Limits{})
		require.NoError(t, err, "what is valid has templates")
	})
}
