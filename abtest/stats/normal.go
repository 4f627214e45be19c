package stats

import "math"

// alpha is the level of every verdict; the intervals have 1−alpha.
const alpha = 0.05

// normalTail is P(|Z| > |z|) of the standard normal distribution. Erfc keeps
// its relative accuracy in the tail, where one minus a CDF has none left.
func normalTail(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// normalUpper is P(Z > z).
func normalUpper(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// normalQuantile is the z with P(Z > z) = p, for 0 < p < 1.
func normalQuantile(p float64) float64 {
	if p > 0.5 {
		return -normalQuantile(1 - p)
	}
	if p == 0.5 {
		return 0
	}
	// ln P(Z > z) is concave and the start lies right of the root, so Newton's
	// steps come down to it and never past it.
	z := math.Sqrt(-2 * math.Log(p))
	for range 50 {
		q := normalUpper(z)
		density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		step := math.Log(q/p) * q / density
		z += step
		if math.Abs(step) <= 1e-15*math.Abs(z) {
			break
		}
	}
	return z
}
