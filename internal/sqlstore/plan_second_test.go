package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// judged is a database with a few of everything that evaluations, A/B tests
// and scans leave.
type judged struct {
	*node
	evals  *eval.Service
	store  eval.Store
	runs   eval.RunStore
	tests  abtest.Store
	scans  compliance.Store
	job    eval.Job
	ids    [2]int64 // of runs with results
	test   abtest.Test
	result abtest.Result
}

func judge(t *testing.T, n *node) *judged {
	t.Helper()
	ws, ctx := in(t, "a"), t.Context()
	j := &judged{
		node: n, evals: n.evals(t, "a"), store: n.Evaluations().Workspace(ws, owner()), runs: n.EvaluationRuns(ws, owner()),
		tests: n.ABTests().Workspace(ws, owner()), scans: n.Compliance().Workspace(ws, owner()),
	}
	for range 2 {
		evaluation(t, j.evals)
	}
	data, err := j.evals.CreateDataset(ctx, "d", []eval.Row{{Input: []byte(`{}`)}, {Input: []byte(`{}`)}, {Input: []byte(`{}`)}})
	require.NoError(t, err)
	_, err = j.evals.CreateDataset(ctx, "e", []eval.Row{{Input: []byte(`{}`)}})
	require.NoError(t, err)
	for i := range 3 {
		score(t, j.evals, 1, eval.Result{Score: float64(i), VersionTag: ptr("1.0.0")})
		_, err := j.runs.InsertRun(ctx, eval.NewRun{EvaluationID: 1, DatasetID: &data.ID, Concurrency: 1})
		require.NoError(t, err)
		_, err = j.scans.InsertScore(ctx, compliance.Score{PromptName: "p", VersionTag: "1"})
		require.NoError(t, err)
		_, err = j.scans.InsertRule(ctx, compliance.Rule{Name: fmt.Sprint("r", i)})
		require.NoError(t, err)
		j.test, err = j.tests.InsertTest(ctx, abtest.Spec{PromptName: "p", VersionA: "1.0.0", VersionB: "2.0.0", Metric: abtest.Latency})
		require.NoError(t, err)
	}
	for range 3 {
		j.result, err = j.tests.InsertResult(ctx, abtest.Result{TestID: j.test.ID}, func(r abtest.Result, _ *abtest.Result) abtest.Result { return r })
		require.NoError(t, err)
	}
	_, err = n.telemetryOf(t, "a").LogBatch(ctx, callsOf(3))
	require.NoError(t, err)
	jobs, err := n.EvaluationQueue().ClaimRuns(ctx, "me", time.Hour, 3)
	require.NoError(t, err)
	require.Len(t, jobs, 3)
	for i, job := range jobs[:2] {
		j.ids[i] = job.Run.ID
		for row := range int64(3) {
			require.NoError(t, n.EvaluationQueue().RecordRow(ctx, job, eval.RowResult{RowID: row + 1}))
		}
	}
	j.job = jobs[2]
	return j
}

// TestPlansOfTheSecondStorey is [TestPlans] for evaluation runs, A/B tests,
// scans, the budget and the metrics.
func TestPlansOfTheSecondStorey(t *testing.T) {
	t.Parallel()
	tape := newTape(t)
	j := judge(t, open(t, db.Config{Dialect: db.SQLite, Pool: tape.DB, Now: time.Now}))
	ctx, queue, ws := t.Context(), j.EvaluationQueue(), in(t, "a")
	today := time.Now().UTC().Truncate(24 * time.Hour)
	span := metrics.Span{Window: "7d", Start: timestamp.Of(today.AddDate(0, 0, -6)), End: timestamp.Of(today.AddDate(0, 0, 1))}
	half := 0.5

	calls := map[string]func() error{
		"start a run": func() error {
			_, err := j.runs.InsertRun(ctx, eval.NewRun{EvaluationID: 1, DatasetID: ptr(int64(1)), Concurrency: 1, Owner: "task", Lease: time.Hour})
			return err
		},
		"an evaluation run": func() error { _, err := j.runs.Run(ctx, 1, j.ids[0]); return err },
		"paired scores":     func() error { _, err := j.runs.PairedScores(ctx, j.ids[0], j.ids[1]); return err },
		"what is held":      func() error { _, err := queue.HeldRuns(ctx, "me"); return err },
		"renew": func() error {
			return queue.RenewRuns(ctx, "me", []eval.HeldRun{{Workspace: "a", RunID: j.job.Run.ID, Epoch: j.job.Epoch}}, time.Hour)
		},
		"release":          func() error { return queue.ReleaseRuns(ctx, "nobody") },
		"resolve":          func() error { return queue.ResolveRun(ctx, j.job) },
		"pending rows":     func() error { _, err := queue.PendingRows(ctx, j.job, 0, 10); return err },
		"record a row":     func() error { return queue.RecordRow(ctx, j.job, eval.RowResult{RowID: 1}) },
		"recorded rows":    func() error { _, err := queue.RecordedRows(ctx, j.job, -1, 10); return err },
		"what people said": func() error { _, err := queue.HumanScores(ctx, j.job); return err },

		"an A/B test": func() error { _, err := j.tests.TestWithResult(ctx, j.test.ID); return err },
		"a result of an A/B test": func() error {
			_, err := j.tests.InsertResult(ctx, abtest.Result{TestID: j.test.ID}, func(r abtest.Result, _ *abtest.Result) abtest.Result { return r })
			return err
		},
		"logs of an A/B test": func() error {
			_, _, err := j.tests.Logged(ctx, j.test, []abtest.Metric{abtest.Latency, abtest.WinRate})
			return err
		},

		"a scan": func() error {
			_, err := j.scans.InsertScore(ctx, compliance.Score{PromptName: "p", VersionTag: "1"})
			return err
		},
		"a score of a scan": func() error { _, err := j.scans.Score(ctx, 1); return err },

		"the budget":    func() error { _, err := j.Budget(ws, owner()).Limit(ctx); return err },
		"set a budget":  func() error { return j.Budget(ws, owner()).SetLimit(ctx, &half) },
		"what is spent": func() error { _, err := j.Budget(ws, owner()).Spent(ctx, today.AddDate(0, 0, -9), today); return err },
		"days":          func() error { _, _, err := j.Metrics(ws).Days(ctx, span); return err },
		"trends":        func() error { _, err := j.Metrics(ws).EvaluationTrends(ctx, span, 0, 10); return err },
		"a trend":       func() error { _, err := j.Metrics(ws).EvaluationTrends(ctx, span, 1, 10); return err },
		"activity":      func() error { _, err := j.Metrics(ws).Activity(ctx, span); return err },
	}
	for name, list := range j.lists() {
		calls[name+", first page"] = func() error { _, err := list(ctx, page.Request{Limit: 1}); return err }
		calls[name+", by cursor"] = func() error {
			next, err := list(ctx, page.Request{Limit: 1})
			require.NotEmpty(t, next, "%s has only one page", name)
			if err == nil {
				_, err = list(ctx, page.Request{Limit: 1, Cursor: next})
			}
			return err
		}
	}
	for name, do := range calls {
		checkPlans(t, tape, name, do)
	}
	for _, last := range []struct { // they take things away
		name string
		do   func() error
	}{
		{"end a run", func() error {
			return queue.EndRun(ctx, j.job, eval.Outcome{Status: eval.RunCompleted, Score: &half})
		}},
		{"cancel a run", func() error { _, err := j.runs.CancelRun(ctx, 1, j.ids[0], "no"); return err }},
		{"delete an A/B test", func() error { return j.tests.DeleteTest(ctx, j.test.ID) }},
		{"delete an evaluation", func() error { return j.store.DeleteEvaluation(ctx, 1) }},
	} {
		checkPlans(t, tape, last.name, last.do)
	}

	t.Run("who looks for work reads no runs but those that are under way", func(t *testing.T) {
		statements := tape.during(func() {
			_, err := queue.ClaimRuns(ctx, "other", time.Hour, 8)
			require.NoError(t, err)
		})
		require.Len(t, statements, 1, "a look that finds nothing only reads")
		require.Contains(t, strings.Join(tape.plan(t, statements[0]), "\n"), "INDEX pm_evaluation_runs_running")
	})
}

// lists are the lists of the second storey; they return the cursor of the next
// page.
func (j *judged) lists() map[string]func(context.Context, page.Request) (string, error) {
	return map[string]func(context.Context, page.Request) (string, error){
		"evaluation runs": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.runs.Runs(ctx, 1, r)
			return p.NextCursor, err
		},
		"rows of a run": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.runs.RunRows(ctx, 1, j.ids[0], r)
			return p.NextCursor, err
		},
		"rows of two runs": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.runs.PairedRows(ctx, j.ids[0], j.ids[1], r)
			return p.NextCursor, err
		},
		"A/B tests": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.tests.Tests(ctx, r)
			return p.NextCursor, err
		},
		"results of an A/B test": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.tests.Results(ctx, j.test.ID, r)
			return p.NextCursor, err
		},
		"scores of scans": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.scans.Scores(ctx, r)
			return p.NextCursor, err
		},
		"rules of scans": func(ctx context.Context, r page.Request) (string, error) {
			p, err := j.scans.Rules(ctx, r)
			return p.NextCursor, err
		},
	}
}
