package injection

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const (
	leastEncoded = 24      // bytes of a run worth decoding
	maxEncoded   = 4 << 10 // of one run
	maxDecoded   = 32 << 10
	maxRotated   = 160
)

// decode looks once behind base64, hexadecimal and percent encoding. It steps
// over the text by the least length of a run, so that prose costs little.
func (s *search) decode() {
	b := s.norm
	for at := leastEncoded - 1; at < len(b) && s.spent < maxDecoded; {
		if !encodable(b[at]) {
			at += leastEncoded
			continue
		}
		from := at
		for from > 0 && encodable(b[from-1]) {
			from--
		}
		to := at + 1
		for to < len(b) && encodable(b[to]) {
			to++
		}
		if to-from >= leastEncoded {
			s.reveal(from, min(to, from+maxEncoded))
		}
		at = to + leastEncoded
	}
}

func encodable(c byte) bool {
	return c-'a' < 26 || c-'A' < 26 || c-'0' < 10 || c == '+' || c == '/' || c == '=' || c == '%' || c == '-' || c == '_' || c == '.'
}

// reveal decodes a run and looks for orders in what comes out.
func (s *search) reveal(from, to int) {
	run := s.norm[from:to]
	var plain []byte
	switch percent := bytes.Count(run, []byte("%")); {
	case percent >= 3:
		plain = unescape(run)
	default:
		run = bytes.Trim(run, "-_./+")
		if len(run) < leastEncoded {
			return
		}
		plain = unhex(run)
		if plain == nil {
			plain = unbase64(run)
		}
	}
	s.spent += len(run)
	if len(plain) < 12 || !printable(plain) {
		return
	}
	if s.orders(plain) {
		s.add(encodedRule, detect.Medium, from, to, 0.9)
	}
}

// orders says that a decoded text holds an order.
func (s *search) orders(plain []byte) bool {
	inner := search{detector: s.detector, norm: plain, lower: bytes.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, plain), inner: true}
	if len(inner.lower) != len(plain) {
		return false // no UTF-8
	}
	inner.auto.Scan(inner.lower, func(id, end int) {
		switch inner.patterns[id].role {
		case orderVerb, revealVerb, hijack:
			inner.hit(id, end)
		case template, rotated, image:
		}
	})
	return len(inner.found) > 0
}

// rotated examines what ROT13 makes of a verb.
func (s *search) rotated(start int) {
	if s.inner || letterBefore(s.lower, start) || s.spent >= maxDecoded {
		return
	}
	end := min(len(s.norm), start+maxRotated)
	for end < len(s.norm) && end > start && !utf8.RuneStart(s.norm[end]) {
		end--
	}
	s.spent += end - start
	plain := rot13(s.norm[start:end])
	inner := search{detector: s.detector, norm: plain, lower: bytes.ToLower(plain), inner: true}
	if len(inner.lower) != len(plain) {
		return
	}
	inner.auto.Scan(inner.lower, func(id, end int) {
		switch inner.patterns[id].role {
		case orderVerb, revealVerb, hijack:
			inner.hit(id, end)
		case template, rotated, image:
		}
	})
	if len(inner.found) > 0 {
		f := inner.found[0]
		s.add(encodedRule, detect.Medium, start+f.Start, start+f.End, 0.85)
	}
}

func rot13(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		switch {
		case c-'a' < 26:
			c = 'a' + (c-'a'+13)%26
		case c-'A' < 26:
			c = 'A' + (c-'A'+13)%26
		}
		out[i] = c
	}
	return out
}

func unhex(b []byte) []byte {
	if len(b)%2 != 0 {
		return nil
	}
	out := make([]byte, len(b)/2)
	if _, err := hex.Decode(out, b); err != nil {
		return nil
	}
	return out
}

func unbase64(b []byte) []byte {
	b = bytes.TrimRight(b, "=")
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(b, "-_") {
		encoding = base64.RawURLEncoding
	}
	if len(b)%4 == 1 {
		b = b[:len(b)-1] // cut off
	}
	out := make([]byte, encoding.DecodedLen(len(b)))
	n, err := encoding.Decode(out, b)
	if err != nil {
		return nil
	}
	return out[:n]
}

// unescape undoes percent encoding; "+" is a blank, as in queries.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '+':
			out = append(out, ' ')
		case b[i] == '%' && i+2 < len(b):
			var c [1]byte
			if _, err := hex.Decode(c[:], b[i+1:i+3]); err == nil {
				out = append(out, c[0])
				i += 2
				continue
			}
			out = append(out, '%')
		default:
			out = append(out, b[i])
		}
	}
	return out
}

// printable says that a decoding is text: nearly all of it letters and marks.
func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	odd := 0
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			odd++
		}
	}
	return odd*20 < len(b)
}
