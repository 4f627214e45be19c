package sqlstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

const days = 24 * time.Hour

// history is a database with telemetry of 20 days, until yesterday an hour
// earlier, in a time that no slice was
// made for, so that each day gets one of its own.
func history(t *testing.T, e dbtest.Engine, workspaces ...string) (*node, *clock) {
	t.Helper()
	n, clock := fresh(t, e)
	clock.move(time.Date(2040, 3, 1, 12, 0, 0, 0, time.UTC).Sub(clock.now()))
	for range 20 {
		for _, ws := range workspaces {
			a := n.telemetryOf(t, ws)
			logs := calls("p", 5)
			logs[0].Status, logs[1].Model, logs[2].VersionTag = telemetry.Failed, ptr("m"), "2.0.0"
			_, err := a.LogBatch(t.Context(), logs)
			require.NoError(t, err)
			trace, err := a.CreateTrace(t.Context(), telemetry.Trace{})
			require.NoError(t, err)
			_, err = a.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "x"}, {Name: "y"}})
			require.NoError(t, err)
			_, err = a.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &trace.ID})
			require.NoError(t, err)
		}
		clock.move(days)
	}
	clock.move(time.Hour)
	return n, clock
}

// agree checks that counters and totals say what is there, and that nothing
// refers to what is gone.
func agree(t *testing.T, n *node) {
	t.Helper()
	add(t, n)
	require.Zero(t, ask[int](t, n, `SELECT count(*) FROM pm_spans AS s WHERE NOT EXISTS (
	SELECT 1 FROM pm_traces AS t WHERE t.workspace_id = s.workspace_id AND t.trace_id = s.trace_id)`), "spans without a trace")
	require.Zero(t, ask[int](t, n, `SELECT count(*) FROM pm_runs AS r WHERE trace_id IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM pm_traces AS t WHERE t.workspace_id = r.workspace_id AND t.trace_id = r.trace_id)`), "runs of a trace that is gone")
}

// add checks counters and totals.
func add(t *testing.T, n *node) {
	t.Helper()
	for _, kind := range []string{"logs", "spans", "traces", "runs"} {
		require.Zero(t, ask[int](t, n, `SELECT count(*) FROM pm_counters AS c WHERE kind = ? AND alive <> (
	SELECT count(*) FROM pm_`+kind+` AS l WHERE l.workspace_id = c.workspace_id)`, kind), kind)
	}
	require.Zero(t, ask[int](t, n, `SELECT count(*) FROM pm_log_totals AS t WHERE alive <> (SELECT count(*) FROM pm_logs AS l
WHERE l.workspace_id = t.workspace_id AND l.prompt_name = t.prompt_name AND l.version_tag = t.version_tag
	AND coalesce(l.provider, '') = t.provider AND coalesce(l.model, '') = t.model AND l.status = t.status)`), "totals")
	require.Equal(t, ask[int](t, n, "SELECT count(*) FROM pm_logs"), ask[int](t, n, "SELECT coalesce(sum(alive), 0) FROM pm_log_totals"))
}

func rows(t *testing.T, n *node, table, ws string) int {
	t.Helper()
	return ask[int](t, n, "SELECT count(*) FROM "+table+" WHERE workspace_id = ?", ws)
}

func keepFor(t *testing.T, n *node, ws string, kept int64) {
	t.Helper()
	require.NoError(t, n.Retention(in(t, ws), owner()).SetDays(t.Context(), &kept))
}

func slicesOf(t *testing.T, n *node, table string) (names []string) {
	t.Helper()
	list, err := n.db.Partitions(t.Context(), table)
	require.NoError(t, err)
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

func TestRetention(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		sliced := e.Dialect == db.PostgreSQL

		t.Run("what is older than it is kept goes, slice by slice where there are any", func(t *testing.T) {
			t.Parallel()
			n, clock := history(t, e, "a", "b")
			days8 := clock.now().Add(-8 * days)
			out, err := n.Expire(t.Context(), clock.now(), 8*days)
			require.NoError(t, err)
			agree(t, n)
			for _, ws := range []string{"a", "b"} {
				want := 7
				if sliced {
					want = 8 // the day on which it grows too old goes at its end
				}
				require.Equal(t, want*5, rows(t, n, "pm_logs", ws))
				require.Equal(t, want*2, rows(t, n, "pm_spans", ws))
				require.Equal(t, want, rows(t, n, "pm_traces", ws))
				require.Equal(t, 7, rows(t, n, "pm_runs", ws), "what is not sliced goes in time")
			}
			if !sliced {
				require.Zero(t, out.Partitions)
				return
			}
			require.EqualValues(t, 2*(12+1), out.Partitions, "with the slice of before")
			require.EqualValues(t, 2*12*(5+2), out.Dropped)
			require.Equal(t, "pm_logs_"+days8.Format("20060102"), slicesOf(t, n, "pm_logs")[0])
			again, err := n.Expire(t.Context(), clock.now(), 8*days)
			require.NoError(t, err)
			require.Zero(t, again)
		})

		t.Run("a workspace with a time of its own goes by it", func(t *testing.T) {
			t.Parallel()
			n, clock := history(t, e, "short", "usual", "long", "ever")
			keepFor(t, n, "short", 2)
			keepFor(t, n, "long", 15)
			keepFor(t, n, "ever", 0)
			out, err := n.Expire(t.Context(), clock.now(), 8*days)
			require.NoError(t, err)
			agree(t, n)
			late := 0
			if sliced {
				late = 1
				require.EqualValues(t, 2, out.Partitions, "slices that hold what is kept for ever stay: only those of before are empty")
			}
			for ws, want := range map[string]int{"short": 1, "usual": 7 + late, "long": 14 + late, "ever": 20} {
				require.Equal(t, want*5, rows(t, n, "pm_logs", ws), ws)
				require.Equal(t, want*2, rows(t, n, "pm_spans", ws), ws)
				require.Equal(t, want, rows(t, n, "pm_traces", ws), ws)
			}
			require.Equal(t, 20*4, ask[int](t, n, "SELECT count(*) FROM pm_log_days"), "daily sums stay")

			keepFor(t, n, "ever", 1)
			keepFor(t, n, "long", 1)
			out, err = n.Expire(t.Context(), clock.now(), 8*days)
			require.NoError(t, err)
			agree(t, n)
			if sliced {
				require.EqualValues(t, 2*12, out.Partitions)
			}
			require.Zero(t, rows(t, n, "pm_logs", "ever"))
			require.Equal(t, 7+late, rows(t, n, "pm_traces", "usual"))
		})

		t.Run("where the server keeps all, only those go that a workspace does not keep", func(t *testing.T) {
			t.Parallel()
			n, clock := history(t, e, "a", "b")
			out, err := n.Expire(t.Context(), clock.now(), 0)
			require.NoError(t, err)
			require.Zero(t, out)
			keepFor(t, n, "a", 3)
			_, err = n.Expire(t.Context(), clock.now(), 0)
			require.NoError(t, err)
			agree(t, n)
			require.Equal(t, 2*5, rows(t, n, "pm_logs", "a"))
			require.Equal(t, 20*5, rows(t, n, "pm_logs", "b"))
			require.NoError(t, n.Retention(in(t, "a"), owner()).SetDays(t.Context(), nil))
			out, err = n.Expire(t.Context(), clock.now(), 0)
			require.NoError(t, err)
			require.Zero(t, out)
		})

		t.Run("evaluation runs that have ended go with their rows, and their scores stay", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			evals := n.evals(t, "a")
			evaluation(t, evals)
			inputs := make([]eval.Row, 700) // more than a step
			for i := range inputs {
				inputs[i] = eval.Row{Input: []byte(`{}`)}
			}
			data, err := evals.CreateDataset(t.Context(), "d", inputs)
			require.NoError(t, err)
			runs, queue := n.EvaluationRuns(in(t, "a"), owner()), n.EvaluationQueue()
			for range 2 {
				_, err := runs.InsertRun(t.Context(), eval.NewRun{EvaluationID: 1, DatasetID: &data.ID, Concurrency: 1})
				require.NoError(t, err)
			}
			jobs, err := queue.ClaimRuns(t.Context(), "me", time.Hour, 2)
			require.NoError(t, err)
			for row := range int64(len(inputs)) {
				require.NoError(t, queue.RecordRow(t.Context(), jobs[0], eval.RowResult{RowID: row + 1, Score: 1}))
			}
			require.NoError(t, queue.EndRun(t.Context(), jobs[0], eval.Outcome{Status: eval.RunCompleted, Score: ptr(1.0)}))
			clock.move(10 * days)
			out, err := n.Expire(t.Context(), clock.now(), 8*days)
			require.NoError(t, err)
			require.EqualValues(t, len(inputs)+1, out.Rows)
			require.Zero(t, rows(t, n, "pm_evaluation_run_rows", "a"))
			require.Equal(t, 1, rows(t, n, "pm_evaluation_runs", "a"), "one is under way")
			require.Equal(t, 1, ask[int](t, n, "SELECT alive FROM pm_counters WHERE kind = 'evaluation_runs'"))
			require.Equal(t, len(inputs), rows(t, n, "pm_evaluation_results", "a"))
		})

		t.Run("answers to idempotency keys go when their day is over, whatever is kept", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			for i := range 3 {
				_, err := n.telemetryOf(t, fmt.Sprint("w", i)).Record(t.Context(), "key", call("p"))
				require.NoError(t, err)
			}
			clock.move(20 * time.Hour)
			_, err := n.telemetryOf(t, "w0").Record(t.Context(), "another", call("p"))
			require.NoError(t, err)
			clock.move(5 * time.Hour)
			out, err := n.Expire(t.Context(), clock.now(), 0)
			require.NoError(t, err)
			require.EqualValues(t, 3, out.Rows)
			require.Equal(t, "another", ask[string](t, n, "SELECT name FROM pm_idempotency"))
			require.Equal(t, 4, ask[int](t, n, "SELECT count(*) FROM pm_logs"))
		})

		t.Run("two passes at once, while others write, remove each thing once", func(t *testing.T) {
			t.Parallel()
			n, clock := history(t, e, "a", "b", "c")
			keepFor(t, n, "c", 2)
			var all sync.WaitGroup
			var sum [2]int64
			before := ask[int64](t, n, "SELECT (SELECT count(*) FROM pm_logs) + (SELECT count(*) FROM pm_spans) + (SELECT count(*) FROM pm_traces) + (SELECT count(*) FROM pm_runs)")
			stop := make(chan struct{})
			for i := range 4 {
				s := n.telemetryOf(t, []string{"a", "b", "c", "d"}[i])
				all.Go(func() {
					now := time.NewTicker(5 * time.Millisecond)
					defer now.Stop()
					for {
						select {
						case <-stop:
							return
						case <-now.C:
						}
						if _, err := s.LogBatch(context.Background(), calls("p", 3)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			var passes sync.WaitGroup
			for i := range sum {
				passes.Go(func() {
					out, err := n.Expire(context.Background(), clock.now(), 8*days)
					if err != nil {
						t.Error(err)
					}
					sum[i] = out.Sum()
				})
			}
			passes.Wait()
			close(stop)
			all.Wait()
			agree(t, n)
			old := ask[int64](t, n, "SELECT (SELECT count(*) FROM pm_logs WHERE created_at < ?) + (SELECT count(*) FROM pm_spans) + (SELECT count(*) FROM pm_traces) + (SELECT count(*) FROM pm_runs)",
				db.Micros(clock.now()))
			require.Equal(t, before-old, sum[0]+sum[1])
		})
	})
}
