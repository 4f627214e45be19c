package eval

import "fmt"

// tally sums up the rows of a run.
type tally struct {
	rows, passed, errors int
	firstError           string
	score                sum
	rules                map[string]*ruleTally
	latencies            []int64
	tokensIn, tokensOut  int64
	cost                 sum
}

type ruleTally struct {
	score sum
	rows  int
}

func (t *tally) add(r RowResult) {
	t.rows++
	if r.Passed {
		t.passed++
	}
	if r.Error != "" {
		t.errors++
		if t.firstError == "" {
			t.firstError = r.Error
		}
	}
	t.score.add(r.Score)
	for _, v := range r.Rules {
		if t.rules == nil {
			t.rules = map[string]*ruleTally{}
		}
		rule := t.rules[v.Rule]
		if rule == nil {
			rule = &ruleTally{}
			t.rules[v.Rule] = rule
		}
		rule.score.add(v.Score)
		rule.rows++
	}
	if r.LatencyMS != nil {
		t.latencies = append(t.latencies, *r.LatencyMS)
	}
	if r.TokensIn != nil {
		t.tokensIn += *r.TokensIn
	}
	if r.TokensOut != nil {
		t.tokensOut += *r.TokensOut
	}
	t.cost.add(r.Spent())
}

// Spent is what the row cost in USD: its answer and its judges.
func (r RowResult) Spent() (usd float64) {
	if r.CostUSD != nil {
		usd = *r.CostUSD
	}
	for _, v := range r.Rules {
		if v.CostUSD != nil {
			usd += *v.CostUSD
		}
	}
	return usd
}

// Outcome is how a run ended.
type Outcome struct {
	Status  RunStatus
	Score   *float64
	Passed  *bool
	Results RunResults
}

// failed ends a run with a reason.
func failed(reason string) Outcome {
	return Outcome{Status: RunFailed, Results: RunResults{Reason: reason}}
}

// Reasons that a run gives.
const (
	reasonNoRules = "the evaluation has no rules: the outputs were kept and nothing was scored; give it criteria.rules to score them"
	reasonNoRows  = "the dataset has no rows"
)

// outcome sums up a run whose rows are all there. With no rules there is
// nothing to score: the run completes without a score, and says so. A run of
// which every row failed has measured nothing but the failure.
func (t *tally) outcome(rules int, minScore *float64) Outcome {
	switch {
	case t.rows == 0:
		return failed(reasonNoRows)
	case t.errors == t.rows:
		o := failed(fmt.Sprintf("all of the %d rows failed; the first: %s", t.rows, t.firstError))
		if t.rows == 1 {
			o = failed(t.firstError)
		}
		o.Results.Rows, o.Results.Errors, o.Results.CostUSD = t.rows, t.errors, t.cost.value()
		return o
	}
	o := Outcome{Status: RunCompleted, Results: RunResults{
		Rows: t.rows, Errors: t.errors, TokensIn: t.tokensIn, TokensOut: t.tokensOut, CostUSD: t.cost.value(),
		LatencyP50MS: percentile(t.latencies, 0.50), LatencyP95MS: percentile(t.latencies, 0.95),
	}}
	if rules == 0 {
		o.Results.Reason = reasonNoRules
		return o
	}
	mean := t.score.value() / float64(t.rows)
	rate := float64(t.passed) / float64(t.rows)
	low, high := wilson(t.passed, t.rows)
	o.Results.Passed, o.Results.Mean = t.passed, &mean
	o.Results.PassRate, o.Results.PassRateLower, o.Results.PassRateUpper = &rate, &low, &high
	o.Results.RuleMeans = make(map[string]float64, len(t.rules))
	for name, rule := range t.rules {
		o.Results.RuleMeans[name] = rule.score.value() / float64(rule.rows)
	}
	passed := t.passed == t.rows
	if minScore != nil {
		passed = mean >= *minScore-rounding
	}
	o.Score, o.Passed = &mean, &passed
	return o
}
