package detect

import (
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalise makes the copy that detectors read: NFKC, zero-width characters
// stripped, dashes and spaces folded to ASCII. ASCII text is returned as it is.
//
// A dash longer than a hyphen becomes one only between digits, where it stands
// in a number: in "write us—ann@example.com" it must stay a boundary.
func normalise(src []byte) ([]byte, []piece) {
	i := asciiPrefix(src)
	if i == len(src) {
		return src, nil
	}
	n := normaliser{src: src, dst: make([]byte, 0, len(src)+16)}
	for n.pos < len(src) {
		if end := plainSpan(src, n.pos); end > n.pos {
			n.dst = append(n.dst, src[n.pos:end]...)
			n.pos = end
			continue
		}
		// What is in NFKC already is copied rune by rune, as only dashes and
		// invisible characters matter in it.
		window := min(len(src), n.pos+quickWindow)
		if quick, _ := norm.NFKC.Span(src[n.pos:window], window == len(src)); quick > 0 {
			n.copySpan(n.pos + quick)
			continue
		}
		if r, size := utf8.DecodeRune(src[n.pos:]); r >= 0xFF01 && r <= 0xFF5E {
			n.replace(size, []byte{byte(r - 0xFF01 + '!')}) // full-width ASCII
			continue
		}
		size := norm.NFKC.NextBoundary(src[n.pos:], true)
		if size <= 0 {
			size = 1
		}
		n.replace(size, n.visible(n.compose(src[n.pos:n.pos+size])))
	}
	return n.dst, n.pieces
}

// compose is a segment in NFKC. Segments of one code point, which may grow to
// eighteen, are remembered.
func (n *normaliser) compose(seg []byte) []byte {
	r, size := utf8.DecodeRune(seg)
	if size == len(seg) {
		if known, ok := n.known[r]; ok {
			n.scratch = append(n.scratch[:0], known...)
			return n.scratch
		}
	}
	n.scratch = norm.NFKC.Append(n.scratch[:0], seg...)
	if size == len(seg) {
		if n.known == nil {
			n.known = map[rune]string{}
		}
		n.known[r] = string(n.scratch)
	}
	return n.scratch
}

// quickWindow bounds how far the slower check looks before the quick one may go
// on, in bytes.
const quickWindow = 512

// plainSpan is the end of the run of plain code points from i on. The last one
// before another is left out, as a mark may follow that composes with it.
func plainSpan(b []byte, i int) int {
	last := i
	for i < len(b) {
		if run := asciiPrefix(b[i:]); run > 0 {
			i += run
			last = i - 1
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if !plain(r) {
			return last
		}
		last = i
		i += size
	}
	return i
}

// plain are code points of common scripts that NFKC leaves alone, that do not
// compose with what stands before them, and that are neither dashes nor
// invisible.
func plain(r rune) bool {
	switch {
	case r >= 0x4E00 && r <= 0x9FFF, r >= 0xAC00 && r <= 0xD7A3: // Han, Hangul
	case r >= 0x3041 && r <= 0x3096, r >= 0x30A1 && r <= 0x30FA, r == 0x3001, r == 0x3002: // kana
	case r >= 0x00C0 && r <= 0x0131, r >= 0x0134 && r <= 0x013E, r >= 0x0141 && r <= 0x0148, r >= 0x014A && r <= 0x017E: // Latin
	case r >= 0x0391 && r <= 0x03C9, r >= 0x0400 && r <= 0x0481, r >= 0x048A && r <= 0x052F: // Greek, Cyrillic
	case r >= 0x05D0 && r <= 0x05EA, r >= 0x0621 && r <= 0x064A: // Hebrew, Arabic
	case r >= 0x2018 && r <= 0x201F: // quotation marks
	default:
		return false
	}
	return true
}

type normaliser struct {
	src, dst, scratch []byte
	pos               int
	pieces            []piece
	known             map[rune]string
}

func (n *normaliser) copySpan(end int) {
	for n.pos < end {
		if run := asciiPrefix(n.src[n.pos:end]); run > 0 {
			n.dst = append(n.dst, n.src[n.pos:n.pos+run]...)
			n.pos += run
			continue
		}
		r, size := utf8.DecodeRune(n.src[n.pos:end])
		switch {
		case r == utf8.RuneError && size <= 1:
			n.dst = append(n.dst, n.src[n.pos])
			n.pos++
		case invisible(r):
			n.replace(size, nil)
		case n.foldsToHyphen(r, size):
			n.replace(size, []byte{'-'})
		default:
			n.dst = append(n.dst, n.src[n.pos:n.pos+size]...)
			n.pos += size
		}
	}
}

// replace writes text for the next size bytes of the source.
func (n *normaliser) replace(size int, text []byte) {
	n.pieces = append(n.pieces, piece{
		norm: len(n.dst), normEnd: len(n.dst) + len(text),
		orig: n.pos, origEnd: n.pos + size,
	})
	n.dst = append(n.dst, text...)
	n.pos += size
}

// visible drops invisible characters from a normalised segment, in place, and
// folds its hyphens.
func (n *normaliser) visible(seg []byte) []byte {
	out := seg[:0]
	for i := 0; i < len(seg); {
		r, size := utf8.DecodeRune(seg[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			out = append(out, seg[i])
		case invisible(r):
		case r == 0x2010 || r == 0x2212 || r == 0x2013 && n.afterDigit():
			out = append(out, '-')
		default:
			out = append(out, seg[i:i+size]...)
		}
		i += size
	}
	return out
}

func (n *normaliser) afterDigit() bool {
	return len(n.dst) > 0 && isDigit(n.dst[len(n.dst)-1])
}

// foldsToHyphen says whether the dash at the current position reads as "-".
func (n *normaliser) foldsToHyphen(r rune, size int) bool {
	switch r {
	case 0x2010, 0x2011: // hyphen, non-breaking hyphen
		return true
	case 0x2012, 0x2013, 0x2014, 0x2015, 0x2212: // figure, en and em dash, bar, minus
	default:
		return false
	}
	if len(n.dst) == 0 {
		return false
	}
	before := n.dst[len(n.dst)-1]
	after, _ := utf8.DecodeRune(n.src[n.pos+size:])
	return (isDigit(before) || before == ')') &&
		(after >= '0' && after <= '9' || after == '(' || after >= 0xFF10 && after <= 0xFF19)
}

// invisible are the characters that no reader sees, which would otherwise cut
// a value in two: soft hyphen, joiners, direction marks, tag characters.
func invisible(r rune) bool {
	switch {
	case r == 0x00AD, r == 0x034F, r == 0x061C, r == 0x180E, r == 0xFEFF:
		return true
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E:
		return true
	case r >= 0x2060 && r <= 0x206F:
		return true
	case r >= 0xE0000 && r <= 0xE007F:
		return true
	}
	return false
}

// asciiPrefix is the length of the leading ASCII bytes.
func asciiPrefix(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' < 10 }
