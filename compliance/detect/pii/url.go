package pii

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// schemes are the ones of addresses that people follow.
var schemes = []string{"https", "http", "ftps", "sftp", "ftp", "wss", "ws"}

// url finds addresses with a scheme, and those that carry a password.
type url struct{}

// Find implements [detect.Detector].
func (url) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte("://"))
		if i < 0 {
			return
		}
		i += from
		from = i + 3
		start := schemeStart(t.Lower, i)
		if start < 0 {
			continue
		}
		a, ok := readAuthority(b, i+3)
		if !ok || namespace(t, start, i) {
			continue
		}
		end := pathEnd(b, a.end, at(b, start-1))
		if a.password {
			report(urlCredentialRule.at(start, end, .98))
		} else {
			report(urlRule.at(start, end, .92))
		}
		from = end
	}
}

// schemeStart is where a known scheme that ends at i starts, or -1.
func schemeStart(lower []byte, i int) int {
	for _, s := range schemes {
		start := i - len(s)
		if start < 0 || string(lower[start:i]) != s {
			continue
		}
		if p := at(lower, start-1); !isWord(p) && p != '+' && p != '-' {
			return start
		}
	}
	return -1
}

// authority is what stands between "//" and the path.
type authority struct {
	end      int
	password bool
}

func readAuthority(b []byte, start int) (authority, bool) {
	var a authority
	host := start
	limit := min(len(b), start+512)
	for i := start; i < limit; i++ {
		c := b[i]
		if c == '@' {
			host = i + 1
			continue
		}
		if c <= ' ' || c == '/' || c == '?' || c == '#' || c == '"' || c == '<' || c == '>' || c == '`' || c == '\\' {
			break
		}
	}
	if host > start {
		a.password = hasPassword(b[start : host-1])
	}
	end, kind := hostEnd(b, host)
	if kind == hostNone {
		return a, false
	}
	a.end = end
	port := end
	if at(b, port) == ':' {
		for port++; port < len(b) && isDigit(b[port]) && port-end <= 5; port++ {
		}
		if port-end == 1 || isWord(at(b, port)) {
			port = end
		}
	}
	a.end = port
	// A bare word is a host only with a port: http://backend:8080.
	return a, kind == hostFull || port > end
}

const (
	hostNone = iota
	hostWord
	hostFull
)

// hostEnd reads an IP address, a bracketed one, or a name.
func hostEnd(b []byte, start int) (int, int) {
	if at(b, start) == '[' {
		end := bytes.IndexByte(b[start:min(len(b), start+60)], ']')
		if end < 0 {
			return 0, hostNone
		}
		if _, err := netip.ParseAddr(string(b[start+1 : start+end])); err != nil {
			return 0, hostNone
		}
		return start + end + 1, hostFull
	}
	name := trimDomain(b[start:domainEnd(b, start)])
	if end := start + len(name); end < len(b) && (b[end] == '{' || b[end] == '$' || b[end] == '%' || b[end] == '*' || b[end] == '_') {
		return 0, hostNone
	}
	if at(b, start+len(name)) == '.' && at(b, start+len(name)+1) == '{' {
		return 0, hostNone
	}
	if !wellFormed(name) {
		if name = trimDomain(name[:asciiLen(name, 0)]); !wellFormed(name) {
			return 0, hostNone
		}
	}
	if _, err := netip.ParseAddr(string(name)); err == nil {
		return start + len(name), hostFull
	}
	if fullName(name) {
		return start + len(name), hostFull
	}
	// A script without spaces may go on right after the name.
	if part := trimDomain(name[:asciiLen(name, 0)]); len(part) < len(name) && wellFormed(part) && fullName(part) {
		return start + len(part), hostFull
	}
	if bytes.IndexByte(name, '.') < 0 && isLetter(name[0]) && ascii(name) {
		return start + len(name), hostWord
	}
	return 0, hostNone
}

// reserved are the top-level names that are in no list but in use.
const reserved = " local localhost internal intranet lan home corp private test example invalid onion arpa svc cluster "

func fullName(name []byte) bool {
	tld, dot := lastLabel(name)
	low := strings.ToLower(string(tld))
	if dot < 0 {
		return low == "localhost"
	}
	return icann(tld) || strings.Contains(reserved, " "+low+" ")
}

// hasPassword says whether the part before the "@" has a password that is not a
// stand-in for one.
func hasPassword(user []byte) bool {
	i := bytes.IndexByte(user, ':')
	if i < 0 || i == len(user)-1 {
		return false
	}
	p := strings.ToLower(string(user[i+1:]))
	if strings.ContainsAny(p, "{}<>$[]*%") && !strings.ContainsAny(p, "0123456789") {
		return false
	}
	switch strings.Trim(p, "x.-_") {
	case "", "password", "pass", "passwd", "pwd", "secret", "token", "your_password", "yourpassword", "user":
		return false
	}
	return !strings.HasPrefix(p, "{{") && !strings.HasPrefix(p, "${")
}

// namespace says whether the URL names a vocabulary rather than a place.
func namespace(t *detect.Text, start, colon int) bool {
	before := t.Lower[max(0, start-48):start]
	if i := bytes.LastIndexAny(before, ">\n"); i >= 0 {
		before = before[i:]
	}
	for _, w := range []string{"xmlns", "schemalocation", "//dtd", "\"$schema\"", "targetnamespace"} {
		if bytes.Contains(before, []byte(w)) {
			return true
		}
	}
	rest := t.Lower[colon+3:]
	return bytes.HasPrefix(rest, []byte("www.w3.org/")) && len(rest) > 12 && isDigit(rest[11]) && rest[11] <= '2'
}

// pathEnd walks over path, query and fragment. Quotes, angle brackets, braces
// and brackets that were not opened end them; so do the marks that end a
// sentence.
func pathEnd(b []byte, i int, quote byte) int {
	host := i
	if c := at(b, i); c != '/' && c != '?' && c != '#' {
		return i
	}
	round, square, query := 0, 0, false
	for i < len(b) {
		c := b[i]
		query = query || c == '?'
		if c == '&' && quote == '=' && !query {
			break // the URL is a value of a query itself
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(b[i:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) || cutsPath(r, b[i-1]) {
				break
			}
			i += size
			continue
		}
		if c <= ' ' || c == 0x7F || strings.IndexByte("\"<>`{}|\\^", c) >= 0 {
			break
		}
		if c == '\'' && (quote == '\'' || !isLetter(at(b, i+1)) || !isLetter(b[i-1])) {
			break
		}
		switch c {
		case '(':
			round++
		case ')':
			round--
		case '[':
			square++
		case ']':
			square--
		}
		if round < 0 || square < 0 {
			break
		}
		i++
	}
	for i > host {
		c := b[i-1]
		open := c == '(' || c == '['
		if !open && strings.IndexByte(".,;:!?*_'$", c) < 0 {
			break
		}
		if c == '_' && quote != '_' {
			break
		}
		i--
	}
	return i
}

// cutsPath says whether a letter that is not ASCII starts a new text: one of a
// script without spaces right after ASCII, or any after a comma.
func cutsPath(r rune, before byte) bool {
	if before == ',' || before == ';' || before == '.' || before == '!' {
		return true
	}
	return r >= 0x2E80 && isAlnum(before)
}
