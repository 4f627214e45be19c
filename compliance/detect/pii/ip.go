package pii

import (
	"bytes"
	"net/netip"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// ipv4 finds dotted quads. Private, loopback and documentation addresses count,
// as they tell about a network too; masks and 0.0.0.0 do not.
type ipv4 struct{}

// Find implements [detect.Detector].
func (ipv4) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '.')
		if i < 0 {
			return
		}
		i += from
		if !isDigit(at(b, i-1)) || !isDigit(at(b, i+1)) {
			from = i + 1
			continue
		}
		start, end := i, i
		for start > from && isDigit(b[start-1]) {
			start--
		}
		for end < len(b) && (isDigit(b[end]) || b[end] == '.') {
			end++
		}
		from = end
		for b[end-1] == '.' {
			end--
		}
		if quad(b[start:end]) && host(t, start, end) {
			report(ipRule.at(start, end, .88))
		}
	}
}

// quad says whether b is an address that a machine can have.
func quad(b []byte) bool {
	if len(b) < 7 || len(b) > 15 {
		return false
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil {
		return false
	}
	if bytes.HasPrefix(b, []byte("2.5.4.")) || bytes.HasPrefix(b, []byte("2.5.29.")) || string(b) == "1.3.6.1" {
		return false // object identifiers of X.500 and of the Internet
	}
	first := a.As4()[0]
	return first != 0 && first != 255
}

// host says whether what stands around a dotted quad lets it be an address and
// not a version, a section or a part of a file name.
func host(t *detect.Text, start, end int) bool {
	if !hostLeft(t, start) || !hostRight(t, end) {
		return false
	}
	return !versioned(t, start, end) && !plotted(t.Norm, start, end)
}

// plotted says whether the quad stands between decimals, as two numbers do that
// were run together in the path of a drawing: "2.83-2.12 3.51.98.32 2.03.5".
func plotted(b []byte, start, end int) bool {
	decimal := func(i, step int) bool {
		dots := 0
		for n := 0; n < 12 && (isDigit(at(b, i)) || at(b, i) == '.'); n, i = n+1, i+step {
			if b[i] == '.' {
				dots++
			}
		}
		return dots == 1 || dots == 2
	}
	left := at(b, start-1) == ' ' || at(b, start-1) == ','
	right := at(b, end) == ' ' || at(b, end) == ',' || at(b, end) == '-'
	return left && right && decimal(start-2, -1) && decimal(end+1, 1)
}

func hostLeft(t *detect.Text, start int) bool {
	b := t.Norm
	if bound := bytes.TrimRight(b[max(0, start-4):start], " "); bytes.HasSuffix(bound, []byte(">=")) || bytes.HasSuffix(bound, []byte("<=")) {
		return false
	}
	p, q := at(b, start-1), at(b, start-2)
	switch {
	case p == ' ' && bytes.HasSuffix(b[:start-1], []byte("§")), bytes.HasSuffix(b[:start], []byte("§")):
		return false
	case isWord(p), p == '.', p == '#', p == '^', p == '~', p == '$', p == '%', p == '+':
		return false
	case p == '-':
		return isDigit(q) // a range of addresses
	case p == '/':
		return !isWord(q) || local(b[start:])
	case p == '=':
		return q != '=' && q != '>' && q != '<' && q != '~' && q != '!' && q != '^'
	case p == '>', p == '<':
		return q != ' ' || p == '<'
	}
	return true
}

// local says whether a quad starts like a private or loopback address.
func local(b []byte) bool {
	return bytes.HasPrefix(b, []byte("192.168.")) || bytes.HasPrefix(b, []byte("172.")) || bytes.HasPrefix(b, []byte("127."))
}

func hostRight(t *detect.Text, end int) bool {
	b := t.Norm
	p, q := at(b, end), at(b, end+1)
	switch {
	case isWord(p), p == '%', p == '+', p == '*':
		return false
	case p == '-':
		return isDigit(q) && (!isDigit(at(b, end+5)) || rangeEnd(b, end+1)) || !isWord(q)
	case p == '.':
		return !isWord(q) || isUpper(q)
	}
	return true
}

// rangeEnd says whether the quad at i ends a range of addresses.
func rangeEnd(b []byte, i int) bool {
	end := i
	for end < len(b) && end-i < 16 && (isDigit(b[end]) || b[end] == '.') {
		end++
	}
	return quad(bytes.TrimRight(b[i:end], "."))
}

// stepping are the words that may stand between "version" and its number.
var stepping = set("is was to of from number no at the a and or in tag level now new old current latest minimum requires least")

// software are words whose number is a version, and never the address of a host.
var software = set(`openapi swagger net dotnet java jdk jre python php ruby perl gcc office framework directx photoshop acrobat reader opera
	safari bios uefi plugin library package module`)

// versioned says whether the quad is called a version, or heads a section.
func versioned(t *detect.Text, start, end int) bool {
	from := max(0, start-reachBefore)
	w := wordWalk{norm: t.Norm[from:start], lower: t.Lower[from:start], pos: start - from}
	if line := bytes.LastIndexByte(w.norm, '\n'); line >= 0 {
		w.norm, w.lower, w.pos = w.norm[line+1:], w.lower[line+1:], w.pos-line-1
	}
	for n := 0; n < 5; n++ {
		word := w.back()
		if word == nil {
			break
		}
		if len(word) == 1 && isDigit(at(w.norm, w.pos+1)) {
			if at(w.norm, w.pos+2) == ' ' {
				continue // "update V8 to 10.2.154.23"
			}
			break // "v4: 10.0.0.1"
		}
		if _, known := software[string(word)]; known || lookUp(word)&lVersion != 0 {
			return true
		}
		if _, ok := stepping[string(word)]; !ok {
			break
		}
	}
	to := min(len(t.Norm), end+12)
	next := wordWalk{norm: t.Norm[end:to], lower: t.Lower[end:to]}
	if at(t.Norm, end) == ' ' || at(t.Norm, end) == '"' {
		switch string(next.forth()) {
		case "release", "build", "version", "firmware", "beta", "alpha", "rc", "released":
			return true
		}
	}
	return headsSection(t.Norm, start, end)
}

// headsSection is for "1.2.3.4 Scope" at the start of a line, or for the number
// alone in a comment.
func headsSection(b []byte, start, end int) bool {
	i := start
	comment := false
	for i > 0 && bytes.IndexByte([]byte(" \t#/*"), b[i-1]) >= 0 {
		i--
		comment = comment || b[i] == '/' || b[i] == '*'
	}
	named := at(b, end) == ' ' && (isUpper(at(b, end+1)) || at(b, end+1) == '<')
	if p := at(b, i-1); p != '\n' && p != '>' || !named && !(comment && at(b, end) <= ' ') {
		return false
	}
	a, err := netip.ParseAddr(string(b[start:end]))
	if err != nil {
		return false
	}
	for _, octet := range a.As4() {
		if octet > 20 {
			return false
		}
	}
	return true
}

// ipv6 finds addresses in every form of RFC 4291, with or without a zone.
type ipv6 struct{}

// Find implements [detect.Detector].
func (ipv6) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], ':')
		if i < 0 {
			return
		}
		i += from
		if n := at(b, i+1); !isHex(n) && n != ':' {
			from = i + 1
			continue
		}
		start, end := i, i
		for start > from && isHex(b[start-1]) {
			start--
		}
		for end < len(b) && (isHex(b[end]) || b[end] == ':') {
			end++
		}
		if at(b, end) == '.' && isDigit(at(b, end+1)) {
			for end < len(b) && (isDigit(b[end]) || b[end] == '.') {
				end++
			}
		}
		from = end
		for end > start && (b[end-1] == '.' || b[end-1] == ':' && at(b, end-2) != ':') {
			end--
		}
		if !hextets(t, start, end) {
			continue
		}
		end = zone(b, end)
		report(ipRule.at(start, end, .9))
	}
}

// hextets says whether a run of hexadecimal digits and colons is an address of
// a machine, and not a MAC, a fingerprint, a time, a slice or a scope.
func hextets(t *detect.Text, start, end int) bool {
	b := t.Norm
	run := b[start:end]
	if len(run) < 3 || len(run) > 45 {
		return false
	}
	if isWord(at(b, end)) || isWord(at(b, start-1)) || at(b, start-1) == '.' || at(b, start-1) == ':' || at(b, end) == ':' {
		return false
	}
	// A slice: a[::2].
	if p := at(b, start-1); p == '[' && (isWord(at(b, start-2)) || at(b, start-2) == ')' || at(b, start-2) == ']') {
		return false
	}
	a, err := netip.ParseAddr(string(run))
	if err != nil || a.IsUnspecified() {
		return false
	}
	if !bytes.Contains(run, []byte("::")) {
		// Eight pairs are an EUI-64, eight single digits a ratio.
		return len(run) != 23 && (len(run) > 23 || labelsOf(t, start, end).is(lIP))
	}
	return string(run) == "::1" || telling(run) || labelsOf(t, start, end).is(lIP)
}

// telling says whether a shortened address has a group that other things with
// two colons rarely have: three characters or more with a digit among them.
func telling(run []byte) bool {
	n, digit, groups := 0, false, 0
	for i := 0; i <= len(run); i++ {
		if i < len(run) && run[i] != ':' {
			n++
			digit = digit || isDigit(run[i])
			continue
		}
		if n > 0 {
			groups++
		}
		if n >= 3 && digit || groups >= 4 {
			return true
		}
		n, digit = 0, false
	}
	return false
}

// zone widens an address by its zone, as in "fe80::1%eth0".
func zone(b []byte, end int) int {
	if at(b, end) != '%' {
		return end
	}
	i := end + 1
	for i < len(b) && i-end < 16 && isAlnum(b[i]) {
		i++
	}
	if i == end+1 || isWord(at(b, i)) {
		return end
	}
	return i
}
