package secret

import (
	"fmt"
	"strconv"
	"strings"
)

// charset is a set of ASCII bytes, made of the bits below.
type charset uint16

const (
	digit charset = 1 << iota
	lowerHex
	upperHex
	lowerRest // g-z
	upperRest // G-Z
	underscore
	hyphen
	dot
	slashPlus
	equals
	tilde
	percent
	base32Digit // 2-7, a part of digit
	valueEnd    // what ends an unquoted value
	addressEnd  // what ends an address
)

const (
	hex   = digit | lowerHex
	lower = lowerHex | lowerRest
	upper = upperHex | upperRest
	alnum = digit | lower | upper
	word  = alnum | underscore
	url64 = word | hyphen
)

// charsetOf is the letter by which a shape names a set.
func charsetOf(letter byte) (charset, bool) {
	switch letter {
	case 'd':
		return digit, true
	case 'x':
		return hex, true
	case 'X':
		return hex | upperHex, true
	case 'a':
		return digit | lower, true
	case 'A':
		return digit | upper, true
	case 'Z':
		return base32Digit | upper, true
	case 'l':
		return lower | upper, true
	case 'n':
		return alnum, true
	case 'w':
		return word, true
	case 'u':
		return url64, true
	case 'b':
		return alnum | slashPlus, true
	case 't':
		return url64 | dot | equals | tilde, true
	case 'p':
		return alnum | percent, true
	default:
		return 0, false
	}
}

// sets tells for each byte the bits of the charsets that hold it.
type sets [256]charset

func newSets() *sets {
	var s sets
	for b := range 256 {
		c := byte(b)
		switch {
		case c >= '2' && c <= '7':
			s[b] = digit | base32Digit
		case c >= '0' && c <= '9':
			s[b] = digit
		case c >= 'a' && c <= 'f':
			s[b] = lowerHex
		case c >= 'g' && c <= 'z':
			s[b] = lowerRest
		case c >= 'A' && c <= 'F':
			s[b] = upperHex
		case c >= 'G' && c <= 'Z':
			s[b] = upperRest
		case c == '_':
			s[b] = underscore
		case c == '-':
			s[b] = hyphen
		case c == '.':
			s[b] = dot
		case c == '/' || c == '+':
			s[b] = slashPlus
		case c == '=':
			s[b] = equals
		case c == '~':
			s[b] = tilde
		case c == '%':
			s[b] = percent
		}
		if c <= ' ' || strings.IndexByte("\"'`<>\x7f", c) >= 0 {
			s[b] |= valueEnd | addressEnd
		}
		if strings.IndexByte(",;&|)}]", c) >= 0 {
			s[b] |= valueEnd
		}
	}
	return &s
}

func (s *sets) has(b byte, c charset) bool { return s[b]&c != 0 }

// part of a shape: a literal, or min to max bytes of a charset.
type part struct {
	literal  string
	set      charset
	min, max int
}

// shape is the form of a token, parsed from a template: literal text, and
// <letter length> or <letter min-max> for bytes of a charset, as in
// "SG.<u22>.<u43>". The anchor is the literal that the automaton looks for: the
// first part, or the longest literal where the shape begins with a charset.
type shape struct {
	parts  []part
	anchor int
}

func parseShape(template string) (shape, error) {
	var s shape
	template = strings.ReplaceAll(template, "<uuid>", "<x8>-<x4>-<x4>-<x4>-<x12>")
	for rest := template; rest != ""; {
		open := strings.IndexByte(rest, '<')
		if open != 0 {
			if open < 0 {
				open = len(rest)
			}
			s.parts = append(s.parts, part{literal: rest[:open]})
			rest = rest[open:]
			continue
		}
		end := strings.IndexByte(rest, '>')
		if end < 3 {
			return shape{}, fmt.Errorf("shape %q: a charset is <letter length>", template)
		}
		set, ok := charsetOf(rest[1])
		if !ok {
			return shape{}, fmt.Errorf("shape %q: no charset %q", template, rest[1])
		}
		low, high, ranged := strings.Cut(rest[2:end], "-")
		least, err := strconv.Atoi(low)
		if err != nil {
			return shape{}, fmt.Errorf("shape %q: %w", template, err)
		}
		most := least
		if ranged {
			if most, err = strconv.Atoi(high); err != nil || most < least {
				return shape{}, fmt.Errorf("shape %q: length %s", template, rest[2:end])
			}
		}
		s.parts = append(s.parts, part{set: set, min: least, max: most})
		rest = rest[end+1:]
	}
	if len(s.parts) > 0 && s.parts[0].literal == "" {
		s.anchor = -1
		for i, p := range s.parts {
			if p.literal != "" && (s.anchor < 0 || len(p.literal) > len(s.parts[s.anchor].literal)) {
				s.anchor = i
			}
		}
	}
	return s, nil
}

// literal is what the automaton looks for; empty if the shape is charsets only.
func (s *shape) literal() string {
	if s.anchor < 0 || len(s.parts) == 0 {
		return ""
	}
	return s.parts[s.anchor].literal
}

// match returns the token whose anchor begins at the offset at, without regard
// to what stands around it. It reads no more than the shape's longest token.
func (s *shape) match(t *sets, text []byte, at int) (start, end int, ok bool) {
	start = at
	for i := s.anchor - 1; i >= 0; i-- {
		p := s.parts[i]
		if p.literal != "" {
			from := start - len(p.literal)
			if from < 0 || string(text[from:start]) != p.literal {
				return 0, 0, false
			}
			start = from
			continue
		}
		n := 0
		for n < p.max && start > 0 && t.has(text[start-1], p.set) {
			start--
			n++
		}
		if n < p.min {
			return 0, 0, false
		}
	}
	end, ok = s.forward(t, text, at, s.anchor)
	return start, end, ok
}

// whole reports that the text is a token of the shape and nothing else.
func (s *shape) whole(t *sets, text []byte) bool {
	end, ok := s.forward(t, text, 0, 0)
	return ok && end == len(text)
}

func (s *shape) forward(t *sets, text []byte, at, from int) (end int, ok bool) {
	for _, p := range s.parts[from:] {
		if p.literal != "" {
			to := at + len(p.literal)
			if to > len(text) || string(text[at:to]) != p.literal {
				return 0, false
			}
			at = to
			continue
		}
		n := 0
		for n < p.max && at < len(text) && t.has(text[at], p.set) {
			at++
			n++
		}
		if n < p.min {
			return 0, false
		}
		// Padding belongs to base64.
		if p.set == alnum|slashPlus {
			for k := 0; k < 2 && at < len(text) && text[at] == '='; k++ {
				at++
			}
		}
	}
	return at, true
}
