package detect_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// The aims of the scanner over the labelled texts.
const (
	aimMacroF1      = 0.95
	aimCoreF1       = 0.90
	aimHardAlarms   = 0.05
	aimCleanAlarms  = 0
	leastTexts      = 400
	leastHard       = 200
	leastCoreLabels = 15
)

// core are the entities that must each reach aimCoreF1.
var core = []detect.Entity{
	"EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "CREDIT_CARD", "IP_ADDRESS", "URL",
}

// corpusFiles narrows a run to one file, to see the figures of that file alone:
// go test ./compliance/detect -run TestCorpus -v -args -corpus=blind.jsonl.
var corpusFiles = flag.String("corpus", "*.jsonl", "files of testdata/corpus to judge")

// sample is one labelled text. Texts that look like live secrets are kept in
// Parts, which are joined, so that no file holds the token itself.
type sample struct {
	Text  string   `json:"text"`
	Parts []string `json:"parts"`
	Kind  string   `json:"kind"`
	Spans []struct {
		Entity detect.Entity `json:"entity"`
		// Start and End count code points.
		Start int `json:"start"`
		End   int `json:"end"`
		// Vendor of a secret, if the label tells.
		Vendor string `json:"vendor"`
	} `json:"spans"`
	where string
}

func loadCorpus(t testing.TB) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", *corpusFiles))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []sample
	seen := map[string]string{}
	for _, name := range files {
		f, err := os.Open(name)
		require.NoError(t, err)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if strings.TrimSpace(lines.Text()) == "" {
				continue
			}
			s := sample{where: fmt.Sprintf("%s:%d", filepath.Base(name), n)}
			d := json.NewDecoder(strings.NewReader(lines.Text()))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(&s), s.where)
			s.Text += strings.Join(s.Parts, "")
			checkSample(t, s)
			require.Empty(t, seen[s.Text], "%s repeats", s.where)
			seen[s.Text] = s.where
			all = append(all, s)
		}
		require.NoError(t, lines.Err())
		require.NoError(t, f.Close())
	}
	return all
}

func checkSample(t testing.TB, s sample) {
	t.Helper()
	require.NotEmpty(t, s.Text, s.where)
	require.Contains(t, []string{"positive", "hard_negative", "clean"}, s.Kind, s.where)
	require.Equal(t, s.Kind == "positive", len(s.Spans) > 0, "%s: only positives have spans", s.where)
	for _, p := range s.Spans {
		require.True(t, 0 <= p.Start && p.Start < p.End && p.End <= utf8.RuneCountInString(s.Text),
			"%s: %s %d..%d", s.where, p.Entity, p.Start, p.End)
	}
}

// tally counts spans that agree in entity, start and end.
type tally struct{ hit, wrong, missed int }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

func (c tally) precision() float64 { return ratio(c.hit, c.hit+c.wrong) }
func (c tally) recall() float64    { return ratio(c.hit, c.hit+c.missed) }
func (c tally) f1() float64        { return ratio(2*c.hit, 2*c.hit+c.wrong+c.missed) }

type alarms struct{ texts, alarmed int }

type span struct {
	entity     detect.Entity
	start, end int
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	scanner := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
	samples := loadCorpus(t)
	tallies := map[detect.Entity]*tally{}
	of := func(e detect.Entity) *tally {
		if tallies[e] == nil {
			tallies[e] = &tally{}
		}
		return tallies[e]
	}
	kinds := map[string]*alarms{"positive": {}, "hard_negative": {}, "clean": {}}
	for _, s := range samples {
		var got, want []span
		for _, f := range scanner.Scan(s.Text).Findings {
			got = append(got, span{f.Entity, f.StartRune, f.EndRune})
		}
		for _, p := range s.Spans {
			want = append(want, span{p.Entity, p.Start, p.End})
		}
		k := kinds[s.Kind]
		k.texts++
		if len(got) > 0 {
			k.alarmed++
		}
		for _, g := range got {
			if slices.Contains(want, g) {
				of(g.entity).hit++
				continue
			}
			of(g.entity).wrong++
			t.Logf("%s: wrong %s %q", s.where, g.entity, cut(s.Text, g))
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				of(w.entity).missed++
				t.Logf("%s: missed %s %q", s.where, w.entity, cut(s.Text, w))
			}
		}
	}
	judge(t, tallies, kinds, len(samples))
}

func judge(t *testing.T, tallies map[detect.Entity]*tally, kinds map[string]*alarms, texts int) {
	t.Helper()
	var (
		names []detect.Entity
		sum   float64
		b     strings.Builder
	)
	for e := range tallies {
		names = append(names, e)
	}
	slices.SortFunc(names, func(a, b detect.Entity) int { return cmp.Compare(a, b) })
	fmt.Fprintf(&b, "\n%-24s %6s %9s %6s %6s\n", "entity", "spans", "precision", "recall", "F1")
	for _, e := range names {
		c := tallies[e]
		sum += c.f1()
		fmt.Fprintf(&b, "%-24s %6d %9.3f %6.3f %6.3f\n", e, c.hit+c.missed, c.precision(), c.recall(), c.f1())
	}
	macro := sum / float64(max(1, len(names)))
	hard, clean := kinds["hard_negative"], kinds["clean"]
	fmt.Fprintf(&b, "macro-F1 %.4f over %d entities, %d texts\n", macro, len(names), texts)
	fmt.Fprintf(&b, "alarms: hard negatives %d of %d, clean prose %d of %d",
		hard.alarmed, hard.texts, clean.alarmed, clean.texts)
	t.Log(b.String())

	require.GreaterOrEqual(t, texts, leastTexts)
	require.GreaterOrEqual(t, hard.texts, leastHard)
	require.GreaterOrEqual(t, macro, aimMacroF1)
	for _, e := range core {
		require.NotNil(t, tallies[e], "no text has %s", e)
		require.GreaterOrEqual(t, tallies[e].hit+tallies[e].missed, leastCoreLabels, "labels of %s", e)
		require.GreaterOrEqual(t, tallies[e].f1(), aimCoreF1, "%s", e)
	}
	require.LessOrEqual(t, ratio(hard.alarmed, hard.texts), aimHardAlarms)
	require.LessOrEqual(t, clean.alarmed, aimCleanAlarms)
}

func cut(text string, s span) string { return string([]rune(text)[s.start:s.end]) }
