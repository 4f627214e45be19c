package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// queued makes an evaluation and a run of it on a dataset of so many rows.
func queued(tb testing.TB, n *node, rows int) (evaluationID, runID int64) {
	tb.Helper()
	s := n.evals(tb, "a")
	id := evaluation(tb, s)
	list := make([]eval.Row, rows)
	for i := range list {
		list[i] = eval.Row{Input: []byte(`{}`)}
	}
	d, err := s.CreateDataset(tb.Context(), "d", list)
	require.NoError(tb, err)
	job, err := n.EvaluationRuns(in(tb, "a"), owner()).InsertRun(tb.Context(), eval.NewRun{EvaluationID: id, DatasetID: &d.ID, Concurrency: 4})
	require.NoError(tb, err)
	return id, job.Run.ID
}

func TestEvaluationQueue(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("a run that cannot be read holds up no other", func(t *testing.T) {
			t.Parallel()
			n, _ := fresh(t, e)
			damaged, _ := queued(t, n, 1)
			_, whole := queued(t, n, 1)
			run(t, n, "UPDATE pm_evaluations SET criteria = '{' WHERE workspace_id = 'a' AND id = ?", damaged)
			jobs, err := n.EvaluationQueue().ClaimRuns(t.Context(), "me", time.Minute, 8)
			require.ErrorContains(t, err, "the stored criteria of evaluation 1 are damaged")
			require.Len(t, jobs, 1)
			require.Equal(t, whole, jobs[0].Run.ID)
			jobs, err = n.EvaluationQueue().ClaimRuns(t.Context(), "other", time.Minute, 8)
			require.Error(t, err)
			require.Empty(t, jobs, "it is claimed")
		})

		t.Run("results are read in pages", func(t *testing.T) {
			t.Parallel()
			n, _ := fresh(t, e)
			queued(t, n, 5)
			jobs, err := n.EvaluationQueue().ClaimRuns(t.Context(), "me", time.Minute, 8)
			require.NoError(t, err)
			pending, err := n.EvaluationQueue().PendingRows(t.Context(), jobs[0], -1, 100)
			require.NoError(t, err)
			require.Len(t, pending, 5)
			for _, row := range pending {
				require.NoError(t, n.EvaluationQueue().RecordRow(t.Context(), jobs[0], eval.RowResult{RowID: row.ID, Output: "long", Score: 1}))
			}
			var seen []int64
			for after := int64(-1); ; after = seen[len(seen)-1] {
				rows, err := n.EvaluationQueue().RecordedRows(t.Context(), jobs[0], after, 2)
				require.NoError(t, err)
				require.LessOrEqual(t, len(rows), 2)
				if len(rows) == 0 {
					break
				}
				for _, row := range rows {
					require.Empty(t, row.Output)
					seen = append(seen, row.RowID)
				}
			}
			require.Equal(t, []int64{1, 2, 3, 4, 5}, seen)
		})

		t.Run("what an earlier owner writes late is refused", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			evaluationID, runID := queued(t, n, 2)
			q := n.EvaluationQueue()
			first, err := q.ClaimRuns(t.Context(), "slow", time.Second, 1)
			require.NoError(t, err)
			clock.move(2 * time.Second)
			second, err := q.ClaimRuns(t.Context(), "quick", time.Second, 1)
			require.NoError(t, err)
			require.Len(t, second, 1)
			late := eval.RowResult{RowID: 1, Score: 1}
			require.ErrorIs(t, q.RecordRow(t.Context(), first[0], late), pmerr.ErrConflict)
			require.ErrorIs(t, q.EndRun(t.Context(), first[0], eval.Outcome{Status: eval.RunFailed}), pmerr.ErrConflict)
			require.ErrorIs(t, q.ResolveRun(t.Context(), first[0]), pmerr.ErrConflict)
			require.NoError(t, q.RenewRuns(t.Context(), "slow", []eval.HeldRun{{Workspace: "a", RunID: runID, Epoch: first[0].Epoch}}, time.Hour))
			clock.move(2 * time.Second)
			third, err := q.ClaimRuns(t.Context(), "next", time.Second, 1)
			require.NoError(t, err)
			require.Len(t, third, 1, "the lease of another owner was not renewed")

			// A result counts once, however often it is sent.
			require.NoError(t, q.RecordRow(t.Context(), third[0], late))
			require.NoError(t, q.RecordRow(t.Context(), third[0], late))
			got, err := n.EvaluationRuns(in(t, "a"), owner()).Run(t.Context(), evaluationID, runID)
			require.NoError(t, err)
			require.Equal(t, 1, got.Done)
		})

		t.Run("an evaluation of many runs goes with all of them, and their rows", func(t *testing.T) {
			t.Parallel()
			n, _ := fresh(t, e)
			id := evaluation(t, n.evals(t, "a"))
			// Written at once: a thousand starts would take a minute.
			const runs = 2500
			for _, table := range []string{
				`INSERT INTO pm_evaluation_runs (workspace_id, id, evaluation_id, last_row_id, status, task, concurrency, done, total, cost_usd, lease_until, lease_epoch, claimed_done, created_at, updated_at)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT 'a', i, 1, 0, 'failed', FALSE, 1, 1, 1, 0, 0, 0, 0, i, i FROM n`,
				`INSERT INTO pm_evaluation_run_rows (workspace_id, run_id, row_id, source, output, score, passed, rules, created_at)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT 'a', i, 0, 'rendered', '', 0, FALSE, '[]', i FROM n`,
			} {
				run(t, n, table, runs)
			}
			require.NoError(t, n.evals(t, "a").Delete(t.Context(), id))
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_evaluation_runs"))
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_evaluation_run_rows"))
		})

		t.Run("a run of an evaluation that is being deleted leaves nothing behind", func(t *testing.T) {
			t.Parallel()
			n, _ := fresh(t, e)
			id, _ := queued(t, n, 3)
			q := n.EvaluationQueue()
			jobs, err := q.ClaimRuns(t.Context(), "me", time.Minute, 1)
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() {
				for row := range int64(3) {
					if err := q.RecordRow(context.WithoutCancel(t.Context()), jobs[0], eval.RowResult{RowID: row + 1}); err != nil {
						done <- err
						return
					}
				}
				half := 0.5
				done <- q.EndRun(context.WithoutCancel(t.Context()), jobs[0], eval.Outcome{Status: eval.RunCompleted, Score: &half})
			}()
			require.NoError(t, n.evals(t, "a").Delete(t.Context(), id))
			if err := <-done; err != nil {
				require.ErrorIs(t, err, pmerr.ErrConflict)
			}
			for _, table := range []string{"runs", "run_rows", "results", "days", "versions"} {
				require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_evaluation_"+table), table)
			}
			for _, kind := range []string{"evaluations", "evaluation_runs", "evaluation_results"} {
				require.Zero(t, ask[int](t, n, "SELECT coalesce(sum(alive), 0) FROM pm_counters WHERE workspace_id = 'a' AND kind = ?", kind), kind)
			}
			entries, err := n.Audit(in(t, "a")).Entries(t.Context(), access.AuditFilter{}, page.Request{})
			require.NoError(t, err)
			require.Equal(t, "evaluation:delete", entries.Items[0].Action)
		})
	})
}
