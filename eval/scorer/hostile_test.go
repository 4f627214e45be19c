package scorer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
)

// hostile are outputs of so many bytes that are slow to take apart for whoever
// goes back in a text.
func hostile(size int) map[string]string {
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	return map[string]string{
		"one letter":         fill("a"),
		"two letters":        fill("ab"),
		"white space":        fill(" \n"),
		"open braces":        fill("{"),
		"open objects":       fill(`{"a":`),
		"open lists":         fill("["),
		"a list without end": "[" + fill("1,"),
		"a text in a text":   `{"a":"` + fill(`{`),
		"quotes":             fill(`"`),
		"backslashes":        `"` + fill(`\\`),
		"digits":             fill("1"),
		"commas":             fill("1,111,"),
		"signs":              fill("-+"),
		"points":             fill("1."),
		"exponents":          fill("1e"),
		"combining marks":    "e" + fill("\u0301"),
		"not UTF-8":          fill("\xff\xfe"),
		"NUL":                fill("\x00"),
		"no spaces":          fill("漢"),
		"tags":               fill("{{output}}"),
	}
}

// pure are rules of all types that ask nobody.
func pure() map[string]string {
	return map[string]string{
		"exact":       `{"ignore_case":true,"trim":true}`,
		"contains":    `{"keywords":["{{expected.answer}}","aaaaaaaab"],"ignore_case":true}`,
		"starts_with": `{"ignore_case":true}`,
		"regex":       `{"pattern":"(a|a)*(b|ab)*$|(x+x+)+y","flags":"is"}`,
		"length":      `{"max":10}`,
		"json_schema": `{"schema":{"$ref":"#/$defs/a","$defs":{"a":{"additionalProperties":{"$ref":"#/$defs/a"},"items":{"$ref":"#/$defs/a"},"pattern":"(a|a)*$"}}},"extract":true}`,
		"json_diff":   `{"extract":true}`,
		"numeric":     `{"expected":1}`,
		"levenshtein": `{"ignore_case":true}`,
		"bleu":        `{}`,
		"rouge":       `{}`,
		"token_f1":    `{}`,
	}
}

func hostileCase(tb testing.TB, text string) eval.Case {
	tb.Helper()
	answer, err := json.Marshal(map[string]string{"answer": "x" + strings.ToValidUTF8(text[1:], "?") + "y"})
	require.NoError(tb, err)
	return eval.Case{Output: text, Row: eval.Row{Input: json.RawMessage(`{}`), ExpectedOutput: answer}}
}

func TestHostileOutputsAreJudgedOrRefused(t *testing.T) {
	t.Parallel()
	for kind, config := range pure() {
		rubric, err := New(Options{}).Compile(eval.Criteria{Rules: []eval.Rule{{Type: kind, Config: json.RawMessage(config)}}})
		require.NoError(t, err)
		for name, text := range hostile(5_000) {
			c := hostileCase(t, text)
			v, err := rubric.Rules[0].Scorer.Score(t.Context(), c)
			if err != nil {
				require.ErrorContains(t, err, "long", "%s on %s", kind, name)
				continue
			}
			require.LessOrEqual(t, len([]rune(v.Reason)), maxReason)
			again, err := rubric.Rules[0].Scorer.Score(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, v, again, "%s on %s says the same twice", kind, name)
		}
	}
}

func BenchmarkHostile100kB(b *testing.B) {
	for kind, config := range pure() {
		rubric, err := New(Options{}).Compile(eval.Criteria{Rules: []eval.Rule{{Type: kind, Config: json.RawMessage(config)}}})
		require.NoError(b, err)
		for name, text := range hostile(100_000) {
			c := hostileCase(b, text)
			b.Run(kind+"/"+name, func(b *testing.B) {
				for b.Loop() {
					_, _ = rubric.Rules[0].Scorer.Score(b.Context(), c)
				}
			})
		}
	}
}
