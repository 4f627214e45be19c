package telemetry_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// A trace is written as lines "id<parent role": role c is a call that may be
// counted, L one that is logged, t a tool, anything else plain; + has tokens.
func TestCountedCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ trace, counted string }{
		"one call":                                      {"a< c+", "a"},
		"two calls side by side":                        {"r< -, a<r c+, b<r c+", "a b"},
		"the innermost of two":                          {"a< c+, b<a c+", "b"},
		"the innermost of three":                        {"a< c+, b<a c+, c<b c+", "c"},
		"through a span that is no call":                {"a< c+, h<a -, b<h c+", "b"},
		"a tool keeps calls apart":                      {"a< c+, t<a t, b<t c+", "a b"},
		"tokens are with the outer one":                 {"a< c+, b<a c", "a"},
		"no tokens anywhere":                            {"a< c, b<a c", "b"},
		"a failed try beside one that worked":           {"a< c+, b<a c, c<a c+", "b c"},
		"all tries failed":                              {"a< c, b<a c, c<a c", "b c"},
		"a call below one that is logged":               {"a< L+, b<a c+", ""},
		"a call around one that is logged":              {"a< c+, b<a L+", ""},
		"through a span, around one that is logged":     {"a< c+, h<a -, b<h L+", ""},
		"beside one that is logged":                     {"r< -, a<r L+, b<r c+", "b"},
		"tokens come after a log without":               {"a< c+, b<a L", "a"},
		"tokens come below a log without":               {"a< L, b<a c+", "b"},
		"none come around a log without":                {"a< c, b<a L", ""},
		"none come below a log without":                 {"a< L, b<a c", ""},
		"behind a tool of one that is logged":           {"a< L+, t<a t, b<t c+", "b"},
		"a parent that nobody knows":                    {"a<z c+", "a"},
		"a circle ends":                                 {"a<b c+, b<a c+", ""},
		"a circle of spans that are no calls":           {"a<b -, b<a -, c<a c+", "c"},
		"outer tokens, inner logged and one inner with": {"a< c+, b<a c, c<b c+", "c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := map[string]telemetry.PlacedSpan{}
			for line := range strings.SplitSeq(test.trace, ", ") {
				id, rest, _ := strings.Cut(line, "<")
				parent, kind, _ := strings.Cut(rest, " ")
				s := telemetry.PlacedSpan{ParentID: parent, Tokens: strings.HasSuffix(kind, "+")}
				switch kind[0] {
				case 'c':
					s.Role, s.Candidate = telemetry.CallSpan, true
				case 'L':
					s.Role, s.Logged = telemetry.CallSpan, true
				case 't':
					s.Role = telemetry.BoundarySpan
				}
				spans[id] = s
			}
			got := slices.Sorted(maps.Keys(telemetry.CountedCalls(spans)))
			require.Equal(t, test.counted, strings.Join(got, " "))
		})
	}
}
