package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// TestEvaluationRunsUnderTwoNodes lets two nodes start, execute, cancel and
// delete the same runs at once, and then counts what is really there.
func TestEvaluationRunsUnderTwoNodes(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		c := e.Config(t)
		nodes := []*node{open(t, c), open(t, c)}
		var changes atomic.Int64 // that have to be in the audit log
		var all sync.WaitGroup
		for worker := range 8 {
			n := nodes[worker%2]
			r := rioter{
				evals: n.evals(t, "a"), runs: n.EvaluationRuns(in(t, "a"), owner()), queue: n.EvaluationQueue(),
				random: rand.New(rand.NewPCG(uint64(worker), 5)), name: fmt.Sprint("worker ", worker),
			}
			all.Go(func() {
				for range 30 {
					n, err := r.act(t.Context())
					changes.Add(n)
					if err != nil && !errors.Is(err, pmerr.ErrNotFound) && !errors.Is(err, pmerr.ErrConflict) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		n := nodes[0]
		require.Equal(t, changes.Load(), ask[int64](t, n, "SELECT count(*) FROM pm_audit"), "one entry a change, none for what was refused")
		for kind, table := range map[string]string{
			"evaluations": "pm_evaluations", "evaluation_results": "pm_evaluation_results", "evaluation_runs": "pm_evaluation_runs",
			"datasets": "pm_datasets", "dataset_rows": "pm_dataset_rows",
		} {
			require.Equal(t, ask[int64](t, n, "SELECT count(*) FROM "+table),
				ask[int64](t, n, "SELECT coalesce(sum(alive), 0) FROM pm_counters WHERE kind = ?", kind), kind)
		}
		for _, orphans := range []string{
			"pm_evaluation_runs AS c LEFT JOIN pm_evaluations AS p ON p.workspace_id = c.workspace_id AND p.id = c.evaluation_id",
			"pm_evaluation_results AS c LEFT JOIN pm_evaluations AS p ON p.workspace_id = c.workspace_id AND p.id = c.evaluation_id",
			"pm_evaluation_run_rows AS c LEFT JOIN pm_evaluation_runs AS p ON p.workspace_id = c.workspace_id AND p.id = c.run_id",
		} {
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM "+orphans+" WHERE p.id IS NULL"), orphans)
		}
		require.Zero(t, ask[int](t, n, `SELECT count(*) FROM pm_evaluation_runs AS r WHERE done <>
(SELECT count(*) FROM pm_evaluation_run_rows AS x WHERE x.workspace_id = r.workspace_id AND x.run_id = r.id)`))
		for _, sums := range []string{"pm_evaluation_days", "pm_evaluation_versions"} {
			require.Equal(t, ask[int64](t, n, "SELECT coalesce(sum(results), 0) FROM "+sums), ask[int64](t, n, "SELECT count(*) FROM pm_evaluation_results"), sums)
		}
		require.Equal(t, ask[int64](t, n, "SELECT coalesce(sum(evaluations), 0) FROM pm_activity_days"), ask[int64](t, n, "SELECT count(*) FROM pm_evaluations"))
	})
}

// rioter does random things to the first few evaluations.
type rioter struct {
	evals  *eval.Service
	runs   eval.RunStore
	queue  eval.RunQueue
	random *rand.Rand
	name   string
}

// act does one thing and tells how many changes it made.
func (r rioter) act(ctx context.Context) (changes int64, err error) {
	id := int64(1 + r.random.IntN(5))
	switch r.random.IntN(9) {
	case 0:
		_, err = r.evals.Create(ctx, eval.Evaluation{Name: "e", PromptName: "p", VersionTag: ptr("1.0.0")})
	case 1:
		_, err = r.evals.CreateDataset(ctx, "d", []eval.Row{{Input: []byte(`{}`)}, {Input: []byte(`{}`)}})
	case 2, 3:
		_, err = r.runs.InsertRun(ctx, eval.NewRun{EvaluationID: id, DatasetID: &id, Concurrency: 1})
	case 4:
		err = r.evals.Delete(ctx, id)
	case 5:
		var before, after eval.Run
		run := int64(1 + r.random.IntN(20))
		if before, err = r.runs.Run(ctx, id, run); err != nil {
			return 0, err
		}
		if after, err = r.runs.CancelRun(ctx, id, run, r.name); err != nil {
			return 0, err
		}
		// Who finds it ended changes nothing; who ended it left the name.
		if before.Status != eval.RunRunning || after.Status != eval.RunCancelled || after.Results.Reason != r.name {
			return 0, nil
		}
	case 6:
		_, err = r.evals.AddResult(ctx, id, eval.Result{Score: 1})
	default:
		return 0, r.execute(ctx)
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// execute brings one run to its end, which is nobody's change.
func (r rioter) execute(ctx context.Context) error {
	jobs, err := r.queue.ClaimRuns(ctx, r.name, time.Minute, 1)
	if err != nil || len(jobs) == 0 {
		return err
	}
	rows, err := r.queue.PendingRows(ctx, jobs[0], -1, 10)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := r.queue.RecordRow(ctx, jobs[0], eval.RowResult{RowID: row.ID, Score: 1}); err != nil {
			return err
		}
	}
	score := 1.0
	err = r.queue.EndRun(ctx, jobs[0], eval.Outcome{Status: eval.RunCompleted, Score: &score})
	if errors.Is(err, pmerr.ErrNotFound) {
		err = r.queue.EndRun(ctx, jobs[0], eval.Outcome{Status: eval.RunFailed})
	}
	return err
}
