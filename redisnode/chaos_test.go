package redisnode_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

// Two nodes take all they get. One of them dies without a word and starts anew,
// again and again, while Redis is killed, stays away for a while and comes back
// empty: the limit holds to a tenth.
func TestALimitHoldsWhateverDies(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	const limit = 3000
	var admitted atomic.Int64
	// serve runs a node until the context ends; it says no farewell.
	serve := func(ctx context.Context) {
		n, err := redisnode.Open(ctx, redisnode.Options{URL: server.URL(), StartTimeout: patient})
		if err != nil {
			return // killed while it waited for Redis
		}
		defer func() { _ = n.Close() }()
		l, err := access.NewLimiter(access.LimiterOptions{
			Window: age, Max: limit, Now: time.Now, Shared: n, Nodes: func() int { return 2 },
		})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = l.Close(context.WithoutCancel(ctx)) }()
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				for ctx.Err() == nil {
					if l.Take(ctx, "key:1").Allowed {
						admitted.Add(1)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		callers.Wait()
	}
	all, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var nodes sync.WaitGroup
	nodes.Go(func() { serve(all) })
	nodes.Go(func() { // this one dies every 300 ms
		for all.Err() == nil {
			life, killed := context.WithTimeout(all, 300*time.Millisecond)
			serve(life)
			killed()
		}
	})
	reach := func(n int64) {
		require.Eventually(t, func() bool { return admitted.Load() >= n }, patient, time.Millisecond)
	}
	reach(limit / 5)
	server.Kill()
	reach(limit * 2 / 5)
	require.NoError(t, server.Resume(t.Context()))
	// Nothing more comes once the limit is reached, from nodes that start anew
	// least of all.
	last := int64(-1)
	require.Eventually(t, func() bool {
		now := admitted.Load()
		still := now == last
		last = now
		return still
	}, patient, 2*time.Second)
	stop()
	nodes.Wait()
	t.Logf("%d of %d units were admitted", admitted.Load(), limit)
	require.LessOrEqual(t, admitted.Load(), int64(limit*11/10))
	require.GreaterOrEqual(t, admitted.Load(), int64(limit/2))
}
