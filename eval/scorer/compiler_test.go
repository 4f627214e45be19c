package scorer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestCriteriaOfTheContractCompileAndJudge(t *testing.T) {
	t.Parallel()
	var c eval.Criteria
	require.NoError(t, json.Unmarshal([]byte(`{"min_score": 0.8, "rules": [
		{"type": "regex", "config": {"pattern": "^hello", "flags": "i"}, "weight": 2},
		{"type": "keyword", "config": {"keywords": ["world", "moon"], "mode": "any"}},
		{"type": "json_schema", "config": {"schema": {"type": "object"}}},
		{"type": "length", "config": {"min": 1, "max": 20}}
	]}`), &c))
	rubric, err := scorer.New(scorer.Options{}).Compile(c)
	require.NoError(t, err)
	score, passed, verdicts, err := rubric.Judge(t.Context(), output("Hello world"))
	require.NoError(t, err)
	require.InDelta(t, (2.0*1+1+0+1)/5, score, 1e-12)
	require.True(t, passed)
	require.Len(t, verdicts, 4)
	require.False(t, verdicts[2].Passed)
	require.Contains(t, verdicts[2].Reason, "is not JSON")
}

func TestEveryFaultOfEveryRuleIsNamed(t *testing.T) {
	t.Parallel()
	_, err := scorer.New(scorer.Options{}).Compile(eval.Criteria{MinScore: pointer(2.0), Rules: []eval.Rule{
		{Type: "regex", Config: json.RawMessage(`{"pattern":"(?=a)","flags":"x"}`)},
		{Type: "nope"},
		{Type: "length", Config: json.RawMessage(`{"min":5,"max":-1}`), Weight: pointer(0.0)},
		{Type: "exact"},
	}})
	var e *pmerr.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, pmerr.Validation, e.Code)
	require.Equal(t, []string{
		"criteria.min_score must be a number from 0 to 1",
		"criteria.rules[2].weight must be more than 0 and at most 1000000",
		"criteria.rules[0].config.flags: 'x' is not known: use i, m, s",
		"criteria.rules[0].config.pattern: look-ahead is not supported (RE2)",
		`criteria.rules[1].type "nope" is not known: use one of ` + strings.Join(scorer.Types(), ", "),
		"criteria.rules[2].config.max must be an integer of at least 0",
		"criteria.rules[2].config.min must not be more than max",
	}, e.Fields)
}

func TestTooManyRulesAreNotCompiled(t *testing.T) {
	t.Parallel()
	_, err := scorer.New(scorer.Options{}).Compile(eval.Criteria{Rules: make([]eval.Rule, 51)})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.ErrorContains(t, err, "criteria.rules must be at most 50, not 51")
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 70_000)
	tests := []struct{ kind, config, fault string }{
		{"exact", `[]`, "config must be an object"},
		{"exact", `{`, "config must be valid JSON"},
		{"exact", `{"expected":1,"trim":"yes"}`, "config.expected must be a string"},
		{"exact", `{"expected":"{{#a}}"}`, "config.expected: line 1"},
		{"exact", `{"expected":"{{inptu.x}}"}`, "config.expected: {{inptu}} is not known: a row has input, expected and output"},
		{"exact", `{"expected":"` + long + `"}`, "config.expected must be at most 65536 bytes"},
		{"keyword", ``, "config.keywords is required: a list of at least one text"},
		{"keyword", `{"keywords":[]}`, "config.keywords is required: a list of at least one text"},
		{"keyword", `{"keywords":"a"}`, "config.keywords must be an array"},
		{"keyword", `{"keywords":["a",""]}`, "config.keywords[1] is required and must be at most 1024 bytes"},
		{"keyword", `{"keywords":["a"],"mode":"most"}`, "config.mode must be one of all, any, none"},
		{"contains", `{"keywords":[]}`, "config.keywords is required"},
		{"contains", `{"keywords":["` + strings.Repeat(`a","`, 200) + `"]}`, "config.keywords must be at most 200"},
		{"starts_with", `{"prefix":""}`, "config.prefix must not be empty"},
		{"regex", `{}`, "config.pattern is required and must be at most 4096 bytes"},
		{"regex", `{"pattern":5}`, "config.pattern must be a string"},
		{"regex", `{"pattern":"` + long + `"}`, "config.pattern is required and must be at most 4096 bytes"},
		{"regex", `{"pattern":"(a{1000}){1}(b{1000})(c{1000})(d{1000})(e{1000})"}`, "config.pattern: compiles to"},
		{"length", `{}`, "config.min or max is required"},
		{"length", `{"min":1.5}`, "config.min must be an integer"},
		{"json_schema", `{}`, "config.schema is required: a JSON schema"},
		{"json_schema", `{"schema":[]}`, "config.schema must be an object, true or false"},
		{"json_schema", `{"schema":{"description":"` + long + `"}}`, "config.schema must be at most 65536 bytes"},
		{"json_schema", `{"schema":{"enum":[` + strings.Repeat("1,", 2000) + `1]}}`, "config.schema holds 2003 values, at most 2000 are allowed"},
		{"json_schema", `{"schema":{"minimum":1e999}}`, "config.schema has a number"},
		{"json_schema", `{"schema":{"type":"strnig"}}`, "config.schema: is no JSON schema: at '/type'"},
		{"json_schema", `{"schema":{"pattern":"(?<!a)b"}}`, "negative look-behind is not supported (RE2)"},
		{"json_schema", `{"schema":{"$ref":"https://example.com/a.json"}}`, `config.schema: "https://example.com/a.json" is not loaded: only references inside the schema are followed`},
		{"json_schema", `{"schema":{"$ref":"file:///etc/hostname"}}`, `"file:///etc/hostname" is not loaded`},
		{"json_schema", `{"schema":{"$schema":"https://example.com/mine"}}`, `"https://example.com/mine" is not loaded`},
		{"json_schema", `{"schema":{"$ref":"#/$defs/none"}}`, `"#/$defs/none" not found`},
		{"json_schema", `{"schema":{"$dynamicAnchor":"a","$dynamicRef":"#a"}}`, "$dynamicRef and $recursiveRef are not supported: use $ref"},
		{"json_schema", `{"schema":{"allOf":[` + strings.Repeat(`{"pattern":"a{1000}b{1000}c{1000}"},`, 20) + `true]}}`, "all patterns together compile to more than 50000 instructions"},
		{"json_diff", `{"mode":"some"}`, "config.mode must be one of equal, subset"},
		{"json_diff", `{"expected":"{{"}`, "config.expected: line 1"},
		{"numeric", `{"expected":true}`, "config.expected must be a number, or a text that renders to one"},
		{"numeric", `{"absolute":-1,"relative":-0.1,"pick":"best"}`, "config.absolute must be a number of at least 0"},
		{"levenshtein", `{"threshold":1.5}`, "config.threshold must be a number from 0 to 1"},
		{"bleu", `{"references":["` + strings.Repeat(`a","`, 16) + `"]}`, "config.references must be at most 16"},
		{"rouge", `{"variant":"3"}`, "config.variant must be one of L, 1, 2"},
		{"cosine", `{}`, "type needs a model, and no playground is configured"},
		{"cosine", `{}`, "config.provider is required"},
		{"latency", `{}`, "config.max_ms is required: a number of at least 0"},
		{"cost", `{"max_usd":-1}`, "config.max_usd must be a number of at least 0"},
		{"tokens", `{"max":"many"}`, "config.max must be a number"},
		{"tokens", `{"max":1,"of":"all"}`, "config.of must be one of total, in, out"},
		{"compliance", `{}`, "type compliance needs a scanner, and none is configured"},
		{"compliance", `{"entities":[" "]}`, "config.entities[0] must not be empty"},
		{"llm_judge", `{"provider":"p"}`, "config.rubric is required"},
		{"llm_judge", `{"temperature":3}`, "config.temperature must be a number from 0 to 2"},
		{"llm_judge", `{"max_tokens":0}`, "config.max_tokens must be an integer of at least 1"},
		{"pairwise_judge", `{"baseline":"{{nope}}"}`, "config.baseline: {{nope}} is not known"},
		{"webhook", `{"url":"https://example.com"}`, "type webhook is not allowed here: the operator has to name the hosts"},
		{"function", `{}`, "config.name is required: the name of a registered function"},
		{"function", `{"name":"f"}`, `config.name "f" is not known: no function is registered`},
	}
	for _, test := range tests {
		t.Run(test.kind+": "+test.fault, func(t *testing.T) {
			t.Parallel()
			all := faults(t, scorer.Options{}, test.kind, test.config)
			found := false
			for _, fault := range all {
				require.True(t, strings.HasPrefix(fault, "criteria.rules[0]."+""), fault)
				require.Less(t, len(fault), 1000)
				require.NotContains(t, fault, "criteria.invalid")
				found = found || strings.Contains(fault, test.fault)
			}
			require.True(t, found, "%q is not in %q", test.fault, all)
		})
	}
}

func TestUnknownMembersAreTolerated(t *testing.T) {
	t.Parallel()
	v := verdict(t, "length", `{"max":3,"note":"mine"}`, output("abc"))
	require.True(t, v.Passed)
}

func TestEveryTypeIsExercised(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"bleu", "compliance", "contains", "cosine", "cost", "exact", "function", "json_diff", "json_schema", "keyword",
		"latency", "length", "levenshtein", "llm_judge", "numeric", "pairwise_judge", "regex", "rouge", "starts_with",
		"token_f1", "tokens", "webhook",
	}, scorer.Types())
}

func TestRulesThatAskAModelNameTheirProvider(t *testing.T) {
	t.Parallel()
	rubric, err := scorer.New(scorer.Options{Model: &played{}}).Compile(eval.Criteria{Rules: []eval.Rule{
		{Type: "llm_judge", Config: json.RawMessage(`{"provider":"openai","model":"m","rubric":"good?"}`)},
		{Type: "cosine", Config: json.RawMessage(`{"provider":"ollama","model":"m"}`)},
		{Type: "length", Config: json.RawMessage(`{"min":1}`)},
	}})
	require.NoError(t, err)
	require.Equal(t, "openai", rubric.Rules[0].Provider)
	require.Equal(t, "ollama", rubric.Rules[1].Provider)
	require.Empty(t, rubric.Rules[2].Provider)
}
