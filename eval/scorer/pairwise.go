package scorer

import (
	"context"
)

// buildPairwiseJudge: a model compares the output with a baseline, once in each
// order, because models favour a place. The score is 1 if the output wins both
// times, 0 if the baseline does, and 0.5, a tie, for all else.
func buildPairwiseJudge(c *Compiler, r *rule) judge {
	var config struct {
		judging
		Baseline *string `json:"baseline"`
	}
	if !r.decode(&config) {
		return nil
	}
	rubric, threshold := r.judging(c, &config.judging)
	baseline := r.expectation("baseline", config.Baseline)
	return func(ctx context.Context, k *subject) (outcome, error) {
		other, own, err := baselineOf(k, baseline)
		if err != nil {
			return outcome{}, err
		}
		if len(other) > maxJudged {
			return outcome{}, tooLong("the baseline", maxJudged)
		}
		a := asking{model: c.model, config: &config.judging, format: choiceFormat}
		forth, why, err := a.compare(ctx, rubric, k, own, k.Output, other)
		if err != nil {
			return outcome{}, err
		}
		back, _, err := a.compare(ctx, rubric, k, own, other, k.Output)
		if err != nil {
			return outcome{}, err
		}
		o := preferred(forth, back, threshold, why)
		o.cost = a.cost
		return o, nil
	}
}

// baselineOf is what the rule says, else the case's own baseline, else the
// expected text.
func baselineOf(k *subject, e expectation) (text string, own bool, err error) {
	if k.Baseline != nil && e.template == nil {
		return *k.Baseline, true, nil
	}
	text, _, err = e.text(k)
	return text, false, err
}

// compare asks which of two answers is better. With expected the judge sees the
// expected text too; where that is the baseline it would give itself away.
func (a *asking) compare(ctx context.Context, rubric template, k *subject, expected bool, one, two string) (choice, string, error) {
	// The fences depend on both texts, wherever the second came from.
	with := *k
	with.Baseline = &two
	if two == k.Output {
		with.Baseline = &one
	}
	p, err := newPrompt(rubric, &with, expected)
	if err != nil {
		return "", "", err
	}
	// Both answers stand below the rubric: naming one there would tell which
	// of them is the output.
	p.data["output"] = "the answer"
	p.add("ANSWER A", one)
	p.add("ANSWER B", two)
	text, err := p.render()
	if err != nil {
		return "", "", err
	}
	a.system = "You compare two answers, A and B, by a rubric. Their order means nothing.\n" +
		fenceInstructions(p.marker) +
		`Answer with one JSON object and nothing else: {"winner": "A", "B" or "tie", "reason": one short sentence}.`
	return ask(ctx, a, text, readChoice)
}

// preferred settles the answers for both orders: forth with the output as A,
// back with it as B.
func preferred(forth, back choice, threshold float64, why string) outcome {
	switch {
	case forth == first && back == second:
		return graded(1, threshold, "better than the baseline: %s", why)
	case forth == second && back == first:
		return graded(0, threshold, "worse than the baseline: %s", why)
	case forth == tie && back == tie:
		return graded(0.5, threshold, "as good as the baseline: %s", why)
	}
	return graded(0.5, threshold, "a tie: the judge said %s, and %s in the other order", forth, back)
}
