package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestBracketsMakeObjects(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]map[string]any{
		"":                                     nil,
		"v=1":                                  nil,
		"vx[a]=1":                              nil,
		"v[a]=1":                               {"a": "1"},
		"v%5Ba%5D=1%2B1&x=2":                   {"a": "1+1"},
		"%76[a]=1":                             {"a": "1"},
		"v[a]=":                                {"a": ""},
		"v[a]":                                 {"a": ""},
		"v[a b]=c+d":                           {"a b": "c d"},
		"v[a][b]=1&v[a][c]=2":                  {"a": map[string]any{"b": "1", "c": "2"}},
		"v[a]=1&v[a]=2&v[a]=3":                 {"a": []any{"1", "2", "3"}},
		"v[a][]=1":                             {"a": []any{"1"}},
		"v[a][]=1&v[a][]=2":                    {"a": []any{"1", "2"}},
		"v[a][0]=1":                            {"a": map[string]any{"0": "1"}},
		"v[a=b]=1":                             nil, // the name ends at the first "=", as everywhere
		"v[__proto__]=1&v[constructor][x]=%25": {"__proto__": "1", "constructor": map[string]any{"x": "%"}},
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			got, err := query.Brackets(raw, "v")
			if raw == "v[a=b]=1" {
				require.ErrorIs(t, err, pmerr.ErrValidation)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestBracketsNameTheirFaults(t *testing.T) {
	t.Parallel()
	form := "v must be given as v[key]=value"
	for raw, want := range map[string][]string{
		"v[a=1":                                {form},
		"v[]=1":                                {form},
		"v[][a]=1":                             {form},
		"v[a]b=1":                              {form},
		"v[a][][b]=1":                          {form},
		"v[a]=1&v[a][b]=2":                     {"v[a][b] is given both as a value and as an object"},
		"v[a][b]=2&v[a]=1":                     {"v[a] is given both as a value and as an object"},
		"v[a]=%zz&v[b]=%00&v[c]=%ff":           {"v[a] must be percent-encoded correctly", "v[b] must be UTF-8 without NUL", "v[c] must be UTF-8 without NUL"},
		"v[%00]=1":                             {"v[\x00] must be UTF-8 without NUL"},
		"v" + strings.Repeat("[a]", 33) + "=1": {"v must not be nested deeper than 32"},
		"v" + strings.Repeat("[a]", 300_000) + "=1": {"v must not be nested deeper than 32"},
		"v[" + strings.Repeat("k", 500) + "]=%00":   {"v[" + strings.Repeat("k", 128) + "…] must be UTF-8 without NUL"},
		strings.Repeat("v[a]=1&", 10_001):           {"v must be at most 10000 values"},
	} {
		t.Run(raw[:min(len(raw), 40)], func(t *testing.T) {
			t.Parallel()
			_, err := query.Brackets(raw, "v")
			require.Error(t, err)
			require.Equal(t, want, pmerr.From(err).Fields)
		})
	}
	_, err := query.Brackets(manyFaults(), "v")
	require.Len(t, pmerr.From(err).Fields, 20)
}

func manyFaults() string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "v[k%d]=%%zz&", i)
	}
	return b.String()
}

func TestValueIsTheFirst(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"": "", "a": "", "a=": "", "a=1": "1", "b=2&a=1": "1", "a=1&a=2": "1", "%61=1": "1", "a=%20+": "  ", "a=1;b=2": "1;b=2", "aa=1&&a=3": "3", "%zz=1&a=2": "2",
	} {
		require.Equal(t, want, query.Value(raw, "a"), raw)
	}
}

func TestRulesCheckEveryParameter(t *testing.T) {
	t.Parallel()
	low, high, most := 1.0, 9.0, 3
	rules := query.RulesOf([]*huma.Param{
		{Name: "n", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high}},
		{Name: "m", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &low}},
		{Name: "i", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger}},
		{Name: "b", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}},
		{Name: "e", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"x", "y"}}},
		{Name: "s", In: "query", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most}},
		{Name: "t", In: "query", Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "d", In: "query", Style: "deepObject", Schema: &huma.Schema{Type: huma.TypeObject}},
		{Name: "p", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}},
		{Ref: "#/components/parameters/X"},
	})
	for _, raw := range []string{"", "n=1&n=9", "m=99999999999", "i=-3", "b=true", "b=false", "e=x", "e=", "s=%C3%A9%C3%A9%C3%A9", "t=anything", "d=1&d[x]=2", "p=x", "unknown=%zz"} {
		require.NoError(t, rules.Check(raw), raw)
	}
	for raw, want := range map[string]string{
		"n=0": "n must be an integer from 1 to 9", "n=10": "n must be an integer from 1 to 9", "n=": "n must be an integer from 1 to 9",
		"n": "n must be an integer from 1 to 9", "n=1.0": "n must be an integer from 1 to 9", "n=%201": "n must be an integer from 1 to 9",
		"n=1&n=x": "n must be an integer from 1 to 9", "m=0": "m must be an integer of at least 1", "i=x": "i must be an integer",
		"i=9223372036854775808": "i must be an integer", "i=%2B1": "i must be an integer", "b=1": "b must be true or false", "b": "b must be true or false",
		"e=z": "e must be one of x, y", "s=abcd": "s must be UTF-8 without NUL, of at most 3 characters", "t=%00": "t must be UTF-8 without NUL",
		"t=%ff": "t must be UTF-8 without NUL", "t=%f": "t must be percent-encoded correctly", "%74=%00": "t must be UTF-8 without NUL",
	} {
		err := rules.Check(raw)
		require.ErrorIs(t, err, pmerr.ErrValidation, raw)
		require.Equal(t, []string{want}, pmerr.From(err).Fields, raw)
	}
}

func TestRequiredParametersAreMissed(t *testing.T) {
	t.Parallel()
	rules := query.RulesOf([]*huma.Param{
		{Name: "a", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "b", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
	})
	require.NoError(t, rules.Check("a=1&b=2"))
	require.Equal(t, []string{"b is required"}, pmerr.From(rules.Check("a=1&b=")).Fields)
	require.Equal(t, []string{"a is required", "b is required"}, pmerr.From(rules.Check("")).Fields)
}

func TestPeriodsAreOpenAtZero(t *testing.T) {
	t.Parallel()
	from, to := query.Period{}.Bounds()
	require.True(t, from.IsZero())
	require.True(t, to.IsZero())
	from, to = query.Period{From: 5, To: 7}.Bounds()
	require.Equal(t, int64(5), from.Unix())
	require.Equal(t, int64(7), to.Unix())
}

// What Brackets gives has no more than what was sent, and is not deeper than
// it may be.
func FuzzBrackets(f *testing.F) {
	for _, seed := range []string{"v[a]=1", "v[a][b][]=1&v[a][b]=2", "v[", "v[]]", "v%5B%5D=", "v[a]=1&v[a][b]=2", "v[a][", "v[\xff]=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := query.Brackets(raw, "v")
		if err != nil {
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.NotEmpty(t, pmerr.From(err).Fields)
			return
		}
		require.LessOrEqual(t, count(t, got, 0), strings.Count(raw, "&")+1)
	})
}

func count(t *testing.T, v any, depth int) (values int) {
	t.Helper()
	require.LessOrEqual(t, depth, 34)
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			values += count(t, member, depth+1)
		}
		return values
	case []any:
		return len(v)
	}
	return 1
}
