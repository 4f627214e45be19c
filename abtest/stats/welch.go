package stats

import "math"

// welch is Welch's t-test of mean(b)−mean(a).
type welch struct {
	difference, standardError, t, df float64
}

// welchOf is not ok below two scores an arm and for two constants.
func welchOf(a, b moments) (w welch, ok bool) {
	if a.n < 2 || b.n < 2 || a.constant && b.constant {
		return welch{}, false
	}
	va, vb := a.squaredError(), b.squaredError()
	v := va + vb
	if v == 0 {
		return welch{}, false
	}
	w.difference = difference(a, b)
	w.standardError = math.Sqrt(v)
	w.t = w.difference / w.standardError
	// Welch–Satterthwaite with the shares of the variance, which cannot vanish
	// as their squares can.
	shareA, shareB := va/v, vb/v
	w.df = 1 / (shareA*shareA/float64(a.n-1) + shareB*shareB/float64(b.n-1))
	return w, true
}

func (w welch) p() float64 { return studentTail(w.t, w.df) }

func (w welch) interval() (lower, upper float64) {
	half := studentQuantile(alpha, w.df) * w.standardError
	return w.difference - half, w.difference + half
}
