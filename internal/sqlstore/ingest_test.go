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
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// poison makes the database refuse logs of the prompt "poison": a fault that
// no check of ours knows of.
func poison(tb testing.TB, n *node) {
	tb.Helper()
	if n.db.Dialect() == db.PostgreSQL {
		run(tb, n, "ALTER TABLE pm_logs ADD CONSTRAINT poisoned CHECK (prompt_name <> 'poison')")
		return
	}
	run(tb, n, "CREATE TRIGGER poisoned BEFORE INSERT ON pm_logs WHEN NEW.prompt_name = 'poison' BEGIN SELECT RAISE(ABORT, 'poisoned'); END")
}

func TestIngest(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("a delivery that the database refuses fails alone", func(t *testing.T) {
			t.Parallel()
			n := open(t, e.Config(t))
			poison(t, n)
			const many = 120
			errs := make([]error, many)
			ids := make([]int64, many)
			var callers sync.WaitGroup
			for i := range many {
				s := n.telemetryOf(t, []string{"a", "b"}[i%2])
				prompt := fmt.Sprint("p", i)
				if i%10 == 3 {
					prompt = "poison"
				}
				callers.Go(func() { ids[i], errs[i] = s.Log(context.Background(), call(prompt)) })
			}
			callers.Wait()
			for i, err := range errs {
				if i%10 == 3 {
					require.Error(t, err)
					require.NotErrorIs(t, err, pmerr.ErrUnavailable, "the database is up")
					require.Equal(t, "Internal server error", pmerr.From(err).Message)
					continue
				}
				require.NoError(t, err)
				name := ask[string](t, n, "SELECT prompt_name FROM pm_logs WHERE workspace_id = ? AND id = ?", []string{"a", "b"}[i%2], ids[i])
				require.Equal(t, fmt.Sprint("p", i), name)
			}
			for _, ws := range []string{"a", "b"} {
				p, err := n.telemetryOf(t, ws).Logs(t.Context(), telemetry.LogFilter{}, firstPage)
				require.NoError(t, err)
				got := logIDs(t, n.telemetryOf(t, ws))
				require.EqualValues(t, len(got), p.Total)
				require.EqualValues(t, len(got), got[0], "no id was used up by what failed")
				audit, err := n.Audit(in(t, ws)).Entries(t.Context(), access.AuditFilter{Action: "log:create"}, firstPage)
				require.NoError(t, err)
				require.EqualValues(t, len(got), audit.Total)
			}
		})

		t.Run("a batch with one row that the database refuses leaves nothing", func(t *testing.T) {
			t.Parallel()
			n := open(t, e.Config(t))
			poison(t, n)
			s := n.telemetryOf(t, "a")
			logs := calls("p", 200)
			logs[150].PromptName = "poison"
			_, err := s.RecordBatch(t.Context(), "key", logs)
			require.Error(t, err)
			require.Empty(t, logIDs(t, s))
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_idempotency"), "the key is free again")
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_audit"))
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_log_days"))
			_, err = s.RecordBatch(t.Context(), "key", calls("p", 200))
			require.NoError(t, err)
		})

		t.Run("one that shares a key with a refused one is recorded", func(t *testing.T) {
			t.Parallel()
			n := open(t, e.Config(t))
			poison(t, n)
			s := n.telemetryOf(t, "a")
			for round := range 20 {
				key := fmt.Sprint("key", round)
				var both sync.WaitGroup
				both.Go(func() { _, _ = s.Record(context.Background(), key, call("poison")) })
				both.Go(func() {
					if _, err := s.Record(context.Background(), key, call("p")); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
				})
				both.Wait()
			}
			require.Len(t, logIDs(t, s), 20)
		})

		t.Run("a caller who leaves may change what it gave", func(t *testing.T) {
			t.Parallel()
			n := open(t, e.Config(t))
			s := n.telemetryOf(t, "a")
			for range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				l := call("p")
				l.Metadata = telemetry.Metadata{"a": []byte(`"before"`)}
				var leaving sync.WaitGroup
				leaving.Go(cancel)
				_, err := s.Log(ctx, l)
				if err != nil && !errors.Is(err, context.Canceled) {
					require.NoError(t, err)
				}
				l.Metadata["b"] = []byte(`1`)
				copy(l.Metadata["a"], `"after!"`)
				leaving.Wait()
			}
			for l, err := range s.ExportLogs(t.Context(), telemetry.LogFilter{}) {
				require.NoError(t, err)
				require.Equal(t, telemetry.Metadata{"a": []byte(`"before"`)}, l.Metadata)
			}
		})

		t.Run("what was accepted is written before Close returns, later calls are unavailable", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			n := open(t, c)
			s := n.telemetryOf(t, "a")
			var mu sync.Mutex
			acknowledged := 0
			var callers sync.WaitGroup
			for range 200 {
				callers.Go(func() {
					_, err := s.Log(context.Background(), call("p"))
					switch {
					case err == nil:
						mu.Lock()
						acknowledged++
						mu.Unlock()
					case !errors.Is(err, pmerr.ErrUnavailable):
						t.Error(err)
					}
				})
			}
			n.Close()
			callers.Wait()
			_, err := s.Log(t.Context(), call("late"))
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			require.Len(t, logIDs(t, open(t, c).telemetryOf(t, "a")), acknowledged)
		})
	})
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("are remembered for a day and then free", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			s := n.telemetryOf(t, "a")
			record := func(key string) int64 {
				id, err := s.Record(t.Context(), key, call("p"))
				require.NoError(t, err)
				return id
			}
			require.EqualValues(t, 1, record("key"))
			clock.move(23*time.Hour + 59*time.Minute)
			require.EqualValues(t, 1, record("key"))
			clock.move(2 * time.Minute)
			require.EqualValues(t, 2, record("key"), "it is another day")
			require.EqualValues(t, 2, record("key"))
			_, err := s.RecordBatch(t.Context(), "key", calls("p", 3))
			require.ErrorIs(t, err, pmerr.ErrConflict)
			clock.move(25 * time.Hour)
			ids, err := s.RecordBatch(t.Context(), "key", calls("p", 3))
			require.NoError(t, err, "also for another request")
			require.Equal(t, []int64{3, 4, 5}, ids)
		})

		t.Run("old ones are dropped when the workspace uses another", func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, e)
			for i := range 10 {
				_, err := n.telemetryOf(t, "a").Record(t.Context(), fmt.Sprint("key", i), call("p"))
				require.NoError(t, err)
			}
			clock.move(25 * time.Hour)
			_, err := n.telemetryOf(t, "a").Record(t.Context(), "other", call("p"))
			require.NoError(t, err)
			require.Equal(t, 1, ask[int](t, n, "SELECT count(*) FROM pm_idempotency"))
		})

		t.Run("are remembered by every process", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			one, two := open(t, c), open(t, c)
			for round := range 12 {
				key := fmt.Sprint("key", round)
				ids := make([]int64, 8)
				var callers sync.WaitGroup
				for i := range ids {
					s := []*node{one, two}[i%2].telemetryOf(t, "a")
					callers.Go(func() {
						var err error
						if ids[i], err = s.Record(context.Background(), key, call("p")); err != nil {
							t.Errorf("round %d: %v", round, err)
						}
					})
				}
				callers.Wait()
				for _, id := range ids {
					require.Equal(t, ids[0], id)
				}
			}
			require.Len(t, logIDs(t, one.telemetryOf(t, "a")), 12)
		})
	})
}
