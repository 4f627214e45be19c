package stats

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// FuzzCompare feeds any doubles: what is refused is refused as invalid, and
// what is compared can be written as JSON.
func FuzzCompare(f *testing.F) {
	for _, xs := range [][]float64{
		{1, 2, 3, 4},
		{0, 1, 1, 0},
		{5, 5, 5, 5},
		{1e300, -1e300, 1e300, 1e-300},
		{5e-324, 0, 0, 5e-324},
		{math.NaN(), 1, 2, 3},
		{1e15, 1e15 + 1, 1e15 + 2, 1e15},
		{1, 1 + 1e-16, 1, 1 - 1e-16},
		{1e150, 1, 1e-150, 0, 0, 0},
	} {
		var bytes []byte
		for _, x := range xs {
			bytes = binary.LittleEndian.AppendUint64(bytes, math.Float64bits(x))
		}
		for mode := range byte(4) {
			f.Add(bytes, uint8(len(xs)/2), mode, 0.5)
		}
	}
	f.Fuzz(func(t *testing.T, bytes []byte, border, mode uint8, extra float64) {
		var xs []float64
		for ; len(bytes) >= 8 && len(xs) < 200; bytes = bytes[8:] {
			xs = append(xs, math.Float64frombits(binary.LittleEndian.Uint64(bytes)))
		}
		cut := min(int(border), len(xs))
		a, b := xs[:cut], xs[cut:]
		o := Options{Kind: Mean, LowerWins: mode&1 == 1, Resamples: MinResamples, Workers: 1}
		if mode&2 == 2 {
			o.Kind = Proportion
		}
		if mode&4 == 4 {
			o.PreviousSequentialP = &extra
		}
		r, err := Compare(a, b, o)
		sound(t, r, err)
		if err == nil {
			for _, p := range []*float64{r.PValue, r.MannWhitneyP, r.ProbabilityB, r.Sequential.P} {
				require.True(t, p == nil || *p >= 0 && *p <= 1)
			}
			for _, ci := range [][2]*float64{{r.CILower, r.CIUpper}, {r.CIWelchLower, r.CIWelchUpper}} {
				require.True(t, ci[0] == nil || ci[1] == nil || *ci[0] <= *ci[1])
			}
			require.True(t, r.Winner == Tie || r.PValue != nil && *r.PValue < 0.05)
		}
		g, err := Guardrail(a, b, o, extra)
		sound(t, g, err)
		half := len(xs) / 2
		p, err := ComparePaired(xs[:half], xs[half:2*half], o.Kind)
		sound(t, p, err)
	})
}

func sound(t testing.TB, result any, err error) {
	t.Helper()
	if err != nil {
		require.ErrorIs(t, err, pmerr.ErrValidation)
		return
	}
	_, err = json.Marshal(result)
	require.NoError(t, err)
}

// FuzzPlan asks for sizes of any design: the answer is a size with its power or
// a refusal, and it comes soon.
func FuzzPlan(f *testing.F) {
	f.Add(1.0, 1.0, 0.05, 0.8)
	f.Add(1e-4, 1.0, 0.05, 0.8)
	f.Add(1e300, 1e-300, 1e-5, 0.9999)
	f.Add(0.1, 0.2, 0.5, 0.51)
	f.Add(1.0, 0.0, 1e-5, 0.9999)
	f.Fuzz(func(t *testing.T, x, y, significance, power float64) {
		if n, err := SampleSizeMeans(x, y, significance, power); err == nil {
			got, err := PowerMeans(n, x, y, significance)
			require.NoError(t, err)
			require.True(t, got >= power-1e-6 && got <= 1+1e-12, "%d scores: %v", n, got)
		} else {
			require.ErrorIs(t, err, pmerr.ErrValidation)
		}
		if n, err := SampleSizeProportions(x, y, significance, power); err == nil {
			got, err := PowerProportions(n, x, y, significance)
			require.NoError(t, err)
			require.True(t, got >= power-1e-6 && got <= 1, "%d scores: %v", n, got)
		} else {
			require.ErrorIs(t, err, pmerr.ErrValidation)
		}
	})
}
