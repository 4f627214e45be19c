package abtest

import (
	"slices"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

// guardrailLevel is one-sided.
const guardrailLevel = 0.025

// metrics are all that the test asks of logs.
func (t Test) metrics() []Metric {
	all := []Metric{t.Metric}
	for _, g := range t.Guardrails {
		if !slices.Contains(all, g.Metric) {
			all = append(all, g.Metric)
		}
	}
	return all
}

// checkGuardrails tests that version B is not worse by the margins. What was
// not measured does not hold.
func (r *Result) checkGuardrails(t Test, l logs) error {
	out := make([]GuardrailResult, len(t.Guardrails))
	ps := make([]float64, len(t.Guardrails))
	for i, g := range t.Guardrails {
		out[i] = GuardrailResult{Metric: g.Metric, NonInferiority: stats.NonInferiority{Margin: g.Margin}}
		ps[i] = 1
		a, b := l.a.Values[g.Metric], l.b.Values[g.Metric]
		if len(a) < 2 || len(b) < 2 {
			r.warn("The guardrail on %s has %d logs of A and %d of B with a value, and needs 2 of each: it does not hold.", g.Metric, len(a), len(b))
			continue
		}
		tested, err := stats.Guardrail(a, b, stats.Options{Kind: stats.Mean, LowerWins: lowerWins(g.Metric)}, g.Margin)
		if err != nil {
			return err
		}
		out[i].NonInferiority = tested
		if tested.PValue != nil {
			ps[i] = *tested.PValue
		}
	}
	for i, p := range stats.Holm(ps) {
		if out[i].PValue != nil {
			out[i].AdjustedP = &p
			out[i].Holds = p < guardrailLevel
		}
	}
	r.Guardrails = out
	return nil
}

// checkTraffic compares how the logs since the creation of the test split with
// what the test asks for. Once a version was promoted it gets all calls.
func (r *Result) checkTraffic(t Test, l logs) {
	if l.a.Since+l.b.Since == 0 || t.PromotedVersion != nil {
		return
	}
	p, mismatch := stats.SampleRatio(int(l.a.Since), int(l.b.Since), t.ShareB)
	r.SampleRatioP = &p
	if mismatch {
		r.warn("Since the test began %d calls of A and %d of B were logged, which is not the split of the test (p = %.2g): if assignment chose the versions, something loses calls, and the result may be wrong.",
			l.a.Since, l.b.Since, p)
	}
}
