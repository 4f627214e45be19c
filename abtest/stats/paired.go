package stats

import (
	"math"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The methods that a Paired names.
const (
	methodPairedT = "paired_t"
	methodMcNemar = "mcnemar_mid_p"
)

// ComparePaired compares two versions that scored the same rows: a[i] and b[i]
// belong to row i. Means get the paired t-test. Proportions get McNemar's test
// in its mid-p form, which keeps its level where the exact one is too timid
// (Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013) 91),
// with Newcombe's interval for paired rates. Both intervals have 95 %.
//
// Input that cannot be compared is a pmerr.Validation error.
func ComparePaired(a, b []float64, kind Kind) (Paired, error) {
	var f faults
	f.kind(kind)
	f.scores("scoresA", a, kind)
	f.scores("scoresB", b, kind)
	f.check(len(a) == len(b), "scoresB must have as many scores as scoresA, a pair for each row")
	if err := f.err(); err != nil {
		return Paired{}, err
	}
	if kind == Proportion {
		return pairedRates(a, b), nil
	}
	return pairedMeans(a, b), nil
}

func pairedMeans(a, b []float64) Paired {
	a, b, unit := scaled(a, b)
	p := Paired{Method: methodPairedT, N: len(a)}
	differences := make([]float64, len(a))
	largest := 0.0
	for i := range a {
		differences[i] = b[i] - a[i]
		p.count(differences[i])
		largest = max(largest, math.Abs(a[i]), math.Abs(b[i]))
	}
	m := describe(differences)
	p.MeanDifference = m.mean() * unit
	// Each difference carries the rounding of its two scores: where nothing else
	// tells them apart they are constant.
	if m.n < 2 || m.sd() <= ulp(largest) {
		return p
	}
	w := welch{difference: m.mean(), standardError: math.Sqrt(m.squaredError()), df: float64(m.n - 1)}
	w.t = w.difference / w.standardError
	lower, upper := w.interval()
	p.PValue, p.Statistic, p.DF = number(w.p()), number(w.t), number(w.df)
	p.CILower, p.CIUpper = number(lower*unit), number(upper*unit)
	return p
}

func (p *Paired) count(difference float64) {
	switch {
	case difference > 0:
		p.HigherB++
	case difference < 0:
		p.LowerB++
	}
}

func pairedRates(a, b []float64) Paired {
	p := Paired{Method: methodMcNemar, N: len(a)}
	both := 0
	for i := range a {
		p.count(b[i] - a[i])
		if a[i] == 1 && b[i] == 1 {
			both++
		}
	}
	n := float64(p.N)
	p.MeanDifference = float64(p.HigherB-p.LowerB) / n
	p.PValue = number(midP(min(p.HigherB, p.LowerB), p.HigherB+p.LowerB))
	lower, upper := pairedNewcombe(both, p.HigherB, p.LowerB, p.N)
	p.CILower, p.CIUpper = number(lower), number(upper)
	return p
}

// midP is 2·P(X < k) + P(X = k) for X ~ Binomial(n, 1/2) and k ≤ n/2.
func midP(k, n int) float64 {
	if n == 0 {
		return 1
	}
	// Downwards from k the terms shrink by i/(n−i+1).
	below, term := 0.0, 1.0
	for i := k; i > 0 && term > 1e-18*below; i-- {
		term *= float64(i) / float64(n-i+1)
		below += term
	}
	return math.Min(1, halfBinomial(k, n)*(1+2*below))
}

// halfBinomial is P(X = k) for X ~ Binomial(n, 1/2), by the saddle point
// expansion of Loader (2000), which loses no digits to large factorials.
func halfBinomial(k, n int) float64 {
	if k == 0 {
		return math.Ldexp(1, -n)
	}
	x, t := float64(k), float64(n)
	excess := (2*x - t) / t
	deviance := t / 2 * ((1+excess)*math.Log1p(excess) + (1-excess)*math.Log1p(-excess))
	correction := stirlingError(t) - stirlingError(x) - stirlingError(t-x)
	return math.Exp(correction-deviance) * math.Sqrt(t/(2*math.Pi*x*(t-x)))
}

// stirlingError is ln n! − ln(√(2πn)·(n/e)ⁿ).
func stirlingError(n float64) float64 {
	if n < 20 {
		g, _ := math.Lgamma(n + 1)
		return g - (n+0.5)*math.Log(n) + n - math.Log(2*math.Pi)/2
	}
	s := 1 / (n * n)
	return (1.0/12 - s*(1.0/360-s*(1.0/1260-s*(1.0/1680-s/1188)))) / n
}

// pairedNewcombe is the score interval of the difference of paired rates: method
// 10 of Newcombe, Statistics in Medicine 17 (1998) 2635–2650.
func pairedNewcombe(both, onlyB, onlyA, n int) (lower, upper float64) {
	z := normalQuantile(alpha / 2)
	onesA, onesB, none := both+onlyA, both+onlyB, n-both-onlyA-onlyB
	rateA, rateB := float64(onesA)/float64(n), float64(onesB)/float64(n)
	lowA, highA := wilson(onesA, n, z)
	lowB, highB := wilson(onesB, n, z)
	phi := 0.0
	if product := float64(onesA) * float64(n-onesA) * float64(onesB) * float64(n-onesB); product > 0 {
		covariance := float64(both)*float64(none) - float64(onlyA)*float64(onlyB)
		if covariance > 0 {
			covariance = max(covariance-float64(n)/2, 0)
		}
		phi = covariance / math.Sqrt(product)
	}
	spread := func(x, y float64) float64 { return math.Sqrt(max(0, x*x-2*phi*x*y+y*y)) }
	d := float64(onlyB-onlyA) / float64(n)
	return d - spread(rateB-lowB, highA-rateA), d + spread(highB-rateB, rateA-lowA)
}

// pairs is the fault of label lists that do not belong together.
func pairs(n, m int) error {
	if n == m {
		return nil
	}
	return pmerr.Invalid("both lists must have a label for each row")
}
