package pii

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// maxDomain is the longest name of RFC 1035, in bytes.
const maxDomain = 253

// domainEnd walks over what may be a host name: letters of any script, digits,
// hyphens and dots. It stops after maxDomain bytes.
func domainEnd(b []byte, i int) int {
	limit := min(len(b), i+maxDomain+1)
	for i < limit {
		c := b[i]
		if isAlnum(c) || c == '-' || c == '.' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, size := utf8.DecodeRune(b[i:])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
			break
		}
		i += size
	}
	return i
}

// trimDomain cuts what ends a sentence rather than a name.
func trimDomain(d []byte) []byte {
	for len(d) > 0 && (d[len(d)-1] == '.' || d[len(d)-1] == '-') {
		d = d[:len(d)-1]
	}
	return d
}

// lastLabel is what follows the last dot, and where it starts; -1 without dot.
func lastLabel(d []byte) ([]byte, int) {
	i := bytes.LastIndexByte(d, '.')
	return d[i+1:], i
}

// wellFormed says whether every label of a name has 1 to 63 bytes and no hyphen
// at its ends.
func wellFormed(d []byte) bool {
	if len(d) == 0 || len(d) > maxDomain {
		return false
	}
	start := 0
	for i := 0; i <= len(d); i++ {
		if i < len(d) && d[i] != '.' {
			continue
		}
		n := i - start
		if n == 0 || n > 63 || d[start] == '-' || d[i-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}

// icann says whether a label is a top-level domain of the public suffix list's
// ICANN section.
func icann(tld []byte) bool {
	if len(tld) < 2 || len(tld) > 63 {
		return false
	}
	name := string(bytes.ToLower(tld))
	if !ascii(tld) {
		var err error
		if name, err = idna.ToASCII(name); err != nil {
			return false
		}
	}
	for i := 0; i < len(name); i++ {
		if name[i]-'a' >= 26 && !(len(name) > 4 && name[:4] == "xn--") {
			return false
		}
	}
	// Below a wildcard such as *.ck the rule shows only with a label before it.
	if _, ok := publicsuffix.PublicSuffix(name); ok {
		return true
	}
	suffix, ok := publicsuffix.PublicSuffix("a.b." + name)
	return ok && suffix != name
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
