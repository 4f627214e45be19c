package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheIntervalDoesNotDependOnTheWorkers(t *testing.T) {
	t.Parallel()
	a, b := latencies(211, 3), latencies(150, 4)
	for _, resamples := range []int{100, 249, 250, 251, 10_000} {
		o := Options{Kind: Mean, Resamples: resamples, Seed: 42, Workers: 1}
		want, err := Compare(a, b, o)
		require.NoError(t, err)
		for _, workers := range []int{0, 2, 3, 7, 64, 1000} {
			o.Workers = workers
			got, err := Compare(a, b, o)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
}

func TestTheSameDataGiveTheSameResult(t *testing.T) {
	t.Parallel()
	a, b := latencies(100, 3), latencies(100, 4)
	first, err := Compare(a, b, Options{Kind: Mean})
	require.NoError(t, err)
	again, err := Compare(a, b, Options{Kind: Mean})
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, SeedOf(0, a, b), first.Seed)
	require.Equal(t, 10_000, first.Resamples)

	other, err := Compare(a, b, Options{Kind: Mean, Seed: first.Seed + 1})
	require.NoError(t, err)
	require.NotEqual(t, *first.CILower, *other.CILower)
	require.Equal(t, first.PValue, other.PValue)
}

// The numbers of a published result must come out again in years: who changes
// them changes methodVersion, too.
func TestTheIntervalIsPinned(t *testing.T) {
	t.Parallel()
	a := []float64{812, 905, 1100, 765, 990, 1230, 870, 940, 1015}
	b := []float64{700, 650, 910, 820, 690, 640, 760, 845}
	r, err := Compare(a, b, Options{Kind: Mean, Seed: SeedOf(7, a, b)})
	require.NoError(t, err)
	require.Equal(t, "promptmetrics/stats/1", methodVersion)
	require.Equal(t, uint64(0xd9cdb536ccc0c), r.Seed)
	require.Equal(t, -317.72534722222224, *r.CILower)
	require.Equal(t, -96.943750000000009, *r.CIUpper)
}

func TestTheIntervalIsThatOfThePercentiles(t *testing.T) {
	t.Parallel()
	// With many scores the distribution of the means is normal, with the variance
	// of the sample over n instead of n−1.
	a, b := latencies(2000, 5), latencies(1500, 6)
	lower, upper := bootstrap(a, b, 50_000, 1, 0)
	ma, mb := describe(a), describe(b)
	se := math.Sqrt(ma.squaredError() + mb.squaredError())
	require.InDelta(t, difference(ma, mb)-1.96*se, lower, 0.03*se)
	require.InDelta(t, difference(ma, mb)+1.96*se, upper, 0.03*se)
}

func TestAnOffsetMovesNoInterval(t *testing.T) {
	t.Parallel()
	a, b := []float64{1, 2, 4, 8, 16, 3}, []float64{3, 9, 27, 5, 11}
	o := Options{Kind: Mean, Seed: 9}
	want, err := Compare(a, b, o)
	require.NoError(t, err)
	got, err := Compare(plus(a, 1e15), plus(b, 1e15), o)
	require.NoError(t, err)
	require.InEpsilon(t, *want.CILower, *got.CILower, 1e-12)
	require.InEpsilon(t, *want.CIUpper, *got.CIUpper, 1e-12)
}

func TestTooManyDrawsFallBackToWelch(t *testing.T) {
	t.Parallel()
	a, b := latencies(101, 1), latencies(100, 2)
	r, err := Compare(a, b, Options{Kind: Mean, Resamples: MaxResamples})
	require.NoError(t, err)
	require.Equal(t, "welch", r.CIMethod)
	require.Equal(t, r.CIWelchLower, r.CILower)
	require.Equal(t, r.CIWelchUpper, r.CIUpper)
	require.Zero(t, r.Resamples)
	require.Contains(t, r.Warnings, "There are too many scores to resample them: the interval is Welch's.")
	require.True(t, affordable(200, MaxResamples))
	require.False(t, affordable(math.MaxInt, MinResamples))
}

func TestEveryScoreIsDrawnAsOften(t *testing.T) {
	t.Parallel()
	// The resampled mean of a single one among zeros is its share of the draws.
	const resamples = 200_000
	for _, n := range []int{1, 2, 3, 10, 11} {
		for place := range n {
			xs := make([]float64, n)
			xs[place] = 1
			source := rand.NewPCG(3, uint64(place))
			var shares sum
			for range resamples {
				shares.add(resampledMean(xs, source))
			}
			share := 1 / float64(n)
			// Five standard errors.
			require.InDelta(t, share, shares.value()/resamples, 1e-12+5*math.Sqrt(share*(1-share)/float64(n)/resamples))
		}
	}
}

func TestSeedsDifferByTestAndData(t *testing.T) {
	t.Parallel()
	seeds := map[uint64]string{}
	for name, seed := range map[string]uint64{
		"first test":       SeedOf(1, []float64{1, 2}, []float64{3}),
		"second test":      SeedOf(2, []float64{1, 2}, []float64{3}),
		"other border":     SeedOf(1, []float64{1}, []float64{2, 3}),
		"other order":      SeedOf(1, []float64{2, 1}, []float64{3}),
		"swapped":          SeedOf(1, []float64{3}, []float64{1, 2}),
		"more than a page": SeedOf(1, constant(1, 600), constant(1, 600)),
		"one more":         SeedOf(1, constant(1, 601), constant(1, 600)),
	} {
		require.NotContains(t, seeds, seed, name)
		seeds[seed] = name
	}
	require.Equal(t, SeedOf(1, []float64{1, 2}, []float64{3}), SeedOf(1, []float64{1, 2}, []float64{3}))
}
