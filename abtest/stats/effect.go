package stats

import "math"

// lift is the relative change from a to b.
func lift(a, b moments) *float64 {
	if a.mean() == 0 {
		return nil
	}
	return number(difference(a, b) / math.Abs(a.mean()))
}

// hedges is Hedges' g of b−a with the exact correction for small samples
// (Hedges, Journal of Educational Statistics 6 (1981) 107–128).
func hedges(a, b moments) *float64 {
	df := float64(a.n + b.n - 2)
	if df < 2 || a.constant && b.constant {
		return nil
	}
	pooled := (float64(a.n-1)*a.variance + float64(b.n-1)*b.variance) / df
	if pooled == 0 {
		return nil
	}
	correction := gammaRatio((df-1)/2) / math.Sqrt(df/2)
	return number(difference(a, b) / math.Sqrt(pooled) * correction)
}

// probabilityOfMeans is the posterior probability that b is the better mean,
// with flat priors and Welch's approximation of the difference's distribution.
func probabilityOfMeans(w welch, lowerWins bool) float64 {
	half := w.p() / 2
	if (w.t > 0) != lowerWins {
		return 1 - half
	}
	return half
}

// probabilityOfRates is the posterior probability that b is the better rate,
// with a uniform prior on each: it is exact for the Beta distributions.
func probabilityOfRates(a, b rate, lowerWins bool) float64 {
	onesA, zerosA := float64(a.ones+1), float64(a.n-a.ones+1)
	onesB, zerosB := float64(b.ones+1), float64(b.n-b.ones+1)
	// Four ways to say the same; the sum with the fewest terms is taken.
	var p float64
	switch min(onesA, zerosA, onesB, zerosB) {
	case onesB:
		p = betaExceeds(onesA, zerosA, onesB, zerosB)
	case zerosA:
		p = betaExceeds(zerosB, onesB, zerosA, onesA)
	case onesA:
		p = 1 - betaExceeds(onesB, zerosB, onesA, zerosA)
	default:
		p = 1 - betaExceeds(zerosA, onesA, zerosB, onesB)
	}
	p = min(max(p, 0), 1)
	if lowerWins {
		return 1 - p
	}
	return p
}

// betaExceeds is P(Y > X) for X ~ Beta(a1, b1) and Y ~ Beta(a2, b2) with whole
// a2: the sum of B(a1+i, b1+b2)/((b2+i)·B(1+i, b2)·B(a1, b1)) over i < a2, whose
// terms follow from one another.
func betaExceeds(a1, b1, a2, b2 float64) float64 {
	logTerm := logBeta(a1, b1+b2) - logBeta(a1, b1)
	// The first term may be smaller than any double: a power of e is kept apart.
	total, term, apart := 0.0, 1.0, logTerm
	for i := 0.0; i < a2; i++ {
		total += term
		term *= (a1 + i) / (a1 + i + b1 + b2) * (b2 + i) / (i + 1)
		if total > 1e200 {
			total, term, apart = total*1e-200, term*1e-200, apart+200*math.Ln10
		}
	}
	return math.Exp(apart + math.Log(total))
}

func logBeta(a, b float64) float64 {
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	return la + lb - lab
}
