package sqlstore

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

func TestRatings(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]float64{
		`{"rating":3}`: 3, `{"rating":0}`: 0, `{"rating":-2.5}`: -2.5, `{"rating":1e300}`: 1e300, `{"rating":true}`: 1, `{"rating":false,"score":1}`: 0,
		`{"score":4,"rating":null}`: 4, `{"rating":"5","score":2}`: 2, `{"rating":{},"score":[1],"win":true}`: 1, `{"win":0}`: 0, `{"x":{"rating":9},"win":1}`: 1,
		`{"rating":1e999,"score":2}`: 2,
	} {
		got, ok := rated(metadata)
		require.True(t, ok, metadata)
		require.InDelta(t, want, got, 0, metadata)
	}
	for _, metadata := range []string{
		``, `{}`, `null`, `[]`, `{"rating":null}`, `{"score":"1"}`, `{"win":"yes"}`, `{"x":{"rating":9}}`, `{"stars":5}`, `{"rating":1e301}`, `{"rating":`, `"rating"`,
	} {
		_, ok := rated(metadata)
		require.False(t, ok, metadata)
	}
}

func FuzzRatings(f *testing.F) {
	for _, seed := range []string{`{"rating":1}`, `{"score":true}`, `{"win":null,"rating":-1e300}`, `{"rating":1e999}`, `[{"rating":1}]`, strings.Repeat(`{"win":`, 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, metadata string) {
		got, ok := rated(metadata)
		if !ok {
			return
		}
		if math.IsNaN(got) || math.Abs(got) > stats.MaxScore {
			t.Fatalf("%g of %q cannot be compared", got, metadata)
		}
		if !json.Valid([]byte(metadata)) {
			t.Fatalf("%g of %q, which is no JSON", got, metadata)
		}
	})
}
