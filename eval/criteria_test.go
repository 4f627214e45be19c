package eval_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
)

func TestCriteriaKeepWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, out string }{
		"everything":            {`{"zebra":{"b":1,"a":[1.0,1e3]},"rules":[{"type":"regex","config":{"pattern":"<a>&"}}],"min_score":0.80,"author":"me"}`, `{"min_score":0.8,"rules":[{"type":"regex","config":{"pattern":"<a>&"}}],"author":"me","zebra":{"b":1,"a":[1.0,1e3]}}`},
		"only unknown members":  {`{"note":null}`, `{"note":null}`},
		"nothing":               {`{}`, `{}`},
		"a zero is kept":        {`{"min_score":0}`, `{"min_score":0}`},
		"other case is known":   {`{"Min_Score":0.5,"RULES":[]}`, `{"min_score":0.5}`},
		"numbers stay as big":   {`{"seed":9007199254740993}`, `{"seed":9007199254740993}`},
		"a weight and a name":   {`{"rules":[{"type":"exact","name":"n","weight":0.5}]}`, `{"rules":[{"type":"exact","name":"n","weight":0.5}]}`},
		"unknown rule's config": {`{"rules":[{"type":"mine","config":{"x":[1,{"y":null}]}}]}`, `{"rules":[{"type":"mine","config":{"x":[1,{"y":null}]}}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c eval.Criteria
			require.NoError(t, json.Unmarshal([]byte(test.in), &c))
			out, err := c.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, test.out, string(out))
			var again eval.Criteria
			require.NoError(t, json.Unmarshal(out, &again))
			require.Equal(t, c.Extra, again.Extra)
		})
	}
	t.Run("an extra member does not replace a known one", func(t *testing.T) {
		t.Parallel()
		least := 0.5
		c := eval.Criteria{MinScore: &least, Extra: map[string]json.RawMessage{"MIN_SCORE": json.RawMessage("1"), "x": json.RawMessage("2")}}
		out, err := json.Marshal(c)
		require.NoError(t, err)
		require.Equal(t, `{"min_score":0.5,"x":2}`, string(out))
	})
	t.Run("what is read first is forgotten", func(t *testing.T) {
		t.Parallel()
		c := eval.Criteria{Extra: map[string]json.RawMessage{"old": json.RawMessage("1")}}
		require.NoError(t, json.Unmarshal([]byte(`{"rules":[]}`), &c))
		require.Nil(t, c.Extra)
	})
	for _, in := range []string{`[]`, `"x"`, `{"rules":{}}`, `{"min_score":"high"}`, `{"rules":[{"type":1}]}`} {
		t.Run("refused: "+in, func(t *testing.T) {
			t.Parallel()
			require.Error(t, json.Unmarshal([]byte(in), new(eval.Criteria)))
		})
	}
}

func TestCriteriaNameTheirFaults(t *testing.T) {
	t.Parallel()
	number := func(f float64) *float64 { return &f }
	tests := map[string]struct {
		criteria eval.Criteria
		faults   []string
	}{
		"nothing is wrong": {eval.Criteria{MinScore: number(1), Rules: []eval.Rule{{Type: "exact", Weight: number(0.1)}, {Type: "exact"}}}, nil},
		"min_score":        {eval.Criteria{MinScore: number(1.1)}, []string{"criteria.min_score must be a number from 0 to 1"}},
		"NaN":              {eval.Criteria{MinScore: number(math.NaN())}, []string{"criteria.min_score must be a number from 0 to 1"}},
		"several at once": {eval.Criteria{Rules: []eval.Rule{{}, {Type: "exact", Weight: number(0)}, {Type: "exact", Weight: number(-1)}, {Type: "exact", Weight: number(1e7)}}}, []string{
			"criteria.rules[0].type is required",
			"criteria.rules[1].weight must be more than 0 and at most 1000000",
			"criteria.rules[2].weight must be more than 0 and at most 1000000",
			"criteria.rules[3].weight must be more than 0 and at most 1000000",
		}},
		"names": {eval.Criteria{Rules: []eval.Rule{{Type: "exact", Name: "a"}, {Type: "regex", Name: "a"}, {Type: "exact", Name: strings.Repeat("ä", 129)}, {Type: "exact", Name: "\x00"}}}, []string{
			"criteria.rules[1].name is the name of criteria.rules[0] too: give each rule its own",
			"criteria.rules[2].name must be at most 128 characters",
			"criteria.rules[3].name must be UTF-8 without NUL",
		}},
		"too many rules": {eval.Criteria{Rules: make([]eval.Rule, 51)}, []string{"criteria.rules must be at most 50, not 51"}},
		"too much": {eval.Criteria{Extra: map[string]json.RawMessage{"x": json.RawMessage(strings.Repeat(" ", 256<<10))}}, []string{
			"criteria must be at most 262144 bytes",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.faults, test.criteria.Faults())
		})
	}
}

func TestRulesHaveNames(t *testing.T) {
	t.Parallel()
	rules := func(pairs ...string) (c eval.Criteria) {
		for i := 0; i < len(pairs); i += 2 {
			c.Rules = append(c.Rules, eval.Rule{Type: pairs[i], Name: pairs[i+1]})
		}
		return c
	}
	require.Equal(t, []string{"regex", "exact"}, rules("regex", "", "exact", "").Names())
	require.Equal(t, []string{"regex 1", "exact", "regex 2"}, rules("regex", "", "exact", "", "regex", "").Names())
	require.Equal(t, []string{"regex 1", "mine", "regex"}, rules("regex", "", "exact", "mine", "exact", "regex").Names())
	require.Equal(t, []string{"regex 2", "regex 1", "regex 3"}, rules("regex", "", "exact", "regex 1", "regex", "").Names())
}
