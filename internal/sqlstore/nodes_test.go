package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// TestTwoProcesses checks that processes on one database lose nothing, whatever
// they do at the same time.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		// both opens two processes on one database.
		both := func(t *testing.T) []*node {
			t.Helper()
			c := e.Config(t)
			return []*node{open(t, c), open(t, c)}
		}

		t.Run("logs of many workspaces", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			const callers, each = 32, 8
			workspaces := []string{"a", "b", "c", "d"}
			var all sync.WaitGroup
			for i := range callers {
				n := nodes[i%2]
				all.Go(func() {
					for j := range each {
						s := n.telemetryOf(t, workspaces[(i+j)%len(workspaces)])
						if _, err := s.LogBatch(context.Background(), calls(fmt.Sprint("p", i%3), 2)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			total := 0
			for _, ws := range workspaces {
				ids := logIDs(t, nodes[0].telemetryOf(t, ws))
				require.EqualValues(t, len(ids), ids[0], "no gap")
				total += len(ids)
				p, err := nodes[1].telemetryOf(t, ws).Logs(t.Context(), telemetry.LogFilter{PromptName: "p0"}, firstPage)
				require.NoError(t, err)
				require.Equal(t, ask[int64](t, nodes[0], "SELECT count(*) FROM pm_logs WHERE workspace_id = ? AND prompt_name = 'p0'", ws), p.Total)
				require.EqualValues(t, len(ids), ask[int64](t, nodes[0], "SELECT sum(requests) FROM pm_log_days WHERE workspace_id = ?", ws))
			}
			require.Equal(t, callers*each*2, total)
		})

		t.Run("logs of workspaces that come in another order", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			const each = 60
			var all sync.WaitGroup
			for i := range 12 { // enough to fill a transaction with both, in either order
				n, first := nodes[i%2], i/2%2
				all.Go(func() {
					for j := range each {
						s := n.telemetryOf(t, []string{"a", "b"}[(first+j)%2])
						if _, err := s.Log(context.Background(), call("p")); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			require.Equal(t, 12*each, ask[int](t, nodes[0], "SELECT count(*) FROM pm_logs"))
		})

		t.Run("everything else of one workspace", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			const callers, each = 8, 5
			var all sync.WaitGroup
			for i := range callers {
				n := nodes[i%2]
				s := n.telemetryOf(t, "a")
				all.Go(func() {
					for range each {
						trace, err := s.CreateTrace(context.Background(), telemetry.Trace{})
						if err == nil {
							_, err = s.AddSpans(context.Background(), trace.ID, []telemetry.Span{{Name: "x"}, {Name: "y"}})
						}
						if err == nil {
							_, err = s.CreateRun(context.Background(), telemetry.Run{WorkflowName: "w", TraceID: &trace.ID})
						}
						if err == nil {
							_, err = s.Log(context.Background(), call("p"))
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			n := nodes[0]
			for kind, want := range map[string]int{"traces": 1, "spans": 2, "runs": 1, "logs": 1, "audit": 4} {
				require.Equal(t, want*callers*each, ask[int](t, n, "SELECT count(*) FROM pm_"+kind), kind)
				require.Equal(t, want*callers*each, ask[int](t, n, "SELECT alive FROM pm_counters WHERE kind = ?", kind), kind)
			}
		})

		t.Run("spans and runs of a trace that is being deleted", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			one, two := nodes[0].telemetryOf(t, "a"), nodes[1].telemetryOf(t, "a")
			for range 15 {
				trace, err := one.CreateTrace(t.Context(), telemetry.Trace{})
				require.NoError(t, err)
				var all sync.WaitGroup
				all.Go(func() {
					if err := one.DeleteTrace(context.Background(), trace.ID); err != nil {
						t.Error(err)
					}
				})
				all.Go(func() {
					if _, err := two.AddSpans(context.Background(), trace.ID, []telemetry.Span{{Name: "x"}}); err != nil && !errors.Is(err, pmerr.ErrNotFound) {
						t.Error(err)
					}
				})
				all.Go(func() {
					if _, err := two.CreateRun(context.Background(), telemetry.Run{WorkflowName: "w", TraceID: &trace.ID}); err != nil && !errors.Is(err, pmerr.ErrNotFound) {
						t.Error(err)
					}
				})
				all.Wait()
			}
			require.Zero(t, ask[int](t, nodes[0], "SELECT count(*) FROM pm_spans"), "no span without its trace")
			require.Zero(t, ask[int](t, nodes[0], "SELECT count(*) FROM pm_runs WHERE trace_id IS NOT NULL"))
		})

		t.Run("what is old is removed once", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			for _, ws := range []string{"a", "b"} {
				s := nodes[0].telemetryOf(t, ws)
				for range 3 {
					_, err := s.LogBatch(t.Context(), calls("p", 1000))
					require.NoError(t, err)
					trace, err := s.CreateTrace(t.Context(), telemetry.Trace{})
					require.NoError(t, err)
					_, err = s.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "x"}})
					require.NoError(t, err)
					_, err = s.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
					require.NoError(t, err)
				}
			}
			removed := make([]int64, 2)
			var all sync.WaitGroup
			before := time.Now().Add(time.Hour)
			for i, n := range nodes {
				all.Go(func() {
					var err error
					if removed[i], err = expire(context.Background(), n, before); err != nil {
						t.Error(err)
					}
				})
				s := n.telemetryOf(t, "c")
				all.Go(func() { // somebody else works meanwhile
					for range 10 {
						if _, err := s.LogBatch(context.Background(), calls("p", 10)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			for _, ws := range []string{"a", "b"} {
				require.Zero(t, ask[int](t, nodes[0], "SELECT coalesce(sum(alive), 0) FROM pm_counters WHERE workspace_id = ? AND kind <> 'audit'", ws))
			}
			rest := ask[int64](t, nodes[0], "SELECT count(*) FROM pm_logs")
			require.Equal(t, rest, ask[int64](t, nodes[0], "SELECT coalesce(sum(alive), 0) FROM pm_log_totals"))
			require.EqualValues(t, 2*(3000+3+3+3)+200, removed[0]+removed[1]+rest)
		})

		t.Run("prompts and labels", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			const callers, each = 6, 4
			var all sync.WaitGroup
			for i := range callers {
				index := nodes[i%2].index(t, "a")
				all.Go(func() {
					for j := range each {
						v := fmt.Sprintf("%d.%d.0", i, j)
						if _, inserted, err := index.Insert(context.Background(), version("p", v, time.Now())); err != nil || !inserted {
							t.Errorf("insert %s: %v, %v", v, inserted, err)
						}
						if _, err := index.SetLabel(context.Background(), "p", fmt.Sprint("label", j), v); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			index := nodes[0].index(t, "a")
			pointers, err := index.Pointers(t.Context(), "p")
			require.NoError(t, err)
			require.Equal(t, "5.3.0", pointers.Latest)
			versions, err := index.Versions(t.Context(), "p", firstPage)
			require.NoError(t, err)
			require.EqualValues(t, callers*each, versions.Total)
			history, err := index.History(t.Context(), "p", firstPage)
			require.NoError(t, err)
			require.EqualValues(t, callers*each, history.Total)
			labels, err := index.Labels(t.Context(), "p", firstPage)
			require.NoError(t, err)
			require.EqualValues(t, each, labels.Total)
			list, err := index.List(t.Context(), registry.Filter{Tag: "tag-5.3.0"}, firstPage)
			require.NoError(t, err)
			require.Len(t, list.Items, 1)
		})

		t.Run("a change is noticed by the other", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			before, err := nodes[1].Changes(t.Context())
			require.NoError(t, err)
			_, _, err = nodes[0].index(t, "a").Insert(t.Context(), version("p", "1.0.0", time.Now()))
			require.NoError(t, err)
			after, err := nodes[1].Changes(t.Context())
			require.NoError(t, err)
			require.NotEqual(t, before[sqlstore.RegistryChanges], after[sqlstore.RegistryChanges])
			require.Equal(t, before[sqlstore.KeyChanges], after[sqlstore.KeyChanges])
		})

		t.Run("keys that are made and revoked", func(t *testing.T) {
			t.Parallel()
			nodes := both(t)
			var mu sync.Mutex
			seen := map[int64]bool{}
			var all sync.WaitGroup
			for i := range 16 {
				keys := nodes[i%2].Keys()
				all.Go(func() {
					stored := access.StoredKey{Key: access.Key{Name: "k", Workspace: "a", Scopes: access.Scopes{access.Read}}, Hash: [32]byte{byte(i + 1)}}
					key, err := keys.InsertKey(context.Background(), in(t, "a"), owner(), stored)
					if err == nil && i%4 == 0 {
						_, err = keys.DeleteKey(context.Background(), in(t, "a"), owner(), "a", key.ID)
					}
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if seen[key.ID] {
						t.Errorf("id %d was given twice", key.ID)
					}
					seen[key.ID] = true
				})
			}
			all.Wait()
			list, err := nodes[0].Keys().ListKeys(t.Context(), "a", firstPage)
			require.NoError(t, err)
			require.EqualValues(t, 12, list.Total)
		})
	})
}
