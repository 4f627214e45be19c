package census_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/census"
)

func TestDurations(t *testing.T) {
	t.Parallel()
	h := census.Durations()
	for _, d := range []time.Duration{-1, 0, 100 * time.Microsecond, 100*time.Microsecond + 1, time.Second, 10 * time.Second, time.Hour} {
		h.Took(d)
	}
	got := h.Snapshot()
	require.Equal(t, uint64(7), got.Count)
	require.InDelta(t, 3611.0002, got.Sum, 1e-6)
	require.Equal(t, census.Bucket{UpTo: 0.0001, Count: 3}, got.Buckets[0], "a bound belongs to its bucket")
	require.Equal(t, census.Bucket{UpTo: 0.00025, Count: 4}, got.Buckets[1])
	require.Equal(t, census.Bucket{UpTo: 10, Count: 6}, got.Buckets[len(got.Buckets)-1], "an hour is in the count only")
	for i := 1; i < len(got.Buckets); i++ {
		require.Greater(t, got.Buckets[i].UpTo, got.Buckets[i-1].UpTo)
		require.GreaterOrEqual(t, got.Buckets[i].Count, got.Buckets[i-1].Count)
	}
}

func TestEveryCountCounts(t *testing.T) {
	t.Parallel()
	h, c := census.Sizes(), &census.Cache{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 1000 {
				h.Observe(n)
				c.Hit()
				if n%2 == 0 {
					c.Miss()
				}
				_ = h.Snapshot()
			}
		})
	}
	all.Wait()
	got := h.Snapshot()
	require.Equal(t, uint64(4000), got.Count)
	require.InDelta(t, 4*999*1000/2, got.Sum, 0)
	require.Equal(t, census.Bucket{UpTo: 512, Count: 4 * 513}, got.Buckets[9])
	require.Equal(t, census.Lookups{Hits: 4000, Misses: 2000}, c.Snapshot())
}

func BenchmarkTook(b *testing.B) {
	h := census.Durations()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			h.Took(3 * time.Millisecond)
		}
	})
}
