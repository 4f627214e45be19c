package stats

import (
	"math/rand/v2"
	"testing"
)

// latencies are skewed to the right.
func latencies(n int, seed uint64) []float64 {
	draw := rand.New(rand.NewPCG(seed, 1))
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = 800 + 200*draw.NormFloat64() + 100*draw.ExpFloat64()
	}
	return xs
}

func BenchmarkCompare(b *testing.B) {
	a1, b1 := latencies(500, 1), latencies(500, 2)
	for _, bc := range []struct {
		name    string
		workers int
	}{{"500 an arm, one core", 1}, {"500 an arm, all cores", 0}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compare(a1, b1, Options{Kind: Mean, Workers: bc.workers}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("40 an arm, ranks counted", func(b *testing.B) {
		for b.Loop() {
			if _, err := Compare(a1[:40], b1[:40], Options{Kind: Mean, Workers: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
	ones := ratings(300, 500)
	b.Run("rates, 500 an arm", func(b *testing.B) {
		for b.Loop() {
			if _, err := Compare(ones, ratings(320, 500), Options{Kind: Proportion}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParts(b *testing.B) {
	a1, b1 := latencies(500, 1), latencies(500, 2)
	b.Run("bootstrap", func(b *testing.B) {
		for b.Loop() {
			bootstrap(a1, b1, 10_000, 1, 1)
		}
	})
	b.Run("tail, 998 degrees of freedom", func(b *testing.B) {
		for b.Loop() {
			studentTail(2.1, 998)
		}
	})
	b.Run("tail, 9998 degrees of freedom", func(b *testing.B) {
		for b.Loop() {
			studentTail(2.1, 9998)
		}
	})
	b.Run("exact ranks of 49 an arm", func(b *testing.B) {
		for b.Loop() {
			mannWhitney(a1[:49], b1[:49])
		}
	})
	b.Run("sample size", func(b *testing.B) {
		for b.Loop() {
			if _, err := SampleSizeMeans(1, 10, 0.05, 0.8); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sample size, strictest", func(b *testing.B) {
		for b.Loop() {
			if _, err := SampleSizeMeans(1000, 1, minSignificance, 0.99); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPeeking reports how often looking early finds a winner between equal
// versions.
func BenchmarkPeeking(b *testing.B) {
	for _, looks := range []struct {
		name string
		n    int
	}{{"100 looks", 100}, {"1000 looks", 1000}} {
		b.Run(looks.name, func(b *testing.B) {
			var fixed, sequential float64
			for b.Loop() {
				fixed, sequential = Peek(5000, looks.n, 7)
			}
			b.ReportMetric(100*fixed, "%fixed")
			b.ReportMetric(100*sequential, "%sequential")
		})
	}
}
