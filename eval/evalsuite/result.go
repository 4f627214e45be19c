package evalsuite

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

var first = page.Request{}

func resultCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a result comes back as it was recorded": func(t *testing.T, e Env) {
			of := create(t, e.Mine, plain("e"))
			in := eval.Result{
				RunID: ptr("case <7>"), Score: 0.625, VersionTag: ptr("2.0.0"), Metadata: meta(`{"row_id":12,"note":{"a":[1.50]}}`),
			}
			made := addResult(t, e.Mine, of.ID, in)
			require.Positive(t, made.ID)
			recent(t, made.CreatedAt)
			in.ID, in.EvaluationID, in.CreatedAt = made.ID, of.ID, made.CreatedAt
			require.JSONEq(t, asJSON(t, in), asJSON(t, made))
			p, err := e.Mine.Results(t.Context(), of.ID, eval.ResultFilter{}, first)
			require.NoError(t, err)
			require.Len(t, p.Items, 1)
			require.JSONEq(t, asJSON(t, in), asJSON(t, p.Items[0]))
		},

		"zero is a score": func(t *testing.T, e Env) {
			of := create(t, e.Mine, plain("e"))
			addResult(t, e.Mine, of.ID, eval.Result{})
			p, err := e.Mine.Results(t.Context(), of.ID, eval.ResultFilter{}, first)
			require.NoError(t, err)
			require.Len(t, p.Items, 1)
			require.Zero(t, p.Items[0].Score)
			require.Contains(t, asJSON(t, p.Items[0]), `"score":0`)
			require.Nil(t, p.Items[0].RunID)
			require.Nil(t, p.Items[0].VersionTag)
			require.Nil(t, p.Items[0].Metadata)
		},

		"a result belongs to its version, else to the evaluation's": func(t *testing.T, e Env) {
			in := plain("e")
			in.VersionTag = ptr("1.0.0")
			of := create(t, e.Mine, in)
			require.Equal(t, ptr("1.0.0"), addResult(t, e.Mine, of.ID, eval.Result{Score: 1}).VersionTag)
			require.Equal(t, ptr("1.0.0"), addResult(t, e.Mine, of.ID, eval.Result{Score: 1, VersionTag: ptr("")}).VersionTag)
			require.Equal(t, ptr("2.0.0"), addResult(t, e.Mine, of.ID, eval.Result{Score: 2, VersionTag: ptr("2.0.0")}).VersionTag)
			for version, want := range map[string]int64{"1.0.0": 2, "2.0.0": 1, "3.0.0": 0, "": 3} {
				p, err := e.Mine.Results(t.Context(), of.ID, eval.ResultFilter{VersionTag: version}, first)
				require.NoError(t, err)
				require.Equal(t, want, p.Total, version)
				require.Len(t, p.Items, int(want), version)
			}
		},

		"results page newest first": func(t *testing.T, e Env) {
			of, other := create(t, e.Mine, plain("e")), create(t, e.Mine, plain("other"))
			var all, even []string
			for i := range 7 {
				addResult(t, e.Mine, other.ID, eval.Result{Score: 1})
				key := resultKey(addResult(t, e.Mine, of.ID, eval.Result{Score: float64(i), VersionTag: ptr(fmt.Sprint(i % 2))}))
				if all = append(all, key); i%2 == 0 {
					even = append(even, key)
				}
			}
			slices.Reverse(all)
			slices.Reverse(even)
			pagetest.Check(t, resultsOf(e.Mine, of.ID, eval.ResultFilter{}), resultKey, all)
			pagetest.Check(t, resultsOf(e.Mine, of.ID, eval.ResultFilter{VersionTag: "0"}), resultKey, even)
			pagetest.RefusesCursorOf(t, resultsOf(e.Mine, of.ID, eval.ResultFilter{}), evaluationsOf(e.Mine))
		},

		"faults are named": func(t *testing.T, e Env) {
			of := create(t, e.Mine, plain("e"))
			many := map[string]string{}
			for i := range 51 {
				many[fmt.Sprint(i)] = "x"
			}
			for field, in := range map[string]eval.Result{
				"score":          {Score: -0.5},
				"score is":       {Score: math.NaN()},
				"score is r":     {Score: math.Inf(1)},
				"score is re":    {Score: 1e300},
				"run_id":         {RunID: ptr(strings.Repeat("x", 129))},
				"run_id must be": {RunID: ptr("\x00")},
				"version_tag":    {VersionTag: ptr(strings.Repeat("x", 65))},
				"metadata.a":     {Metadata: meta(`{"a":"` + strings.Repeat("x", 1025) + `"}`)},
				"metadata keys":  {Metadata: meta(`{"` + strings.Repeat("k", 129) + `":1}`)},
				"metadata must":  {Metadata: meta(asJSON(t, many))},
			} {
				_, err := e.Mine.AddResult(t.Context(), of.ID, in)
				fault(t, err, strings.TrimSuffix(strings.TrimSuffix(field, " r"), " re"))
			}
			_, err := e.Mine.Results(t.Context(), of.ID, eval.ResultFilter{VersionTag: "\x00"}, first)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Empty(t, pagetest.Keys(t, resultsOf(e.Mine, of.ID, eval.ResultFilter{}), resultKey))
		},

		"results at once lose nothing": func(t *testing.T, e Env) {
			of := create(t, e.Mine, plain("e"))
			var calls sync.WaitGroup
			for i := range 16 {
				calls.Go(func() {
					if _, err := e.Mine.AddResult(t.Context(), of.ID, eval.Result{Score: float64(i)}); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			p, err := e.Mine.Results(t.Context(), of.ID, eval.ResultFilter{}, first)
			require.NoError(t, err)
			require.EqualValues(t, 16, p.Total)
			sum := 0.0
			for _, r := range p.Items {
				sum += r.Score
			}
			require.InDelta(t, 120.0, sum, 0)
		},
	}
}
