package eval

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// rounding is how far below min_score a weighted mean may lie through floating
// point alone: 0.8 of ten rules adds up to 0.7999999999999999.
const rounding = 1e-9

// Judge scores a case: the mean of the rules' scores by their weights, and
// whether it reached MinScore; without MinScore whether every rule has passed.
//
// A rule that cannot judge ends it: the error names the rule, keeps the kind of
// the cause, and the verdicts before it are returned. A rubric without rules is
// ErrBadRequest.
func (r *Rubric) Judge(ctx context.Context, c Case) (score float64, passed bool, verdicts []Verdict, err error) {
	if len(r.Rules) == 0 {
		return 0, false, nil, pmerr.New(pmerr.BadRequest, "The evaluation has no criteria.rules to score by")
	}
	verdicts = make([]Verdict, 0, len(r.Rules))
	var sum, weights float64
	every := true
	for _, rule := range r.Rules {
		if err := ctx.Err(); err != nil {
			return 0, false, verdicts, rule.blame(err)
		}
		v, err := rule.Scorer.Score(ctx, c)
		if err != nil {
			return 0, false, verdicts, rule.blame(err)
		}
		if math.IsNaN(v.Score) || v.Score < 0 || v.Score > 1 {
			return 0, false, verdicts, rule.blame(pmerr.New(pmerr.Internal, "the score must be a number from 0 to 1, not %v", v.Score))
		}
		v.Rule, v.Type = rule.Name, rule.Type
		verdicts = append(verdicts, v)
		sum += rule.Weight * v.Score
		weights += rule.Weight
		every = every && v.Passed
	}
	score = min(sum/weights, 1)
	if r.MinScore != nil {
		return score, score >= *r.MinScore-rounding, verdicts, nil
	}
	return score, every, verdicts, nil
}

// blame names the rule in an error and keeps its kind.
func (r CompiledRule) blame(err error) error {
	var e *pmerr.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("rule %q: %w", r.Name, err)
	}
	message := e.Message
	if message == "" {
		message = string(e.Code)
	}
	blamed := pmerr.New(e.Code, "Rule %q: %s", r.Name, message).Because(err)
	blamed.Fields, blamed.Details, blamed.RetryAfter = e.Fields, e.Details, e.RetryAfter
	return blamed
}
