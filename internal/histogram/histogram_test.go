package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// distributions are shapes of latencies, in ms.
var distributions = []struct {
	name string
	draw func(r *rand.Rand) int64
}{
	{"log-normal, as of model calls", func(r *rand.Rand) int64 { return int64(math.Exp(7 + 0.8*r.NormFloat64())) }},
	{"exponential", func(r *rand.Rand) int64 { return int64(r.ExpFloat64() * 400) }},
	{"two peaks", func(r *rand.Rand) int64 { return []int64{12, 30_000}[r.IntN(2)] + r.Int64N(7) }},
	{"small integers", func(r *rand.Rand) int64 { return r.Int64N(exactBelow) }},
	{"uniform over the bits", func(r *rand.Rand) int64 { return r.Int64() >> r.IntN(63) }},
	{"one value", func(*rand.Rand) int64 { return 1003 }},
	{"all zero", func(*rand.Rand) int64 { return 0 }},
	{"the largest", func(*rand.Rand) int64 { return math.MaxInt64 }},
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 42)) }

func fill(h *Histogram, values []int64) *Histogram {
	for _, v := range values {
		h.Add(v)
	}
	return h
}

func draw(r *rand.Rand, n int, from func(*rand.Rand) int64) []int64 {
	values := make([]int64, n)
	for i := range values {
		values[i] = from(r)
	}
	return values
}

// nearestRank is the definition, in integers: the ⌈percent·n/100⌉-th.
func nearestRank(sorted []int64, percent int) int64 {
	return sorted[max((percent*len(sorted)+99)/100, 1)-1]
}

func TestQuantileIsWithinTheBound(t *testing.T) {
	t.Parallel()
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := newRand(1)
			for _, n := range []int{1, 2, 3, 7, 10, 99, 100, 101, 1000, 20_000} {
				values := draw(r, n, d.draw)
				h := fill(&Histogram{}, values)
				require.EqualValues(t, n, h.Count())
				slices.Sort(values)
				for percent := range 101 {
					want := nearestRank(values, percent)
					got, ok := h.Quantile(float64(percent) / 100)
					require.True(t, ok)
					if want < exactBelow {
						require.InDelta(t, float64(want), got, 0, "p%d of %d", percent, n)
						continue
					}
					require.InDelta(t, float64(want), got, MaxRelativeError*float64(want), "p%d of %d", percent, n)
				}
			}
		})
	}
	require.LessOrEqual(t, MaxRelativeError, 0.01)
}

func TestEveryBucketKeepsTheBound(t *testing.T) {
	t.Parallel()
	next := int64(0) // the first value of the bucket
	for bucket := range numBuckets {
		require.Equal(t, bucket, bucketOf(next))
		last := next
		for step := int64(1) << 62; step > 0; step >>= 1 { // the bucket's last value
			if last <= math.MaxInt64-step && bucketOf(last+step) == bucket {
				last += step
			}
		}
		for _, v := range []int64{next, last} {
			if v < exactBelow {
				require.InDelta(t, float64(v), middleOf(bucket), 0)
			}
			require.LessOrEqual(t, math.Abs(middleOf(bucket)-float64(v)), MaxRelativeError*float64(v))
		}
		if bucket == numBuckets-1 {
			require.EqualValues(t, math.MaxInt64, last)
			break
		}
		next = last + 1
	}
}

func TestQuantileOfNothing(t *testing.T) {
	t.Parallel()
	h := &Histogram{}
	_, ok := h.Quantile(0.5)
	require.False(t, ok)
	h.Add(5)
	for _, q := range []float64{-0.01, 1.01, math.NaN(), math.Inf(1)} {
		_, ok := h.Quantile(q)
		require.False(t, ok, "q = %v", q)
	}
	h.Reset()
	_, ok = h.Quantile(0.5)
	require.False(t, ok)
}

func TestAddN(t *testing.T) {
	t.Parallel()
	h := &Histogram{}
	h.AddN(7, 3)
	h.AddN(-20, 2)
	h.AddN(7, 0)
	h.AddN(7, -5)
	require.EqualValues(t, 5, h.Count())
	low, _ := h.Quantile(0.4)
	require.Zero(t, low, "a negative latency counts as 0")
	high, _ := h.Quantile(0.41)
	require.InDelta(t, 7, high, 0)

	h.AddN(9, math.MaxInt64)
	require.EqualValues(t, math.MaxInt64, h.Count(), "counts stop instead of overflowing")
	top, ok := h.Quantile(1)
	require.True(t, ok)
	require.InDelta(t, 9, top, 0)
}

func TestMergeIsAssociativeAndCommutative(t *testing.T) {
	t.Parallel()
	r := newRand(2)
	for range 50 {
		var parts [3][]int64
		for i := range parts {
			parts[i] = draw(r, r.IntN(200), distributions[r.IntN(len(distributions))].draw)
		}
		one := func(i int) *Histogram { return fill(&Histogram{}, parts[i]) }
		merged := func(a, b *Histogram) *Histogram {
			a.Merge(b)
			return a
		}
		whole := fill(fill(one(0), parts[1]), parts[2]).Append(nil)
		require.Equal(t, whole, merged(merged(one(0), one(1)), one(2)).Append(nil))
		require.Equal(t, whole, merged(one(0), merged(one(1), one(2))).Append(nil))
		require.Equal(t, whole, merged(one(2), merged(one(1), one(0))).Append(nil))
	}
}

func TestSubtractUndoesMerge(t *testing.T) {
	t.Parallel()
	r := newRand(3)
	for range 50 {
		kept := fill(&Histogram{}, draw(r, r.IntN(200), distributions[r.IntN(len(distributions))].draw))
		gone := fill(&Histogram{}, draw(r, r.IntN(200), distributions[r.IntN(len(distributions))].draw))
		before := kept.Append(nil)
		kept.Merge(gone)
		require.NoError(t, kept.Subtract(gone))
		require.Equal(t, before, kept.Append(nil))
	}
	t.Run("down to nothing", func(t *testing.T) {
		t.Parallel()
		h := fill(&Histogram{}, []int64{1, 500, 90_000})
		require.NoError(t, h.Subtract(h))
		require.Zero(t, h.Count())
		require.Equal(t, (&Histogram{}).Append(nil), h.Append(nil))
	})
	t.Run("what was never added is refused and changes nothing", func(t *testing.T) {
		t.Parallel()
		h := fill(&Histogram{}, []int64{100, 200, 200})
		before := h.Append(nil)
		for _, other := range [][]int64{{200, 200, 200}, {100, 300}, {math.MaxInt64}} {
			require.ErrorIs(t, h.Subtract(fill(&Histogram{}, other)), pmerr.ErrInternal)
			require.Equal(t, before, h.Append(nil))
			require.EqualValues(t, 3, h.Count())
		}
	})
}

func TestAddAllocatesNothingAfterWarmUp(t *testing.T) {
	h := &Histogram{}
	r := newRand(4)
	values := draw(r, 10_000, distributions[0].draw)
	fill(h, values)
	encoded := h.Append(nil)
	buffer := make([]byte, 0, 2*len(encoded))
	i := 0
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		h.Add(values[i%len(values)])
		i++
	}))
	require.Zero(t, testing.AllocsPerRun(100, func() { require.NoError(t, h.MergeEncoded(encoded)) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { buffer = h.Append(buffer[:0]) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { h.Reset() }))
}
