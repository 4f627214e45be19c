package secret

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const (
	leastBare = 24
	mostBare  = 90
	// With a word such as "key" before it a run need not be as long and random
	// as without.
	hintedEntropy = 4.25
	longBare      = 32
	bareEntropy   = 4.5
)

// bare looks for strings that nothing names but that look random: the weakest
// of the hints, and so with the lowest severity. It steps by the least length
// and looks at single bytes, as a run that long cannot lie between two steps.
func (s *search) bare() {
	b := s.norm
	const run = alnum | slashPlus | underscore | hyphen | equals
	for at := leastBare - 1; at < len(b); {
		if !s.sets.has(b[at], run) {
			at += leastBare
			continue
		}
		from := at
		for from > 0 && s.sets.has(b[from-1], run) {
			from--
		}
		to := at + 1
		for to < len(b) && s.sets.has(b[to], run) {
			to++
		}
		if to-from >= leastBare && to-from <= mostBare {
			s.bareRun(from, to)
		}
		at = to + leastBare
	}
}

func (s *search) bareRun(from, to int) {
	v := s.norm[from:to]
	padding := len(v) - len(bytes.TrimRight(v, "="))
	body := v[:len(v)-padding]
	if padding > 2 || bytes.IndexByte(body, '=') >= 0 || s.kinds(body) < 3 || !s.quoted(from, to) {
		return
	}
	changes, digits, marks := 0, 0, 0
	for i, c := range body {
		if s.sets.has(c, digit) {
			digits++
		}
		if !s.sets.has(c, alnum) {
			marks++
			continue
		}
		if i > 0 && s.sets.has(c, digit) != s.sets.has(body[i-1], digit) {
			changes++
		}
	}
	// Names and paths have few changes between letters and digits, or many
	// marks between words.
	if digits < 3 || changes < len(body)/7 || marks > len(body)/8+1 || s.placeholder(body) {
		return
	}
	if bits := entropy(body); bits < hintedEntropy || (bits < bareEntropy || len(body) < longBare) && !s.hinted(from) {
		return
	}
	if bytes.ContainsAny(body, "-_") && bytes.ContainsAny(body, "+/") || s.prefixed(body) || s.wordy(body) || s.spelled(body, 5) {
		return
	}
	if s.known(from, to) || s.blockNeighbour(from, to) || s.isText(v) || s.isWallet(body) {
		return
	}
	s.add(candidate{rank: rankBare, named: true, Finding: detect.Finding{
		Rule: apiKeyRule, Entity: GenericSecret, Severity: detect.Low, Category: detect.Security,
		Start: from, End: to, Confidence: 0.4,
	}})
}

// hinted says that the words before a run speak of secrets.
func (s *search) hinted(at int) bool {
	before := s.lower[max(0, at-100):at]
	for _, w := range []string{"key", "secret", "token", "credential", "password", "auth", "login", "access"} {
		if bytes.Contains(before, []byte(w)) {
			return true
		}
	}
	return false
}

// prefixed says that a run begins with a word and a mark, as identifiers do.
func (s *search) prefixed(v []byte) bool {
	i := bytes.IndexAny(v, "_-+/")
	return i > 1 && i < len(v)/2 && (s.all(v[:i], lower) || s.all(v[:i], upper))
}

// isText says that a run is the base64 of a text.
func (s *search) isText(v []byte) bool {
	plain, ok := decode64(v)
	if !ok || len(plain) == 0 {
		return false
	}
	for _, c := range plain {
		if (c < ' ' || c > '~') && c != '\n' {
			return false
		}
	}
	return true
}

// isWallet says that a run has the form of an address that anyone may know.
func (s *search) isWallet(v []byte) bool {
	return len(v) >= 25 && len(v) <= 35 && (v[0] == '1' || v[0] == '3') && !bytes.ContainsAny(v, "0OIl+/_-")
}

// quoted says that a run stands for itself: between blanks or quotes.
func (s *search) quoted(from, to int) bool {
	edge := func(c byte) bool { return c <= ' ' || c == '"' || c == '\'' || c == '`' }
	if from > 0 && !edge(s.norm[from-1]) {
		return false
	}
	return to >= len(s.norm) || edge(s.norm[to]) || bytes.IndexByte([]byte(".,;"), s.norm[to]) >= 0 && (to+1 >= len(s.norm) || edge(s.norm[to+1]))
}

// blockNeighbour says that another such run stands next to this one, with
// nothing between but what joins the lines of encoded data or the items of a
// list: quotes, commas, signs of a comment, a line feed.
func (s *search) blockNeighbour(from, to int) bool {
	const run, gap = alnum | slashPlus | equals, 16
	joins := func(c byte) bool {
		return c <= ' ' || bytes.IndexByte([]byte("\"'`,+\\#*()[]"), c) >= 0
	}
	i := to
	for i < len(s.norm) && i-to < gap && joins(s.norm[i]) {
		i++
		if s.norm[i-1] == '\\' && i < len(s.norm) && (s.norm[i] == 'n' || s.norm[i] == 'r') {
			i++
		}
	}
	end := i
	for end < len(s.norm) && end-i < leastBare && s.sets.has(s.norm[end], run) {
		end++
	}
	if i > to && end-i >= leastBare {
		return true
	}
	i = from
	for i > 0 && from-i < gap && (joins(s.norm[i-1]) || (s.norm[i-1] == 'n' || s.norm[i-1] == 'r') && i > 1 && s.norm[i-2] == '\\') {
		i--
	}
	start := i
	for start > 0 && i-start < leastBare && s.sets.has(s.norm[start-1], run) {
		start--
	}
	return i < from && i-start >= leastBare
}

// known says that the surroundings explain a random run: a digest, a public
// key, an identifier, encoded data.
func (s *search) known(from, to int) bool {
	line := s.lower[max(0, from-60):from]
	if i := bytes.LastIndexByte(line, '\n'); i >= 0 {
		// A block of encoded lines has the same run, or its label, on the line
		// before.
		if i == len(line)-1 && from >= 2 && s.sets.has(s.norm[from-2], alnum|slashPlus|equals|hyphen) {
			return true
		}
		line = line[i+1:]
	}
	if to+1 < len(s.norm) && s.norm[to] == '\n' && s.sets.has(s.norm[to+1], alnum|slashPlus) {
		return true
	}
	for _, w := range []string{
		"sha", "hash", "digest", "checksum", "integrity", "md5", "ssh-", "ecdsa", "ed25519", "base64", "data:", "fingerprint", "uuid", "guid",
		"id", "etag", "nonce", "cursor", "signature", "sig", "commit", "public", "cert", "pubkey", "trace", "request", "session", "salt", "iv",
		"address", "wallet", "tx", "begin", "image", "img", "href", "src", "url", "file", "path", "version", "cid", "ipfs", "invite", "video",
		"encoded", "ciphertext", "encrypted", "anchor", "bucket", "blob", "key: ssh", "ticket", "code", "voucher", "serial", "order",
	} {
		if bytes.Contains(line, []byte(w)) {
			return true
		}
	}
	return false
}
