package sqlstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

var postgres = dbtest.Engine{Dialect: db.PostgreSQL}

func TestPartitionsAreMadeAhead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep time.Duration
		last string
	}{
		"days":   {30 * days, "pm_logs_20400309"},
		"weeks":  {365 * days, "pm_logs_20400312"},
		"months": {0, "pm_logs_20400501"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, clock := fresh(t, postgres)
			clock.move(time.Date(2040, 3, 1, 12, 0, 0, 0, time.UTC).Sub(clock.now()))
			made, err := n.MakePartitions(t.Context(), c.keep)
			require.NoError(t, err)
			require.Positive(t, made)
			names := slicesOf(t, n, "pm_logs")
			require.Equal(t, c.last, names[len(names)-1])
			require.Len(t, slicesOf(t, n, "pm_spans"), len(names))
			made, err = n.MakePartitions(t.Context(), c.keep)
			require.NoError(t, err)
			require.Zero(t, made)
			_, err = n.telemetryOf(t, "a").Log(t.Context(), call("p"))
			require.NoError(t, err)
			require.Len(t, slicesOf(t, n, "pm_logs"), len(names), "it has a slice")
		})
	}
	t.Run("SQLite needs none", func(t *testing.T) {
		t.Parallel()
		n, _ := fresh(t, dbtest.Engine{Dialect: db.SQLite})
		made, err := n.MakePartitions(t.Context(), 0)
		require.NoError(t, err)
		require.Zero(t, made)
	})
}

func TestARowWithoutAPartitionMakesOne(t *testing.T) {
	t.Parallel()
	n, clock := fresh(t, postgres)
	s := n.telemetryOf(t, "a")
	for _, at := range []time.Time{
		time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2043, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		clock.move(at.Sub(clock.now()))
		ids, err := s.RecordBatch(t.Context(), "key"+at.String(), calls("p", 200))
		require.NoError(t, err)
		again, err := s.RecordBatch(t.Context(), "key"+at.String(), calls("p", 200))
		require.NoError(t, err)
		require.Equal(t, ids, again, "it was written once")
		_, err = n.telemetryOf(t, "b"+at.Format("2006")).LogBatch(t.Context(), calls("p", 1))
		require.NoError(t, err)
		trace, err := s.CreateTrace(t.Context(), telemetry.Trace{})
		require.NoError(t, err)
		_, err = s.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "x"}})
		require.NoError(t, err)
		got, err := s.Trace(t.Context(), trace.ID)
		require.NoError(t, err)
		require.Len(t, got.Spans, 1)
	}
	require.Equal(t, []string{"pm_logs_first", "pm_logs_20400101", "pm_logs_20410101", "pm_logs_20430101"}, slicesOf(t, n, "pm_logs"),
		"each workspace has a time of its own, which does not run back")
	agree(t, n)
}

func TestPagesAcrossPartitions(t *testing.T) {
	t.Parallel()
	n, clock := history(t, postgres, "a", "b")
	s := n.telemetryOf(t, "a")
	clock.move(200 * days) // the workspace was idle for long
	var want []int64
	for id := int64(100); id > 0; id-- {
		want = append(want, id)
	}
	require.Equal(t, want, logIDs(t, s))
	for limit, r := range map[int]page.Request{1: {}, 7: {}, 50: {}, 99: {}, 100: {}} {
		var got []int64
		for r.Limit = limit; ; {
			p, err := s.Logs(t.Context(), telemetry.LogFilter{}, r)
			require.NoError(t, err)
			require.EqualValues(t, 100, p.Total)
			for _, l := range p.Items {
				got = append(got, l.ID)
			}
			if r.Cursor = p.NextCursor; r.Cursor == "" {
				break
			}
		}
		require.Equal(t, want, got, "by %d", limit)
	}
	for number := 1; number <= 9; number++ {
		p, err := s.Logs(t.Context(), telemetry.LogFilter{}, page.Request{Page: number, Limit: 13})
		require.NoError(t, err)
		from := min(100, 13*(number-1))
		require.Len(t, p.Items, min(13, 100-from))
		for i, l := range p.Items {
			require.Equal(t, want[from+i], l.ID)
		}
	}
	failed, err := s.Logs(t.Context(), telemetry.LogFilter{Status: telemetry.Failed}, page.Request{Limit: 50})
	require.NoError(t, err)
	require.Len(t, failed.Items, 20)
	var f telemetry.LogFilter
	f.From.Time, f.To.Time = time.Date(2040, 3, 3, 0, 0, 0, 0, time.UTC), time.Date(2040, 3, 6, 0, 0, 0, 0, time.UTC)
	some, err := s.Logs(t.Context(), f, page.Request{Limit: 50})
	require.NoError(t, err)
	require.EqualValues(t, 15, some.Total)
	require.Len(t, some.Items, 15)
}

func TestADropGivesWay(t *testing.T) {
	t.Parallel()
	n, clock := history(t, postgres, "a", "b")
	s := n.telemetryOf(t, "a")
	done := errors.New("read enough")
	err := n.db.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error { // somebody reads the whole table, slowly
		var rows int
		require.NoError(t, tx.RunRow(ctx, "SELECT count(*) FROM pm_logs").Scan(&rows))
		expired := make(chan error)
		go func() {
			_, err := n.Expire(context.Background(), clock.now(), 8*days)
			expired <- err
		}()
		now := time.NewTicker(20 * time.Millisecond)
		defer now.Stop()
		for {
			// Writers and readers come through all the time.
			if _, err := s.Log(t.Context(), call("p")); err != nil {
				return err
			}
			if _, err := s.Logs(t.Context(), telemetry.LogFilter{}, firstPage); err != nil {
				return err
			}
			select {
			case err := <-expired:
				require.True(t, db.IsLocked(err), "%v", err)
				add(t, n)
				return done
			case <-now.C:
			}
		}
	})
	require.ErrorIs(t, err, done)
	_, err = n.Expire(t.Context(), clock.now(), 8*days)
	require.NoError(t, err, "the next pass finds nobody in its way")
	agree(t, n)
	require.Equal(t, 8*5, ask[int](t, n, "SELECT count(*) FROM pm_logs WHERE workspace_id = 'b'"))
}
