package eval_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// said is a scorer that always says the same.
type said struct {
	verdict eval.Verdict
	err     error
}

func (s said) Score(context.Context, eval.Case) (eval.Verdict, error) { return s.verdict, s.err }

func rule(name string, weight, score float64, passed bool) eval.CompiledRule {
	return eval.CompiledRule{Name: name, Type: "t", Weight: weight, Scorer: said{verdict: eval.Verdict{Score: score, Passed: passed, Reason: "because"}}}
}

func TestRubricJudges(t *testing.T) {
	t.Parallel()
	least := func(f float64) *float64 { return &f }
	tests := map[string]struct {
		least  *float64
		rules  []eval.CompiledRule
		score  float64
		passed bool
	}{
		"the weighted mean":                              {nil, []eval.CompiledRule{rule("a", 3, 1, true), rule("b", 1, 0, false)}, 0.75, false},
		"without min_score every rule must pass":         {nil, []eval.CompiledRule{rule("a", 1, 0.2, true), rule("b", 1, 0.4, true)}, 0.3, true},
		"with min_score the mean decides":                {least(0.75), []eval.CompiledRule{rule("a", 3, 1, true), rule("b", 1, 0, false)}, 0.75, true},
		"a mean below min_score fails though rules pass": {least(0.5), []eval.CompiledRule{rule("a", 1, 0.4, true)}, 0.4, false},
		"min_score 0 passes":                             {least(0), []eval.CompiledRule{rule("a", 1, 0, false)}, 0, true},
		"rounding does not fail a row": {least(0.8), []eval.CompiledRule{
			rule("a", 0.1, 0.8, true), rule("b", 0.1, 0.8, true), rule("c", 0.1, 0.8, true), rule("d", 0.7, 0.8, true),
		}, 0.8, true},
		"tiny weights": {nil, []eval.CompiledRule{rule("a", 1e-300, 1, true), rule("b", 1e-300, 0, true)}, 0.5, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := eval.Rubric{MinScore: test.least, Rules: test.rules}
			score, passed, verdicts, err := r.Judge(t.Context(), eval.Case{})
			require.NoError(t, err)
			require.InDelta(t, test.score, score, 1e-12)
			require.Equal(t, test.passed, passed)
			require.Len(t, verdicts, len(test.rules))
			require.Equal(t, "a", verdicts[0].Rule)
			require.Equal(t, "t", verdicts[0].Type)
			require.Equal(t, "because", verdicts[0].Reason)
		})
	}
}

func TestRubricNamesTheRuleThatCannotJudge(t *testing.T) {
	t.Parallel()
	failing := func(err error) eval.Rubric {
		return eval.Rubric{Rules: []eval.CompiledRule{rule("fine", 1, 1, true), {Name: "judge", Type: "llm_judge", Weight: 1, Scorer: said{err: err}}, rule("never", 1, 1, true)}}
	}
	t.Run("the kind and the pause are kept", func(t *testing.T) {
		t.Parallel()
		limited := pmerr.New(pmerr.ProviderRateLimited, "slow down").With("provider", "p")
		limited.RetryAfter = 3 * time.Second
		r := failing(limited)
		_, _, verdicts, err := r.Judge(t.Context(), eval.Case{})
		require.ErrorIs(t, err, pmerr.ErrProviderRateLimited)
		var e *pmerr.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, `Rule "judge": slow down`, e.Message)
		require.Equal(t, 3*time.Second, e.RetryAfter)
		require.Equal(t, map[string]any{"provider": "p"}, e.Details)
		require.Len(t, verdicts, 1)
	})
	t.Run("a kind without a message", func(t *testing.T) {
		t.Parallel()
		r := failing(pmerr.ErrTimeout)
		_, _, _, err := r.Judge(t.Context(), eval.Case{})
		require.ErrorIs(t, err, pmerr.ErrTimeout)
		require.ErrorContains(t, err, `Rule "judge": TIMEOUT`)
	})
	t.Run("an error of another package", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("boom")
		r := failing(cause)
		_, _, _, err := r.Judge(t.Context(), eval.Case{})
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, `"judge"`)
	})
	t.Run("a cancelled context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := failing(nil)
		_, _, _, err := r.Judge(ctx, eval.Case{})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("a score that is none", func(t *testing.T) {
		t.Parallel()
		r := eval.Rubric{Rules: []eval.CompiledRule{rule("wild", 1, 1.5, true)}}
		_, _, _, err := r.Judge(t.Context(), eval.Case{})
		require.ErrorContains(t, err, `Rule "wild"`)
	})
	t.Run("no rules", func(t *testing.T) {
		t.Parallel()
		_, _, _, err := new(eval.Rubric).Judge(t.Context(), eval.Case{})
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
	})
}
