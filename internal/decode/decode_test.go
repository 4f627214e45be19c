package decode_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

type part struct {
	Number int64 `json:"number"`
}

type common struct {
	Shared string `json:"shared"`
}

// body has a member of every kind that our requests have.
type body struct {
	common
	Text    string            `json:"text"`
	Maybe   *string           `json:"maybe"`
	Flag    bool              `json:"flag"`
	Whole   int64             `json:"whole"`
	Small   int8              `json:"small"`
	Real    float64           `json:"real"`
	Part    part              `json:"part"`
	Pointer *part             `json:"pointer"`
	Parts   []part            `json:"parts"`
	ByName  map[string]part   `json:"by_name"`
	Words   []string          `json:"words"`
	Raw     json.RawMessage   `json:"raw"`
	Any     any               `json:"any"`
	Texts   map[string]string `json:"texts"`
	Scopes  access.Scopes     `json:"scopes"`
	Ignored string            `json:"-"`
}

func TestJSON(t *testing.T) {
	t.Parallel()

	t.Run("what fits is read", func(t *testing.T) {
		t.Parallel()
		var got body
		require.NoError(t, decode.JSON([]byte(`{"shared":"s","text":"t","maybe":"m","flag":true,"whole":9007199254740993,"real":1,
			"part":{"number":1},"pointer":{"number":2},"parts":[{"number":3}],"by_name":{"x":{"number":4}},"words":["w"],
			"raw":{"a":[1]},"any":[1],"texts":{"k":"v"},"scopes":"read","unknown":{"deep":[1]}} `), &got))
		require.Equal(t, "s", got.Shared)
		require.Equal(t, int64(9007199254740993), got.Whole, "no detour through floats")
		require.Equal(t, int64(4), got.ByName["x"].Number)
		require.JSONEq(t, `{"a":[1]}`, string(got.Raw))
		require.Equal(t, access.Scopes{access.Read}, got.Scopes)
	})

	for name, test := range map[string]struct {
		in     string
		fields []string
	}{
		"a text":                         {`{"text":1}`, []string{"text must be a string"}},
		"an optional text":               {`{"maybe":{}}`, []string{"maybe must be a string"}},
		"a flag":                         {`{"flag":"true"}`, []string{"flag must be true or false"}},
		"an integer that is a text":      {`{"whole":"1"}`, []string{"whole must be an integer"}},
		"an integer with a fraction":     {`{"whole":1.5}`, []string{"whole must be an integer"}},
		"an integer with an exponent":    {`{"whole":1e2}`, []string{"whole must be an integer"}},
		"an integer beyond 64 bits":      {`{"whole":9223372036854775808}`, []string{"whole must be an integer"}},
		"an integer beyond its type":     {`{"small":128}`, []string{"small must be an integer"}},
		"a number":                       {`{"real":"1"}`, []string{"real must be a number"}},
		"a number beyond its type":       {`{"real":1e999}`, []string{"real must be a number"}},
		"an object":                      {`{"part":[]}`, []string{"part must be an object"}},
		"a member of an object":          {`{"part":{"number":"x"}}`, []string{"part.number must be an integer"}},
		"a member of an optional object": {`{"pointer":{"number":"x"}}`, []string{"pointer.number must be an integer"}},
		"a list":                         {`{"parts":{}}`, []string{"parts must be an array"}},
		"items of a list":                {`{"parts":[{"number":1},{"number":"x"},3]}`, []string{"parts[1].number must be an integer", "parts[2] must be an object"}},
		"a map":                          {`{"by_name":[]}`, []string{"by_name must be an object"}},
		"members of a map, sorted":       {`{"by_name":{"b":1,"a":{"number":true}}}`, []string{"by_name.a.number must be an integer", "by_name.b must be an object"}},
		"values of a map":                {`{"texts":{"k":1}}`, []string{"texts.k must be a string"}},
		"an embedded member":             {`{"shared":1}`, []string{"shared must be a string"}},
		"a type that reads itself":       {`{"scopes":["read","fly"]}`, []string{`scopes must be among read, write, admin; got "fly"`}},
		"a type that reads itself, of another kind": {
			`{"scopes":1}`, []string{"scopes must be a list of strings or a string with commas"},
		},
		"everything at once": {
			`{"text":1,"flag":1,"whole":"x","parts":[1]}`,
			[]string{"text must be a string", "flag must be true or false", "whole must be an integer", "parts[0] must be an object"},
		},
		"a body that is a list":   {`[]`, []string{"body must be an object"}},
		"a body that is a text":   {`"x"`, []string{"body must be an object"}},
		"a body that is a number": {`1`, []string{"body must be an object"}},
		"a body that is null":     {` null `, []string{"body must be an object"}},
	} {
		t.Run(name+" of a wrong type is named", func(t *testing.T) {
			t.Parallel()
			err := decode.JSON([]byte(test.in), &body{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Equal(t, test.fields, pmerr.From(err).Fields)
		})
	}

	for name, in := range map[string]string{
		"nothing":              ``,
		"white space":          `  `,
		"half an object":       `{"text":`,
		"two objects":          `{} {}`,
		"something behind":     `{}x`,
		"a bracket behind":     `{"text":1} ]`,
		"single quotes":        `{'text':'x'}`,
		"a trailing comma":     `{"text":"x",}`,
		"a comment":            `{} // x`,
		"a byte order mark":    "\xef\xbb\xbf{}",
		"NaN":                  `{"real":NaN}`,
		"nesting without end":  strings.Repeat(`[`, 100_000),
		"an unfinished string": `{"text":"x`,
	} {
		t.Run(name+" is no JSON", func(t *testing.T) {
			t.Parallel()
			err := decode.JSON([]byte(in), &body{})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Equal(t, "Invalid JSON body", pmerr.From(err).Message)
		})
	}

	t.Run("null leaves a member as it is", func(t *testing.T) {
		t.Parallel()
		var got body
		require.NoError(t, decode.JSON([]byte(`{"text":null,"whole":null,"part":null,"parts":null,"maybe":null}`), &got))
		require.Zero(t, got)
	})

	t.Run("a member that is there twice is named as such when one is wrong", func(t *testing.T) {
		t.Parallel()
		err := decode.JSON([]byte(`{"text":1,"text":"x"}`), &body{})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Equal(t, []string{"body must have no two members of one name"}, pmerr.From(err).Fields)
	})

	t.Run("the faults of a body that is wrong throughout are bounded", func(t *testing.T) {
		t.Parallel()
		err := decode.JSON([]byte(`{"parts":[`+strings.Repeat("1,", 100_000)+`1],"text":1}`), &body{})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Len(t, pmerr.From(err).Fields, 100)
	})

	t.Run("values are never repeated in the faults", func(t *testing.T) {
		t.Parallel()
		err := decode.JSON([]byte(`{"whole":"my secret","part":"my secret"}`), &body{})
		require.NotContains(t, err.Error(), "secret")
	})

	t.Run("a log says all that is wrong", func(t *testing.T) {
		t.Parallel()
		var l telemetry.Log
		err := decode.JSON([]byte(`{"prompt_name":1,"tokens_in":1.5,"cost_usd":"free","metadata":[1],"http_status":"500"}`), &l)
		require.Equal(t, []string{
			"prompt_name must be a string", "tokens_in must be an integer", "cost_usd must be a number",
			"http_status must be an integer", "metadata must be an object",
		}, pmerr.From(err).Fields)
	})

	t.Run("a prompt says all that is wrong", func(t *testing.T) {
		t.Parallel()
		var p registry.Prompt
		err := decode.JSON([]byte(`{"name":1,"messages":[{"role":1,"content":[]}],"variables":{"x":{"required":"yes"}},
			"model_config":{"temperature":"hot","max_tokens":1.5},"ollama":{"keep_alive":5},"tags":"a"}`), &p)
		require.Equal(t, []string{
			"name must be a string", "messages[0].role must be a string", "messages[0].content must be a string",
			"variables.x.required must be true or false", "model_config.temperature must be a number",
			"model_config.max_tokens must be an integer", "ollama.keep_alive must be a string", "tags must be an array",
		}, pmerr.From(err).Fields)
	})
}

// FuzzDecode checks that whatever comes in, the answer is either a value or an
// error that may be shown: that it is no JSON, or what is wrong with it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"text":1}`, `{"parts":[{"number":"x"}]}`, `{"scopes":["read"]}`, `{"SHARED":1}`, `{"by_name":{"a":null}}`,
		`{"name":"a","version":"1.0.0","messages":[{"role":"user","content":"hi {{x}}"}],"variables":{"x":{"type":"string"}}}`,
		`{"prompt_name":"a","version_tag":"1","tokens_in":1e400,"metadata":{"a":[1]}}`, `{} ]`, `{"text":1,"text":"x"}`, "\x00", `{"whole":-0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{&body{}, &registry.Prompt{}, &telemetry.Log{}} {
			err := decode.JSON(data, v)
			e := pmerr.From(err)
			switch {
			case err == nil:
				require.True(t, json.Valid(data))
			case !json.Valid(data):
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
				require.Equal(t, "Invalid JSON body", e.Message)
			default:
				require.ErrorIs(t, err, pmerr.ErrValidation, "%v", err)
				require.NotEmpty(t, e.Fields)
				for _, field := range e.Fields {
					require.NotEmpty(t, field)
				}
			}
		}
	})
}
