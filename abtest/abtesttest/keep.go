package abtesttest

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func testKey(t abtest.Test) string     { return strconv.FormatInt(t.ID, 10) }
func resultKey(r abtest.Result) string { return strconv.FormatInt(r.ID, 10) }

func resultsOf(e abtest.Tests, id int64) pagetest.List[abtest.Result] {
	return func(ctx context.Context, r page.Request) (page.Of[abtest.Result], error) {
		return e.Results(ctx, id, r)
	}
}

// faultySpecs are changes of a good spec, each with all that is then wrong.
func faultySpecs() map[string]struct {
	change func(*abtest.Spec)
	faults []string
} {
	type faulty = struct {
		change func(*abtest.Spec)
		faults []string
	}
	long := strings.Repeat("ü", 256)
	return map[string]faulty{
		"nothing": {func(s *abtest.Spec) { *s = abtest.Spec{} }, []string{
			"prompt_name is required and must be at most 128 characters",
			"version_a is required and must be at most 255 characters",
			"version_b is required and must be at most 255 characters",
		}},
		"texts that are too long": {func(s *abtest.Spec) { s.PromptName, s.VersionA, s.VersionB = long[:2*129], long, long }, []string{
			"prompt_name is required and must be at most 128 characters",
			"version_a is required and must be at most 255 characters",
			"version_b is required and must be at most 255 characters",
			"version_b must differ from version_a",
		}},
		"NUL":               {func(s *abtest.Spec) { s.PromptName = "a\x00b" }, []string{"prompt_name must be UTF-8 without NUL"}},
		"one version":       {func(s *abtest.Spec) { s.VersionB = s.VersionA }, []string{"version_b must differ from version_a"}},
		"ids below 1":       {func(s *abtest.Spec) { s.DatasetID, s.EvaluationID = of(int64(0)), of(int64(-1)) }, []string{"dataset_id must be a positive integer", "evaluation_id must be a positive integer"}},
		"an unknown metric": {func(s *abtest.Spec) { s.Metric = "speed" }, []string{"metric must be latency, cost, win_rate or score"}},
		"an unknown mode":   {func(s *abtest.Spec) { s.Mode = "bayes" }, []string{"mode must be fixed or sequential"}},
		"a plan of one":     {func(s *abtest.Spec) { s.PlannedN = 1 }, []string{"planned_n must be an integer from 2 to 10000000"}},
		"a plan of many":    {func(s *abtest.Spec) { s.PlannedN = 10_000_001 }, []string{"planned_n must be an integer from 2 to 10000000"}},
		"all to B":          {func(s *abtest.Spec) { s.ShareB = 1 }, []string{"share_b must be above 0 and below 1"}},
		"less than none":    {func(s *abtest.Spec) { s.ShareB = -0.5 }, []string{"share_b must be above 0 and below 1"}},
		"bad guardrails": {func(s *abtest.Spec) {
			s.Guardrails = []abtest.Guardrail{{Metric: abtest.WinRate, Margin: 1}, {Metric: abtest.Cost}, {Metric: abtest.Cost, Margin: 1e13}, {Margin: -1}}
		}, []string{
			"guardrails[0].metric must be latency, cost or score", "guardrails[1].margin must be above 0 and at most 1e12",
			"guardrails[2].metric must not come twice", "guardrails[2].margin must be above 0 and at most 1e12",
			"guardrails[3].metric must be latency, cost or score", "guardrails[3].margin must be above 0 and at most 1e12",
		}},
	}
}

func keepCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"Create fills in what is left out": func(t *testing.T, e Env) {
			before := time.Now().Add(-time.Minute)
			made := create(t, e.Mine, abtest.Spec{PromptName: "p", VersionA: "1.0.0", VersionB: "1.1.0"})
			require.EqualValues(t, 1, made.ID)
			require.Equal(t, abtest.Spec{
				PromptName: "p", VersionA: "1.0.0", VersionB: "1.1.0", Metric: abtest.Latency, Mode: abtest.Fixed,
				PlannedN: 500, ShareB: 0.5, Guardrails: []abtest.Guardrail{},
			}, made.Spec)
			require.Equal(t, abtest.Running, made.Status)
			require.Nil(t, made.PromotedVersion)
			require.Nil(t, made.LatestResult)
			require.Equal(t, made.CreatedAt, made.UpdatedAt)
			require.True(t, made.CreatedAt.After(before) && made.CreatedAt.Before(time.Now().Add(time.Minute)))
			require.NotEmpty(t, made.Workspace)
			got, err := e.Mine.Get(t.Context(), made.ID)
			require.NoError(t, err)
			require.Equal(t, asJSON(t, made), asJSON(t, got))
		},
		"Create keeps everything that is given": func(t *testing.T, e Env) {
			evaluation, err := e.Evals.Create(t.Context(), eval.Evaluation{Name: "e", PromptName: "p"})
			require.NoError(t, err)
			dataset, err := e.Evals.CreateDataset(t.Context(), "d", nil)
			require.NoError(t, err)
			in := abtest.Spec{
				PromptName: strings.Repeat("ü", 128), VersionA: strings.Repeat("ü", 255), VersionB: "x", DatasetID: &dataset.ID, EvaluationID: &evaluation.ID,
				Metric: abtest.Score, Mode: abtest.Sequential, PlannedN: 10_000_000, ShareB: 0.001,
				Guardrails: []abtest.Guardrail{{Metric: abtest.Latency, Margin: 50}, {Metric: abtest.Cost, Margin: 1e-6}, {Metric: abtest.Score, Margin: 1e12}},
			}
			made := create(t, e.Mine, in)
			require.Equal(t, in, made.Spec)
			got, err := e.Mine.Get(t.Context(), made.ID)
			require.NoError(t, err)
			require.Equal(t, in, got.Spec)
		},
		"Create names every fault": func(t *testing.T, e Env) {
			for name, c := range faultySpecs() {
				s := spec(abtest.Latency)
				c.change(&s)
				_, err := e.Mine.Create(t.Context(), s)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				require.ElementsMatch(t, c.faults, pmerr.From(err).Fields, name)
			}
			for name, change := range map[string]func(*abtest.Spec){
				"no number":           func(s *abtest.Spec) { s.ShareB = math.NaN() },
				"an infinite margin":  func(s *abtest.Spec) { s.Guardrails = []abtest.Guardrail{{Metric: abtest.Cost, Margin: math.Inf(1)}} },
				"a margin of nothing": func(s *abtest.Spec) { s.Guardrails = []abtest.Guardrail{{Metric: abtest.Cost, Margin: math.NaN()}} },
				"broken UTF-8":        func(s *abtest.Spec) { s.VersionB = "a\x00\xff" },
				"many guardrails":     func(s *abtest.Spec) { s.Guardrails = make([]abtest.Guardrail, 11) },
			} {
				s := spec(abtest.Latency)
				change(&s)
				_, err := e.Mine.Create(t.Context(), s)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
			}
			all, err := e.Mine.List(t.Context(), first)
			require.NoError(t, err)
			require.Zero(t, all.Total)
		},
		"Create wants what it refers to": func(t *testing.T, e Env) {
			s := spec(abtest.Score)
			s.EvaluationID = of(int64(7))
			_, err := e.Mine.Create(t.Context(), s)
			missing(t, err, "Evaluation")
			s.EvaluationID, s.DatasetID = nil, of(int64(7))
			_, err = e.Mine.Create(t.Context(), s)
			missing(t, err, "Dataset")
		},
		"List pages through tests, newest first, without results": func(t *testing.T, e Env) {
			var want []string
			for range 4 {
				made := create(t, e.Mine, spec(abtest.Score))
				run(t, e.Mine, made.ID, abtest.Scores{A: []float64{1, 2}, B: []float64{3, 4}})
				want = append([]string{testKey(made)}, want...)
			}
			pagetest.Check(t, e.Mine.List, testKey, want)
			all, err := e.Mine.List(t.Context(), first)
			require.NoError(t, err)
			for _, item := range all.Items {
				require.Nil(t, item.LatestResult)
				require.Equal(t, abtest.Completed, item.Status)
			}
		},
		"Results pages through what was found, newest first": func(t *testing.T, e Env) {
			id, other := create(t, e.Mine, spec(abtest.Score)).ID, create(t, e.Mine, spec(abtest.Score)).ID
			var want []string
			var last abtest.Result
			for i := range 4 {
				run(t, e.Mine, other, abtest.Scores{A: []float64{1, 2}, B: []float64{3, 4}})
				last = run(t, e.Mine, id, abtest.Scores{A: []float64{1, 2, 3}, B: []float64{1, 2, float64(i)}})
				want = append([]string{resultKey(last)}, want...)
			}
			pagetest.Check(t, resultsOf(e.Mine, id), resultKey, want)
			pagetest.RefusesCursorOf(t, resultsOf(e.Mine, id), e.Mine.List)
			all, err := e.Mine.Results(t.Context(), id, first)
			require.NoError(t, err)
			require.Equal(t, asJSON(t, last), asJSON(t, all.Items[0]), "nothing is lost")
			got, err := e.Mine.Get(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, asJSON(t, last), asJSON(t, got.LatestResult))
		},
		"Delete removes a test with its results": func(t *testing.T, e Env) {
			id, kept := create(t, e.Mine, spec(abtest.Score)).ID, create(t, e.Mine, spec(abtest.Score)).ID
			scores := abtest.Scores{A: []float64{1, 2}, B: []float64{3, 4}}
			run(t, e.Mine, id, scores)
			run(t, e.Mine, kept, scores)
			require.NoError(t, e.Mine.Delete(t.Context(), id))
			for _, call := range onTests() {
				missing(t, call(t.Context(), e.Mine, id), "A/B test")
			}
			results, err := e.Mine.Results(t.Context(), kept, first)
			require.NoError(t, err)
			require.EqualValues(t, 1, results.Total)
			all, err := e.Mine.List(t.Context(), first)
			require.NoError(t, err)
			require.EqualValues(t, 1, all.Total)
			require.Greater(t, create(t, e.Mine, spec(abtest.Score)).ID, kept, "an id is never used again")
		},
		"what does not exist is not found": func(t *testing.T, e Env) {
			for _, id := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
				for name, call := range onTests() {
					err := call(t.Context(), e.Mine, id)
					require.ErrorIs(t, err, pmerr.ErrNotFound, "%s %d", name, id)
					missing(t, err, "A/B test")
				}
			}
		},
	}
}

// onTests has a call of every method that takes the id of a test.
func onTests() map[string]func(context.Context, abtest.Tests, int64) error {
	return map[string]func(context.Context, abtest.Tests, int64) error{
		"Get":    func(ctx context.Context, e abtest.Tests, id int64) error { _, err := e.Get(ctx, id); return err },
		"Delete": func(ctx context.Context, e abtest.Tests, id int64) error { return e.Delete(ctx, id) },
		"Run": func(ctx context.Context, e abtest.Tests, id int64) error {
			_, err := e.Run(ctx, id, abtest.Scores{A: []float64{1, 2}, B: []float64{3, 4}})
			return err
		},
		"Results": func(ctx context.Context, e abtest.Tests, id int64) error {
			_, err := e.Results(ctx, id, first)
			return err
		},
		"Promote": func(ctx context.Context, e abtest.Tests, id int64) error { _, err := e.Promote(ctx, id); return err },
		"Assign": func(ctx context.Context, e abtest.Tests, id int64) error {
			_, err := e.Assign(ctx, id, "u")
			return err
		},
	}
}
