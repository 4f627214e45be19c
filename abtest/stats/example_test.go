package stats_test

import (
	"fmt"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

// Is version B quicker? Latencies in milliseconds: less is better.
func ExampleCompare() {
	a := []float64{812, 905, 1100, 765, 990, 1230, 870, 940, 1015}
	b := []float64{700, 650, 910, 820, 690, 640, 760, 845}
	r, err := stats.Compare(a, b, stats.Options{Kind: stats.Mean, LowerWins: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("winner %s, p = %.4f, lift %.0f %%\n", r.Winner, *r.PValue, 100**r.RelativeLift)
	// Output: winner B, p = 0.0037, lift -22 %
}

// How many answers must be rated to notice that 70 % good ones became 75 %?
func ExampleSampleSizeProportions() {
	n, err := stats.SampleSizeProportions(0.70, 0.75, 0.05, 0.8)
	fmt.Println(n, err)
	// Output: 1251 <nil>
}
