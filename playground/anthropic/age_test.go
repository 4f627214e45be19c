package anthropic

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want              age
		fixed, structured bool
	}{
		"claude-opus-4-7":            {age{"opus", 4, 7}, true, true},
		"claude-opus-4-6":            {age{"opus", 4, 6}, false, true},
		"claude-opus-4-5-20251101":   {age{"opus", 4, 5}, false, true},
		"claude-sonnet-4-20250514":   {age{"sonnet", 4, 0}, false, false},
		"claude-sonnet-4-0":          {age{"sonnet", 4, 0}, false, false},
		"claude-sonnet-4-6":          {age{"sonnet", 4, 6}, false, true},
		"claude-sonnet-5":            {age{"sonnet", 5, 0}, true, true},
		"claude-fable-5-1":           {age{"fable", 5, 1}, true, true},
		"claude-haiku-5-5":           {age{"haiku", 5, 5}, true, true},
		"claude-haiku-4-5-20251001":  {age{"haiku", 4, 5}, false, true},
		"claude-3-5-haiku-latest":    {age{"", 3, 5}, false, false},
		"claude-3-opus-20240229":     {age{"", 3, 0}, false, false},
		"claude-3-7-sonnet-20250219": {age{"", 3, 7}, false, false},
		"claude-next":                {age{line: "next"}, false, false},
		"claude":                     {},
		"something-else-9":           {},
		"":                           {},
	}
	for name, test := range tests {
		a := ageOf(name)
		require.Equal(t, test.want, a, name)
		require.Equal(t, test.fixed, a.fixed(), name)
		require.Equal(t, test.structured, a.structured(), name)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"type":"object","properties":{"a":{"type":"object"},"b":{"type":"array","items":{"type":"object","additionalProperties":true}}}}`: `{"type":"object","additionalProperties":false,"properties":{"a":{"type":"object","additionalProperties":false},"b":{"type":"array","items":{"type":"object","additionalProperties":true}}}}`,
		`{"type":"object","properties":{"type":{"type":"string"}}}`:                                                                         `{"type":"object","additionalProperties":false,"properties":{"type":{"type":"string"}}}`,
		`{"type":"string"}`: `{"type":"string"}`,
		`true`:              `true`,
	} {
		require.JSONEq(t, want, string(closed(json.RawMessage(schema))))
	}
	require.Equal(t, "{", string(closed(json.RawMessage("{"))))
}
