package stats

import "math"

// moments describe a sample. The mean is base+offset, kept apart because an
// offset of 1e15 would swallow the digits of a difference of means.
type moments struct {
	n            int
	base, offset float64
	// variance has n−1 below it; zero below two scores.
	variance float64
	// skew is the coefficient of skewness; zero for a constant.
	skew float64
	// constant is set where nothing but rounding tells the scores apart.
	constant bool
}

// describe computes moments of at least one score: it shifts by the first one,
// sums as Neumaier does and corrects the second pass. A constant has exactly no
// variance.
func describe(xs []float64) moments {
	m := moments{n: len(xs), base: xs[0]}
	n := float64(len(xs))
	low, high := xs[0], xs[0]
	var first sum
	for _, x := range xs {
		first.add(x - m.base)
		low, high = min(low, x), max(high, x)
	}
	m.offset = first.value() / n
	m.constant = high-low <= 2*ulp(max(math.Abs(low), math.Abs(high)))
	if len(xs) < 2 || low == high {
		return m
	}
	var squares, rest sum
	for _, x := range xs {
		d := x - m.base - m.offset
		squares.add(d * d)
		rest.add(d)
	}
	m.variance = max(0, squares.value()-rest.value()*rest.value()/n) / (n - 1)
	if sd := math.Sqrt(m.variance); sd > 0 {
		var cubes sum
		for _, x := range xs {
			d := (x - m.base - m.offset) / sd
			cubes.add(d * d * d)
		}
		m.skew = cubes.value() / n
	}
	return m
}

func (m moments) mean() float64 { return m.base + m.offset }

func (m moments) sd() float64 { return math.Sqrt(m.variance) }

// squaredError is the squared standard error of the mean.
func (m moments) squaredError() float64 { return m.variance / float64(m.n) }

// difference is mean(b)−mean(a) with the digits that the means themselves lose.
func difference(a, b moments) float64 { return (b.base - a.base) + (b.offset - a.offset) }

// sum adds as Neumaier does: the rounding error of each addition is kept.
type sum struct{ total, lost float64 }

func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.lost += (s.total - t) + x
	} else {
		s.lost += (x - t) + s.total
	}
	s.total = t
}

func (s *sum) value() float64 { return s.total + s.lost }

// ulp is the distance from x > 0 to the next double.
func ulp(x float64) float64 { return math.Nextafter(x, math.Inf(1)) - x }

// scaled brings samples of extreme size near one, so that no square or product
// of theirs overflows or vanishes. The factor is a power of two, so nothing is
// rounded; multiply what has the unit of the scores by unit. Scores of ordinary
// size are not copied.
func scaled(a, b []float64) (scaledA, scaledB []float64, unit float64) {
	largest := 0.0
	for _, xs := range [][]float64{a, b} {
		for _, x := range xs {
			largest = max(largest, math.Abs(x))
		}
	}
	_, exponent := math.Frexp(largest)
	if exponent > -160 && exponent < 160 || largest == 0 {
		return a, b, 1
	}
	shrink := func(xs []float64) []float64 {
		small := make([]float64, len(xs))
		for i, x := range xs {
			small[i] = math.Ldexp(x, -exponent)
		}
		return small
	}
	return shrink(a), shrink(b), math.Ldexp(1, exponent)
}
