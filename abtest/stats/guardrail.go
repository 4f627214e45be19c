package stats

import "math"

// NonInferiority says whether B may be taken for not worse than A by as much as
// a margin.
type NonInferiority struct {
	// Method is "welch_non_inferiority" or "farrington_manning".
	Method string `json:"method"`
	// Margin is the loss, in the unit of the scores, that would be too much.
	Margin float64 `json:"margin"`
	// WorseBy is how much worse B is than A; negative where it is better.
	WorseBy float64 `json:"worse_by"`
	// WorseByUpper bounds it from above at 97.5 %, one-sided.
	WorseByUpper *float64 `json:"worse_by_upper"`
	Statistic    *float64 `json:"statistic"`
	DF           *float64 `json:"df"`
	// PValue is one-sided, of the hypothesis that B is worse by the margin or
	// more; nil where no test is possible. Adjust several with Holm.
	PValue *float64 `json:"p_value"`
	// Passes is set where PValue is below 0.025.
	Passes bool `json:"passes"`
}

// Guardrail tests that b is not worse than a by margin or more. Of the options
// Kind and LowerWins count. Means get Welch's test against the margin.
// Proportions get the score test of Farrington and Manning (Statistics in
// Medicine 9 (1990) 1447–1454), which also works where nothing has failed yet;
// their bound is Newcombe's.
//
// Input that cannot be compared is a pmerr.Validation error.
func Guardrail(a, b []float64, o Options, margin float64) (NonInferiority, error) {
	var f faults
	f.kind(o.Kind)
	if o.Kind == Proportion {
		f.check(margin > 0 && margin < 1, "margin must be above 0 and below 1")
	} else {
		f.check(margin > 0 && margin <= MaxScore, "margin must be above 0 and at most 1e300")
	}
	f.scores("scoresA", a, o.Kind)
	f.scores("scoresB", b, o.Kind)
	if err := f.err(); err != nil {
		return NonInferiority{}, err
	}
	g := NonInferiority{Margin: margin}
	if o.Kind == Proportion {
		g.rates(rateOf(a), rateOf(b), o.LowerWins)
	} else {
		g.means(a, b, o.LowerWins)
	}
	g.Passes = g.PValue != nil && *g.PValue < alpha/2
	return g, nil
}

func (g *NonInferiority) means(a, b []float64, lowerWins bool) {
	g.Method = "welch_non_inferiority"
	a, b, unit := scaled(a, b)
	momentsA, momentsB := describe(a), describe(b)
	worse := difference(momentsA, momentsB)
	if !lowerWins {
		worse = 0 - worse
	}
	g.WorseBy = worse * unit
	w, ok := welchOf(momentsA, momentsB)
	if !ok {
		return
	}
	g.WorseByUpper = number((worse + studentQuantile(alpha, w.df)*w.standardError) * unit)
	t := (g.Margin/unit - worse) / w.standardError
	p := studentTail(t, w.df) / 2
	if t < 0 {
		p = 1 - p
	}
	g.Statistic, g.DF, g.PValue = number(t), number(w.df), number(p)
}

func (g *NonInferiority) rates(a, b rate, lowerWins bool) {
	g.Method = "farrington_manning"
	lower, upper := newcombe(a, b)
	// worse−other is the loss.
	worse, other, bound := a, b, -lower
	if lowerWins {
		worse, other, bound = b, a, upper
	}
	g.WorseBy = worse.value() - other.value()
	g.WorseByUpper = number(bound)
	y := restricted(worse, other, g.Margin)
	x := y + g.Margin
	variance := x*(1-x)/float64(worse.n) + y*(1-y)/float64(other.n)
	z := (g.Margin - g.WorseBy) / math.Sqrt(variance)
	g.Statistic, g.PValue = number(z), number(normalUpper(z))
}

// restricted is the most likely rate of other among those where worse has one
// that is higher by margin. The likelihood is concave, so its slope is bisected.
func restricted(worse, other rate, margin float64) float64 {
	part := func(count int, rate float64) float64 {
		if count == 0 {
			return 0
		}
		return float64(count) / rate
	}
	slope := func(y float64) float64 {
		x := y + margin
		return part(worse.ones, x) - part(worse.n-worse.ones, 1-x) + part(other.ones, y) - part(other.n-other.ones, 1-y)
	}
	low, high := 0.0, 1-margin
	for range 200 {
		middle := (low + high) / 2
		if middle <= low || middle >= high {
			break
		}
		if slope(middle) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}
