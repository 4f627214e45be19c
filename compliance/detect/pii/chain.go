package pii

import (
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// group is a run of digits in the normalised text.
type group struct{ start, end int }

func (g group) len() int { return g.end - g.start }

// chain is a sequence of digit groups with short separators, such as a printed
// card or phone number and whatever numbers follow it.
type chain struct {
	t      *detect.Text
	b      []byte // t.Norm
	groups []group
	plus   bool // the first group follows a "+"
	digits int  // in all groups

	read  bool
	words labels
}

// maxGap is the longest separator within a chain, as in ") -".
const maxGap = 3

// numbers runs everything that is made of digits over the chains of a text.
type numbers struct {
	recognisers []func(*chain, func(detect.Finding))
}

// Find implements [detect.Detector].
func (n numbers) Find(t *detect.Text, report func(detect.Finding)) {
	c := chain{t: t, b: t.Norm}
	for i := 0; c.next(i); {
		i = c.groups[len(c.groups)-1].end
		if c.digits >= leastYear {
			birth(&c, report)
		}
		if c.digits < leastDigits {
			continue
		}
		for _, r := range n.recognisers {
			r(&c, report)
		}
	}
}

// leastDigits is the fewest digits of any number here: a local phone number.
const leastDigits = 7

// next reads the first chain that starts at or after i.
func (c *chain) next(i int) bool {
	b := c.b
	if i = nextDigit(b, i); i == len(b) {
		return false
	}
	c.groups, c.digits, c.read = c.groups[:0], 0, false
	c.plus = i > 0 && b[i-1] == '+'
	for {
		start := i
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		c.groups = append(c.groups, group{start, i})
		c.digits += i - start
		gap := i
		for gap < len(b) && gap-i <= maxGap && separates(b[gap]) {
			gap++
		}
		if gap == i || gap-i > maxGap || gap == len(b) || !isDigit(b[gap]) {
			return true
		}
		i = gap
	}
}

func separates(c byte) bool {
	switch c {
	case ' ', '-', '.', '/', '(', ')':
		return true
	}
	return false
}

// label reads the words around the chain, once.
func (c *chain) label() labels {
	if !c.read {
		last := len(c.groups) - 1
		c.words, c.read = labelsOf(c.t, c.groups[0].start, c.groups[min(last, 7)].end), true
	}
	return c.words
}

// gap is what stands between group i and the next.
func (c *chain) gap(i int) string { return string(c.b[c.groups[i].end:c.groups[i+1].start]) }

// gapIs compares without a copy.
func (c *chain) gapIs(i int, s string) bool {
	return string(c.b[c.groups[i].end:c.groups[i+1].start]) == s
}

// shape says whether the groups from i on have these lengths.
func (c *chain) shape(i int, lengths ...int) bool {
	if i+len(lengths) > len(c.groups) {
		return false
	}
	for k, n := range lengths {
		if c.groups[i+k].len() != n {
			return false
		}
	}
	return true
}

// evenly says whether groups i to i+n-1 have the same one-byte separator, and
// which.
func (c *chain) evenly(i, n int) (byte, bool) {
	sep := byte(0)
	for k := i; k < i+n-1; k++ {
		g := c.groups[k].end
		if c.groups[k+1].start-g != 1 || sep != 0 && c.b[g] != sep {
			return 0, false
		}
		sep = c.b[g]
	}
	return sep, true
}

// text joins the digits of groups i to i+n-1 into dst.
func (c *chain) text(dst []byte, i, n int) []byte {
	for _, g := range c.groups[i : i+n] {
		dst = append(dst, c.b[g.start:g.end]...)
	}
	return dst
}

// free says whether groups i to i+n-1 stand for themselves: not within a word,
// a longer number, a decimal, a path or a hyphenated code. Other numbers of the
// chain may stand before and after a space.
func (c *chain) free(i, n int) bool {
	return c.freeLeft(i) && c.freeRight(i+n-1)
}

func (c *chain) freeLeft(i int) bool {
	if i > 0 {
		return c.gapIs(i-1, " ") || c.gapIs(i-1, " - ") || c.gapIs(i-1, " / ") || c.gapIs(i-1, "/") || c.gapIs(i-1, ") ") || c.gapIs(i-1, " (")
	}
	return openLeft(c.b, c.groups[i].start)
}

func (c *chain) freeRight(last int) bool {
	if last < len(c.groups)-1 {
		return c.gapIs(last, " ") || c.gapIs(last, " - ") || c.gapIs(last, " / ") || c.gapIs(last, "/") ||
			c.gapIs(last, ") ") || c.gapIs(last, " (") || c.gapIs(last, ". ")
	}
	return openRight(c.b, c.groups[last].end)
}

// openLeft says whether a number may start at i.
func openLeft(b []byte, i int) bool {
	switch p := at(b, i-1); {
	case escaped(b, i-1):
		return true
	case isWord(p):
		return false
	case p == '-', p == '.', p == '/', p == ':', p == ',', p == '\\', p == '~', p == '@':
		q := at(b, i-2)
		if p == ':' || p == ',' {
			// A time, a grouped number: but no group has four digits.
			return !isDigit(q) || p == ',' && isDigit(at(b, i+3))
		}
		if p == '\\' {
			return false
		}
		if p == '/' || p == '@' {
			return !isAlnum(q) && q != '}'
		}
		return !isWord(q) && q != '}' || p == '.' && abbreviation(b, i-1)
	case p == '$', p == '#', p == '%', p == '&', p >= 0x80 && currencyBefore(b, i):
		return false
	}
	return true
}

// abbreviation says whether the word that ends with the dot at i names a number:
// "Tel.030", "no.12".
func abbreviation(b []byte, i int) bool {
	var buf [12]byte
	start := i
	for start > 0 && i-start < len(buf) && isLetter(b[start-1]) {
		start--
	}
	if start == i || isWord(at(b, start-1)) {
		return false
	}
	low := buf[:copy(buf[:], b[start:i])]
	for k := range low {
		low[k] |= 0x20
	}
	return lookUp(low)&^(lOther|lVersion) != 0
}

// openRight says whether a number may end at i.
func openRight(b []byte, i int) bool {
	switch p := at(b, i); {
	case isWord(p), p == '%', p == '@':
		return false
	case p == '\\':
		return !isDigit(at(b, i+1))
	case p == '-', p == '/', p == '~', p == '=':
		q := at(b, i+1)
		return !isWord(q) && q != '{'
	case p == '.', p == ',', p == ':':
		q := at(b, i+1)
		if p == '.' {
			return !isWord(q) || isUpper(q)
		}
		return !isDigit(q) || p == ',' && isDigit(at(b, i-4))
	}
	return true
}

// currencyBefore says whether a sign such as the euro's stands before i.
func currencyBefore(b []byte, i int) bool {
	for _, sign := range []string{"€", "£", "¥", "₹", "₽", "₩", "№", "×"} {
		if i >= len(sign) && string(b[i-len(sign):i]) == sign {
			return true
		}
	}
	return false
}
