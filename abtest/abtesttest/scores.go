package abtesttest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func scoreCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"means are compared by Welch's test": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.Score)).ID
			r := run(t, e.Mine, id, abtest.Scores{A: []float64{1, 2, 3, 4, 5}, B: []float64{6, 7, 8, 9, 10}})
			require.Equal(t, id, r.TestID)
			require.Positive(t, r.ID)
			require.Equal(t, abtest.FromCaller, r.Source)
			require.Equal(t, abtest.Score, r.Metric)
			require.Equal(t, abtest.Fixed, r.Mode)
			require.Equal(t, []int{5, 5}, []int{r.NA, r.NB})
			require.InDelta(t, 3, r.MeanA, 0)
			require.InDelta(t, 8, r.MeanB, 0)
			require.InEpsilon(t, math.Sqrt(2.5), *r.SDA, 1e-12)
			require.InEpsilon(t, math.Sqrt(2.5), *r.SDB, 1e-12)
			// The tails of Student's t beyond 5, with 8 degrees of freedom.
			require.InEpsilon(t, 0.001052825793366538, *r.PValue, 1e-9)
			require.InEpsilon(t, 5, *r.Statistic, 1e-12)
			require.InEpsilon(t, 8, *r.DF, 1e-12)
			require.InEpsilon(t, 2.693995864699596, *r.CIWelchLower, 1e-9)
			require.InEpsilon(t, 7.306004135300404, *r.CIWelchUpper, 1e-9)
			require.Less(t, *r.CIWelchLower, *r.CILower)
			require.Less(t, *r.CILower, 5.0)
			require.Less(t, 5.0, *r.CIUpper)
			require.Less(t, *r.CIUpper, *r.CIWelchUpper)
			require.Equal(t, "bootstrap_percentile", r.CIMethod)
			require.Equal(t, "welch", r.Method)
			require.Equal(t, stats.B, r.Winner)
			require.InEpsilon(t, 5.0/3, *r.RelativeLift, 1e-12)
			require.NotZero(t, r.Seed)
			require.Nil(t, r.SampleRatioP)
			require.Nil(t, r.Paired)
			require.Equal(t, []abtest.GuardrailResult{}, r.Guardrails)
			require.True(t, warned(r, "only 5 scores"))
			require.False(t, r.CreatedAt.IsZero())
			require.NotEmpty(t, r.Workspace)
		},
		"lower wins for latency and cost, higher for the others": func(t *testing.T, e Env) {
			for metric, want := range map[abtest.Metric]stats.Winner{abtest.Latency: stats.A, abtest.Cost: stats.A, abtest.Score: stats.B, abtest.WinRate: stats.B} {
				scores := abtest.Scores{A: wave(20, 50), B: wave(20, 60)}
				if metric == abtest.WinRate {
					scores = abtest.Scores{A: rates(20, 100), B: rates(60, 100)}
				}
				require.Equal(t, want, run(t, e.Mine, create(t, e.Mine, spec(metric)).ID, scores).Winner, metric)
			}
		},
		"rates are compared by the z-test": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.WinRate)).ID
			r := run(t, e.Mine, id, abtest.Scores{A: rates(45, 100), B: rates(60, 100)})
			// Both versions together have 52.5 % ones.
			require.InEpsilon(t, math.Erfc(0.15/math.Sqrt(0.525*0.475*2/100)/math.Sqrt2), *r.PValue, 1e-12)
			require.InDelta(t, 0.45, r.MeanA, 1e-15)
			require.InDelta(t, 0.6, r.MeanB, 1e-15)
			require.Equal(t, "two_proportion_z", r.Method)
			require.Equal(t, "newcombe", r.CIMethod)
			require.Equal(t, stats.B, r.Winner)
			none := run(t, e.Mine, id, abtest.Scores{A: rates(0, 100), B: rates(0, 100)})
			require.Nil(t, none.PValue)
			require.Equal(t, stats.Tie, none.Winner)
			require.Negative(t, *none.CILower)
			require.Positive(t, *none.CIUpper, "no loss in a hundred does not prove that there never is one")
		},
		"p of 0.05 and more is a tie": func(t *testing.T, e Env) {
			r := run(t, e.Mine, create(t, e.Mine, spec(abtest.Score)).ID, abtest.Scores{A: []float64{1, 2, 3, 4, 5}, B: []float64{3, 4, 5, 6, 7}})
			// The tails beyond 2, with 8 degrees of freedom.
			require.InEpsilon(t, 0.0805162379572627, *r.PValue, 1e-9)
			require.Equal(t, stats.Tie, r.Winner)
		},
		"a run completes the test": func(t *testing.T, e Env) {
			made := create(t, e.Mine, spec(abtest.Score))
			r := run(t, e.Mine, made.ID, abtest.Scores{A: []float64{1, 2}, B: []float64{3, 4}})
			got, err := e.Mine.Get(t.Context(), made.ID)
			require.NoError(t, err)
			require.Equal(t, abtest.Completed, got.Status)
			require.False(t, got.UpdatedAt.Before(made.UpdatedAt.Time))
			require.Equal(t, asJSON(t, r), asJSON(t, got.LatestResult))
		},
		"the same scores give the same result": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.Score)).ID
			scores := abtest.Scores{A: []float64{1, 7, 3, 9, 2.5}, B: []float64{4, 8, 6, 1}}
			one, two := run(t, e.Mine, id, scores), run(t, e.Mine, id, scores)
			require.NotEqual(t, one.ID, two.ID)
			two.ID, two.CreatedAt = one.ID, one.CreatedAt
			require.Equal(t, asJSON(t, one), asJSON(t, two))
			again := run(t, e.Mine, create(t, e.Mine, spec(abtest.Score)).ID, scores)
			require.NotEqual(t, one.Seed, again.Seed, "another test draws other samples")
			require.InEpsilon(t, *one.PValue, *again.PValue, 1e-15)
		},
		"scores of one version only": func(t *testing.T, e Env) {
			id := create(t, e.Mine, spec(abtest.Score)).ID
			for _, s := range []abtest.Scores{{A: []float64{1, 2}}, {B: []float64{1, 2}}} {
				_, err := e.Mine.Run(t.Context(), id, s)
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
				require.Contains(t, pmerr.From(err).Message, "send both or neither")
			}
		},
		"scores that cannot be": func(t *testing.T, e Env) {
			good, many := []float64{1, 0}, make([]float64, abtest.MaxScores+1)
			for name, c := range map[string]struct {
				metric abtest.Metric
				scores abtest.Scores
				faults []string
			}{
				"empty":           {abtest.Score, abtest.Scores{A: []float64{}, B: good}, []string{"scoresA must not be empty"}},
				"both empty":      {abtest.Score, abtest.Scores{A: []float64{}, B: []float64{}}, []string{"scoresA must not be empty", "scoresB must not be empty"}},
				"too large":       {abtest.Score, abtest.Scores{A: good, B: []float64{0, 1e301, -1e301}}, []string{"scoresB[1] must be a number between -1e300 and 1e300", "scoresB[2] must be a number between -1e300 and 1e300"}},
				"no zero or one":  {abtest.WinRate, abtest.Scores{A: []float64{0, 0.5}, B: []float64{1, 2}}, []string{"scoresA[1] must be 0 or 1", "scoresB[1] must be 0 or 1"}},
				"no number":       {abtest.Score, abtest.Scores{A: []float64{1, math.NaN()}, B: good}, []string{"scoresA[1] must be a number between -1e300 and 1e300"}},
				"infinite":        {abtest.Score, abtest.Scores{A: good, B: []float64{math.Inf(-1)}}, []string{"scoresB[0] must be a number between -1e300 and 1e300"}},
				"more than a lot": {abtest.Score, abtest.Scores{A: many, B: good}, nil},
			} {
				id := create(t, e.Mine, spec(c.metric)).ID
				_, err := e.Mine.Run(t.Context(), id, c.scores)
				if name == "more than a lot" {
					require.Contains(t, []pmerr.Code{pmerr.Validation, pmerr.TooLarge}, pmerr.From(err).Code, "a server may stop reading")
				} else {
					require.ErrorIs(t, err, pmerr.ErrValidation, name)
				}
				if c.faults != nil {
					require.ElementsMatch(t, c.faults, pmerr.From(err).Fields, name)
				}
				got, err := e.Mine.Get(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, abtest.Running, got.Status, "what was refused leaves nothing")
				require.Nil(t, got.LatestResult)
			}
		},
		"what has no test is a tie with the reason": func(t *testing.T, e Env) {
			for name, c := range map[string]struct {
				metric abtest.Metric
				scores abtest.Scores
				reason string
			}{
				"one score":        {abtest.Score, abtest.Scores{A: []float64{1}, B: wave(30, 9)}, "A version has fewer than 2 scores"},
				"one of each":      {abtest.WinRate, abtest.Scores{A: []float64{0}, B: []float64{1}}, "A version has fewer than 2 scores"},
				"equal constants":  {abtest.Latency, abtest.Scores{A: []float64{7, 7, 7}, B: []float64{7, 7, 7}}, "Both versions have constant scores"},
				"other constants":  {abtest.Cost, abtest.Scores{A: []float64{0.1, 0.1, 0.1}, B: []float64{0.3, 0.3, 0.3}}, "Both versions have constant scores"},
				"nothing but ones": {abtest.WinRate, abtest.Scores{A: rates(9, 9), B: rates(9, 9)}, "All scores are equal"},
			} {
				r := run(t, e.Mine, create(t, e.Mine, spec(c.metric)).ID, c.scores)
				require.Nil(t, r.PValue, name)
				require.Equal(t, stats.Tie, r.Winner, name)
				require.True(t, warned(r, c.reason), "%s: %q", name, r.Warnings)
			}
		},
		"large offsets keep their digits": func(t *testing.T, e Env) {
			r := run(t, e.Mine, create(t, e.Mine, spec(abtest.Score)).ID, abtest.Scores{
				A: []float64{1e15 + 1, 1e15 + 2, 1e15 + 3, 1e15 + 4, 1e15 + 5}, B: []float64{1e15 + 6, 1e15 + 7, 1e15 + 8, 1e15 + 9, 1e15 + 10},
			})
			require.InEpsilon(t, 0.001052825793366538, *r.PValue, 1e-9)
		},
	}
}
