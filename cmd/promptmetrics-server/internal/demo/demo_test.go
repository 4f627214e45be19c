package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/demo"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, pm.Close()) }()
	seed := func() demo.Added {
		t.Helper()
		added, err := demo.Seed(ctx, demo.Workspace{
			Registry: pm.Registry, Telemetry: pm.Telemetry, Evals: pm.Evals, ABTests: pm.ABTests, Compliance: pm.Compliance,
		}, time.Now())
		require.NoError(t, err)
		return added
	}
	// An earlier attempt that ended between a trace and its spans.
	const half = "0de30000-0001-4000-8000-000003000000"
	_, err = pm.Telemetry.CreateTrace(ctx, telemetry.Trace{ID: half})
	require.NoError(t, err)

	require.Equal(t, demo.Added{
		Versions: 8, Labels: 6, Logs: 400, Traces: 6, Runs: 8,
		Datasets: 1, Evaluations: 1, Results: 24, ABTests: 1, Scores: 4, Rules: 1, Allowances: 1,
	}, seed())
	require.Equal(t, demo.Added{}, seed())

	t.Run("an attempt that was cut short is completed", func(t *testing.T) {
		trace, err := pm.Telemetry.Trace(ctx, half)
		require.NoError(t, err)
		require.Len(t, trace.Spans, 5)
	})
	t.Run("every version renders", func(t *testing.T) {
		prompts, err := pm.Registry.List(ctx, registry.Filter{}, page.Request{})
		require.NoError(t, err)
		for _, p := range prompts.Items {
			versions, err := pm.Registry.Versions(ctx, p.Name, page.Request{})
			require.NoError(t, err)
			for _, v := range versions.Items {
				_, err := pm.Registry.Get(ctx, p.Name, registry.Query{Version: v.Version.Version, Variables: map[string]any{
					"customer": "Ada", "question": "?", "ticket": "t", "schema": "s", "product": "p",
				}})
				require.NoError(t, err, v)
			}
		}
	})
	t.Run("labels that somebody moved stay where they are", func(t *testing.T) {
		_, err := pm.Registry.SetLabel(ctx, "support-reply", "production", "1.0.0")
		require.NoError(t, err)
		require.Equal(t, demo.Added{}, seed())
		label, err := pm.Registry.Label(ctx, "support-reply", "production")
		require.NoError(t, err)
		require.Equal(t, "1.0.0", label.Version)
	})
	t.Run("what was deleted comes back, and nothing twice", func(t *testing.T) {
		require.NoError(t, pm.Registry.DeleteVersion(ctx, "product-headline", "1.0.0", registry.Signature{}))
		require.Equal(t, demo.Added{Versions: 1, Labels: 1}, seed())
	})
	t.Run("some calls failed, all have a price, times are the real ones", func(t *testing.T) {
		failed := 0
		for l, err := range pm.Telemetry.ExportLogs(ctx, telemetry.LogFilter{}) {
			require.NoError(t, err)
			require.NotNil(t, l.CostUSD, *l.Model)
			require.WithinDuration(t, time.Now(), l.CreatedAt.Time, time.Minute)
			if l.Status == telemetry.Failed {
				failed++
			}
		}
		require.InDelta(t, 10, failed, 9)
	})
}

func TestMeasurements(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, pm.Close()) }()
	seed := func() demo.Added {
		t.Helper()
		added, err := demo.Seed(ctx, demo.Workspace{
			Registry: pm.Registry, Telemetry: pm.Telemetry, Evals: pm.Evals, ABTests: pm.ABTests, Compliance: pm.Compliance,
		}, time.Now())
		require.NoError(t, err)
		return added
	}
	seed()
	evaluations, err := pm.Evals.List(ctx, page.Request{})
	require.NoError(t, err)
	datasets, err := pm.Evals.Datasets(ctx, page.Request{})
	require.NoError(t, err)
	evaluation, dataset := evaluations.Items[0].ID, datasets.Items[0].ID

	t.Run("the second version has won", func(t *testing.T) {
		tests, err := pm.ABTests.List(ctx, page.Request{})
		require.NoError(t, err)
		require.Len(t, tests.Items, 1)
		test, err := pm.ABTests.Get(ctx, tests.Items[0].ID)
		require.NoError(t, err)
		require.NotNil(t, test.LatestResult)
		require.Equal(t, abtest.FromEvaluation, test.LatestResult.Source)
		require.Equal(t, stats.B, test.LatestResult.Winner)
	})
	t.Run("scans found something in two of four texts, and an injection", func(t *testing.T) {
		scores, err := pm.Compliance.Scores(ctx, page.Request{})
		require.NoError(t, err)
		found := map[string][]detect.Entity{}
		for _, s := range scores.Items {
			for _, f := range s.Findings {
				found[s.PromptName+" "+s.VersionTag] = append(found[s.PromptName+" "+s.VersionTag], f.Entity)
			}
		}
		require.Contains(t, found["ticket-summary 1.0.0"], detect.Entity("CREDIT_CARD"))
		require.Equal(t, []detect.Entity{"ORDER_NUMBER"}, found["ticket-summary 1.0.1"])
		require.NotEmpty(t, found["sql-assistant 1.1.0"])
		require.Empty(t, found["support-reply 1.1.0"])
	})
	t.Run("an attempt that was cut short is completed", func(t *testing.T) {
		require.NoError(t, pm.Evals.Delete(ctx, evaluation))
		tests, err := pm.ABTests.List(ctx, page.Request{})
		require.NoError(t, err)
		added := seed()
		require.Equal(t, []int{1, 24, 0}, []int{added.Evaluations, added.Results, added.Datasets})
		require.Equal(t, 1, added.ABTests, "one of the new evaluation, beside %d", len(tests.Items))
		require.Equal(t, demo.Added{}, seed())
	})
	t.Run("the evaluation runs as it is, without a model", func(t *testing.T) {
		evaluations, err := pm.Evals.List(ctx, page.Request{})
		require.NoError(t, err)
		run, err := pm.Evals.StartRun(ctx, evaluations.Items[0].ID, eval.RunSpec{DatasetID: &dataset})
		require.NoError(t, err)
		run, err = pm.Evals.WaitRun(ctx, run.EvaluationID, run.ID, 20*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, eval.RunCompleted, run.Status, "%+v", run.Results)
		require.True(t, *run.Passed)
		require.Zero(t, run.CostUSD)
	})
	t.Run("a dataset of somebody else under the name stays as it is", func(t *testing.T) {
		_, err := pm.Evals.CreateDataset(ctx, "support-questions", []eval.Row{{Input: []byte(`{}`)}})
		require.NoError(t, err)
		require.Equal(t, demo.Added{}, seed())
	})
}
