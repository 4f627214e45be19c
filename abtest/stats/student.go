package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// gonum's incomplete beta function subtracts logarithms of gamma functions that
// grow with the degrees of freedom: measured against 50 digits its relative
// error is 5e-13 here, 1e-11 at 1e5 and 4e-8 at 2e7. Above, the density is
// integrated.
const largeDF = 2000

// studentTail is P(|T| > |t|) of Student's t with df degrees of freedom. It
// is computed as a tail, never as one minus a CDF, and keeps a relative error
// below 1e-11 down to the smallest doubles.
func studentTail(t, df float64) float64 {
	t = math.Abs(t)
	if df <= largeDF {
		if t < 0.5 {
			// Near its mode df/(df+t²) is rounded to 1; its complement is not.
			return 1 - mathext.RegIncBeta(0.5, df/2, t*t/(df+t*t))
		}
		return mathext.RegIncBeta(df/2, 0.5, 1/(1+t/df*t))
	}
	// P(T > t) = f(t)·∫ f(t+s)/f(t) ds over s > 0, by the trapezoidal rule after
	// s = scale·exp(π/2·sinh u): both ends then vanish doubly exponentially.
	scale := 1 / (1 + t)
	sum := 0.0
	for i := -64; i <= 64; i++ {
		u := float64(i) / 16
		s := scale * math.Exp(math.Pi/2*math.Sinh(u))
		ratio := math.Exp(-(df + 1) / 2 * math.Log1p(s*(2*t+s)/(df+t*t)))
		sum += ratio * s * math.Cosh(u)
	}
	return math.Min(1, 2*studentDensity(t, df)*sum*math.Pi/2/16)
}

// studentDensity is the density of Student's t.
func studentDensity(t, df float64) float64 {
	return gammaRatio(df/2) / math.Sqrt(df*math.Pi) * math.Exp(-(df+1)/2*math.Log1p(t/df*t))
}

// studentQuantile is the t with P(|T| > t) = p, for 0 < p < 1.
func studentQuantile(p, df float64) float64 {
	// ln P as a function of ln t is concave: from the normal quantile, which
	// lies left of the root, one step of Newton's passes the root and the others
	// come down to it.
	t := normalQuantile(p / 2)
	for range 100 {
		tail := studentTail(t, df)
		step := math.Log(tail/p) * tail / (2 * t * studentDensity(t, df))
		t *= math.Exp(step)
		if math.Abs(step) <= 2e-15 {
			break
		}
	}
	return t
}

// gammaRatio is Γ(x+1/2)/Γ(x). For large x the asymptotic series is exact to
// the last bits, where a difference of logarithms is not.
func gammaRatio(x float64) float64 {
	if x < 100 {
		above, _ := math.Lgamma(x + 0.5)
		below, _ := math.Lgamma(x)
		return math.Exp(above - below)
	}
	y := 1 / x
	return math.Sqrt(x) * (1 + y*(-1.0/8+y*(1.0/128+y*(5.0/1024-y*21.0/32768))))
}

// noncentralUpper is P(T > t) of the noncentral t distribution with noncentrality
// ncp, for t > 0: the mean of P(Z > t·s − ncp) over s = χ/√df. It is exact to
// about 1e-12 for probabilities that are not tiny, as those of a power are.
func noncentralUpper(t, df, ncp float64) float64 {
	// With s = exp(u) the density is exp(logDensity(u)) up to a factor that
	// cancels; its width is that of a normal one with sd 1/√(2·df).
	logDensity := func(u float64) float64 { return df * (u - math.Expm1(2*u)/2) }
	edge := func(u float64) float64 {
		for logDensity(u) > -45 {
			u *= 1.2
		}
		return u
	}
	width := 1 / math.Sqrt(2*df)
	left, right := edge(-width), edge(width)
	// P(Z > z) falls from 1 to 0 around z = 0, over a width of 1/(t·s) in u.
	step := math.Min(width/6, 1/(3*math.Min(t*math.Exp(right), ncp+9)))
	above, all := 0.0, 0.0
	for u := left; u <= right; u += step {
		weight := math.Exp(logDensity(u))
		all += weight
		above += weight * normalUpper(t*math.Exp(u)-ncp)
	}
	return above / all
}
