package registry_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

// TestUnknownFields checks that what the structs do not know goes in and out
// unchanged, in each of them.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		into any
		text string
	}{
		"a prompt": {
			&registry.Prompt{},
			`{"name":"p","version":"1.0.0","messages":null,"b":{"z":1,"a":[1.50,null]},"c":"<&>"}`,
		},
		"a message":        {&registry.Message{}, `{"role":"user","content":"x","tool_calls":[{"id":1}]}`},
		"a variable":       {&registry.Variable{}, `{"type":"string","enum":["a","b"]}`},
		"a default":        {&registry.Variable{}, `{"type":"number","default":1.0e2}`},
		"a model config":   {&registry.ModelConfig{}, `{"model":"m","temperature":0,"reasoning":{"effort":"low"},"seed":12345678901234567890}`},
		"Ollama's options": {&registry.Ollama{}, `{"options":{"num_ctx":1,"x":1.0},"think":true}`},
		"nothing known":    {&registry.ModelConfig{}, `{"seed":1}`},
		"nothing at all":   {&registry.ModelConfig{}, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, json.Unmarshal([]byte(test.text), test.into))
			got, err := json.Marshal(test.into)
			require.NoError(t, err)
			require.JSONEq(t, test.text, string(got))
			for _, digits := range []string{"1.50", "1.0e2", "12345678901234567890"} {
				if strings.Contains(test.text, digits) {
					require.Contains(t, string(got), digits, "numbers keep their text")
				}
			}
		})
	}
	t.Run("none leaves no trace", func(t *testing.T) {
		t.Parallel()
		var p registry.Prompt
		require.NoError(t, json.Unmarshal([]byte(`{"name":"p","version":"1.0.0","messages":[{"role":"user","content":"x"}]}`), &p))
		require.Nil(t, p.Extra)
		require.Nil(t, p.Messages[0].Extra)
	})
	t.Run("a reused struct forgets", func(t *testing.T) {
		t.Parallel()
		p := registry.Prompt{Extra: extra(`{"old":1}`)}
		require.NoError(t, json.Unmarshal([]byte(`{"name":"p"}`), &p))
		require.Nil(t, p.Extra)
	})
	t.Run("what is no object is refused", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`[]`, `"x"`, `5`} {
			require.Error(t, json.Unmarshal([]byte(text), &registry.Prompt{}), text)
		}
	})
}
