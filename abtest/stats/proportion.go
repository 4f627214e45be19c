package stats

import "math"

// Wilson is the score interval of a rate of successes in n trials at a
// confidence level such as 0.95 (Wilson 1927, no continuity correction). It
// never leaves [0, 1] and has a width even where the rate is 0 or 1. Without
// trials nothing is known: 0 and 1. Counts outside 0..n are taken for the
// nearest bound, a level outside (0, 1) for 0.95.
func Wilson(successes, n int, level float64) (lower, upper float64) {
	if n <= 0 {
		return 0, 1
	}
	if !(level > 0 && level < 1) {
		level = 1 - alpha
	}
	return wilson(min(max(successes, 0), n), n, normalQuantile((1-level)/2))
}

func wilson(successes, n int, z float64) (lower, upper float64) {
	s, t := float64(successes), float64(n)
	centre := s + z*z/2
	half := z * math.Sqrt(s*(t-s)/t+z*z/4)
	lower, upper = (centre-half)/(t+z*z), (centre+half)/(t+z*z)
	// At the ends the formula gives exactly 0 and 1, but for rounding.
	if successes == 0 {
		lower = 0
	}
	if successes == n {
		upper = 1
	}
	return lower, upper
}

// rate counts ones.
type rate struct{ ones, n int }

func rateOf(xs []float64) rate {
	r := rate{n: len(xs)}
	for _, x := range xs {
		if x == 1 {
			r.ones++
		}
	}
	return r
}

func (r rate) value() float64 { return float64(r.ones) / float64(r.n) }

// pooledZ is the two-sample z of rates with the pooled variance; not ok where
// all scores are equal.
func pooledZ(a, b rate) (z float64, ok bool) {
	ones, n := float64(a.ones+b.ones), float64(a.n+b.n)
	pool := ones / n
	variance := pool * ((n - ones) / n) * (1/float64(a.n) + 1/float64(b.n))
	if variance == 0 {
		return 0, false
	}
	return (b.value() - a.value()) / math.Sqrt(variance), true
}

// newcombe is the hybrid score interval of b−a for independent rates: method 10
// of Newcombe, Statistics in Medicine 17 (1998) 873–890.
func newcombe(a, b rate) (lower, upper float64) {
	z := normalQuantile(alpha / 2)
	lowA, highA := wilson(a.ones, a.n, z)
	lowB, highB := wilson(b.ones, b.n, z)
	d := b.value() - a.value()
	return d - math.Hypot(b.value()-lowB, highA-a.value()), d + math.Hypot(highB-b.value(), a.value()-lowA)
}
