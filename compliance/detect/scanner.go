package detect

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Options says how a scanner works. The zero value finds nothing.
type Options struct {
	// Detectors run in this order over each text. Later ones lose ties.
	Detectors []Detector
	// MaxFindings bounds the findings of one result. The gravest are kept.
	// Default 1,000; a negative number means no bound but MaxCandidates.
	MaxFindings int
	// MaxCandidates bounds what detectors may report for one text before
	// overlaps are settled, and so the memory of a scan. Default 100,000.
	MaxCandidates int
	// MinConfidence drops findings below it. Default 0: none.
	MinConfidence float64
}

// Scanner runs detectors over texts. It is safe for concurrent use.
type Scanner struct{ o Options }

// NewScanner makes a scanner; what Options leaves out takes its default.
func NewScanner(o Options) *Scanner {
	if o.MaxFindings == 0 {
		o.MaxFindings = 1000
	}
	if o.MaxCandidates <= 0 {
		o.MaxCandidates = 100_000
	}
	o.Detectors = slices.Clone(o.Detectors)
	return &Scanner{o: o}
}

// Result is what a scan found, sorted by position. Findings of one class do
// not overlap; the classes are injection, and everything else.
type Result struct {
	Findings []Finding
	// Truncated says that there was more than the limits let through.
	Truncated bool
}

// Scan finds the sensitive data of a text. It never fails, whatever the bytes.
func (s *Scanner) Scan(text string) Result { return s.ScanText(NewText(text)) }

// ScanText is Scan for a text that was normalised before.
func (s *Scanner) ScanText(t *Text) Result {
	var (
		r          Result
		candidates []Finding
	)
	report := func(f Finding) {
		if f.Confidence < s.o.MinConfidence {
			return
		}
		if len(candidates) >= s.o.MaxCandidates {
			r.Truncated = true
			return
		}
		if f, ok := t.locate(f); ok {
			candidates = append(candidates, f)
		}
	}
	for _, d := range s.o.Detectors {
		d.Find(t, report)
	}
	r.Findings = resolve(candidates, len(t.Original))
	if s.o.MaxFindings > 0 && len(r.Findings) > s.o.MaxFindings {
		r.Truncated = true
		r.Findings = gravest(r.Findings, s.o.MaxFindings)
	}
	countRunes(t.Original, r.Findings)
	return r
}

// locate maps a reported finding to the original; false if it is out of bounds,
// empty, or names a placeholder.
func (t *Text) locate(f Finding) (Finding, bool) {
	limit := len(t.Norm)
	if f.InOriginal {
		limit = len(t.Original)
	}
	if f.Start < 0 || f.End > limit || f.Start >= f.End {
		return f, false
	}
	if !f.InOriginal {
		if t.InPlaceholder(f.Start, f.End) {
			return f, false
		}
		f.Start, f.End = t.original(f.Start, f.End)
	}
	f.InOriginal = false
	for f.Start > 0 && !boundary(t.Original, f.Start) {
		f.Start--
	}
	for f.End < len(t.Original) && !boundary(t.Original, f.End) {
		f.End++
	}
	return f, true
}

// boundary says whether a code point may start at i, as range over the text
// would see it.
func boundary(b []byte, i int) bool {
	if utf8.RuneStart(b[i]) {
		return true
	}
	// A continuation byte belongs to the rune before it, if that is whole.
	for back := 1; back < utf8.UTFMax && back <= i; back++ {
		if utf8.RuneStart(b[i-back]) {
			_, size := utf8.DecodeRune(b[i-back:])
			return size <= back
		}
	}
	return true
}

// gravest keeps n findings by severity, then confidence, in order of position.
func gravest(all []Finding, n int) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		if c := cmp.Compare(b.Severity.Weight(), a.Severity.Weight()); c != 0 {
			return c
		}
		return cmp.Compare(b.Confidence, a.Confidence)
	})
	all = slices.Clip(all[:n])
	slices.SortStableFunc(all, byPosition)
	return all
}

func byPosition(a, b Finding) int {
	if c := cmp.Compare(a.Start, b.Start); c != 0 {
		return c
	}
	return cmp.Compare(a.End, b.End)
}

// countRunes fills in StartRune and EndRune of findings sorted by position.
func countRunes(b []byte, findings []Finding) {
	at, runes := 0, 0
	for i := range findings {
		f := &findings[i]
		runes += utf8.RuneCount(b[at:f.Start])
		at = f.Start
		f.StartRune = runes
	}
	// Ends of the two classes may nest, so each is counted from its own start.
	for i := range findings {
		f := &findings[i]
		f.EndRune = f.StartRune + utf8.RuneCount(b[f.Start:f.End])
	}
}
