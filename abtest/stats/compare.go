package stats

import "fmt"

// The methods that a Result names.
const (
	methodWelch         = "welch"
	methodTwoProportion = "two_proportion_z"

	intervalBootstrap = "bootstrap_percentile"
	intervalNewcombe  = "newcombe"
	intervalWelch     = "welch"
)

// Compare tests sample b against sample a: Welch's t-test for means, the pooled
// z-test for proportions, each with its interval, effect sizes and always-valid
// inference. The p-value alone decides the winner.
//
// Input that cannot be compared is a pmerr.Validation error that names every
// fault, such as "scoresA[3] must be 0 or 1". Samples that allow no test, such
// as two constants, are no error: the result is a tie without a p-value and says
// why in its warnings. Rates of 0 and 1 are no such case: the z-test tells them
// apart.
func Compare(a, b []float64, o Options) (Result, error) {
	var f faults
	o = o.withDefaults(&f)
	f.scores("scoresA", a, o.Kind)
	f.scores("scoresB", b, o.Kind)
	if err := f.err(); err != nil {
		return Result{}, err
	}
	if o.Seed == 0 {
		o.Seed = SeedOf(0, a, b)
	}
	c := comparison{options: o}
	c.a, c.b, c.unit = scaled(a, b)
	c.momentsA, c.momentsB = describe(c.a), describe(c.b)
	c.result = Result{
		NA: len(a), NB: len(b), Winner: Tie, Seed: o.Seed, Warnings: []string{},
		MeanA: c.momentsA.mean() * c.unit, MeanB: c.momentsB.mean() * c.unit,
		SDA: c.deviation(c.momentsA), SDB: c.deviation(c.momentsB),
		HedgesG:      hedges(c.momentsA, c.momentsB),
		MannWhitneyP: mannWhitney(c.a, c.b),
		Sequential:   sequential(c.momentsA, c.momentsB, o, c.unit),
	}
	c.result.RelativeLift = lift(c.momentsA, c.momentsB)
	if o.Kind == Proportion {
		c.proportions()
	} else {
		c.means()
	}
	if p := c.result.PValue; p != nil && *p < alpha {
		c.result.Winner = better(difference(c.momentsA, c.momentsB), o.LowerWins)
	}
	return c.result, nil
}

// comparison is one Compare under way. The scores are scaled; unit brings back
// what has their unit.
type comparison struct {
	options            Options
	a, b               []float64
	unit               float64
	momentsA, momentsB moments
	result             Result
}

func (c *comparison) deviation(m moments) *float64 {
	if m.n < 2 {
		return nil
	}
	return number(m.sd() * c.unit)
}

func (c *comparison) warn(format string, args ...any) {
	c.result.Warnings = append(c.result.Warnings, fmt.Sprintf(format, args...))
}

func (c *comparison) means() {
	r := &c.result
	r.Method = methodWelch
	w, ok := welchOf(c.momentsA, c.momentsB)
	if !ok {
		c.undefined("Both versions have constant scores")
		return
	}
	r.PValue, r.Statistic, r.DF = number(w.p()), number(w.t), number(w.df)
	lower, upper := w.interval()
	r.CIWelchLower, r.CIWelchUpper = number(lower*c.unit), number(upper*c.unit)
	r.ProbabilityB = number(probabilityOfMeans(w, c.options.LowerWins))
	if affordable(r.NA+r.NB, c.options.Resamples) {
		r.CIMethod, r.Resamples = intervalBootstrap, c.options.Resamples
		lower, upper := bootstrap(c.a, c.b, c.options.Resamples, c.options.Seed, c.options.Workers)
		r.CILower, r.CIUpper = number(lower*c.unit), number(upper*c.unit)
	} else {
		r.CIMethod, r.CILower, r.CIUpper = intervalWelch, r.CIWelchLower, r.CIWelchUpper
		c.warn("There are too many scores to resample them: the interval is Welch's.")
	}
	c.doubt("A", c.momentsA)
	c.doubt("B", c.momentsB)
}

func (c *comparison) proportions() {
	r := &c.result
	r.Method, r.CIMethod = methodTwoProportion, intervalNewcombe
	a, b := rateOf(c.a), rateOf(c.b)
	r.MeanA, r.MeanB = a.value(), b.value()
	lower, upper := newcombe(a, b)
	r.CILower, r.CIUpper = number(lower), number(upper)
	r.ProbabilityB = number(probabilityOfRates(a, b, c.options.LowerWins))
	z, ok := pooledZ(a, b)
	if !ok || a.n < 2 || b.n < 2 {
		c.undefined("All scores are equal")
		return
	}
	r.PValue, r.Statistic = number(normalTail(z)), number(z)
	ones := a.ones + b.ones
	least := float64(min(ones, a.n+b.n-ones)) * float64(min(a.n, b.n)) / float64(a.n+b.n)
	if least < 5 {
		c.warn("Fewer than 5 scores of 0 or of 1 are expected in an arm: the p-value is approximate.")
	}
}

// undefined says why there is no p-value.
func (c *comparison) undefined(reason string) {
	if c.result.NA < 2 || c.result.NB < 2 {
		reason = "A version has fewer than 2 scores"
	}
	c.warn("%s: no test is possible.", reason)
}

// smallSample is where the percentile bootstrap is visibly too narrow.
const smallSample = 30

// doubt warns where an arm is too small for what is computed from it: Cochran's
// rule asks for 25·skewness² scores (Sampling Techniques, 1977, section 2.15).
func (c *comparison) doubt(name string, m moments) {
	if m.n < smallSample {
		c.warn("Version %s has only %d scores: the bootstrap interval is too narrow for so few, ci_welch is not.", name, m.n)
	}
	if m.skew > 1 || m.skew < -1 {
		if need := 25 * m.skew * m.skew; float64(m.n) < need {
			c.warn("The scores of version %s are skewed (%.1f): with %d of them p_value and the intervals are approximate, see mann_whitney_p.", name, m.skew, m.n)
		}
	}
}
