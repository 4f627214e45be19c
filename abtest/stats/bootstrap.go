package stats

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// blockSize resamples share a generator, so that the numbers do not depend
	// on who draws them.
	blockSize = 250
	// maxDraws bounds (n_a+n_b)·resamples, about half a second of one core.
	maxDraws = 200_000_000
)

// affordable says whether the bootstrap of so many scores is within maxDraws.
func affordable(scores, resamples int) bool { return scores <= maxDraws/resamples }

// bootstrap is the percentile interval of mean(b)−mean(a). Block k draws from
// PCG(seed, k·0x9E3779B97F4A7C15+1), whichever goroutine it falls to: the
// interval depends on the data, the resamples and the seed alone.
func bootstrap(a, b []float64, resamples int, seed uint64, workers int) (lower, upper float64) {
	// Sums of differences to a typical score keep the digits that a large offset
	// would take.
	shiftedA, shiftedB := shifted(a), shifted(b)
	base := b[0] - a[0]
	differences := make([]float64, resamples)
	blocks := (resamples + blockSize - 1) / blockSize
	var next atomic.Int64
	work := func() {
		for k := next.Add(1) - 1; k < int64(blocks); k = next.Add(1) - 1 {
			source := rand.NewPCG(seed, uint64(k)*0x9E3779B97F4A7C15+1)
			block := differences[k*blockSize : min((k+1)*blockSize, int64(resamples))]
			for i := range block {
				meanA := resampledMean(shiftedA, source)
				block[i] = resampledMean(shiftedB, source) - meanA
			}
		}
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var all sync.WaitGroup
	for range min(workers, blocks) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	slices.Sort(differences)
	return base + percentile(differences, alpha/2), base + percentile(differences, 1-alpha/2)
}

func shifted(xs []float64) []float64 {
	s := make([]float64, len(xs))
	for i, x := range xs {
		s[i] = x - xs[0]
	}
	return s
}

// resampledMean draws as many scores as there are, two from each 64 bits. A
// product of 32 bits with the length favours no index by more than length/2³².
func resampledMean(xs []float64, source *rand.PCG) float64 {
	n := uint64(len(xs))
	var even, odd float64
	for range n / 2 {
		bits := source.Uint64()
		even += xs[(bits&0xFFFFFFFF)*n>>32]
		odd += xs[(bits>>32)*n>>32]
	}
	if n%2 == 1 {
		even += xs[(source.Uint64()>>32)*n>>32]
	}
	return (even + odd) / float64(n)
}

// percentile interpolates between the order statistics as R's type 7 and numpy
// do. The conversions keep processors that multiply and add in one step from
// rounding otherwise than those that do not.
func percentile(sorted []float64, q float64) float64 {
	position := float64(q * float64(len(sorted)-1))
	i := int(position)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	step := float64((position - float64(i)) * (sorted[i+1] - sorted[i]))
	return sorted[i] + step
}
