package secret

import "math"

// kinds counts which of lower case, upper case and digits occur.
func (s *search) kinds(b []byte) int {
	var seen charset
	for _, c := range b {
		seen |= s.sets[c]
	}
	n := 0
	for _, k := range []charset{lower, upper, digit} {
		if seen&k != 0 {
			n++
		}
	}
	return n
}

// entropy is Shannon's, in bits a byte.
func entropy(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	var count [256]int
	for _, c := range b {
		count[c]++
	}
	n, h := float64(len(b)), 0.0
	for _, c := range count {
		if c > 0 {
			p := float64(c) / n
			h -= p * math.Log2(p)
		}
	}
	return h
}

// floor is the least entropy that a random string of this length and charset
// has all but surely. A short string cannot reach its alphabet's bits: n
// different characters have log2(n), and drawing with repeats costs a bit.
func (s *search) floor(b []byte) float64 {
	var seen charset
	for _, c := range b {
		seen |= s.sets[c]
	}
	switch reach := math.Log2(float64(max(2, len(b)))); {
	case seen&^digit == 0:
		return min(2.0, 0.6*reach)
	case seen&^(digit|lowerHex|upperHex|hyphen) == 0:
		return min(2.8, 0.7*reach)
	default:
		return min(3.2, 0.75*reach)
	}
}

// random says that the entropy is that of a random string.
func (s *search) random(b []byte) bool { return entropy(b) >= s.floor(b) }

// placeholderWords are the parts by which an invented value gives itself away.
func placeholderWords() []string {
	return []string{
		"example", "your", "placeholder", "redacted", "changeme", "change-me", "change_me",
		"replace", "insert", "dummy", "sample", "xxxx", "****", "....", "____", "-----",
		"<", ">", "${", "{{", "}}", "$(", "%(", "#{", "abcdefghijklmnop",
		"api_key", "apikey", "api-key", "-here", "_here", "secret-key", "secret_key",
		"mytoken", "my-token", "my_token", "my-secret", "my_secret", "mysecret", "goes-here", "todo",
		"not-a-real", "notreal", "not-real", "not_real", "invalid", "0000000000", "hidden", "masked", "censored",
		"aaaaaaaaaa", "1111111111",
	}
}

// placeholder says that a value stands for another one.
func (s *search) placeholder(b []byte) bool {
	found := false
	s.stops.Scan([]byte(lowerCase(string(b))), func(int, int) { found = true })
	return found
}
