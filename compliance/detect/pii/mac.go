package pii

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// mac finds hardware addresses: six pairs with colons or hyphens, or three
// groups of four with dots.
type mac struct{}

// Find implements [detect.Detector].
func (mac) Find(t *detect.Text, report func(detect.Finding)) {
	for _, sep := range []byte(":-") {
		pairs(t, sep, report)
	}
	fours(t, report)
}

const pairsLen = 6*2 + 5

func pairs(t *detect.Text, sep byte, report func(detect.Finding)) {
	b := t.Norm
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], sep)
		if i < 0 {
			return
		}
		i += from
		from = i + 1
		start := i - 2
		if start < 0 || start+pairsLen > len(b) || b[i+3] != sep || !isHex(b[start]) || !isHex(b[start+1]) {
			continue
		}
		end := start + pairsLen
		if !spaced(b[start:end], 3, sep) || !alone(b, start, end, sep) {
			continue
		}
		from = end
		if hardware(t, start, end, sep == ':') {
			report(macRule.at(start, end, .93))
		}
	}
}

const foursLen = 3*4 + 2

func fours(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '.')
		if i < 0 {
			return
		}
		i += from
		from = i + 1
		start := i - 4
		end := start + foursLen
		if start < 0 || end > len(b) || b[i+5] != '.' || !spaced(b[start:end], 5, '.') || !alone(b, start, end, '.') {
			continue
		}
		from = end
		if hardware(t, start, end, false) {
			report(macRule.at(start, end, .9))
		}
	}
}

// spaced says whether b is hexadecimal with sep at every step-th place.
func spaced(b []byte, step int, sep byte) bool {
	for i, c := range b {
		if i%step == step-1 {
			if c != sep {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

// alone says whether nothing makes a longer run of it, as in a fingerprint.
func alone(b []byte, start, end int, sep byte) bool {
	p, n := at(b, start-1), at(b, end)
	if isWord(p) || isWord(n) || p == sep {
		return false
	}
	return n != sep || !isHex(at(b, end+1))
}

// hardware keeps out addresses of nobody, and decimal numbers unless they are
// called a MAC address.
func hardware(t *detect.Text, start, end int, sure bool) bool {
	letters, same := false, true
	for _, c := range t.Lower[start:end] {
		if isLetter(c) {
			letters = true
		}
		if isHex(c) && c != t.Lower[start] {
			same = false
		}
	}
	if same {
		return false
	}
	return letters || sure || labelsOf(t, start, end).is(lMAC)
}
