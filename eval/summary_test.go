package eval

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWilson compares with R's binom.confint(x, n, methods = "wilson"), which
// are the bounds of prop.test(x, n, correct = FALSE) too.
func TestWilson(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		hits, n   int
		low, high float64
	}{
		{8, 10, 0.4901624, 0.9433178},
		{0, 10, 0, 0.2775328},
		{10, 10, 0.7224672, 1},
		{1, 1, 0.2065493, 1},
		{50, 100, 0.4038315, 0.5961685},
	} {
		low, high := wilson(test.hits, test.n)
		require.InDelta(t, test.low, low, 1e-6, "%d of %d", test.hits, test.n)
		require.InDelta(t, test.high, high, 1e-6, "%d of %d", test.hits, test.n)
	}
}

func TestKappa(t *testing.T) {
	t.Parallel()
	fill := func(both, first, second, neither int) *agreement {
		a := &agreement{}
		for range both {
			a.add(true, true)
		}
		for range first {
			a.add(true, false)
		}
		for range second {
			a.add(false, true)
		}
		for range neither {
			a.add(false, false)
		}
		return a
	}
	t.Run("is the agreement beyond chance", func(t *testing.T) {
		t.Parallel()
		// 35 of 50 agree, 25 by chance: (0.7 − 0.5) / (1 − 0.5).
		require.InDelta(t, 0.4, *fill(20, 5, 10, 15).kappa(), 1e-12)
		require.InDelta(t, 1, *fill(3, 0, 0, 4).kappa(), 1e-12)
		require.InDelta(t, -1, *fill(0, 2, 2, 0).kappa(), 1e-12)
	})
	t.Run("is undefined without variety", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, fill(0, 0, 0, 0).kappa())
		require.Nil(t, fill(7, 0, 0, 0).kappa())
	})
}

// TestPercentile compares with R's quantile(x, p, type = 7).
func TestPercentile(t *testing.T) {
	t.Parallel()
	require.Nil(t, percentile(nil, 0.5))
	require.InDelta(t, 7, *percentile([]int64{7}, 0.95), 0)
	require.InDelta(t, 2.5, *percentile([]int64{4, 1, 3, 2}, 0.5), 1e-12)
	require.InDelta(t, 9.55, *percentile([]int64{10, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0.95), 1e-12)
}

func TestPairedT(t *testing.T) {
	t.Parallel()
	t.Run("is Student's", func(t *testing.T) {
		t.Parallel()
		// Student's own example, R's t.test(extra ~ group, paired) on sleep.
		mean, p := pairedT([]float64{1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, 0.8, 4.6, 1.4})
		require.InDelta(t, 1.58, mean, 1e-12)
		require.InEpsilon(t, 0.00283289019738427, *p, 1e-9)
		// t.test(c(-1, 2, -3, 4)): t = 0.3216338, df = 3.
		mean, p = pairedT([]float64{-1, 2, -3, 4})
		require.InDelta(t, 0.5, mean, 1e-12)
		require.InEpsilon(t, 1-2*math.Atan(0.3216337604513385/math.Sqrt(3))/math.Pi-
			2*0.3216337604513385*math.Sqrt(3)/(3+0.3216337604513385*0.3216337604513385)/math.Pi, *p, 1e-9, "the closed form of three degrees of freedom")
	})
	t.Run("has no p for differences that are all the same", func(t *testing.T) {
		t.Parallel()
		same := make([]float64, 1000)
		for i := range same {
			same[i] = 0.1
		}
		mean, p := pairedT(same)
		require.InDelta(t, 0.1, mean, 0, "exactly")
		require.Nil(t, p)
		_, p = pairedT([]float64{0.3})
		require.Nil(t, p)
		_, p = pairedT(nil)
		require.Nil(t, p)
	})
	t.Run("finds nothing where nothing differs", func(t *testing.T) {
		t.Parallel()
		_, p := pairedT(make([]float64, 5))
		require.InDelta(t, 1, *p, 0)
	})
	t.Run("keeps its digits in the tail", func(t *testing.T) {
		t.Parallel()
		// One degree of freedom is the Cauchy distribution: 2·atan(1/t)/π.
		for _, x := range []float64{1e-6, 0.5, 1, 3, 1e3, 1e9} {
			require.InEpsilon(t, 2*math.Atan(1/x)/math.Pi, studentTwoSided(x, 1), 1e-9, "t = %g", x)
		}
	})
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	sumUp := func(rules int, minScore *float64, rows ...RowResult) Outcome {
		var all tally
		for _, r := range rows {
			all.add(r)
		}
		return all.outcome(rules, minScore)
	}
	row := func(score float64, passed bool) RowResult {
		return RowResult{Score: score, Passed: passed, Rules: []Verdict{{Rule: "r", Score: score}}}
	}
	ptr := func(v float64) *float64 { return &v }

	t.Run("the score is the mean of the rows", func(t *testing.T) {
		t.Parallel()
		cost, latency, tokens := 0.5, int64(10), int64(3)
		paid := row(1, true)
		paid.CostUSD, paid.LatencyMS, paid.TokensIn, paid.TokensOut = &cost, &latency, &tokens, &tokens
		paid.Rules[0].CostUSD = &cost
		o := sumUp(1, ptr(0.5), paid, row(0.2, false), RowResult{Error: "down"})
		require.Equal(t, RunCompleted, o.Status)
		require.InDelta(t, 0.4, *o.Score, 1e-12)
		require.False(t, *o.Passed)
		require.Equal(t, 3, o.Results.Rows)
		require.Equal(t, 1, o.Results.Passed)
		require.Equal(t, 1, o.Results.Errors)
		require.InDelta(t, 0.6, o.Results.RuleMeans["r"], 1e-12, "of the rows that it judged")
		require.InDelta(t, 1, o.Results.CostUSD, 1e-12, "the answer and the judge")
		require.InDelta(t, 10, *o.Results.LatencyP95MS, 0)
		require.Equal(t, int64(3), o.Results.TokensOut)
		require.InDelta(t, 1.0/3, *o.Results.PassRate, 1e-12)
		require.Less(t, *o.Results.PassRateLower, *o.Results.PassRate)
		require.Greater(t, *o.Results.PassRateUpper, *o.Results.PassRate)
	})
	t.Run("a bound that is met up to rounding is met", func(t *testing.T) {
		t.Parallel()
		rows := make([]RowResult, 10)
		for i := range rows {
			rows[i] = row(0.1+0.7, true) // 0.7999999999999999
		}
		require.True(t, *sumUp(1, ptr(0.8), rows...).Passed)
	})
	t.Run("without a bound every row has to pass", func(t *testing.T) {
		t.Parallel()
		require.True(t, *sumUp(1, nil, row(0.6, true), row(1, true)).Passed)
		require.False(t, *sumUp(1, nil, row(0.6, false), row(1, true)).Passed)
	})
	t.Run("without rules there is no score, and it says so", func(t *testing.T) {
		t.Parallel()
		o := sumUp(0, ptr(0.5), RowResult{}, RowResult{})
		require.Equal(t, RunCompleted, o.Status)
		require.Nil(t, o.Score)
		require.Nil(t, o.Passed)
		require.Nil(t, o.Results.Mean)
		require.Contains(t, o.Results.Reason, "no rules")
		require.Equal(t, 2, o.Results.Rows)
	})
	t.Run("if every row failed the run has", func(t *testing.T) {
		t.Parallel()
		o := sumUp(1, nil, RowResult{Error: "no key"}, RowResult{Error: "other"})
		require.Equal(t, RunFailed, o.Status)
		require.Contains(t, o.Results.Reason, "no key")
		require.Nil(t, o.Score)
		require.Equal(t, 2, o.Results.Errors)
	})
	t.Run("without rows there is nothing to score", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, RunFailed, sumUp(1, nil).Status)
	})
}
