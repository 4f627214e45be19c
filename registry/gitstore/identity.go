package gitstore

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// identity is who wrote or committed, in a form that git accepts.
type identity struct{ name, address string }

const (
	// neutralDomain ends the addresses of authors who gave none; nothing is
	// ever delivered there.
	neutralDomain = "@promptmetrics.invalid"
	maxName       = 200
	maxAddress    = 254
)

func committer() identity { return identity{"PromptMetrics", "server" + neutralDomain} }

// parseAuthor reads "Ada" or "Ada <ada@example.org>" and takes away what git
// does not allow in a name or an address.
func parseAuthor(text string) identity {
	name, address := text, ""
	if open := strings.IndexByte(text, '<'); open >= 0 {
		name, address = text[:open], text[open+1:]
		if end := strings.IndexByte(address, '>'); end >= 0 {
			address = address[:end]
		}
	}
	id := identity{cleanName(name), cleanAddress(address)}
	switch {
	case id.name == "" && id.address == "":
		return committer()
	case id.name == "":
		id.name = cleanName(strings.SplitN(id.address, "@", 2)[0])
		if id.name == "" {
			id.name = "unknown"
		}
	case id.address == "":
		id.address = neutralAddress(id.name)
	}
	return id
}

// cleanName drops brackets and control characters, joins white space, and cuts
// what git itself would cut at the ends.
func cleanName(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '<' || r == '>' || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	s = truncate(strings.Join(strings.Fields(s), " "), maxName)
	return strings.Trim(s, ` .,:;"'\`)
}

func cleanAddress(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	return strings.Trim(truncate(s, maxAddress), `.,:;"'\`)
}

// neutralAddress makes an address of a name: "ada.lovelace@promptmetrics.invalid".
func neutralAddress(name string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(truncate(word, 64))
		if b.Len() > 64 {
			break
		}
	}
	if b.Len() == 0 {
		b.WriteString("unknown")
	}
	return b.String() + neutralDomain
}

// truncate cuts valid text to at most n bytes, between characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// String is the author as callers gave it: without an address that was made up.
func (id identity) String() string {
	if id.address == "" || strings.HasSuffix(id.address, neutralDomain) {
		return id.name
	}
	return id.name + " <" + id.address + ">"
}

// line is the identity with a time, as commits hold it.
func (id identity) line(at time.Time) string {
	return id.name + " <" + id.address + "> " + strconv.FormatInt(max(at.Unix(), 0), 10) + " +0000"
}

// parseLine reads what line wrote, or what any git client wrote. What cannot be
// read is left empty.
func parseLine(line string) (id identity, at time.Time) {
	line = strings.ToValidUTF8(line, "\uFFFD")
	open := strings.IndexByte(line, '<')
	end := strings.LastIndexByte(line, '>')
	if open < 0 || end < open {
		return identity{name: cleanName(line)}, time.Unix(0, 0).UTC()
	}
	id = identity{cleanName(line[:open]), cleanAddress(line[open+1 : end])}
	if id.name == "" {
		id.name = id.address
	}
	seconds, _, _ := strings.Cut(strings.TrimSpace(line[end+1:]), " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || unix < 0 || unix > maxTime {
		unix = 0
	}
	return id, time.Unix(unix, 0).UTC()
}

// maxTime is the end of the year 9999, past which times have no usual form.
const maxTime = 253402300799
