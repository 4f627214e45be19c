package stats

import (
	"math"
	"slices"
)

// exactRanks is the size of an arm below which the ranks' distribution is
// counted instead of approximated, as R's wilcox.test does.
const exactRanks = 50

// mannWhitney is the two-sided p of the rank-sum test, as R's wilcox.test
// computes it by default: exact below 50 scores an arm without ties, else the
// normal approximation with the variance corrected for ties and a continuity
// correction of 1/2. It is nil where all scores are equal.
func mannWhitney(a, b []float64) *float64 {
	ranksA, ties := rankSum(a, b)
	na, nb := float64(len(a)), float64(len(b))
	u := ranksA - na*(na+1)/2
	if ties == 0 && len(a) < exactRanks && len(b) < exactRanks {
		return number(exactMannWhitney(len(a), len(b), int(min(u, na*nb-u))))
	}
	n := na + nb
	variance := na * nb / 12 * (n + 1 - ties/(n*(n-1)))
	distance := math.Abs(u-na*nb/2) - 0.5
	if variance <= 0 {
		return nil
	}
	if distance < 0 {
		// u is at its mean.
		return number(1)
	}
	return number(normalTail(distance / math.Sqrt(variance)))
}

// rankSum gives the sum of a's ranks among all scores, ties at their mean rank,
// and Σ(t³−t) over groups of t equal scores.
func rankSum(a, b []float64) (ranksA, ties float64) {
	type score struct {
		value float64
		ofA   bool
	}
	all := make([]score, 0, len(a)+len(b))
	for _, x := range a {
		all = append(all, score{x, true})
	}
	for _, x := range b {
		all = append(all, score{x, false})
	}
	slices.SortFunc(all, func(x, y score) int {
		switch {
		case x.value < y.value:
			return -1
		case x.value > y.value:
			return 1
		default:
			return 0
		}
	})
	for start := 0; start < len(all); {
		end, ofA := start, 0
		for ; end < len(all) && all[end].value == all[start].value; end++ {
			if all[end].ofA {
				ofA++
			}
		}
		t := float64(end - start)
		ranksA += float64(ofA) * (float64(start+end+1) / 2)
		ties += t*t*t - t
		start = end
	}
	return ranksA, ties
}

// exactMannWhitney is min(1, 2·P(U ≤ u)) for samples of m and n without ties.
// Arrangements are counted by whether the largest score is of the first sample,
// where it beats all j of the second: f(i,j,u) = f(i−1,j,u−j) + f(i,j−1,u).
func exactMannWhitney(m, n, u int) float64 {
	counts := make([][]float64, m+1)
	for i := range counts {
		counts[i] = make([]float64, u+1)
		counts[i][0] = 1
	}
	for j := 1; j <= n; j++ {
		for i := 1; i <= m; i++ {
			for s := u; s >= j; s-- {
				counts[i][s] += counts[i-1][s-j]
			}
		}
	}
	below, all := 0.0, 1.0
	for _, c := range counts[m] {
		below += c
	}
	for i := 1; i <= m; i++ {
		all = all * float64(n+i) / float64(i)
	}
	return min(1, 2*below/all)
}
