package compliance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

func rulesOf(tb testing.TB, patterns ...string) *ruleSet {
	tb.Helper()
	var rules []Rule
	for i, p := range patterns {
		rules = append(rules, Rule{ID: int64(i + 1), Name: fmt.Sprint(i), Pattern: p}.withDefaults())
	}
	set, err := newRuleSet(rules)
	require.NoError(tb, err)
	return set
}

// spans gives what was found as "rule start end", in order.
func spans(found []detect.Finding) []string {
	out := []string{}
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s %06d %06d", f.Rule, f.Start, f.End))
	}
	slices.Sort(out)
	return out
}

// whole gives what each pattern finds by itself, in the text as a whole.
func whole(text string, patterns ...string) []string {
	out := []string{}
	for i, p := range patterns {
		for _, at := range regexp.MustCompile(p).FindAllStringIndex(text, -1) {
			out = append(out, fmt.Sprintf("%d %06d %06d", i, at[0], at[1]))
		}
	}
	slices.Sort(out)
	return out
}

func TestRulesFindInWindowsWhatTheyFindInTheWhole(t *testing.T) {
	t.Parallel()
	patterns := []string{`\bID-\d{4}\b`, `(?i)straße \d+`, `[äöü]+`, `(?m)^Note:`, `a{3,5}`, `\p{Greek}{2}`, `x.y`, `(?s)b.{1,40}e`}
	words := []string{"ID-1234", "ID-12345", "Straße 7", "STRASSE 7", "äöü", "\nNote: x", "aaaaaaa", "αβγ", "x\ny", "xzy", "b12e", "plain", "ſtraße 1", "ẞ", "\u2028"}
	for _, size := range []int{0, 1, 100, 1000, 5000} {
		var b strings.Builder
		for i := range size {
			b.WriteString(words[(i*7+i/13)%len(words)])
			b.WriteString([]string{" ", "", "."}[i%3])
		}
		text := b.String()
		set := rulesOf(t, patterns...)
		found, _ := set.find([]byte(text))
		if size <= 100 {
			require.Equal(t, whole(text, patterns...), spans(found), "%d words", size)
			continue
		}
		require.Subset(t, whole(text, patterns...), spans(found), "%d words: what is beyond the limit is left out, nothing is made up", size)
		require.NotEmpty(t, found)
	}
}

func TestRulesFindAcrossTheBordersOfWindows(t *testing.T) {
	t.Parallel()
	set := rulesOf(t, `\bID-\d{4}\b`, `<[a-z]+>`)
	long := "<" + strings.Repeat("q", maxMatch-2) + ">"
	for at := windowSize - 1100; at < windowSize+100; at += 7 {
		text := strings.Repeat(".", at) + "ID-1234 " + long + strings.Repeat(" .", 3000) + "ID-4321"
		found, truncated := set.find([]byte(text))
		require.Len(t, found, 3, at)
		require.False(t, truncated)
		require.Equal(t, whole(text, `\bID-\d{4}\b`, `<[a-z]+>`), spans(found))
	}
	found, _ := set.find([]byte("<" + strings.Repeat("q", maxMatch) + ">"))
	require.Empty(t, found, "a match that is too long")
}

// FuzzRules checks that no window, no automaton and no rule beside it hides
// what a rule finds by itself.
func FuzzRules(f *testing.F) {
	for _, seed := range [][2]string{
		{`\bID-\d{4}\b`, "ID-1234"},
		{`(?i)k+`, "K\u212a"},
		{`[^a]b?`, "ab\xffé"},
		{`x.*y`, strings.Repeat("x", 90) + "y"},
		{`(?:a|b|[c-e])+f`, "abcdef"},
		{`(?s).`, "\n"},
		{`\x{1F600}|a`, "😀"},
		{`a$|b`, "b"},
		{`\Bx`, "xx"},
	} {
		f.Add(seed[0], seed[1])
	}
	beside := compiledRule(f, `z{2}|[0-9]`)
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > maxPattern || len(text) > 2000 {
			return
		}
		c, err := compile(Rule{Pattern: pattern}.withDefaults())
		if err != nil {
			return
		}
		set := &ruleSet{rules: []compiled{beside, c}}
		set.union = newUnion(set.rules)
		set.walks.New = func() any { return set.union.walk() }
		found, truncated := set.find([]byte(text))
		got := 0
		for _, f := range found {
			if f.Rule == "" {
				got++
			}
		}
		want := 0
		for _, at := range c.re.FindAllSubmatchIndex([]byte(text), -1) {
			if len(at) > 2 && at[2] >= 0 && at[3] > at[2] {
				at = at[2:]
			}
			if at[1]-at[0] <= maxMatch {
				want++
			}
		}
		if !truncated {
			require.Equal(t, want, got, "%q in %q", pattern, text)
		}
	})
}

func compiledRule(tb testing.TB, pattern string) compiled {
	tb.Helper()
	c, err := compile(Rule{Name: "beside", Pattern: pattern}.withDefaults())
	require.NoError(tb, err)
	return c
}

// hostile is texts and rules that make naive matching slow.
func hostile() map[string]struct {
	patterns []string
	text     string
} {
	many := func(format string) []string {
		var patterns []string
		for i := range MaxRules {
			patterns = append(patterns, fmt.Sprintf(format, i))
		}
		return patterns
	}
	const size = 100_000
	return map[string]struct {
		patterns []string
		text     string
	}{
		"200 words in prose":       {many(`\bcode%d\b`), strings.Repeat("The quick brown fox jumps over code7 lazy dogs. ", size/48)},
		"200 digits in digits":     {many(`\b%d\d{6}\b`), strings.Repeat("1234567 ", size/8)},
		"200 alike in their text":  {many(`a{3}%d`), strings.Repeat("a", size)},
		"late failure everywhere":  {[]string{`a(?:[^b]*b)?`, `x.*y`, `(?:a+)+c`}, strings.Repeat("a", size)},
		"lazy to the end":          {[]string{`a.*?z`, `(?s)a.*z`}, strings.Repeat("a ", size/2)},
		"no small automaton":       {[]string{`(?:a|b)*a(?:a|b){12}c`}, strings.Repeat("abbabaab", size/8)},
		"all characters of a kind": {[]string{`\pL{20}`, `[^\x00-\x7f]{3}x`}, strings.Repeat("ä", size/2)},
	}
}

// TestRulesEndOnHostileText has them found where they are; what that costs is
// measured by BenchmarkRules.
func TestRulesEndOnHostileText(t *testing.T) {
	t.Parallel()
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, _ := rulesOf(t, c.patterns...).find([]byte(c.text))
			for _, f := range found {
				require.True(t, 0 <= f.Start && f.Start < f.End && f.End <= len(c.text), "%+v", f)
			}
		})
	}
}

func BenchmarkRules(b *testing.B) {
	for name, c := range hostile() {
		b.Run(name, func(b *testing.B) {
			set := rulesOf(b, c.patterns...)
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				set.find([]byte(c.text))
			}
		})
	}
}

func TestAnAutomatonThatGrowsIsGivenUp(t *testing.T) {
	t.Parallel()
	set := rulesOf(t, `(?:a|b)*a(?:a|b){14}c`)
	var b strings.Builder
	seed := uint32(1)
	for range 60_000 {
		seed = seed*1664525 + 1013904223
		b.WriteByte("ab"[seed>>31])
	}
	text := b.String() + "a" + strings.Repeat("b", 14) + "c"
	w := set.union.walk()
	for at := 0; at < len(text); at += windowSize {
		w.hits([]byte(text[at:min(at+windowSize, len(text))]))
		require.LessOrEqual(t, len(w.states), maxStates+1)
	}
	require.Greater(t, w.rebuilt, maxRebuilt)
	found, _ := set.find([]byte("x " + text[len(text)-100:]))
	require.NotEmpty(t, found)
}
