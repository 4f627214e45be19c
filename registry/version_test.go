package registry_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func TestValidVersion(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"0.0.0", "1.2.3", "10.20.30", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-0.3.7", "1.0.0-x.7.z.92", "1.0.0-x-y-z.--",
		"1.0.0+20130313144700", "1.0.0-beta+exp.sha.5114f85", "1.0.0+21AF26D3----117B344092BD",
		"1.0.0-" + strings.Repeat("a", 58), "99999999999.0.0",
	} {
		require.True(t, registry.ValidVersion(v), v)
	}
	for _, v := range []string{
		"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "1.2.3-01", "1.2.3-", "1.2.3+", "1.2.3-a..b", " 1.2.3", "1.2.3 ",
		"1.2.x", "latest", "^1.2.3", "1.2.3\n", "1.2.3-ü", "-1.2.3", "1.0.0-" + strings.Repeat("a", 59), "1.2.3-a/b", "../1.2.3", "1.2.3\x00",
	} {
		require.False(t, registry.ValidVersion(v), "%q", v)
	}
}

// inOrder lists versions from the earliest to the latest.
var inOrder = []string{
	// Pre-releases come before every release, in the order of SemVer.
	"0.1.0-alpha", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
	"1.0.0-rc.1", "2.0.0-rc.1", "10.0.0-alpha",
	"0.0.9", "0.0.10", "0.9.0", "1.0.0", "1.0.0+build.1", "1.0.0+build.2", "1.0.1", "1.9.0", "1.10.0", "2.0.0",
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for i, a := range inOrder {
		for j, b := range inOrder {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			require.Equal(t, want, registry.Compare(a, b), "%s and %s", a, b)
		}
	}
	require.Negative(t, registry.Compare("not a version", "0.0.1-alpha"))
	require.Zero(t, registry.Compare("what", "what"))
}

func TestLatest(t *testing.T) {
	t.Parallel()
	require.Empty(t, registry.Latest(nil))
	shuffled := slices.Clone(inOrder)
	for range 20 {
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		require.Equal(t, "2.0.0", registry.Latest(shuffled))
	}
	require.Equal(t, "1.10.0", registry.Latest([]string{"1.9.0", "1.10.0", "1.2.0"}))
	require.Equal(t, "1.0.0", registry.Latest([]string{"2.0.0-rc.1", "1.0.0"}), "a release before any pre-release")
	require.Equal(t, "2.0.0-rc.1", registry.Latest([]string{"2.0.0-rc.1", "1.0.0-rc.9"}), "of pre-releases the highest")
}

func TestPick(t *testing.T) {
	t.Parallel()
	versions := []string{"1.0.0", "1.2.0", "1.2.9", "1.3.0-rc.1", "1.4.0", "1.4.7", "1.10.1", "2.0.0", "2.1.0-beta", "3.0.0-alpha"}
	for selector, want := range map[string]string{
		"":                "2.0.0",
		"1.2.0":           "1.2.0",
		"1.3.0-rc.1":      "1.3.0-rc.1",
		"^1.2":            "1.10.1",
		"^1":              "1.10.1",
		"~1.4.0":          "1.4.7",
		"~1.2":            "1.2.9",
		">=1 <2":          "1.10.1",
		">=1, <2":         "1.10.1",
		"1.x":             "1.10.1",
		"*":               "2.0.0",
		"1.2":             "1.2.9",
		"1.0.0 - 1.4.0":   "1.4.0",
		"~1.2 || ~1.4":    "1.4.7",
		"<1.3.0":          "1.2.9",
		">=1.3.0-0 <1.4":  "1.3.0-rc.1",
		">=2.1.0-0":       "3.0.0-alpha",
		"!=2.0.0":         "1.10.1",
		"v1.2.0":          "1.2.0",
		"^9":              "",
		"9.9.9":           "",
		">2 <2.5":         "",
		"~2.1":            "",
		"<1.0.0 || >=4.0": "",
	} {
		t.Run(selector, func(t *testing.T) {
			t.Parallel()
			got, ok, err := registry.Pick(versions, selector)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, want != "", ok)
		})
	}
	for _, selector := range []string{"latest", "production", "^", ">=", "1.2.3.4", "a.b.c", "1.0.0 -", strings.Repeat("1", 300), ">=1 <", "\x00"} {
		t.Run("refuses "+selector, func(t *testing.T) {
			t.Parallel()
			_, _, err := registry.Pick(versions, selector)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, pmerr.From(err).Fields, 1)
			require.Contains(t, pmerr.From(err).Fields[0], "version must be")
		})
	}
	t.Run("of nothing picks nothing", func(t *testing.T) {
		t.Parallel()
		for _, selector := range []string{"", "^1", "1.0.0"} {
			_, ok, err := registry.Pick(nil, selector)
			require.NoError(t, err)
			require.False(t, ok)
		}
	})
	t.Run("prefers the version itself to what it means as a range", func(t *testing.T) {
		t.Parallel()
		got, ok, err := registry.Pick([]string{"1.0.0+a", "1.0.0+b", "1.0.0"}, "1.0.0")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "1.0.0", got)
	})
}

// grammar is the expression that semver.org suggests.
var grammar = regexp.MustCompile(`\A(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?\z`)

// FuzzVersion checks that versions are those of the grammar, and that Compare
// is an order of them.
func FuzzVersion(f *testing.F) {
	for i, v := range inOrder {
		f.Add(v, inOrder[(i*7)%len(inOrder)], inOrder[(i*3)%len(inOrder)])
	}
	f.Add("", "x", "1.2")
	f.Add("18446744073709551616.0.0", "1.0.0-18446744073709551616", "1.0.0-99999999999999999999999")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, v := range []string{a, b, c} {
			if registry.ValidVersion(v) {
				require.Regexp(t, grammar, v)
				require.LessOrEqual(t, len(v), 64)
			} else if len(v) <= 64 && grammar.MatchString(v) {
				// Only numbers that fit no integer of the machine are refused.
				require.Regexp(t, `\d{19}`, v)
			}
		}
		require.Zero(t, registry.Compare(a, a))
		require.Equal(t, registry.Compare(a, b), -registry.Compare(b, a))
		if registry.Compare(a, b) <= 0 && registry.Compare(b, c) <= 0 {
			require.LessOrEqual(t, registry.Compare(a, c), 0, "%q %q %q", a, b, c)
		}
		if registry.Compare(a, b) == 0 && registry.ValidVersion(a) && registry.ValidVersion(b) {
			require.Equal(t, a, b, "different versions are never the same")
		}
	})
}

// FuzzPick checks that a selector is answered with a version that is there, or
// refused as what it is.
func FuzzPick(f *testing.F) {
	for _, selector := range []string{"", "^1.2", "~1", ">=1 <2", "1.x || 2.x", "*", "latest", "1.0.0", "<<<", ">= 1.0.0-0", strings.Repeat("1.0.0 || ", 20)} {
		f.Add(selector)
	}
	f.Fuzz(func(t *testing.T, selector string) {
		got, ok, err := registry.Pick(inOrder, selector)
		if err != nil {
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.False(t, ok)
			return
		}
		require.Equal(t, ok, slices.Contains(inOrder, got))
		if registry.ValidVersion(selector) {
			require.Equal(t, ok, got == selector)
		}
	})
}
