package abtesttest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// evaluated is a test on an evaluation that has scored versions; the scores of
// a version are of the rows 1, 2 and so on.
func evaluated(tb testing.TB, e Env, m abtest.Metric, scores map[string][]float64) abtest.Test {
	tb.Helper()
	made, err := e.Evals.Create(tb.Context(), eval.Evaluation{Name: "e", PromptName: "p"})
	require.NoError(tb, err)
	for version, list := range scores {
		for i, score := range list {
			addResult(tb, e, made.ID, version, score, i+1)
		}
	}
	s := spec(m)
	s.EvaluationID = &made.ID
	return create(tb, e.Mine, s)
}

// addResult records a score of a row, or of none with row 0.
func addResult(tb testing.TB, e Env, evaluation int64, version string, score float64, row int) {
	tb.Helper()
	r := eval.Result{Score: score, VersionTag: &version}
	if row > 0 {
		r.Metadata = map[string]json.RawMessage{eval.RowIDMember: json.RawMessage(strconv.Itoa(row))}
	}
	_, err := e.Evals.AddResult(tb.Context(), evaluation, r)
	require.NoError(tb, err)
}

func evaluationCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"results of each version are compared, and paired by row": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, map[string][]float64{
				"1.0.0": {0.1, 0.5, 0.9, 0.3}, "1.1.0": {0.2, 0.7, 1, 0.5}, "2.0.0": {9, 9, 9, 9},
			})
			r := run(t, e.Mine, test.ID, abtest.Scores{})
			require.Equal(t, abtest.FromEvaluation, r.Source)
			require.Equal(t, []int{4, 4}, []int{r.NA, r.NB})
			require.InDelta(t, 0.45, r.MeanA, 1e-12)
			require.InDelta(t, 0.6, r.MeanB, 1e-12)
			require.Equal(t, stats.Tie, r.Winner)
			require.Equal(t, "paired_t", r.Paired.Method)
			require.Equal(t, []int{4, 4, 0}, []int{r.Paired.N, r.Paired.HigherB, r.Paired.LowerB})
			require.InDelta(t, 0.15, r.Paired.MeanDifference, 1e-12)
			// The tails of Student's t beyond 3√3, with 3 degrees of freedom.
			require.InEpsilon(t, 0.01384683, *r.Paired.PValue, 1e-6)
			require.Less(t, *r.Paired.PValue, *r.PValue, "rows explain much of the spread")
			got, err := e.Mine.Get(t.Context(), test.ID)
			require.NoError(t, err)
			require.Equal(t, asJSON(t, r), asJSON(t, got.LatestResult))
		},
		"of several scores of a row the newest is paired, rows of one version are not": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, map[string][]float64{"1.0.0": {0.1, 0.2, 0.3}, "1.1.0": {0.5, 0.6}})
			addResult(t, e, *test.EvaluationID, "1.0.0", 0.4, 1)
			addResult(t, e, *test.EvaluationID, "1.1.0", 0.7, 0)
			addResult(t, e, *test.EvaluationID, "1.1.0", 0.9, 2)
			addResult(t, e, *test.EvaluationID, "1.1.0", 0.8, 7)
			r := run(t, e.Mine, test.ID, abtest.Scores{})
			require.Equal(t, []int{4, 5}, []int{r.NA, r.NB})
			require.Equal(t, 2, r.Paired.N)
			require.InDelta(t, ((0.5-0.4)+(0.9-0.2))/2, r.Paired.MeanDifference, 1e-12)
		},
		"without rows nothing is paired": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, nil)
			for i := range 6 {
				addResult(t, e, *test.EvaluationID, []string{"1.0.0", "1.1.0"}[i%2], float64(i), 0)
			}
			require.Nil(t, run(t, e.Mine, test.ID, abtest.Scores{}).Paired)
		},
		"zeros and ones are rates, and pairs a McNemar test": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.WinRate, map[string][]float64{"1.0.0": {0, 0, 0, 0, 1, 1}, "1.1.0": {1, 1, 1, 1, 1, 0}})
			r := run(t, e.Mine, test.ID, abtest.Scores{})
			require.Equal(t, "two_proportion_z", r.Method)
			require.Equal(t, "mcnemar_mid_p", r.Paired.Method)
			require.Equal(t, []int{6, 4, 1}, []int{r.Paired.N, r.Paired.HigherB, r.Paired.LowerB})
			// The exact test has 12/32; the middle takes half of the 5 ways to this table off each tail.
			require.InEpsilon(t, 12.0/32-5.0/32, *r.Paired.PValue, 1e-12)
		},
		"any other score of a win rate is compared by its mean": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.WinRate, map[string][]float64{"1.0.0": {0, 0.5, 1}, "1.1.0": {1, 1, 0}})
			r := run(t, e.Mine, test.ID, abtest.Scores{})
			require.Equal(t, "welch", r.Method)
			require.True(t, warned(r, "not all 0 or 1"))
		},
		"latency says that the lower score wins": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Latency, map[string][]float64{"1.0.0": {1, 2, 3, 4}, "1.1.0": {101, 102, 103, 104}})
			r := run(t, e.Mine, test.ID, abtest.Scores{})
			require.Equal(t, stats.A, r.Winner)
			require.True(t, warned(r, "the lower score of the evaluation wins"))
		},
		"scores cannot be sent": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, map[string][]float64{"1.0.0": {1, 2}, "1.1.0": {3, 4}})
			for _, s := range []abtest.Scores{{A: []float64{1, 2}, B: []float64{3, 4}}, {A: []float64{1, 2}}, {B: []float64{}}} {
				_, err := e.Mine.Run(t.Context(), test.ID, s)
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
				require.Contains(t, pmerr.From(err).Message, "send no scores")
			}
		},
		"too few results": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, map[string][]float64{"1.0.0": {1, 2, 3}, "1.1.0": {3}})
			_, err := e.Mine.Run(t.Context(), test.ID, abtest.Scores{})
			tooFew(t, err, 0, 0, 3, 1)
		},
		"a version that no result can have": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, map[string][]float64{"1.0.0": {1, 2, 3}})
			s := test.Spec
			s.VersionB = strings.Repeat("9", 255)
			_, err := e.Mine.Run(t.Context(), create(t, e.Mine, s).ID, abtest.Scores{})
			tooFew(t, err, 0, 0, 3, 0)
		},
		"an evaluation that is gone": func(t *testing.T, e Env) {
			test := evaluated(t, e, abtest.Score, map[string][]float64{"1.0.0": {1, 2}, "1.1.0": {3, 4}})
			require.NoError(t, e.Evals.Delete(t.Context(), *test.EvaluationID))
			_, err := e.Mine.Run(t.Context(), test.ID, abtest.Scores{})
			missing(t, err, "Evaluation")
		},
	}
}

func tooFew(tb testing.TB, err error, logsA, logsB, scoresA, scoresB int) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrBadRequest)
	got := pmerr.From(err).Details
	require.Len(tb, got, 4)
	for name, want := range map[string]int{
		"version_a_log_count": logsA, "version_b_log_count": logsB, "scores_a_count": scoresA, "scores_b_count": scoresB,
	} {
		require.Equal(tb, strconv.Itoa(want), fmt.Sprint(got[name]), name)
	}
}

func logCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"latency is read from logs, zero kept and nothing left out": func(t *testing.T, e Env) {
			record(t, e, timed("1.0.0", 100, 110, 120, 130, 140)...)
			record(t, e, timed("1.1.0", 0, 10, 20, 30, 40)...)
			record(t, e, call("1.0.0"), call("1.1.0"), timed("1.2.0", 1)[0], telemetry.Log{PromptName: "q", VersionTag: "1.0.0", LatencyMS: of(int64(9))})
			r := run(t, e.Mine, create(t, e.Mine, spec(abtest.Latency)).ID, abtest.Scores{})
			require.Equal(t, abtest.FromLogs, r.Source)
			require.Equal(t, []int{5, 5}, []int{r.NA, r.NB})
			require.InDelta(t, 120, r.MeanA, 1e-12)
			require.InDelta(t, 20, r.MeanB, 1e-12)
			require.Equal(t, stats.B, r.Winner, "the faster one")
		},
		"cost is read from logs": func(t *testing.T, e Env) {
			for i, cost := range []float64{0, 0.001, 0.002, 0.003} {
				a, b := call("1.0.0"), call("1.1.0")
				a.CostUSD, b.CostUSD = &cost, of(cost+0.01*float64(i+1))
				record(t, e, a, b)
			}
			record(t, e, call("1.0.0"))
			r := run(t, e.Mine, create(t, e.Mine, spec(abtest.Cost)).ID, abtest.Scores{})
			require.Equal(t, []int{4, 4}, []int{r.NA, r.NB})
			require.InDelta(t, 0.0015, r.MeanA, 1e-15)
			require.InDelta(t, 0.0265, r.MeanB, 1e-15)
			require.Equal(t, stats.A, r.Winner, "the cheaper one")
		},
		"ratings come first, then scores, then wins": func(t *testing.T, e Env) {
			record(t, e, told(t, "1.0.0",
				`{"rating":1,"score":0,"win":0}`, `{"rating":null,"score":0,"win":1}`, `{"win":true}`, `{"win":false}`, `{"rating":0}`, `{"rating":"good","win":1}`,
				`{"rating":null}`, `{"score":"1"}`, `{"stars":1}`, `{"win":[1]}`, `{}`)...)
			record(t, e, told(t, "1.1.0", `{"score":1}`, `{"rating":true}`, `{"score":1,"note":"it's \"win\""}`)...)
			record(t, e, call("1.1.0"))
			r := run(t, e.Mine, create(t, e.Mine, spec(abtest.WinRate)).ID, abtest.Scores{})
			require.Equal(t, []int{6, 3}, []int{r.NA, r.NB})
			require.InDelta(t, 3.0/6, r.MeanA, 1e-15)
			require.InDelta(t, 1, r.MeanB, 0)
			require.Equal(t, "two_proportion_z", r.Method)
		},
		"ratings beyond 0 and 1 are compared by their means": func(t *testing.T, e Env) {
			record(t, e, told(t, "1.0.0", `{"rating":1}`, `{"rating":2}`, `{"rating":2.5}`, `{"rating":-1}`, `{"rating":1e301}`)...)
			record(t, e, told(t, "1.1.0", `{"rating":4}`, `{"rating":5}`, `{"rating":4.5}`)...)
			for metric, warns := range map[abtest.Metric]bool{abtest.WinRate: true, abtest.Score: false} {
				r := run(t, e.Mine, create(t, e.Mine, spec(metric)).ID, abtest.Scores{})
				require.Equal(t, []int{4, 3}, []int{r.NA, r.NB})
				require.Equal(t, "welch", r.Method)
				require.Equal(t, stats.B, r.Winner)
				require.Equal(t, warns, warned(r, "not all 0 or 1"))
			}
		},
		"too few logs": func(t *testing.T, e Env) {
			tests := map[abtest.Metric]int64{}
			for _, metric := range []abtest.Metric{abtest.Latency, abtest.Cost, abtest.WinRate, abtest.Score} {
				tests[metric] = create(t, e.Mine, spec(metric)).ID
				_, err := e.Mine.Run(t.Context(), tests[metric], abtest.Scores{})
				tooFew(t, err, 0, 0, 0, 0)
			}
			record(t, e, append(timed("1.0.0", 5, 6), call("1.0.0"), timed("1.1.0", 7)[0])...)
			for metric, id := range tests {
				scores := [2]int{}
				if metric == abtest.Latency {
					scores = [2]int{2, 1}
				}
				_, err := e.Mine.Run(t.Context(), id, abtest.Scores{})
				tooFew(t, err, 3, 1, scores[0], scores[1])
				got, err := e.Mine.Get(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, abtest.Running, got.Status)
			}
		},
		"one version has no logs": func(t *testing.T, e Env) {
			record(t, e, timed("1.0.0", 5, 6, 7)...)
			_, err := e.Mine.Run(t.Context(), create(t, e.Mine, spec(abtest.Latency)).ID, abtest.Scores{})
			tooFew(t, err, 3, 0, 3, 0)
		},
		"logs of two runs give the same interval": func(t *testing.T, e Env) {
			record(t, e, append(timed("1.0.0", 5, 9, 7, 12), timed("1.1.0", 3, 8, 2)...)...)
			id := create(t, e.Mine, spec(abtest.Latency)).ID
			one, two := run(t, e.Mine, id, abtest.Scores{}), run(t, e.Mine, id, abtest.Scores{})
			require.Equal(t, one.Seed, two.Seed)
			require.Equal(t, [2]float64{*one.CILower, *one.CIUpper}, [2]float64{*two.CILower, *two.CIUpper})
			record(t, e, timed("1.1.0", 4)...)
			require.NotEqual(t, one.Seed, run(t, e.Mine, id, abtest.Scores{}).Seed)
		},
		"calls that do not split as they should are warned of": func(t *testing.T, e Env) {
			many := func(version string, n int) []telemetry.Log {
				latencies := make([]int64, n)
				for i := range latencies {
					latencies[i] = int64(i % 7)
				}
				return timed(version, latencies...)
			}
			record(t, e, many("1.0.0", 300)...) // before the test began
			test := create(t, e.Mine, spec(abtest.Latency))
			record(t, e, many("1.1.0", 2)...)
			r := run(t, e.Mine, test.ID, abtest.Scores{})
			require.InEpsilon(t, 0.1573, *r.SampleRatioP, 1e-3)
			require.False(t, warned(r, "not the split"))
			record(t, e, many("1.0.0", 2)...)
			require.InDelta(t, 1, *run(t, e.Mine, test.ID, abtest.Scores{}).SampleRatioP, 0)
			record(t, e, many("1.1.0", 60)...)
			r = run(t, e.Mine, test.ID, abtest.Scores{})
			require.Less(t, *r.SampleRatioP, 0.001)
			require.True(t, warned(r, "2 calls of A and 62 of B"), "%q", r.Warnings)

			uneven := spec(abtest.Latency)
			uneven.ShareB = 0.9
			test = create(t, e.Mine, uneven)
			require.Nil(t, run(t, e.Mine, test.ID, abtest.Scores{}).SampleRatioP, "nothing was logged since")
			record(t, e, append(many("1.0.0", 5), many("1.1.0", 45)...)...)
			require.InDelta(t, 1, *run(t, e.Mine, test.ID, abtest.Scores{}).SampleRatioP, 1e-9)
			require.Nil(t, run(t, e.Mine, test.ID, abtest.Scores{A: wave(9, 1), B: wave(9, 1)}).SampleRatioP)
		},
	}
}
