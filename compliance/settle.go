package compliance

import (
	"cmp"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// settle decides between findings in a text of that size that overlap: the surer
// one stays, then the longer one, then the first. The result is by position.
func settle(all []detect.Finding, size int) []detect.Finding {
	if slices.IsSortedFunc(all, byPosition) && !overlaps(all) {
		return all
	}
	slices.SortStableFunc(all, func(a, b detect.Finding) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(b.End-b.Start, a.End-a.Start))
	})
	taken := make(positions, size/64+1)
	all = slices.DeleteFunc(all, func(f detect.Finding) bool { return counted(f) && !taken.take(f.Start, f.End) })
	slices.SortStableFunc(all, byPosition)
	return all
}

// counted reports that a finding has a place of its own: injection does not
// compete with data, and a judgement on the whole text with nothing.
func counted(f detect.Finding) bool { return f.Category != detect.Injection && f.End > f.Start }

func byPosition(a, b detect.Finding) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// overlaps reports whether any two findings, by position, overlap.
func overlaps(all []detect.Finding) bool {
	end := 0
	for _, f := range all {
		if !counted(f) {
			continue
		}
		if f.Start < end {
			return true
		}
		end = f.End
	}
	return false
}

// positions is a set of byte positions, 64 a word.
type positions []uint64

// take adds a span, unless a part of it is there.
func (p positions) take(start, end int) bool {
	for w := start / 64; w <= (end-1)/64; w++ {
		if p[w]&within64(w, start, end) != 0 {
			return false
		}
	}
	for w := start / 64; w <= (end-1)/64; w++ {
		p[w] |= within64(w, start, end)
	}
	return true
}

// within64 has the bits of word w that lie in [start, end).
func within64(w, start, end int) uint64 {
	mask := ^uint64(0)
	if skip := start - 64*w; skip > 0 {
		mask <<= uint(skip)
	}
	if over := 64*(w+1) - end; over > 0 {
		mask &= ^uint64(0) >> uint(over)
	}
	return mask
}
