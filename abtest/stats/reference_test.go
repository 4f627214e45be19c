package stats

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is a case of testdata/reference.json, which reference.R writes: the
// arguments and what R made of them.
type reference struct {
	Name string               `json:"name"`
	Call string               `json:"call"`
	Args map[string][]float64 `json:"args"`
	Want []struct {
		Field  string    `json:"field"`
		R      string    `json:"r"`
		Values []float64 `json:"values"`
	} `json:"want"`
}

func (r reference) first(arg string) float64 { return r.Args[arg][0] }

// each calls fn for every place of an argument.
func (r reference) each(arg string, fn func(i int) float64) []float64 {
	var values []float64
	for i := range r.Args[arg] {
		values = append(values, fn(i))
	}
	return values
}

// computed is what the package makes of the arguments, by field.
type computed map[string][]float64

var calls = map[string]func(testing.TB, reference) computed{
	"means":            compareMeans,
	"offset_means":     compareOffsetMeans,
	"rates":            compareRates,
	"sequential":       lookOnce,
	"paired_means":     comparePairedMeans,
	"mcnemar":          compareMcNemar,
	"guard_means":      guardMeans,
	"guard_rates":      guardRates,
	"student_tail":     tails,
	"student_quantile": quantiles,
	"normal_tail": func(_ testing.TB, r reference) computed {
		return computed{"p": r.each("z", func(i int) float64 { return normalTail(r.Args["z"][i]) })}
	},
	"normal_quantile": func(_ testing.TB, r reference) computed {
		return computed{"z": r.each("p", func(i int) float64 { return normalQuantile(r.Args["p"][i]) })}
	},
	"noncentral_upper": func(_ testing.TB, r reference) computed {
		return computed{"p": r.each("t", func(i int) float64 {
			return noncentralUpper(r.Args["t"][i], r.Args["df"][i], r.Args["ncp"][i])
		})}
	},
	"wilson":   func(_ testing.TB, r reference) computed { return wilsons(r, 0.95) },
	"wilson99": func(_ testing.TB, r reference) computed { return wilsons(r, 0.99) },
	"ranks": func(_ testing.TB, r reference) computed {
		return computed{"p": {*mannWhitney(r.Args["a"], r.Args["b"])}}
	},
	"holm": func(_ testing.TB, r reference) computed { return computed{"adjusted": Holm(r.Args["p"])} },
	"ratio": func(_ testing.TB, r reference) computed {
		p, _ := SampleRatio(int(r.Args["n"][0]), int(r.Args["n"][1]), r.first("share"))
		return computed{"p": {p}}
	},
	"kappa": kappaOfTable,
	"size_means": func(_ testing.TB, r reference) computed {
		return computed{"n": {sizeForMeans(r.first("delta")/r.first("sd"), r.first("alpha"), r.first("power"))}}
	},
	"size_rates": func(_ testing.TB, r reference) computed {
		return computed{"n": {sizeForRates(r.first("p1"), r.first("p2"), r.first("alpha"), r.first("power"))}}
	},
	"power_means": func(t testing.TB, r reference) computed {
		return computed{"power": r.each("n", func(i int) float64 {
			power, err := PowerMeans(int(r.Args["n"][i]), r.Args["delta"][i], 1, 0.05)
			require.NoError(t, err)
			return power
		})}
	},
	"power_rates": func(t testing.TB, r reference) computed {
		return computed{"power": r.each("n", func(i int) float64 {
			power, err := PowerProportions(int(r.Args["n"][i]), r.Args["p1"][i], r.Args["p2"][i], 0.05)
			require.NoError(t, err)
			return power
		})}
	},
}

// within is the relative error that every value of the table must keep.
const within = 1e-9

func TestReferenceValuesOfR(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	var cases []reference
	require.NoError(t, json.Unmarshal(text, &cases))
	values := 0
	for _, r := range cases {
		t.Run(r.Name, func(t *testing.T) {
			require.Contains(t, calls, r.Call)
			got := calls[r.Call](t, r)
			require.NotEmpty(t, r.Want)
			for _, want := range r.Want {
				require.Len(t, got[want.Field], len(want.Values), want.R)
				for i, w := range want.Values {
					closeTo(t, w, got[want.Field][i], "%s [%d]", want.R, i)
					values++
				}
			}
		})
	}
	require.GreaterOrEqual(t, len(cases), 100)
	require.GreaterOrEqual(t, values, 500)
}

// closeTo compares relatively. What is zero in exact arithmetic may be a
// rounding error in R.
func closeTo(t testing.TB, want, got float64, format string, args ...any) {
	t.Helper()
	if math.Abs(want) < 1e-280 {
		require.InDelta(t, want, got, 1e-280, append([]any{format}, args...)...)
		return
	}
	require.InEpsilon(t, want, got, within, append([]any{format}, args...)...)
}

func compared(t testing.TB, a, b []float64, kind Kind) Result {
	t.Helper()
	r, err := Compare(a, b, Options{Kind: kind, Resamples: MinResamples})
	require.NoError(t, err)
	return r
}

func meansOf(r Result) computed {
	c := computed{
		"p_value": {*r.PValue}, "statistic": {*r.Statistic}, "df": {*r.DF},
		"ci_welch": {*r.CIWelchLower, *r.CIWelchUpper},
		"means":    {r.MeanA, r.MeanB}, "stddevs": {*r.SDA, *r.SDB},
		"hedges_g": {*r.HedgesG}, "probability": {*r.ProbabilityB},
	}
	if r.MannWhitneyP != nil {
		c["mann_whitney_p"] = []float64{*r.MannWhitneyP}
	}
	return c
}

func compareMeans(t testing.TB, r reference) computed {
	return meansOf(compared(t, r.Args["a"], r.Args["b"], Mean))
}

func compareOffsetMeans(t testing.TB, r reference) computed {
	by := r.first("by")
	return meansOf(compared(t, plus(r.Args["a"], by), plus(r.Args["b"], by), Mean))
}

func plus(xs []float64, by float64) []float64 {
	moved := make([]float64, len(xs))
	for i, x := range xs {
		moved[i] = x + by
	}
	return moved
}

// ratings are so many ones and then zeros.
func ratings(ones, n float64) []float64 {
	xs := make([]float64, int(n))
	for i := range int(ones) {
		xs[i] = 1
	}
	return xs
}

func compareRates(t testing.TB, r reference) computed {
	x, n := r.Args["x"], r.Args["n"]
	got := compared(t, ratings(x[0], n[0]), ratings(x[1], n[1]), Proportion)
	c := computed{"ci": {*got.CILower, *got.CIUpper}, "means": {got.MeanA, got.MeanB}, "probability": {*got.ProbabilityB}}
	if got.PValue != nil {
		c["p_value"] = []float64{*got.PValue}
		c["statistic_squared"] = []float64{*got.Statistic * *got.Statistic}
	}
	return c
}

func lookOnce(t testing.TB, r reference) computed {
	got, err := Compare(r.Args["a"], r.Args["b"], Options{Kind: Mean, Resamples: MinResamples, PlannedN: int(r.first("planned"))})
	require.NoError(t, err)
	s := got.Sequential
	return computed{"sequential_p": {*s.P}, "sequential_ci": {*s.CILower, *s.CIUpper}}
}

func comparePairedMeans(t testing.TB, r reference) computed {
	p, err := ComparePaired(r.Args["a"], r.Args["b"], Mean)
	require.NoError(t, err)
	return computed{
		"p_value": {*p.PValue}, "statistic": {*p.Statistic}, "df": {*p.DF},
		"ci": {*p.CILower, *p.CIUpper}, "difference": {p.MeanDifference},
	}
}

// compareMcNemar takes the cells both, only A, only B, none.
func compareMcNemar(t testing.TB, r reference) computed {
	var a, b []float64
	for cell, of := range [][2]float64{{1, 1}, {1, 0}, {0, 1}, {0, 0}} {
		for range int(r.Args["cells"][cell]) {
			a, b = append(a, of[0]), append(b, of[1])
		}
	}
	p, err := ComparePaired(a, b, Proportion)
	require.NoError(t, err)
	return computed{"p_value": {*p.PValue}, "ci": {*p.CILower, *p.CIUpper}, "difference": {p.MeanDifference}}
}

func guardMeans(t testing.TB, r reference) computed {
	g, err := Guardrail(r.Args["a"], r.Args["b"], Options{Kind: Mean, LowerWins: true}, r.first("margin"))
	require.NoError(t, err)
	return computed{"p_value": {*g.PValue}, "worse_by_upper": {*g.WorseByUpper}}
}

func guardRates(t testing.TB, r reference) computed {
	x, n := r.Args["x"], r.Args["n"]
	g, err := Guardrail(ratings(x[0], n[0]), ratings(x[1], n[1]), Options{Kind: Proportion}, r.first("margin"))
	require.NoError(t, err)
	return computed{"p_value": {*g.PValue}, "statistic": {*g.Statistic}}
}

func tails(_ testing.TB, r reference) computed {
	return computed{"p": r.each("t", func(i int) float64 { return studentTail(r.Args["t"][i], r.first("df")) })}
}

func quantiles(_ testing.TB, r reference) computed {
	return computed{"t": r.each("p", func(i int) float64 { return studentQuantile(r.Args["p"][i], r.first("df")) })}
}

func wilsons(r reference, level float64) computed {
	var intervals []float64
	for i, x := range r.Args["x"] {
		lower, upper := Wilson(int(x), int(r.Args["n"][i]), level)
		intervals = append(intervals, lower, upper)
	}
	return computed{"intervals": intervals}
}

func kappaOfTable(t testing.TB, r reference) computed {
	cells := r.Args["cells"]
	size := int(math.Sqrt(float64(len(cells))))
	var a, b []int
	for i, n := range cells {
		for range int(n) {
			a, b = append(a, i%size), append(b, i/size)
		}
	}
	kappa, err := Kappa(a, b)
	require.NoError(t, err)
	return computed{"kappa": {*kappa}}
}
