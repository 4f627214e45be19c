package stats

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func constant(x float64, n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = x
	}
	return xs
}

func TestTheWinnerIsDecidedByPAndTheDirection(t *testing.T) {
	t.Parallel()
	low, high := []float64{10, 11, 12, 11, 10, 12}, []float64{20, 21, 22, 21, 20, 22}
	for _, tc := range []struct {
		name      string
		a, b      []float64
		kind      Kind
		lowerWins bool
		want      Winner
	}{
		{"a quicker B wins", high, low, Mean, true, B},
		{"a slower B loses", low, high, Mean, true, A},
		{"a higher B wins where more is better", low, high, Mean, false, B},
		{"a lower B loses where more is better", high, low, Mean, false, A},
		{"the same scores tie", low, low, Mean, true, Tie},
		{"a difference within chance ties", low, []float64{11, 12, 10, 13, 11, 10}, Mean, true, Tie},
		{"a higher rate wins", ratings(20, 100), ratings(60, 100), Proportion, false, B},
		{"a lower rate loses", ratings(60, 100), ratings(20, 100), Proportion, false, A},
		{"a lower rate of faults wins", ratings(60, 100), ratings(20, 100), Proportion, true, B},
		{"rates within chance tie", ratings(50, 100), ratings(55, 100), Proportion, false, Tie},
		{"no ones against nothing but ones", ratings(0, 20), ratings(20, 20), Proportion, false, B},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := Compare(tc.a, tc.b, Options{Kind: tc.kind, LowerWins: tc.lowerWins})
			require.NoError(t, err)
			require.Equal(t, tc.want, r.Winner)
			require.Equal(t, tc.want != Tie, *r.PValue < 0.05)
			switch tc.want {
			case B:
				require.Greater(t, *r.ProbabilityB, 0.975)
			case A:
				require.Less(t, *r.ProbabilityB, 0.025)
			case Tie:
			}
		})
	}
}

func TestWithoutATestThereIsATieThatSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		a, b    []float64
		kind    Kind
		warning string
	}{
		{"equal constants", constant(5, 30), constant(5, 40), Mean, "Both versions have constant scores: no test is possible."},
		{"different constants", constant(5, 30), constant(7, 40), Mean, "Both versions have constant scores: no test is possible."},
		{"constants with a huge offset", constant(1e15+0.5, 30), constant(1e15+0.5, 30), Mean, "Both versions have constant scores: no test is possible."},
		{"constants but for rounding", []float64{0.3, 0.1 + 0.2*math.Sqrt(1), 0.3}, []float64{0.7, 0.7, math.Nextafter(0.7, 1)}, Mean, "Both versions have constant scores: no test is possible."},
		{"zeros", constant(0, 30), constant(0, 30), Mean, "Both versions have constant scores: no test is possible."},
		{"one score in A", []float64{3}, []float64{1, 2, 3}, Mean, "A version has fewer than 2 scores: no test is possible."},
		{"one score in B", []float64{1, 2, 3}, []float64{3}, Mean, "A version has fewer than 2 scores: no test is possible."},
		{"one score each", []float64{3}, []float64{4}, Mean, "A version has fewer than 2 scores: no test is possible."},
		{"nothing but zeros", ratings(0, 50), ratings(0, 50), Proportion, "All scores are equal: no test is possible."},
		{"nothing but ones", ratings(50, 50), ratings(50, 50), Proportion, "All scores are equal: no test is possible."},
		{"one rating in A", ratings(1, 1), ratings(0, 50), Proportion, "A version has fewer than 2 scores: no test is possible."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := Compare(tc.a, tc.b, Options{Kind: tc.kind})
			require.NoError(t, err)
			require.Equal(t, Tie, r.Winner)
			require.Nil(t, r.PValue)
			require.Nil(t, r.Statistic)
			require.Contains(t, r.Warnings, tc.warning)
			require.Nil(t, r.Sequential.P)
			require.Equal(t, Tie, r.Sequential.Winner)
			text, err := json.Marshal(r)
			require.NoError(t, err)
			require.Contains(t, string(text), `"p_value":null`)
		})
	}
}

func TestInputThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	good := []float64{1, 2, 3}
	for _, tc := range []struct {
		name   string
		a, b   []float64
		o      Options
		faults []string
	}{
		{"no scores", nil, []float64{}, Options{Kind: Mean}, []string{"scoresA must not be empty", "scoresB must not be empty"}},
		{"NaN", []float64{1, math.NaN()}, good, Options{Kind: Mean}, []string{"scoresA[1] must be a number between -1e300 and 1e300"}},
		{"infinities", []float64{1, math.Inf(1)}, []float64{math.Inf(-1), 2}, Options{Kind: Mean}, []string{
			"scoresA[1] must be a number between -1e300 and 1e300", "scoresB[0] must be a number between -1e300 and 1e300",
		}},
		{"overflow", good, []float64{1, 1.7e308}, Options{Kind: Mean}, []string{"scoresB[1] must be a number between -1e300 and 1e300"}},
		{"scores that are no ratings", []float64{0, 1, 1, 0.5}, []float64{1, -1, 2}, Options{Kind: Proportion}, []string{
			"scoresA[3] must be 0 or 1", "scoresB[1] must be 0 or 1", "scoresB[2] must be 0 or 1",
		}},
		{"NaN among ratings", []float64{0, math.NaN()}, []float64{1, 0}, Options{Kind: Proportion}, []string{"scoresA[1] must be 0 or 1"}},
		{"options", good, good, Options{Kind: "median", Resamples: 5, PlannedN: -1, PreviousSequentialP: number(1.5)}, []string{
			"kind must be mean or proportion", "resamples must be between 100 and 1000000",
			"planned_n must be between 1 and 1000000000", "previous sequential_p must be between 0 and 1",
		}},
		{"too many resamples", good, good, Options{Kind: Mean, Resamples: 1e9}, []string{"resamples must be between 100 and 1000000"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := Compare(tc.a, tc.b, tc.o)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Equal(t, tc.faults, pmerr.From(err).Fields)
		})
	}
	t.Run("a long array of nonsense gets a short answer", func(t *testing.T) {
		t.Parallel()
		_, err := Compare(constant(math.NaN(), 100_000), good, Options{Kind: Mean})
		fields := pmerr.From(err).Fields
		require.Len(t, fields, maxFaults+1)
		require.Equal(t, "and 99980 more faults like these", fields[maxFaults])
	})
	t.Run("a NaN before is not a p", func(t *testing.T) {
		t.Parallel()
		nan := math.NaN()
		_, err := Compare(good, good, Options{Kind: Mean, PreviousSequentialP: &nan})
		require.ErrorIs(t, err, pmerr.ErrValidation)
	})
}

func TestConstantsHaveExactlyNoVariance(t *testing.T) {
	t.Parallel()
	for _, x := range []float64{0, 0.1, 1.0 / 3, -17.77, 1e15 + 0.125, 1e-300, -1e300, 123456.789} {
		m := describe(constant(x, 1001))
		require.Zero(t, m.variance)
		require.Equal(t, x, m.mean())
		require.True(t, m.constant)
	}
}

func TestScoresOfAnySizeGiveTheSameTest(t *testing.T) {
	t.Parallel()
	a, b := []float64{3, 1, 4, 1, 5, 9, 2, 6}, []float64{5, 3, 5, 8, 9, 7, 9, 3}
	want := compared(t, a, b, Mean)
	for _, exponent := range []int{-1000, -500, -161, -150, 150, 161, 500, 990} {
		times := func(xs []float64) []float64 {
			scaled := make([]float64, len(xs))
			for i, x := range xs {
				scaled[i] = math.Ldexp(x, exponent)
			}
			return scaled
		}
		got := compared(t, times(a), times(b), Mean)
		require.Equal(t, want.PValue, got.PValue)
		require.Equal(t, want.HedgesG, got.HedgesG)
		require.Equal(t, want.Sequential.P, got.Sequential.P)
		require.Equal(t, math.Ldexp(want.MeanA, exponent), got.MeanA)
		require.Equal(t, math.Ldexp(*want.SDB, exponent), *got.SDB)
		require.Equal(t, math.Ldexp(*want.CIWelchUpper, exponent), *got.CIWelchUpper)
	}
}

func TestWhatLimitsAResultIsSaid(t *testing.T) {
	t.Parallel()
	skewed := constant(10, 60)
	skewed[17], skewed[33] = 4000, 5000
	for _, tc := range []struct {
		name     string
		a, b     []float64
		kind     Kind
		warnings []string
	}{
		{"nothing to say", latencies(500, 1)[:100], latencies(500, 2)[:100], Mean, []string{}},
		{"few scores", latencies(500, 1)[:12], latencies(500, 2)[:100], Mean, []string{
			"Version A has only 12 scores: the bootstrap interval is too narrow for so few, ci_welch is not.",
		}},
		{"skewed scores", latencies(500, 1)[:100], skewed, Mean, []string{
			"The scores of version B are skewed (5.2): with 60 of them p_value and the intervals are approximate, see mann_whitney_p.",
		}},
		{"few ones", ratings(2, 100), ratings(1, 100), Proportion, []string{
			"Fewer than 5 scores of 0 or of 1 are expected in an arm: the p-value is approximate.",
		}},
		{"enough ones", ratings(20, 100), ratings(30, 100), Proportion, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.warnings, compared(t, tc.a, tc.b, tc.kind).Warnings)
		})
	}
}

func TestLiftIsRelativeToA(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.25, *compared(t, []float64{3, 5}, []float64{4, 6}, Mean).RelativeLift, 1e-15)
	require.InDelta(t, 0.5, *compared(t, []float64{-3, -5}, []float64{-1, -3}, Mean).RelativeLift, 1e-15)
	require.Nil(t, compared(t, []float64{-1, 1}, []float64{4, 6}, Mean).RelativeLift)
}

func TestProbabilityOfRatesIsTheSameWhicheverSumIsTaken(t *testing.T) {
	t.Parallel()
	for _, r := range [][4]int{{3, 10, 7, 9}, {0, 40, 1, 3}, {40, 40, 39, 41}, {300, 2000, 350, 2100}, {1, 3, 40, 90}} {
		a, b := rate{r[0], r[1]}, rate{r[2], r[3]}
		p := probabilityOfRates(a, b, false)
		require.InDelta(t, 1-p, probabilityOfRates(b, a, false), 1e-10)
		require.InDelta(t, 1-p, probabilityOfRates(a, b, true), 1e-15)
		failures := func(r rate) rate { return rate{r.n - r.ones, r.n} }
		require.InDelta(t, 1-p, probabilityOfRates(failures(a), failures(b), false), 1e-10)
	}
	// Far apart and large: the first term of the sum is below the least double.
	require.InDelta(t, 1, probabilityOfRates(rate{20_000, 100_000}, rate{60_000, 100_000}, false), 1e-9)
	require.InDelta(t, 0.5, probabilityOfRates(rate{50_000, 100_000}, rate{50_000, 100_000}, false), 1e-6)
}
