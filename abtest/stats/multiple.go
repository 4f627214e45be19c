package stats

import (
	"math"
	"slices"
)

// Holm adjusts p-values for being several, in their order: a p below 0.05 after
// it keeps the chance of any false finding among all of them below 5 % (Holm,
// Scandinavian Journal of Statistics 6 (1979) 65–70; R's p.adjust). A NaN stays
// one and is not counted.
func Holm(ps []float64) []float64 {
	adjusted := slices.Clone(ps)
	order := make([]int, 0, len(ps))
	for i, p := range ps {
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case ps[i] < ps[j]:
			return -1
		case ps[i] > ps[j]:
			return 1
		default:
			return 0
		}
	})
	largest := 0.0
	for rank, i := range order {
		largest = max(largest, min(1, ps[i]*float64(len(order)-rank)))
		adjusted[i] = largest
	}
	return adjusted
}
