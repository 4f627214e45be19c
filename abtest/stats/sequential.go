package stats

import "math"

// minSequential scores an arm are needed for a sequential verdict: before, the
// estimated variance is too uncertain for the bound to hold.
const minSequential = 20

// mixture is the width of the prior over differences, τ², that makes the
// interval narrowest at the planned size of an arm.
func mixture(varianceA, varianceB float64, planned int) float64 {
	c := -2 * math.Log(alpha)
	return (varianceA + varianceB) * (c + math.Log(c+1)) / float64(planned)
}

// alwaysValid is 1/L of the mixture sequential probability ratio test for a
// difference d with squared standard error v, and the half-width of the
// confidence sequence (Johari, Koomen, Pekelis and Walsh, Operations Research
// 70 (2022) 1806–1821).
func alwaysValid(d, v, tau2 float64) (p, half float64) {
	mixed := tau2 / (v + tau2)
	logRatio := math.Log1p(tau2 / v)
	p = math.Min(1, math.Exp((logRatio-d/v*d*mixed)/2))
	half = math.Sqrt(v / mixed * (logRatio - 2*math.Log(alpha)))
	return p, half
}

// sequential looks once. Its p is the least of this look and the earlier ones.
func sequential(a, b moments, o Options, unit float64) *Sequential {
	s := &Sequential{Winner: Tie, PlannedN: o.PlannedN}
	if o.PreviousSequentialP != nil {
		previous := *o.PreviousSequentialP
		s.P = &previous
	}
	v := a.squaredError() + b.squaredError()
	if a.n < minSequential || b.n < minSequential || a.constant && b.constant || v == 0 {
		return s
	}
	d := difference(a, b)
	p, half := alwaysValid(d, v, mixture(a.variance, b.variance, o.PlannedN))
	if s.P == nil || p < *s.P {
		s.P = number(p)
	}
	s.CILower, s.CIUpper = number((d-half)*unit), number((d+half)*unit)
	if s.P != nil && *s.P < alpha {
		s.Winner = better(d, o.LowerWins)
	}
	return s
}

// better is the arm that a difference b−a speaks for.
func better(d float64, lowerWins bool) Winner {
	switch {
	case d == 0:
		return Tie
	case (d > 0) != lowerWins:
		return B
	default:
		return A
	}
}
