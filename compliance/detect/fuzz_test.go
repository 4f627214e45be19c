package detect_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/internal/hostile"
)

// checkFindings is what holds for every result, whatever the text.
func checkFindings(t testing.TB, text string, r detect.Result) {
	t.Helper()
	runes := len([]rune(text))
	last := map[bool]int{}
	for i, f := range r.Findings {
		require.True(t, 0 <= f.Start && f.Start < f.End && f.End <= len(text), "%+v", f)
		require.True(t, 0 <= f.StartRune && f.StartRune < f.EndRune && f.EndRune <= runes, "%+v", f)
		require.Equal(t, f.StartRune, utf8.RuneCountInString(text[:f.Start]), "%+v", f)
		require.Equal(t, f.EndRune, utf8.RuneCountInString(text[:f.End]), "%+v", f)
		require.True(t, f.Confidence > 0 && f.Confidence <= 1, "%+v", f)
		require.NotZero(t, f.Severity.Weight(), "%+v", f)
		require.NotEmpty(t, f.Rule)
		require.NotEmpty(t, f.Entity)
		if i > 0 {
			require.LessOrEqual(t, r.Findings[i-1].Start, f.Start, "sorted")
		}
		class := f.Category == detect.Injection
		require.GreaterOrEqual(t, f.Start, last[class], "overlap: %+v", f)
		last[class] = f.End
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range loadCorpus(f) {
		f.Add(s.Text)
	}
	for _, text := range hostile.Texts() {
		f.Add(text[:300])
	}
	s := builtins()
	f.Fuzz(func(t *testing.T, text string) {
		r := s.Scan(text)
		checkFindings(t, text, r)
		require.True(t, slices.Equal(r.Findings, s.Scan(text).Findings), "the same text, the same findings")
	})
}

func TestHostileTextsAreScanned(t *testing.T) {
	t.Parallel()
	s := builtins()
	for name, text := range hostile.Texts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := text[:hostile.Size/4]
			checkFindings(t, text, s.Scan(text))
		})
	}
}
