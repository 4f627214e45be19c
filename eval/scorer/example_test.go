package scorer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
)

func Example() {
	polite := func(_ context.Context, c eval.Case) (float64, string, error) {
		if strings.Contains(c.Output, "please") {
			return 1, "says please", nil
		}
		return 0, "does not say please", nil
	}
	var criteria eval.Criteria
	err := json.Unmarshal([]byte(`{"min_score": 0.7, "rules": [
		{"type": "regex", "config": {"pattern": "\\b\\d{4}\\b"}, "weight": 3},
		{"type": "function", "name": "politeness", "config": {"name": "polite"}}
	]}`), &criteria)
	if err != nil {
		fmt.Println(err)
		return
	}
	compiler := scorer.New(scorer.Options{Functions: map[string]scorer.Func{"polite": polite}})
	rubric, err := compiler.Compile(criteria)
	if err != nil {
		fmt.Println(err)
		return
	}
	score, passed, verdicts, err := rubric.Judge(context.Background(), eval.Case{Output: "Your code is 4711."})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(score, passed)
	for _, v := range verdicts {
		fmt.Printf("%s: %v, %s\n", v.Rule, v.Score, v.Reason)
	}
	// Output:
	// 0.75 true
	// regex: 1, matches "4711"
	// politeness: 0, does not say please
}

func ExampleCompiler_Compile() {
	_, err := scorer.New(scorer.Options{}).Compile(eval.Criteria{Rules: []eval.Rule{
		{Type: "regex", Config: json.RawMessage(`{"pattern": "(?=.*\\d).+"}`)},
	}})
	fmt.Println(err)
	// Output:
	// Validation failed: criteria.rules[0].config.pattern: look-ahead is not supported (RE2)
}
