package secret

import (
	"hash/crc32"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// format is one row of the table of vendors' tokens.
type format struct {
	vendor   string
	template string // see shape
	severity detect.Severity
	// need are conditions beyond the shape.
	need need
	// shared lists vendors that write their tokens the same way. One of them
	// is meant where its name stands nearby.
	shared []string

	shape shape
}

// need is a set of conditions on a token.
type need uint8

const (
	// mixed asks for two of lower case, upper case and digits in the body: for
	// prefixes that ordinary words may have too.
	mixed need = 1 << iota
	// threefold asks for all three.
	threefold
	// named asks that the vendor is named nearby.
	named
	// summed means that the last six characters may be a CRC-32 of those
	// before, in base 62. If they are, the token is certain.
	summed
	// loose keeps the check of placeholders, but none of randomness.
	loose
)

const (
	rankBare = iota
	rankAssigned
	rankHeader
	rankToken
	rankWebToken
	rankConnection
	rankBlock
)

// unlucky is how much less entropy, in bits, a body may have whose prefix is
// telling by itself.
const unlucky = 0.4

// token examines the text at a hit of a format's literal.
func (s *search) token(f *format, at int) {
	if f.shape.anchor == 0 && !s.beginsAt(at) {
		return
	}
	start, end, ok := f.shape.match(s.sets, s.norm, at)
	if !ok || !s.beginsAt(start) || !s.endsAt(end) {
		return
	}
	body := s.norm[start:end]
	if f.shape.anchor == 0 {
		body = s.norm[start+len(f.shape.literal()) : end]
	}
	kinds := s.kinds(body)
	switch {
	case f.need&mixed != 0 && kinds < 2, f.need&threefold != 0 && kinds < 3:
		return
	case s.placeholder(body):
		return
	case f.need&loose == 0 && !s.random(body) && (f.need != 0 || len(f.shape.literal()) < 4 || entropy(body) < s.floor(body)-unlucky):
		return
	}
	c := candidate{rank: rankToken, detail: len(f.shape.literal()), Finding: detect.Finding{
		Rule: apiKeyRule, Entity: APIKey, Severity: f.severity, Category: detect.Security,
		Start: start, End: end, Confidence: 0.95, Vendor: f.vendor,
	}}
	if f.need&(named|mixed) != 0 || len(f.shared) > 0 {
		if v := s.nearest(start); v >= 0 {
			name := s.vendors[v].name
			if f.need&named != 0 && name != f.vendor {
				return
			}
			for _, other := range f.shared {
				if name == other {
					c.Vendor = other
				}
			}
		} else if f.need&named != 0 {
			return
		}
	}
	switch {
	case f.need&summed != 0 && checksummed(body):
		c.Confidence = 0.99
	case f.need&(named|threefold) == 0 && c.detail >= 4:
		c.Confidence = 0.985 // more than what a web address around it has
	}
	s.add(c)
	if c.Vendor == "aws" && (f.template == "AKIA<A16>" || f.template == "ASIA<A16>") {
		s.awsSecret(end)
	}
}

// awsSecret looks behind an access key for the secret that belongs to it, which
// has no form but its forty characters.
func (s *search) awsSecret(after int) {
	const length, reach = 40, 60
	for from := after; from < len(s.norm) && from-after < reach; {
		if !s.sets.has(s.norm[from], alnum|slashPlus) {
			from++
			continue
		}
		to := from
		for to < len(s.norm) && to-from <= length && s.sets.has(s.norm[to], alnum|slashPlus) {
			to++
		}
		if to-from > length {
			return
		}
		if v := s.norm[from:to]; len(v) == length && s.kinds(v) == 3 && s.random(v) && !s.placeholder(v) && s.endsAt(to) {
			s.add(candidate{rank: rankAssigned, Finding: detect.Finding{
				Rule: apiKeyRule, Entity: APIKey, Severity: detect.High, Category: detect.Security,
				Start: from, End: to, Confidence: 0.85, Vendor: "aws",
			}})
			return
		}
		from = to
	}
}

// beginsAt says that what begins here is not the rest of something longer.
func (s *search) beginsAt(start int) bool {
	if start == 0 {
		return true
	}
	switch before := s.norm[start-1]; {
	case s.sets.has(before, alnum):
		return s.escaped(start)
	case before == '-':
		return start == 1 || !s.sets.has(s.norm[start-2], alnum|underscore|hyphen)
	default:
		return before != '_'
	}
}

// endsAt says that what ends here does not go on.
func (s *search) endsAt(end int) bool {
	if end >= len(s.norm) {
		return true
	}
	if s.norm[end] == '-' {
		return end+1 == len(s.norm) || !s.sets.has(s.norm[end+1], alnum)
	}
	return !s.sets.has(s.norm[end], word)
}

// escaped says that the letter before is part of an escape: the \n of a quoted
// string, or the "=", space or quote of a percent-encoded address.
func (s *search) escaped(start int) bool {
	if start >= 2 && s.norm[start-2] == '\\' {
		switch s.norm[start-1] {
		case 'n', 't', 'r':
			return true
		}
	}
	if start >= 3 && s.norm[start-3] == '%' {
		switch string(s.lower[start-2 : start]) {
		case "20", "22", "3d", "3a", "27":
			return true
		}
	}
	return false
}

// checksummed reports that a token ends in the CRC-32 of what it holds.
func checksummed(body []byte) bool {
	if len(body) <= checksumLength {
		return false
	}
	at := len(body) - checksumLength
	return string(body[at:]) == Checksum(body[:at])
}

const (
	checksumLength   = 6
	checksumAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Checksum is what GitHub and npm append to the random part of a token: its
// CRC-32 (IEEE) in base 62, padded to six characters.
func Checksum(random []byte) string {
	sum := crc32.ChecksumIEEE(random)
	var text [checksumLength]byte
	for i := checksumLength - 1; i >= 0; i-- {
		text[i] = checksumAlphabet[sum%62]
		sum /= 62
	}
	return string(text[:])
}
