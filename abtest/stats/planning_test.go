package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestTheSizeIsTheLeastWithThePower(t *testing.T) {
	t.Parallel()
	for _, delta := range []float64{0.02, -0.1, 0.5, 1, 2, 4} {
		n, err := SampleSizeMeans(delta, 1, 0.05, 0.8)
		require.NoError(t, err)
		enough, err := PowerMeans(n, delta, 1, 0.05)
		require.NoError(t, err)
		require.GreaterOrEqual(t, enough, 0.8)
		if n > 2 {
			less, err := PowerMeans(n-1, delta, 1, 0.05)
			require.NoError(t, err)
			require.Less(t, less, 0.8)
		}
	}
	for _, p2 := range []float64{0.11, 0.2, 0.5, 1} {
		n, err := SampleSizeProportions(0.1, p2, 0.05, 0.9)
		require.NoError(t, err)
		enough, err := PowerProportions(n, 0.1, p2, 0.05)
		require.NoError(t, err)
		require.GreaterOrEqual(t, enough, 0.9)
		if n > 2 {
			less, err := PowerProportions(n-1, 0.1, p2, 0.05)
			require.NoError(t, err)
			require.Less(t, less, 0.9)
		}
	}
}

func TestSizesOfExtremes(t *testing.T) {
	t.Parallel()
	n, err := SampleSizeMeans(1e300, 1e-300, 0.05, 0.8)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = SampleSizeProportions(0, 1, 0.05, 0.9)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	same, err := PowerProportions(50, 0, 0, 0.05)
	require.NoError(t, err)
	require.Equal(t, 0.025, same)
	_, err = SampleSizeMeans(1e-300, 1e300, 0.05, 0.8)
	require.Equal(t, []string{"delta is too small: more than 1000000000 scores an arm would be needed"}, pmerr.From(err).Fields)
	_, err = SampleSizeMeans(1e-5, 1, 0.05, 0.8)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	_, err = SampleSizeProportions(0.5, 0.5000001, 0.05, 0.8)
	require.Equal(t, []string{"p1 and p2 are too close: more than 1000000000 scores an arm would be needed"}, pmerr.From(err).Fields)
}

func TestDesignsThatAreNone(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	_, err := SampleSizeMeans(0, 0, 0, 1)
	require.Equal(t, []string{
		"delta must be a number other than 0", "sd must be above 0",
		"significance must be between 1e-05 and 0.5", "power must be above the significance and at most 0.9999",
	}, pmerr.From(err).Fields)
	_, err = SampleSizeMeans(nan, nan, nan, nan)
	require.Len(t, pmerr.From(err).Fields, 4)
	_, err = SampleSizeProportions(0.3, 0.3, 0.05, 0.8)
	require.Equal(t, []string{"p1 and p2 must differ"}, pmerr.From(err).Fields)
	_, err = SampleSizeProportions(-1, nan, 0.05, 0.04)
	require.Len(t, pmerr.From(err).Fields, 3)
	_, err = PowerMeans(1, 1, 1, 0.05)
	require.Equal(t, []string{"n must be between 2 and 1000000000"}, pmerr.From(err).Fields)
	_, err = PowerProportions(1, 2, -1, 0.05)
	require.Len(t, pmerr.From(err).Fields, 3)
}

func TestAMismatchedRatioIsNoticed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		nA, nB   int
		shareB   float64
		mismatch bool
	}{
		{"even as asked", 5000, 5000, 0.5, false},
		{"chance", 5060, 4940, 0.5, false},
		{"half of B is missing", 5000, 2500, 0.5, true},
		{"one in ten as asked", 9000, 1000, 0.1, false},
		{"one in ten the wrong way round", 1000, 9000, 0.1, true},
		{"nothing logged", 0, 0, 0.5, false},
		{"all of B as asked", 0, 10, 1, false},
		{"A although nobody asked", 1, 10, 1, true},
		{"B although nobody asked", 10, 1, 0, true},
		{"a share that is no number", 10, 10, math.NaN(), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, mismatch := SampleRatio(tc.nA, tc.nB, tc.shareB)
			require.Equal(t, tc.mismatch, mismatch)
			require.Equal(t, tc.mismatch, p < 0.001)
			require.True(t, p >= 0 && p <= 1)
		})
	}
}

func TestHolmKeepsOrderAndInput(t *testing.T) {
	t.Parallel()
	ps := []float64{0.04, 0.01, 0.03}
	require.InDeltaSlice(t, []float64{0.06, 0.03, 0.06}, Holm(ps), 1e-15)
	require.Equal(t, []float64{0.04, 0.01, 0.03}, ps)
	require.Empty(t, Holm(nil))
	got := Holm([]float64{0.03, math.NaN(), 0.02})
	require.True(t, math.IsNaN(got[1]))
	require.Equal(t, 0.04, got[2], "a NaN is not counted")
}

func TestKappaOfAnyLabels(t *testing.T) {
	t.Parallel()
	kappa, err := Kappa([]string{"pass", "fail", "pass", "fail"}, []string{"pass", "fail", "pass", "fail"})
	require.NoError(t, err)
	require.Equal(t, 1.0, *kappa)
	kappa, err = Kappa([]bool{true, true, false, false}, []bool{true, false, true, false})
	require.NoError(t, err)
	require.Equal(t, 0.0, *kappa)
	kappa, err = Kappa([]bool{true, true}, []bool{true, true})
	require.NoError(t, err)
	require.Nil(t, kappa, "one label explains everything")
	kappa, err = Kappa([]int{}, nil)
	require.NoError(t, err)
	require.Nil(t, kappa)
	_, err = Kappa([]int{1}, []int{1, 2})
	require.ErrorIs(t, err, pmerr.ErrValidation)
}

func TestWilsonOfAnyCounts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ successes, n int }{{0, 0}, {5, -1}, {-3, 10}, {11, 10}, {0, 1}, {1, 1}, {0, 1 << 30}, {1 << 30, 1 << 30}} {
		for _, level := range []float64{0.95, 0.5, 0.999999, 0, 1, -2, math.NaN()} {
			lower, upper := Wilson(tc.successes, tc.n, level)
			require.True(t, lower >= 0 && lower < upper && upper <= 1, "%v %v: %v %v", tc, level, lower, upper)
		}
	}
	lower, upper := Wilson(3, 10, math.NaN())
	sameLower, sameUpper := Wilson(3, 10, 0.95)
	require.Equal(t, [2]float64{sameLower, sameUpper}, [2]float64{lower, upper})
}
