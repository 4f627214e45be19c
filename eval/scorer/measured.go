package scorer

import (
	"context"
	"math"
)

// buildLatency: the call took at most max_ms milliseconds.
func buildLatency(_ *Compiler, r *rule) judge {
	var config struct {
		Max *float64 `json:"max_ms"`
	}
	if !r.decode(&config) {
		return nil
	}
	most := r.limit("max_ms", config.Max)
	return func(_ context.Context, c *subject) (outcome, error) {
		if c.LatencyMS == nil {
			return unmeasured("latency"), nil
		}
		return binary(float64(*c.LatencyMS) <= most, "%d ms, at most %v allowed", *c.LatencyMS, most), nil
	}
}

// buildCost: the call cost at most max_usd dollars.
func buildCost(_ *Compiler, r *rule) judge {
	var config struct {
		Max *float64 `json:"max_usd"`
	}
	if !r.decode(&config) {
		return nil
	}
	most := r.limit("max_usd", config.Max)
	return func(_ context.Context, c *subject) (outcome, error) {
		if c.CostUSD == nil {
			return unmeasured("cost"), nil
		}
		return binary(*c.CostUSD <= most, "%v USD, at most %v allowed", *c.CostUSD, most), nil
	}
}

// buildTokens: the call used at most max tokens, in, out or both.
func buildTokens(_ *Compiler, r *rule) judge {
	var config struct {
		Max *float64 `json:"max"`
		Of  string   `json:"of"`
	}
	if !r.decode(&config) {
		return nil
	}
	most := r.limit("max", config.Max)
	of := r.oneOf("of", config.Of, "total", "in", "out")
	return func(_ context.Context, c *subject) (outcome, error) {
		var used int64
		for _, n := range []struct {
			of    string
			count *int64
		}{{"in", c.TokensIn}, {"out", c.TokensOut}} {
			if of != "total" && of != n.of {
				continue
			}
			if n.count == nil {
				return unmeasured("number of tokens"), nil
			}
			used += *n.count
		}
		return binary(float64(used) <= most, "%d tokens (%s), at most %v allowed", used, of, most), nil
	}
}

// limit is a number that must be there.
func (r *rule) limit(member string, n *float64) float64 {
	if n == nil {
		r.fault(member, " is required: a number of at least 0")
		return 0
	}
	if !(*n >= 0 && *n <= math.MaxFloat64) {
		r.fault(member, " must be a number of at least 0")
	}
	return *n
}

// unmeasured is the outcome for a case without a call, such as a recorded
// output: it cannot be said to have kept the limit.
func unmeasured(what string) outcome {
	return binary(false, "no %s was measured for this output", what)
}
