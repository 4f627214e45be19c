package abtesttest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func sequentialSpec() abtest.Spec {
	s := spec(abtest.Score)
	s.Mode = abtest.Sequential
	return s
}

// shifted are scores of versions whose means differ.
func shifted(by float64) abtest.Scores { return abtest.Scores{A: wave(40, 0), B: wave(40, by)} }

func sequentialCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"only the sequential p decides": func(t *testing.T, e Env) {
			fixed, sequential := create(t, e.Mine, spec(abtest.Score)), create(t, e.Mine, sequentialSpec())
			slight := shifted(1.5)
			r := run(t, e.Mine, fixed.ID, slight)
			require.Less(t, *r.PValue, 0.05)
			require.Greater(t, *r.Sequential.P, 0.05)
			require.Equal(t, stats.B, r.Winner)
			require.Equal(t, abtest.Fixed, r.Mode)
			again := run(t, e.Mine, sequential.ID, slight)
			require.InEpsilon(t, *r.PValue, *again.PValue, 1e-15)
			require.InEpsilon(t, *r.Sequential.P, *again.Sequential.P, 1e-15)
			require.Equal(t, stats.Tie, again.Winner)
			require.Equal(t, abtest.Sequential, again.Mode)
			distinct := run(t, e.Mine, sequential.ID, shifted(4))
			require.Less(t, *distinct.Sequential.P, 0.05)
			require.Equal(t, stats.B, distinct.Winner)
			require.Less(t, *distinct.Sequential.CILower, 4.0)
			require.Greater(t, *distinct.Sequential.CIUpper, 4.0)
			require.Equal(t, 500, distinct.Sequential.PlannedN)
		},
		"there is no verdict below 20 scores": func(t *testing.T, e Env) {
			r := run(t, e.Mine, create(t, e.Mine, sequentialSpec()).ID, abtest.Scores{A: wave(19, 0), B: wave(40, 50)})
			require.Less(t, *r.PValue, 1e-9)
			require.Nil(t, r.Sequential.P)
			require.Equal(t, stats.Tie, r.Winner)
		},
		"p is the least of all looks": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.Score)).ID
			looks := []float64{0.2, 1.8, 0.1, 2.2, 1}
			least := 1.0
			for i, by := range looks {
				own := *run(t, e.Mine, create(t, e.Mine, spec(abtest.Score)).ID, shifted(by)).Sequential.P
				least = min(least, own)
				require.InDelta(t, least, *run(t, e.Mine, id, shifted(by)).Sequential.P, 0, "look %d", i)
			}
			require.Less(t, least, 1.0)
			small := run(t, e.Mine, id, abtest.Scores{A: []float64{1, 2}, B: []float64{1, 2}})
			require.InDelta(t, least, *small.Sequential.P, 0, "a look at too little changes nothing")
		},
		"the first look that finds a winner decides": func(t *testing.T, e Env) {
			id := create(t, e.Mine, sequentialSpec()).ID
			require.Equal(t, stats.Tie, run(t, e.Mine, id, shifted(0)).Winner)
			require.Equal(t, stats.B, run(t, e.Mine, id, shifted(5)).Winner)
			r := run(t, e.Mine, id, shifted(-0.1))
			require.Equal(t, stats.B, r.Winner)
			require.Greater(t, *r.PValue, 0.5)
			require.False(t, warned(r, "An earlier look"))
			r = run(t, e.Mine, id, shifted(-9))
			require.Equal(t, stats.B, r.Winner)
			require.True(t, warned(r, "An earlier look decided for version B"))
			require.Equal(t, stats.B, run(t, e.Mine, id, abtest.Scores{A: []float64{1, 2}, B: []float64{1, 2}}).Winner)
		},
		"looks at scores of another source are of another test": func(t *testing.T, e Env) {
			var a, b []int64
			for i := range int64(30) {
				a, b = append(a, 100+i%5), append(b, 100+i%5)
			}
			record(t, e, append(timed("1.0.0", a...), timed("1.1.0", b...)...)...)
			s := sequentialSpec()
			s.Metric = abtest.Latency
			id := create(t, e.Mine, s).ID
			sent := run(t, e.Mine, id, shifted(5))
			require.Equal(t, stats.A, sent.Winner)
			logged := run(t, e.Mine, id, abtest.Scores{})
			require.Equal(t, stats.Tie, logged.Winner)
			require.InDelta(t, 1, *logged.Sequential.P, 0)
			require.Equal(t, stats.A, run(t, e.Mine, id, shifted(0)).Winner)
		},
		"looks at the same time": func(t *testing.T, e Env) {
			id := create(t, e.Mine, sequentialSpec()).ID
			var all sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				all.Go(func() { _, errs[i] = e.Mine.Run(t.Context(), id, shifted(float64(i)*0.75)) })
			}
			all.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			results, err := e.Mine.Results(t.Context(), id, page.Request{Limit: 100})
			require.NoError(t, err)
			require.Len(t, results.Items, len(errs))
			clearest := run(t, e.Mine, create(t, e.Mine, sequentialSpec()).ID, shifted(7*0.75))
			require.InDelta(t, *clearest.Sequential.P, *results.Items[0].Sequential.P, 0, "the newest result holds the least p of all")
			require.Equal(t, stats.B, results.Items[0].Winner)
			for i, r := range results.Items[1:] {
				require.LessOrEqual(t, *results.Items[i].Sequential.P, *r.Sequential.P, "p never rises")
			}
		},
	}
}

// measured are 40 calls of a version around a latency and a cost.
func measured(version string, latency int64, cost float64) (logs []telemetry.Log) {
	for i := range 40 {
		l := call(version)
		l.LatencyMS, l.CostUSD = of(latency+int64(i%10)), of(cost+float64(i%10)*1e-4)
		logs = append(logs, l)
	}
	return logs
}

func guardrailCases() map[string]func(*testing.T, Env) {
	guarded := func(guardrails ...abtest.Guardrail) abtest.Spec {
		s := spec(abtest.Latency)
		s.Guardrails = guardrails
		return s
	}
	return map[string]func(*testing.T, Env){
		"a challenger within the margins is promoted": func(t *testing.T, e Env) {
			publish(t, e)
			record(t, e, append(measured("1.0.0", 100, 0.01), measured("1.1.0", 80, 0.0101)...)...)
			id := create(t, e.Mine, guarded(abtest.Guardrail{Metric: abtest.Cost, Margin: 0.001}, abtest.Guardrail{Metric: abtest.Latency, Margin: 5})).ID
			r := run(t, e.Mine, id, abtest.Scores{})
			require.Equal(t, stats.B, r.Winner)
			require.Len(t, r.Guardrails, 2)
			cost, latency := r.Guardrails[0], r.Guardrails[1]
			require.Equal(t, abtest.Cost, cost.Metric)
			require.InDelta(t, 0.0001, cost.WorseBy, 1e-9)
			require.Less(t, *cost.WorseByUpper, 0.001)
			require.InDelta(t, -20, latency.WorseBy, 1e-9)
			require.Equal(t, "welch_non_inferiority", latency.Method)
			for _, g := range r.Guardrails {
				require.True(t, g.Holds)
				require.GreaterOrEqual(t, *g.AdjustedP, *g.PValue)
			}
			low, high := cost, latency
			if *high.PValue < *low.PValue {
				low, high = high, low
			}
			// Holm: the least of two is doubled, the other one stays.
			require.InEpsilon(t, 2**low.PValue, *low.AdjustedP, 1e-9)
			require.InEpsilon(t, max(*high.PValue, 2**low.PValue), *high.AdjustedP, 1e-9)
			got, err := e.Mine.Promote(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, stats.B, got.Winner)
		},
		"a challenger that is worse by the margin is not": func(t *testing.T, e Env) {
			publish(t, e)
			record(t, e, append(measured("1.0.0", 100, 0.01), measured("1.1.0", 80, 0.02)...)...)
			id := create(t, e.Mine, guarded(abtest.Guardrail{Metric: abtest.Cost, Margin: 0.001})).ID
			r := run(t, e.Mine, id, abtest.Scores{})
			require.Equal(t, stats.B, r.Winner)
			require.False(t, r.Guardrails[0].Holds)
			require.InDelta(t, 0.01, r.Guardrails[0].WorseBy, 1e-9)
			before := audited(t, e)
			_, err := e.Mine.Promote(t.Context(), id)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Contains(t, pmerr.From(err).Message, "Version 1.1.0 may be worse in cost by 0.001 or more")
			require.EqualValues(t, "cost", pmerr.From(err).Details["guardrail"])
			unmoved(t, e, before)
		},
		"what was not measured does not hold": func(t *testing.T, e Env) {
			publish(t, e)
			record(t, e, append(timed("1.0.0", 100, 101, 102, 103, 104, 105), timed("1.1.0", 10, 11, 12, 13, 14, 15)...)...)
			id := create(t, e.Mine, guarded(abtest.Guardrail{Metric: abtest.Score, Margin: 1}, abtest.Guardrail{Metric: abtest.Latency, Margin: 1})).ID
			r := run(t, e.Mine, id, abtest.Scores{})
			require.Nil(t, r.Guardrails[0].PValue)
			require.Nil(t, r.Guardrails[0].AdjustedP)
			require.False(t, r.Guardrails[0].Holds)
			require.True(t, r.Guardrails[1].Holds)
			require.True(t, warned(r, "The guardrail on score has 0 logs of A and 0 of B"))
			_, err := e.Mine.Promote(t.Context(), id)
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		},
		"guardrails are tested on logs, whatever else is compared": func(t *testing.T, e Env) {
			publish(t, e)
			record(t, e, append(measured("1.0.0", 100, 0.01), measured("1.1.0", 300, 0.01)...)...)
			evaluation, err := e.Evals.Create(t.Context(), eval.Evaluation{Name: "e", PromptName: "p"})
			require.NoError(t, err)
			for i := range 8 {
				addResult(t, e, evaluation.ID, "1.0.0", float64(i%3), i+1)
				addResult(t, e, evaluation.ID, "1.1.0", float64(i%3)+10, i+1)
			}
			s := guarded(abtest.Guardrail{Metric: abtest.Latency, Margin: 10})
			s.Metric, s.EvaluationID = abtest.Score, &evaluation.ID
			r := run(t, e.Mine, create(t, e.Mine, s).ID, abtest.Scores{})
			require.Equal(t, stats.B, r.Winner)
			require.False(t, r.Guardrails[0].Holds)
			s.EvaluationID = nil
			r = run(t, e.Mine, create(t, e.Mine, s).ID, abtest.Scores{A: wave(30, 0), B: wave(30, 9)})
			require.Equal(t, abtest.FromCaller, r.Source)
			require.False(t, r.Guardrails[0].Holds)
		},
		"the version that serves needs no guardrail": func(t *testing.T, e Env) {
			publish(t, e)
			record(t, e, append(measured("1.0.0", 80, 0.01), measured("1.1.0", 100, 0.02)...)...)
			id := create(t, e.Mine, guarded(abtest.Guardrail{Metric: abtest.Cost, Margin: 0.001})).ID
			require.Equal(t, stats.A, run(t, e.Mine, id, abtest.Scores{}).Winner)
			got, err := e.Mine.Promote(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "1.0.0", *got.Version)
		},
	}
}
