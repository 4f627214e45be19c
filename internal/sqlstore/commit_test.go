package sqlstore_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgproxy"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// A connection that is cut at a COMMIT leaves open whether it took place. Who
// comes again with the same key gets one row, whatever happened.
func TestARetryAfterALostCommit(t *testing.T) {
	t.Parallel()
	for name, moment := range map[string]pgproxy.Moment{"not committed": pgproxy.BeforeCommit, "committed": pgproxy.AfterCommit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := dbtest.Proxied(t)
			n := open(t, c)
			s := n.telemetryOf(t, "a")
			proxy.CutCommits(moment)
			_, err := s.Record(t.Context(), "one", call("p"))
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			id, err := s.Record(t.Context(), "one", call("p"))
			require.NoError(t, err)
			require.EqualValues(t, 1, id)

			proxy.CutCommits(moment)
			_, err = s.RecordBatch(t.Context(), "many", calls("p", 300)) // goes in a stream
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			ids, err := s.RecordBatch(t.Context(), "many", calls("p", 300))
			require.NoError(t, err)
			require.EqualValues(t, 2, ids[0])
			require.EqualValues(t, 301, ids[299])
			consistent(t, n, 301)
		})
	}

	t.Run("while many record and connections are cut all the time", func(t *testing.T) {
		t.Parallel()
		c, proxy := dbtest.Proxied(t)
		n := open(t, c)
		s := n.telemetryOf(t, "a")
		proxy.CutEvery(3)
		const callers, each, rows = 12, 15, 9
		var mu sync.Mutex
		var acknowledged []int64
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for j := range each {
					key := fmt.Sprintf("%d.%d", i, j)
					for {
						ids, err := s.RecordBatch(context.WithoutCancel(t.Context()), key, calls("p", rows))
						if err == nil {
							mu.Lock()
							acknowledged = append(acknowledged, ids...)
							mu.Unlock()
							break
						}
						if e := pmerr.From(err); e.Code != pmerr.Unavailable || e.RetryAfter <= 0 {
							t.Errorf("%s: %v", key, err)
							return
						}
					}
				}
			})
		}
		all.Wait()
		proxy.CutEvery(0)
		require.Len(t, acknowledged, callers*each*rows)
		slices.Sort(acknowledged)
		require.Len(t, slices.Compact(acknowledged), callers*each*rows, "no two got the same")
		consistent(t, n, callers*each*rows)
	})
}

// consistent checks that so many logs are there, and that every sum agrees.
func consistent(t *testing.T, n *node, logs int64) {
	t.Helper()
	require.Equal(t, logs, ask[int64](t, n, "SELECT count(*) FROM pm_logs"))
	require.Equal(t, logs, ask[int64](t, n, "SELECT max(id) FROM pm_logs"))
	require.Equal(t, logs, ask[int64](t, n, "SELECT sum(alive) FROM pm_counters WHERE kind = 'logs'"))
	require.Equal(t, logs, ask[int64](t, n, "SELECT sum(requests) FROM pm_log_days"))
}
