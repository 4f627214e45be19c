package detect

import (
	"cmp"
	"slices"
)

// resolve settles overlaps: the surer finding wins, then the longer one, then
// the one reported first. Injection is a class of its own, as a sentence that
// gives orders may well hold an address. The result is sorted by position.
func resolve(candidates []Finding, size int) []Finding {
	if len(candidates) == 0 {
		return nil
	}
	slices.SortStableFunc(candidates, func(a, b Finding) int {
		if c := cmp.Compare(b.Confidence, a.Confidence); c != 0 {
			return c
		}
		return cmp.Compare(b.End-b.Start, a.End-a.Start)
	})
	var (
		kept  = candidates[:0]
		taken = newCover(size)
		told  cover // made when the first injection turns up
	)
	for _, f := range candidates {
		c := taken
		if f.Category == Injection {
			if told == nil {
				told = newCover(size)
			}
			c = told
		}
		if c.free(f.Start, f.End) {
			c.mark(f.Start, f.End)
			kept = append(kept, f)
		}
	}
	slices.SortStableFunc(kept, byPosition)
	return kept
}

// cover is a set of byte positions, 64 a word.
type cover []uint64

func newCover(size int) cover { return make(cover, size/64+1) }

func (c cover) free(start, end int) bool {
	for w := start / 64; w <= (end-1)/64; w++ {
		if c[w]&window(w, start, end) != 0 {
			return false
		}
	}
	return true
}

func (c cover) mark(start, end int) {
	for w := start / 64; w <= (end-1)/64; w++ {
		c[w] |= window(w, start, end)
	}
}

// window has the bits of word w that lie in [start, end).
func window(w, start, end int) uint64 {
	m := ^uint64(0)
	if low := start - w*64; low > 0 {
		m <<= uint(low)
	}
	if high := (w+1)*64 - end; high > 0 {
		m &= ^uint64(0) >> uint(high)
	}
	return m
}
