package scorer

import (
	"context"
	"math"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxEmbedded is how many bytes of a text are embedded.
const maxEmbedded = 100_000

// buildCosine: the cosine of the embeddings of output and expected text; what
// points the other way scores 0.
func buildCosine(c *Compiler, r *rule) judge {
	var config struct {
		passing
		asked
		Expected *string `json:"expected"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.8)
	r.asks(c, config.asked)
	expected := r.expectation("expected", config.Expected)
	return func(ctx context.Context, k *subject) (outcome, error) {
		want, got, err := texts(expected, k)
		if err != nil {
			return outcome{}, err
		}
		if max(len(want), len(got)) > maxEmbedded {
			return outcome{}, tooLong("the expected text or the output", maxEmbedded)
		}
		vectors, err := c.model.Embed(ctx, config.Provider, config.Model, []string{want, got})
		if err != nil {
			return outcome{}, err
		}
		if len(vectors) != 2 {
			return outcome{}, pmerr.New(pmerr.ProviderError, "provider %s gave %d embeddings for 2 texts", config.Provider, len(vectors))
		}
		similar, ok := cosine(vectors[0], vectors[1])
		if !ok {
			return outcome{}, pmerr.New(pmerr.ProviderError, "provider %s gave embeddings that cannot be compared: of different length, zero or not finite", config.Provider)
		}
		return graded(max(similar, 0), threshold, "cosine %.4g", similar), nil
	}
}

// cosine is the cosine of the angle of two vectors, -1 to 1. Each is scaled by
// its largest component first, so that no square overflows or vanishes. It is
// not defined for vectors of different length, of length 0 or of norm 0, nor
// where a component is not finite.
func cosine(a, b []float64) (float64, bool) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, false
	}
	left, right := largest(a), largest(b)
	// The negated comparison catches NaN.
	if !(left > 0 && right > 0) || math.IsInf(left, 1) || math.IsInf(right, 1) {
		return 0, false
	}
	var dot, aa, bb float64
	for i := range a {
		x, y := a[i]/left, b[i]/right
		dot += x * y
		aa += x * x
		bb += y * y
	}
	return max(-1, min(1, dot/(math.Sqrt(aa)*math.Sqrt(bb)))), true
}

// largest is the largest absolute value, or NaN if any component is.
func largest(v []float64) float64 {
	var most float64
	for _, x := range v {
		if math.IsNaN(x) {
			return x
		}
		most = max(most, math.Abs(x))
	}
	return most
}
