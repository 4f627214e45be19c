package eval

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// z95 is the 97.5 % quantile of the standard normal distribution.
const z95 = 1.959963984540054

// wilson gives the 95 % interval of a rate, by E. B. Wilson, "Probable
// inference, the law of succession, and statistical inference", JASA 22
// (1927). It stays inside 0 to 1 and has a width at 0 of n and n of n. n must
// be more than 0.
func wilson(hits, n int) (low, high float64) {
	count := float64(n)
	rate := float64(hits) / count
	scale := 1 + z95*z95/count
	centre := (rate + z95*z95/(2*count)) / scale
	half := z95 * math.Sqrt(rate*(1-rate)/count+z95*z95/(4*count*count)) / scale
	return max(0, centre-half), min(1, centre+half)
}

// agreement counts how two raters judged the same things.
type agreement struct{ both, onlyFirst, onlySecond, neither int }

func (a *agreement) add(first, second bool) {
	switch {
	case first && second:
		a.both++
	case first:
		a.onlyFirst++
	case second:
		a.onlySecond++
	default:
		a.neither++
	}
}

// kappa is the agreement beyond chance, by J. Cohen, "A coefficient of
// agreement for nominal scales", Educational and Psychological Measurement 20
// (1960). It is nil if nothing was rated, or if chance alone explains all: both
// raters always gave the same one answer.
func (a *agreement) kappa() *float64 {
	n := float64(a.both + a.onlyFirst + a.onlySecond + a.neither)
	if n == 0 {
		return nil
	}
	first, second := float64(a.both+a.onlyFirst)/n, float64(a.both+a.onlySecond)/n
	observed := float64(a.both+a.neither) / n
	chance := first*second + (1-first)*(1-second)
	if chance >= 1 {
		return nil
	}
	k := (observed - chance) / (1 - chance)
	return &k
}

// percentile is the quantile p of values by linear interpolation, R's type 7
// (R. J. Hyndman, Y. Fan, "Sample quantiles in statistical packages", The
// American Statistician 50 (1996)); nil without values. It sorts values.
func percentile(values []int64, p float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := p * float64(len(values)-1)
	below := int(at)
	v := float64(values[below])
	if below+1 < len(values) {
		v += (at - float64(below)) * float64(values[below+1]-values[below])
	}
	return &v
}

// sum adds with A. Neumaier's compensation (ZAMM 54, 1974), so that the order
// of 10,000 scores does not show in their mean.
type sum struct{ total, lost float64 }

func (s *sum) add(v float64) {
	t := s.total + v
	if math.Abs(s.total) >= math.Abs(v) {
		s.lost += (s.total - t) + v
	} else {
		s.lost += (v - t) + s.total
	}
	s.total = t
}

func (s *sum) value() float64 { return s.total + s.lost }

// pairedT tests whether differences have the mean 0: Student's paired t test,
// two-sided. The p value is nil where it is undefined: with fewer than two
// differences, or if all of them are the same. (Differences that are all 0 are
// no evidence at all, and p is 1.)
func pairedT(differences []float64) (mean float64, p *float64) {
	n := len(differences)
	if n == 0 {
		return 0, nil
	}
	// Shifted by the first one, equal differences have a variance of exactly 0.
	origin := differences[0]
	var shifted sum
	for _, d := range differences {
		shifted.add(d - origin)
	}
	offset := shifted.value() / float64(n)
	mean = origin + offset
	var squares sum
	for _, d := range differences {
		e := d - origin - offset
		squares.add(e * e)
	}
	if n < 2 || squares.value() == 0 {
		if n >= 2 && mean == 0 {
			one := 1.0
			return mean, &one
		}
		return mean, nil
	}
	df := float64(n - 1)
	t := mean / math.Sqrt(squares.value()/df/float64(n))
	survival := studentTwoSided(t, df)
	return mean, &survival
}

// studentTwoSided is the chance of a Student's t of df degrees of freedom at
// least as far from 0 as t: the incomplete beta function I_x(df/2, 1/2) at
// x = df/(df+t²), M. Abramowitz, I. A. Stegun, Handbook of Mathematical
// Functions, 26.7.1 and 26.5.27. For a small t it is taken from the other end,
// where x would be rounded to 1.
func studentTwoSided(t, df float64) float64 {
	if squared := t * t; squared < df {
		return 1 - mathext.RegIncBeta(0.5, df/2, squared/(df+squared))
	}
	return mathext.RegIncBeta(df/2, 0.5, df/(df+t*t))
}
