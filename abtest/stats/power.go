package stats

import "math"

const (
	maxSampleSize = 1_000_000_000

	minSignificance = 1e-5
	maxSignificance = 0.5
)

// SampleSizeMeans is how many scores each arm needs, so that a difference of
// delta between means of scores with standard deviation sd is found at a
// two-sided significance such as 0.05 with a probability of power, such as 0.8.
// It is the n of R's power.t.test, rounded up; it needs at least 2.
//
// Arguments out of range, and a delta so small that a billion scores were not
// enough, are a pmerr.Validation error.
func SampleSizeMeans(delta, sd, significance, power float64) (int, error) {
	var f faults
	f.effect(delta, sd)
	f.design(significance, power)
	if err := f.err(); err != nil {
		return 0, err
	}
	n := sizeForMeans(math.Abs(delta)/sd, significance, power)
	f.check(n <= maxSampleSize, "delta is too small: more than %d scores an arm would be needed", maxSampleSize)
	if err := f.err(); err != nil {
		return 0, err
	}
	return roundedUp(n), nil
}

// PowerMeans is the probability that n scores an arm find a difference of delta
// between means, as R's power.t.test defines it: rejections on the wrong side
// do not count.
func PowerMeans(n int, delta, sd, significance float64) (float64, error) {
	var f faults
	f.check(n >= 2 && n <= maxSampleSize, "n must be between 2 and %d", maxSampleSize)
	f.effect(delta, sd)
	f.significance(significance)
	if err := f.err(); err != nil {
		return 0, err
	}
	return powerOfMeans(float64(n), math.Abs(delta)/sd, significance), nil
}

// SampleSizeProportions is how many scores each arm needs, so that rates p1 and
// p2 are told apart at a two-sided significance with a probability of power. It
// is the n of R's power.prop.test, rounded up; it needs at least 2.
//
// Arguments out of range are a pmerr.Validation error.
func SampleSizeProportions(p1, p2, significance, power float64) (int, error) {
	var f faults
	f.rates(p1, p2)
	f.check(p1 != p2, "p1 and p2 must differ")
	f.design(significance, power)
	if err := f.err(); err != nil {
		return 0, err
	}
	n := sizeForRates(p1, p2, significance, power)
	f.check(n <= maxSampleSize, "p1 and p2 are too close: more than %d scores an arm would be needed", maxSampleSize)
	if err := f.err(); err != nil {
		return 0, err
	}
	return roundedUp(n), nil
}

// PowerProportions is the probability that n scores an arm tell rates p1 and p2
// apart, as R's power.prop.test defines it: rejections on the wrong side do not
// count.
func PowerProportions(n int, p1, p2, significance float64) (float64, error) {
	var f faults
	f.check(n >= 2 && n <= maxSampleSize, "n must be between 2 and %d", maxSampleSize)
	f.rates(p1, p2)
	f.significance(significance)
	if err := f.err(); err != nil {
		return 0, err
	}
	spreadNull, spread := rateSpreads(p1, p2)
	if spread == 0 && p1 == p2 {
		return significance / 2, nil
	}
	z := normalQuantile(significance / 2)
	return normalUpper((z*spreadNull - math.Sqrt(float64(n))*math.Abs(p1-p2)) / spread), nil
}

func (f *faults) effect(delta, sd float64) {
	f.check(delta != 0 && math.Abs(delta) <= MaxScore, "delta must be a number other than 0")
	f.check(sd > 0 && sd <= MaxScore, "sd must be above 0")
}

func (f *faults) significance(level float64) {
	f.check(level >= minSignificance && level <= maxSignificance,
		"significance must be between %g and %g", minSignificance, maxSignificance)
}

func (f *faults) design(significance, power float64) {
	f.significance(significance)
	f.check(power > significance && power <= 0.9999, "power must be above the significance and at most 0.9999")
}

func (f *faults) rates(p1, p2 float64) {
	f.check(p1 >= 0 && p1 <= 1, "p1 must be between 0 and 1")
	f.check(p2 >= 0 && p2 <= 1, "p2 must be between 0 and 1")
}

// roundedUp forgives the last bits of what is meant to be whole.
func roundedUp(n float64) int { return max(2, int(math.Ceil(n*(1-1e-12)))) }

// powerOfMeans takes the effect in standard deviations.
func powerOfMeans(n, effect, significance float64) float64 {
	df := 2 * (n - 1)
	return noncentralUpper(studentQuantile(significance, df), df, math.Sqrt(n/2)*effect)
}

// sizeForMeans is the real n of at least 2 with the power, or something above
// maxSampleSize.
func sizeForMeans(effect, significance, power float64) float64 {
	low, high := 2.0, 4.0
	// With normal scores of known deviation slightly fewer are enough: a start.
	z := normalQuantile(significance/2) + normalQuantile(1-power)
	if start := 2 * (z / effect) * (z / effect); start > 2 {
		low, high = start, start+4
	}
	if low > maxSampleSize {
		return low
	}
	if powerOfMeans(low, effect, significance) >= power {
		low = 2
		if powerOfMeans(low, effect, significance) >= power {
			return low
		}
	}
	for powerOfMeans(high, effect, significance) < power {
		low, high = high, 2*high
	}
	for range 200 {
		middle := (low + high) / 2
		if middle <= low || middle >= high || high-low <= 1e-14*high {
			break
		}
		if powerOfMeans(middle, effect, significance) < power {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

func sizeForRates(p1, p2, significance, power float64) float64 {
	spreadNull, spread := rateSpreads(p1, p2)
	root := (normalQuantile(significance/2)*spreadNull + normalQuantile(1-power)*spread) / (p1 - p2)
	return root * root
}

// rateSpreads are √n times the standard error of a difference of rates, if they
// are equal and if they are not.
func rateSpreads(p1, p2 float64) (null, spread float64) {
	null = math.Sqrt((p1 + p2) * (1 - (p1+p2)/2))
	return null, math.Sqrt(p1*(1-p1) + p2*(1-p2))
}
