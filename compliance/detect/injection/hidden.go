package injection

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// hidden looks in the original for characters that no reader sees and a model
// reads all the same. Emoji, and scripts whose spelling needs joiners, use such
// characters too; they are told apart by their neighbours.
func hidden(t *detect.Text, report func(detect.Finding)) {
	h := hider{b: t.Original, report: report}
	for i := 0; i < len(h.b); {
		c := h.b[i]
		if c < utf8.RuneSelf {
			i++
			continue
		}
		// Only these begin what this looks for: U+00AD, U+200B…, U+FEFF, and
		// U+FE00…; U+E0000….
		switch c {
		case 0xC2, 0xE2, 0xEF, 0xF3:
			i = h.at(i)
		default:
			i++
		}
	}
	h.flush()
}

// hider collects hidden characters that stand close together into one finding.
type hider struct {
	b      []byte
	report func(detect.Finding)

	start, end int // what was collected, empty if equal
	severity   detect.Severity
	confidence float64
	rtl        int // 0 unknown, 1 the text has right-to-left letters, 2 it has none
}

// gap is how far apart, in bytes, hidden characters of one finding may be.
const gap = 24

func (h *hider) mark(start, end int, severity detect.Severity, confidence float64) {
	if h.end > h.start && start-h.end <= gap {
		h.end = end
		if severity == detect.Medium {
			h.severity = severity
		}
		h.confidence = max(h.confidence, confidence)
		return
	}
	h.flush()
	h.start, h.end, h.severity, h.confidence = start, end, severity, confidence
}

func (h *hider) flush() {
	if h.end > h.start {
		h.report(detect.Finding{
			Rule: hiddenRule, Entity: HiddenText, Severity: h.severity, Category: detect.Injection,
			Start: h.start, End: h.end, Confidence: h.confidence, InOriginal: true,
		})
	}
	h.start, h.end = 0, 0
}

// at examines the rune at an offset and returns where to go on.
func (h *hider) at(i int) int {
	r, size := utf8.DecodeRune(h.b[i:])
	next := i + size
	switch {
	case r >= 0xE0000 && r <= 0xE007F:
		end := next
		for end < len(h.b) {
			r, n := utf8.DecodeRune(h.b[end:])
			if r < 0xE0000 || r > 0xE007F {
				break
			}
			end += n
		}
		if !h.flag(i, end) {
			h.mark(i, end, detect.Medium, 0.95)
		}
		return end
	case r == 0x202D || r == 0x202E:
		h.mark(i, next, detect.Medium, 0.8)
	case r == 0x202A || r == 0x202B || r >= 0x2066 && r <= 0x2068:
		if !h.rightToLeft() {
			h.mark(i, next, detect.Low, 0.6)
		}
	case zeroWidth(r):
		end, n := h.runOf(i, zeroWidth)
		switch {
		case n >= 4:
			h.mark(i, end, detect.Medium, 0.85)
		case h.insideWord(i, end):
			h.mark(i, end, detect.Low, 0.7)
		}
		return end
	case selector(r):
		end, n := h.runOf(i, selector)
		if n >= 3 {
			h.mark(i, end, detect.Medium, 0.85)
		}
		return end
	}
	return next
}

func (h *hider) runOf(i int, of func(rune) bool) (end, n int) {
	for end = i; end < len(h.b); n++ {
		r, size := utf8.DecodeRune(h.b[end:])
		if !of(r) {
			break
		}
		end += size
	}
	return end, n
}

// zeroWidth characters carry no meaning in scripts such as Latin. The soft
// hyphen is not among them: it is how text says where a word may break.
func zeroWidth(r rune) bool {
	return r >= 0x200B && r <= 0x200D || r == 0x2060 || r == 0xFEFF || r >= 0x2061 && r <= 0x2064
}

// selector says that a rune chooses a variant of the one before it, so that a
// row of them chooses nothing. Two may be a slip of an editor.
func selector(r rune) bool { return r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF }

// flag says that tag characters spell a region behind a black flag, as in the
// emoji of Scotland: at most six letters and the end mark.
func (h *hider) flag(start, end int) bool {
	before, _ := utf8.DecodeLastRune(h.b[:start])
	last, _ := utf8.DecodeLastRune(h.b[start:end])
	return before == 0x1F3F4 && last == 0xE007F && utf8.RuneCount(h.b[start:end]) <= 7
}

// insideWord says that letters stand on both sides, of scripts that never put
// such characters between them.
func (h *hider) insideWord(start, end int) bool {
	before, _ := utf8.DecodeLastRune(h.b[:start])
	after, _ := utf8.DecodeRune(h.b[end:])
	return start > 0 && end < len(h.b) && plain(before) && plain(after) && !h.address(start)
}

// address says that the word is a mail or web address: those are copied from
// pages that let them break, and nobody orders anything in them.
func (h *hider) address(at int) bool {
	from, to := at, at
	for from > 0 && at-from < 64 && h.b[from-1] > ' ' {
		from--
	}
	for to < len(h.b) && to-at < 64 && h.b[to] > ' ' {
		to++
	}
	return bytes.IndexByte(h.b[from:to], '@') >= 0 || bytes.Contains(h.b[from:to], []byte("://"))
}

func plain(r rune) bool {
	return unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek)
}

// rightToLeft says, once for a text, whether marks of direction have a use.
func (h *hider) rightToLeft() bool {
	if h.rtl == 0 {
		h.rtl = 2
		for i := 0; i < len(h.b); {
			r, size := utf8.DecodeRune(h.b[i:])
			if r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC {
				h.rtl = 1
				break
			}
			i += size
		}
	}
	return h.rtl == 1
}
