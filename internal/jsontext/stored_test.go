package jsontext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
)

func TestFault(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"a":[1,"four"]}`: "",
		`"four"`:           "",
		`null`:             "",
		``:                 "must be valid JSON",
		`{"a":1} x`:        "must be valid JSON",
		`{"a":`:            "must be valid JSON",
		"\"\xff\"":         "must be valid JSON",
		`"\u0000"`:         "must not contain NUL",
		`{"\u0000":1}`:     "must not contain NUL",
		`["fives"]`:        "must have texts of at most 4 characters",
		`"éééé"`:           "",
		strings.Repeat("[", 101) + strings.Repeat("]", 101): "must not be nested deeper than 100",
		strings.Repeat("[", 100) + strings.Repeat("]", 100): "",
	} {
		require.Equal(t, want, jsontext.Fault([]byte(raw), 4), "%.40q", raw)
	}
	require.Empty(t, jsontext.Fault([]byte(`"any length"`), 0))
}

func TestKindAndAbsent(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]byte{"": 0, " \n": 0, " {}": '{', "\t\"x\"": '"', "null": 'n'} {
		require.Equal(t, want, jsontext.Kind([]byte(raw)), "%q", raw)
	}
	for raw, want := range map[string]bool{"": true, "null": true, " null ": true, "0": false, `""`: false, "{}": false} {
		require.Equal(t, want, jsontext.Absent([]byte(raw)), "%q", raw)
	}
}
