package stats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestSequentialPIsTheLeastOfAllLooks(t *testing.T) {
	t.Parallel()
	near, far := latencies(60, 1), plus(latencies(60, 2), -400)
	look := func(b []float64, previous *float64) *Sequential {
		r, err := Compare(near, b, Options{Kind: Mean, LowerWins: true, PreviousSequentialP: previous, Resamples: MinResamples})
		require.NoError(t, err)
		return r.Sequential
	}
	clear := look(far, nil)
	require.Less(t, *clear.P, 1e-6)
	require.Equal(t, B, clear.Winner)
	require.Less(t, *clear.CIUpper, 0.0)
	require.Equal(t, 500, clear.PlannedN)

	vague := look(near, nil)
	require.Equal(t, 1.0, *vague.P)
	require.Equal(t, Tie, vague.Winner)
	require.Equal(t, *clear.P, *look(near, clear.P).P, "an earlier look counts")
	require.Equal(t, *clear.P, *look(far, vague.P).P, "a later look counts")
}

func TestNoSequentialVerdictBelowTwentyAnArm(t *testing.T) {
	t.Parallel()
	a, b := latencies(20, 1), plus(latencies(20, 2), -4000)
	for _, n := range [][2]int{{19, 20}, {20, 19}, {5, 5}} {
		r, err := Compare(a[:n[0]], b[:n[1]], Options{Kind: Mean, Resamples: MinResamples, PreviousSequentialP: number(0.01)})
		require.NoError(t, err)
		require.Equal(t, 0.01, *r.Sequential.P, "what earlier looks found is kept")
		require.Equal(t, Tie, r.Sequential.Winner)
		require.Nil(t, r.Sequential.CILower)
		require.NotEqual(t, Tie, r.Winner)
	}
	r, err := Compare(a, b, Options{Kind: Mean, Resamples: MinResamples})
	require.NoError(t, err)
	require.Equal(t, A, r.Sequential.Winner)
}

func TestLookingEarlyIsSafeWithTheSequentialP(t *testing.T) {
	t.Parallel()
	fixed, sequential := Peek(2000, 100, 20)
	require.InDelta(t, 0.38, fixed, 0.05, "looking 100 times at a fixed-horizon p")
	require.LessOrEqual(t, sequential, 0.05)
	again, _ := Peek(2000, 100, 20)
	require.Equal(t, fixed, again)
	none, _ := Peek(0, 100, 1)
	require.Zero(t, none)
}

func TestPairedComparisonsWithoutATest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		a, b []float64
	}{
		{"one row", []float64{1}, []float64{2}},
		{"the same scores", []float64{1, 2, 3}, []float64{1, 2, 3}},
		{"the same difference in all rows", []float64{1, 2, 3}, []float64{2, 3, 4}},
		{"the same difference but for rounding", []float64{0.1, 0.2, 0.3, 0.7}, []float64{0.2, 0.3, 0.4, 0.8}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, err := ComparePaired(tc.a, tc.b, Mean)
			require.NoError(t, err)
			require.Nil(t, p.PValue)
			require.Nil(t, p.CILower)
			require.Equal(t, len(tc.a), p.N)
		})
	}
	p, err := ComparePaired([]float64{1, 0, 1}, []float64{1, 0, 1}, Proportion)
	require.NoError(t, err)
	require.Equal(t, 1.0, *p.PValue, "no row changed")
}

func TestRowsThatChangedAreCounted(t *testing.T) {
	t.Parallel()
	p, err := ComparePaired([]float64{1, 5, 3, 4}, []float64{2, 4, 3, 9}, Mean)
	require.NoError(t, err)
	require.Equal(t, 2, p.HigherB)
	require.Equal(t, 1, p.LowerB)
	require.Equal(t, 1.25, p.MeanDifference)
}

func TestPairsThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	_, err := ComparePaired([]float64{1, 2}, []float64{1, math.NaN(), 3}, Mean)
	require.Equal(t, []string{
		"scoresB[1] must be a number between -1e300 and 1e300",
		"scoresB must have as many scores as scoresA, a pair for each row",
	}, pmerr.From(err).Fields)
	_, err = ComparePaired(nil, nil, Proportion)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	_, err = ComparePaired([]float64{1}, []float64{1}, "")
	require.ErrorIs(t, err, pmerr.ErrValidation)
}

func TestMidPOfManyChangedRows(t *testing.T) {
	t.Parallel()
	// The sum of all probabilities is one, however many rows.
	for _, n := range []int{1, 2, 7, 30, 500} {
		var all sum
		for k := range n + 1 {
			all.add(halfBinomial(min(k, n-k), n))
		}
		require.InDelta(t, 1, all.value(), 1e-13, "%d rows", n)
	}
	require.InDelta(t, 1, midP(500_000, 1_000_000), 1e-12)
	require.Greater(t, midP(495_000, 1_000_000), 0.0)
}

func TestGuardrails(t *testing.T) {
	t.Parallel()
	a, b := latencies(500, 1), latencies(500, 2)
	for _, tc := range []struct {
		name   string
		b      []float64
		margin float64
		passes bool
	}{
		{"as quick as before", b, 100, true},
		{"quicker", plus(b, -300), 1, true},
		{"slower than the margin", plus(b, 300), 100, false},
		{"as quick, but the margin is too small to tell", b, 1e-6, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g, err := Guardrail(a, tc.b, Options{Kind: Mean, LowerWins: true}, tc.margin)
			require.NoError(t, err)
			require.Equal(t, tc.passes, g.Passes)
			require.Equal(t, tc.passes, *g.WorseByUpper < tc.margin, "bound and p agree")
		})
	}
	t.Run("where more is better the sign turns", func(t *testing.T) {
		t.Parallel()
		lower, err := Guardrail(a, plus(b, 300), Options{Kind: Mean}, 100)
		require.NoError(t, err)
		require.True(t, lower.Passes)
		require.Less(t, lower.WorseBy, 0.0)
	})
	t.Run("rates without a fault are held", func(t *testing.T) {
		t.Parallel()
		g, err := Guardrail(ratings(0, 400), ratings(0, 400), Options{Kind: Proportion, LowerWins: true}, 0.02)
		require.NoError(t, err)
		require.True(t, g.Passes)
		require.Zero(t, g.WorseBy)
		few, err := Guardrail(ratings(0, 40), ratings(0, 40), Options{Kind: Proportion, LowerWins: true}, 0.02)
		require.NoError(t, err)
		require.False(t, few.Passes)
	})
	t.Run("directions of rates mirror each other", func(t *testing.T) {
		t.Parallel()
		higher, err := Guardrail(ratings(80, 100), ratings(78, 120), Options{Kind: Proportion}, 0.1)
		require.NoError(t, err)
		lower, err := Guardrail(ratings(20, 100), ratings(42, 120), Options{Kind: Proportion, LowerWins: true}, 0.1)
		require.NoError(t, err)
		require.InEpsilon(t, *higher.PValue, *lower.PValue, 1e-9)
		require.InEpsilon(t, *higher.WorseByUpper, *lower.WorseByUpper, 1e-9)
		require.InEpsilon(t, higher.WorseBy, lower.WorseBy, 1e-9)
	})
	t.Run("constants allow no test and do not pass", func(t *testing.T) {
		t.Parallel()
		g, err := Guardrail(constant(5, 10), constant(5, 10), Options{Kind: Mean}, 1)
		require.NoError(t, err)
		require.Nil(t, g.PValue)
		require.False(t, g.Passes)
	})
	t.Run("a margin that is none", func(t *testing.T) {
		t.Parallel()
		for _, margin := range []float64{0, -1, math.NaN(), math.Inf(1)} {
			_, err := Guardrail(a, b, Options{Kind: Mean}, margin)
			require.Equal(t, []string{"margin must be above 0 and at most 1e300"}, pmerr.From(err).Fields)
		}
		_, err := Guardrail(ratings(1, 2), ratings(1, 2), Options{Kind: Proportion}, 1)
		require.Equal(t, []string{"margin must be above 0 and below 1"}, pmerr.From(err).Fields)
	})
}
