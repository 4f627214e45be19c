package scorer

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
)

func FuzzFindAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"score":0.5,"reason":"r"}`, "```json\n{\"score\":1}\n```", `{"score":"1"} {"score":1}`, `{"a":{"score":0.2}}`,
		`{{{{`, `{"score":1e999}`, `{"score":NaN}`, `{"winner":"A"}`, `[{"score":1}]`, "\x00\xff{\"score\":0}", strings.Repeat(`{"a":`, 50),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		score, reason, err := findAnswer(text, readScore)
		if err != nil {
			require.Zero(t, score)
			require.Empty(t, reason)
			require.NotEmpty(t, err.Error())
		} else {
			require.False(t, math.IsNaN(score))
			require.GreaterOrEqual(t, score, 0.0)
			require.LessOrEqual(t, score, 1.0)
		}
		if winner, _, err := findAnswer(text, readChoice); err == nil {
			require.Contains(t, []choice{first, second, tie}, winner)
		}
		shown := clip(text, 50)
		require.True(t, utf8.ValidString(shown))
		require.LessOrEqual(t, utf8.RuneCountInString(shown), 50)
		require.NotContains(t, shown, "\x00")
	})
}

func FuzzDiffJSON(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":1}`, `{"a":1.0}`},
		{`[1,2,{"x":null}]`, `[1,{"x":[]}]`},
		{`9007199254740993`, `9007199254740992`},
		{`{"a":{"b":{}}}`, `{"a":{"b":{"c":[]}}}`},
		{`-0`, `0e5`},
		{`1e99999999999999999999`, `1`},
		{`"\ud800"`, `"x"`},
		{`{"":{"~":1,"/":2}}`, `{"":{}}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		a, err := parseJSON([]byte(one))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.True(t, diffJSON(a, a, true).equal(), "a value is equal to itself")
		b, err := parseJSON([]byte(two))
		if err != nil {
			return
		}
		there, back := diffJSON(a, b, true), diffJSON(b, a, true)
		for _, d := range []*difference{there, back, diffJSON(a, b, false)} {
			require.Positive(t, d.total)
			require.GreaterOrEqual(t, d.matched, 0)
			require.LessOrEqual(t, d.matched, d.total)
			require.Equal(t, d.equal(), d.first == "", "what differs is told")
		}
		require.Equal(t, there.matched, back.matched)
		require.Equal(t, there.total, back.total)
		if there.equal() {
			require.True(t, diffJSON(a, b, false).equal(), "what is equal is a subset")
		}
	})
}

func FuzzCompileRules(f *testing.F) {
	for _, kind := range Types() {
		f.Add(kind, `{"pattern":"a+","keywords":["a"],"min":1,"max":2,"schema":{"type":"object"},"expected":"{{output}}","max_ms":1,"max_usd":1,"url":"http://example.com"}`, "a", `{"answer":"a"}`)
	}
	f.Add("regex", `{"pattern":"(?<=a)(b\\1)","flags":"ims"}`, "x", `{}`)
	f.Add("json_schema", `{"schema":{"$ref":"#","not":{"enum":[1e9,{}]}}}`, `{"a":1}`, `[]`)
	f.Add("numeric", `{"expected":"{{#input}}1{{/input}}"}`, "-1,234.5e-6", `{"answer":1e300}`)
	f.Fuzz(func(t *testing.T, kind, config, text, expected string) {
		compiler := New(Options{WebhookHosts: []string{"none.invalid"}})
		rubric, err := compiler.Compile(eval.Criteria{Rules: []eval.Rule{{Type: kind, Config: json.RawMessage(config)}}})
		if err != nil || kind == "webhook" {
			return
		}
		c := eval.Case{Output: text, Row: eval.Row{Input: json.RawMessage(`{"q":1}`), ExpectedOutput: json.RawMessage(expected)}}
		v, err := rubric.Rules[0].Scorer.Score(t.Context(), c)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, v.Score, 0.0)
		require.LessOrEqual(t, v.Score, 1.0)
		require.True(t, utf8.ValidString(v.Reason))
		require.LessOrEqual(t, utf8.RuneCountInString(v.Reason), maxReason)
	})
}
