package stats

import "math"

// mismatchLevel is low: the check runs at every look, and an alarm means that
// the assignment or the logging is broken and nothing else may be believed.
const mismatchLevel = 0.001

// SampleRatio checks what was logged against the split that was asked for.
// shareB is the part of the units that should have gone to B, 0.5 for an even
// split. p is that of the chi-square test with one degree of freedom; below
// 0.001 the samples are mismatched. Without counts, and with a share that is no
// number, there is nothing to doubt.
func SampleRatio(nA, nB int, shareB float64) (p float64, mismatch bool) {
	a, b := float64(max(nA, 0)), float64(max(nB, 0))
	n := a + b
	if n == 0 || math.IsNaN(shareB) {
		return 1, false
	}
	shareB = min(max(shareB, 0), 1)
	expectedA, expectedB := n*(1-shareB), n*shareB
	if expectedA == 0 || expectedB == 0 {
		if expectedA == a && expectedB == b {
			return 1, false
		}
		return 0, true
	}
	// Both deviations are the same but for the sign.
	d := a - expectedA
	p = normalTail(math.Sqrt(d*d/expectedA + d*d/expectedB))
	return p, p < mismatchLevel
}
