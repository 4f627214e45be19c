package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

var postgres = dbtest.Engine{Dialect: db.PostgreSQL}

func partitions(tb testing.TB, d *db.DB, table string) []db.Partition {
	tb.Helper()
	list, err := d.Partitions(tb.Context(), table)
	require.NoError(tb, err)
	return list
}

const logOf = "INSERT INTO pm_logs (workspace_id, created_at, id, prompt_name, version_tag, status) VALUES ('a', ?, ?, 'p', '1', 'ok')"

func TestTheTablesOfBeforeAreTheFirstPartition(t *testing.T) {
	t.Parallel()
	c := postgres.Empty(t)
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC) // later than the clock of the machine
	old, err := db.OpenSchema(t.Context(), c, 7)
	require.NoError(t, err)
	require.NoError(t, old.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i, statement := range []string{
			"INSERT INTO pm_counters (workspace_id, kind, last_id, alive, last_at) VALUES ('a', 'logs', 3, 3, ?)",
			logOf, logOf, logOf,
			"INSERT INTO pm_spans (workspace_id, trace_id, span_id, trace_at, id, name, status, created_at) VALUES ('a', 't', 's', ?, ?, 'n', 'ok', 0)",
		} {
			args := []any{now.AddDate(0, -i, 0).UnixMicro(), i}
			if i == 0 {
				args = []any{now.UnixMicro()}
			}
			if _, err := tx.Run(ctx, statement, args...); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, old.Close())

	d := dbtest.OpenConfig(t, c)
	for _, table := range []string{"pm_logs", "pm_spans"} {
		require.Equal(t, []db.Partition{{Name: table + "_first", From: math.MinInt64, To: micros(t, "2031-05-07")}}, partitions(t, d, table))
	}
	require.NoError(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		var logs, spans int
		require.NoError(t, tx.RunRow(ctx, "SELECT count(*) FROM pm_logs").Scan(&logs))
		require.NoError(t, tx.RunRow(ctx, "SELECT count(*) FROM pm_spans").Scan(&spans))
		require.Equal(t, [2]int{3, 1}, [2]int{logs, spans})
		return tx.Each(ctx, "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'pm_logs_first'::regclass AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = indexrelid)",
			nil, func(rows *sql.Rows) error { return fmt.Errorf("an index was made twice") })
	}))
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2040, 1, n, 12, 0, 0, 0, time.UTC) }
	insert := func(d *db.DB, at time.Time) error {
		return d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Run(ctx, logOf, at.UnixMicro(), 1)
			return err
		})
	}

	t.Run("a row without one is told from other faults", func(t *testing.T) {
		t.Parallel()
		d := postgres.Open(t)
		table, lacks := db.LacksPartition(insert(d, day(1)))
		require.True(t, lacks)
		require.Equal(t, "pm_logs", table)
		require.NoError(t, insert(d, time.Now()))
		_, lacks = db.LacksPartition(insert(d, time.Unix(0, 0)))
		require.False(t, lacks)
		_, err := d.EnsurePartitions(t.Context(), "pm_logs", day(1), day(1), db.Day)
		require.NoError(t, err)
		require.NoError(t, insert(d, day(1)))
		err = insert(d, day(1))
		require.True(t, db.IsDuplicate(err), "%v", err)
		_, lacks = db.LacksPartition(err)
		require.False(t, lacks)
	})

	t.Run("ten processes make each once", func(t *testing.T) {
		t.Parallel()
		c := postgres.Config(t)
		var all sync.WaitGroup
		added := make([]int, 10)
		for i := range added {
			d := dbtest.OpenConfig(t, c)
			all.Go(func() {
				var err error
				if added[i], err = d.EnsurePartitions(context.Background(), "pm_logs", day(1), day(5), db.Day); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		total := 0
		for _, n := range added {
			total += n
		}
		require.Equal(t, 5, total)
		d := dbtest.OpenConfig(t, c)
		list := partitions(t, d, "pm_logs")
		require.Len(t, list, 6)
		require.Equal(t, db.Partition{Name: "pm_logs_20400103", From: micros(t, "2040-01-03"), To: micros(t, "2040-01-04")}, list[3])
	})

	t.Run("they are made while others read and write", func(t *testing.T) {
		t.Parallel()
		d := postgres.Open(t)
		require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Run(ctx, logOf, time.Now().UnixMicro(), 1)
			require.NoError(t, err)
			_, err = d.EnsurePartitions(t.Context(), "pm_logs", day(1), day(1), db.Day)
			return err
		}))
	})

	t.Run("a default partition of the operator's stays out of it", func(t *testing.T) {
		t.Parallel()
		d := postgres.Open(t)
		require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Run(ctx, "CREATE TABLE pm_logs_rest PARTITION OF pm_logs DEFAULT")
			return err
		}))
		require.Len(t, partitions(t, d, "pm_logs"), 1)
	})

	t.Run("SQLite has none", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		require.Empty(t, partitions(t, d, "pm_logs"))
		n, err := d.EnsurePartitions(t.Context(), "pm_logs", day(1), day(5), db.Day)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}
