package detect

import (
	"encoding/binary"
	"sort"
)

// Text is what detectors read: the normalised copy of an original. Positions
// in it are byte offsets of Norm; the scanner maps them back.
type Text struct {
	// Norm is NFKC, without zero-width characters, with dashes and spaces
	// folded to ASCII. It equals Original where that is already so.
	Norm []byte
	// Lower is Norm with ASCII letters in lower case, for context words. Its
	// length is that of Norm.
	Lower []byte
	// Original is what the caller gave.
	Original []byte

	pieces       []piece
	placeholders []span
}

// piece is a part of the original that normalisation changed. Between pieces
// the two texts are equal. A piece that was dropped is empty in Norm.
type piece struct {
	norm, normEnd int
	orig, origEnd int
}

type span struct{ start, end int }

// NewText normalises a text and finds its template placeholders.
func NewText(original string) *Text {
	t := &Text{Original: []byte(original)}
	t.Norm, t.pieces = normalise(t.Original)
	t.Lower = lowerASCII(t.Norm)
	t.placeholders = findPlaceholders(t.Norm)
	return t
}

// InPlaceholder says whether the span of Norm lies within one template
// placeholder, such as {{user.email}}. Scanners drop such findings by
// themselves; detectors may ask earlier.
func (t *Text) InPlaceholder(start, end int) bool {
	i := sort.Search(len(t.placeholders), func(i int) bool { return t.placeholders[i].end >= end })
	return i < len(t.placeholders) && t.placeholders[i].start <= start
}

// original maps a span of Norm, which must not be empty, to the original. What
// was dropped right before or after it stays outside.
func (t *Text) original(start, end int) (int, int) {
	if len(t.pieces) == 0 {
		return start, end
	}
	from := t.originalAt(start)
	last := end - 1
	if p := t.pieceAt(last); p >= 0 && last < t.pieces[p].normEnd {
		return from, t.pieces[p].origEnd
	}
	return from, t.originalAt(last) + 1
}

func (t *Text) originalAt(pos int) int {
	p := t.pieceAt(pos)
	if p < 0 {
		return pos
	}
	if pos < t.pieces[p].normEnd {
		return t.pieces[p].orig
	}
	return t.pieces[p].origEnd + pos - t.pieces[p].normEnd
}

// pieceAt is the last piece that starts at or before pos, or -1.
func (t *Text) pieceAt(pos int) int {
	return sort.Search(len(t.pieces), func(i int) bool { return t.pieces[i].norm > pos }) - 1
}

// lowerASCII is a copy with A to Z as a to z, eight bytes at a time: adding to
// the low seven bits carries into the eighth where a byte is at least A, and
// where it is beyond Z.
func lowerASCII(b []byte) []byte {
	const ones = 0x0101010101010101
	low := make([]byte, len(b))
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		seven := x & (0x7F * ones)
		upper := (seven + (0x80-'A')*ones) &^ (seven + (0x7F-'Z')*ones) &^ x & (0x80 * ones)
		binary.LittleEndian.PutUint64(low[i:], x|upper>>2)
	}
	for ; i < len(b); i++ {
		low[i] = b[i]
		if b[i]-'A' < 26 {
			low[i] |= 0x20
		}
	}
	return low
}
