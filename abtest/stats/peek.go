package stats

import (
	"math"
	"math/rand/v2"
)

// scoresPerLook are added to each arm from one look to the next.
const scoresPerLook = 10

// Peek measures why looking early needs always-valid inference: it runs tests
// between two equal versions, looks after every 10 normal scores an arm, and
// gives the rates of tests that found a "winner" at any of so many looks, by the
// fixed-horizon p-value and by the sequential one.
func Peek(simulations, looks int, seed uint64) (fixed, sequential float64) {
	if simulations <= 0 {
		return 0, 0
	}
	o := Options{PlannedN: 500}
	var fixedWinners, sequentialWinners int
	for i := range simulations {
		draw := rand.New(rand.NewPCG(seed, uint64(i)))
		foundFixed, foundSequential := peekOnce(draw, looks, o)
		if foundFixed {
			fixedWinners++
		}
		if foundSequential {
			sequentialWinners++
		}
	}
	n := float64(simulations)
	return float64(fixedWinners) / n, float64(sequentialWinners) / n
}

func peekOnce(draw *rand.Rand, looks int, o Options) (foundFixed, foundSequential bool) {
	var a, b running
	for range looks {
		for range scoresPerLook {
			a.add(draw.NormFloat64())
			b.add(draw.NormFloat64())
		}
		momentsA, momentsB := a.moments(), b.moments()
		// Below the normal's quantile no t is significant: that spares most tails.
		if w, ok := welchOf(momentsA, momentsB); ok && !foundFixed && math.Abs(w.t) > 1.9599 {
			foundFixed = w.p() < alpha
		}
		if !foundSequential {
			foundSequential = sequential(momentsA, momentsB, o, 1).Winner != Tie
		}
		if foundFixed && foundSequential {
			break
		}
	}
	return foundFixed, foundSequential
}

// running keeps mean and variance of a growing sample as Welford does.
type running struct {
	n             int
	mean, squares float64
}

func (r *running) add(x float64) {
	r.n++
	d := x - r.mean
	r.mean += d / float64(r.n)
	r.squares += d * (x - r.mean)
}

func (r *running) moments() moments {
	return moments{n: r.n, offset: r.mean, variance: r.squares / float64(r.n-1)}
}
