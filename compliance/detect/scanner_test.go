package detect

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// word finds every place of a word.
type word struct {
	text       string
	category   Category
	severity   Severity
	confidence float64
}

func (w word) Find(t *Text, report func(Finding)) {
	for at := 0; ; {
		i := bytes.Index(t.Norm[at:], []byte(w.text))
		if i < 0 {
			return
		}
		report(Finding{
			Rule: w.text, Entity: Entity(w.text), Category: w.category, Severity: w.severity,
			Start: at + i, End: at + i + len(w.text), Confidence: w.confidence,
		})
		at += i + len(w.text)
	}
}

func scan(t testing.TB, text string, o Options) Result {
	t.Helper()
	return NewScanner(o).Scan(text)
}

func rules(r Result) []string {
	var names []string
	for _, f := range r.Findings {
		names = append(names, f.Rule)
	}
	return names
}

func TestOverlaps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		detectors []Detector
		want      []string
	}{
		"the surer wins":       {[]Detector{word{"abcd", PII, Low, .5}, word{"bc", PII, Low, .9}}, []string{"bc"}},
		"then the longer":      {[]Detector{word{"bc", PII, Low, .9}, word{"abcd", Security, Low, .9}}, []string{"abcd"}},
		"then the first":       {[]Detector{word{"abc", PII, Low, .9}, word{"bcd", PII, Low, .9}}, []string{"abc"}},
		"neighbours both stay": {[]Detector{word{"cd", PII, Low, .5}, word{"ab", PII, Low, .9}}, []string{"ab", "cd"}},
		"injection displaces nothing": {
			[]Detector{word{"abcd", Injection, Low, 1}, word{"bc", PII, Low, .5}, word{"bcd", Injection, Low, .5}},
			[]string{"abcd", "bc"},
		},
		"a loser frees its span": {
			[]Detector{word{"ab", PII, Low, .9}, word{"bcd", PII, Low, .8}, word{"d", PII, Low, .7}},
			[]string{"ab", "d"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, rules(scan(t, "x abcd y", Options{Detectors: tc.detectors})))
		})
	}
}

func TestPositionsCountCodePointsOfTheOriginal(t *testing.T) {
	t.Parallel()
	r := scan(t, "é\u200b 😀 a\u200bb \xff ab", Options{Detectors: []Detector{word{"ab", PII, Low, 1}}})
	require.Len(t, r.Findings, 2)
	f := r.Findings[0]
	require.Equal(t, [2]int{5, 8}, [2]int{f.StartRune, f.EndRune})
	f = r.Findings[1]
	require.Equal(t, [2]int{11, 13}, [2]int{f.StartRune, f.EndRune})
}

func TestPlaceholdersNeverAlarm(t *testing.T) {
	t.Parallel()
	r := scan(t, "{{ab}} ab {{ ab.x }}", Options{Detectors: []Detector{word{"ab", PII, Low, 1}}})
	require.Len(t, r.Findings, 1)
	require.Equal(t, 7, r.Findings[0].Start)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("low ", 10) + "high " + strings.Repeat("low ", 10)
	words := []Detector{word{"low", PII, Low, .5}, word{"high", PII, High, .5}}
	t.Run("the gravest are kept in order", func(t *testing.T) {
		t.Parallel()
		r := scan(t, text, Options{Detectors: words, MaxFindings: 2})
		require.True(t, r.Truncated)
		require.Equal(t, []string{"low", "high"}, rules(r))
	})
	t.Run("candidates are bounded", func(t *testing.T) {
		t.Parallel()
		r := scan(t, text, Options{Detectors: words, MaxCandidates: 5})
		require.True(t, r.Truncated)
		require.Len(t, r.Findings, 5)
	})
	t.Run("no bound keeps all", func(t *testing.T) {
		t.Parallel()
		r := scan(t, text, Options{Detectors: words, MaxFindings: -1})
		require.False(t, r.Truncated)
		require.Len(t, r.Findings, 21)
	})
	t.Run("confidence below the threshold is dropped", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, scan(t, text, Options{Detectors: words, MinConfidence: .6}).Findings)
	})
}

// wild reports spans that are not in the text.
type wild struct{ original bool }

func (w wild) Find(t *Text, report func(Finding)) {
	for _, s := range [][2]int{{-1, 2}, {0, len(t.Original) + 9}, {2, 2}, {3, 1}, {1, 2}} {
		report(Finding{Start: s[0], End: s[1], InOriginal: w.original})
	}
}

func TestWildSpansAreDroppedOrWidenedToCodePoints(t *testing.T) {
	t.Parallel()
	for _, original := range []bool{false, true} {
		r := scan(t, "éé", Options{Detectors: []Detector{wild{original}}})
		require.Len(t, r.Findings, 1)
		require.Equal(t, [2]int{0, 2}, [2]int{r.Findings[0].Start, r.Findings[0].End})
		require.Equal(t, [2]int{0, 1}, [2]int{r.Findings[0].StartRune, r.Findings[0].EndRune})
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	of := func(s ...Severity) []Finding {
		var all []Finding
		for _, s := range s {
			all = append(all, Finding{Severity: s, Category: PII})
		}
		return all
	}
	for name, tc := range map[string]struct {
		findings []Finding
		score    int
		level    RiskLevel
		flagged  bool
	}{
		"clean":            {nil, 100, RiskLow, false},
		"one medium":       {of(Medium), 90, RiskLow, false},
		"two e-mails":      {of(High, High), 70, RiskMedium, true},
		"just under":       {of(High, High, Info), 69, RiskHigh, true},
		"forty":            {of(Critical, Critical, Medium), 40, RiskHigh, true},
		"under forty":      {of(Critical, Critical, Medium, Info), 39, RiskCritical, true},
		"never below zero": {of(Critical, Critical, Critical, Critical, High), 0, RiskCritical, true},
		"injection is out": {[]Finding{{Severity: Critical, Category: Injection}}, 100, RiskLow, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			score, level := Score(tc.findings)
			require.Equal(t, tc.score, score)
			require.Equal(t, tc.level, level)
			require.Equal(t, tc.flagged, Flagged(score))
		})
	}
}
