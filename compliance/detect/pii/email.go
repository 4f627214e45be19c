package pii

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// maxLocal is the longest part before the "@", in bytes (RFC 5321).
const maxLocal = 64

// email finds addresses by walking out from each "@".
type email struct{}

// Find implements [detect.Detector].
func (email) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '@')
		if i < 0 {
			return
		}
		i += from
		if start, end, ok := address(b, from, i); ok && !notMail(t, start, i, end) {
			report(emailRule.at(start, end, .96))
			from = end
			continue
		}
		from = i + 1
	}
}

// address is the span around the "@" at i that has the form of an address. The
// part before it does not reach back beyond floor.
func address(b []byte, floor, i int) (start, end int, ok bool) {
	if start = localStart(b, floor, i); start == i {
		return 0, 0, false
	}
	domain := trimDomain(b[i+1 : domainEnd(b, i+1)])
	for try := 0; try < 3; try++ {
		tld, dot := lastLabel(domain)
		if dot <= 0 {
			return 0, 0, false
		}
		if icann(tld) && wellFormed(domain) && !scaled(domain) {
			return start, i + 1 + len(domain), true
		}
		// A missing space: "ann@example.com.Then". Or a script without spaces.
		if asciiPart := trimDomain(domain[:asciiLen(domain, dot+1)]); len(asciiPart) < len(domain) {
			domain = asciiPart
			continue
		}
		if !isUpper(tld[0]) || bytes.Equal(bytes.ToUpper(domain), domain) {
			return 0, 0, false
		}
		domain = domain[:dot]
	}
	return 0, 0, false
}

// asciiLen is where the first byte that is not ASCII stands from i on.
func asciiLen(b []byte, i int) int {
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// localStart walks back over the part before the "@".
func localStart(b []byte, floor, i int) int {
	start := i
	for start > floor && i-start <= maxLocal*2 {
		c := b[start-1]
		if c < utf8.RuneSelf {
			if !inLocal(c) {
				break
			}
			start--
			continue
		}
		r, size := utf8.DecodeLastRune(b[floor:start])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) || foreign(r, b, start, i) {
			break
		}
		start -= size
	}
	if start == i || i-start > maxLocal {
		return i
	}
	// After two dots, as in "see...ann@example.com", a new text starts.
	if dots := bytes.LastIndex(b[start:i], []byte("..")); dots >= 0 {
		start += dots + 2
	}
	if p := bytes.LastIndexByte(b[start:i], '%'); p >= 0 && isHex(at(b, start+p+1)) && isHex(at(b, start+p+2)) && start+p+3 < i {
		start += p + 3 // what is escaped is no part of it: "%3Cann@example.com"
	}
	start = unescape(b, start, i)
	for start < i && bytes.IndexByte([]byte(".-'&=+"), b[start]) >= 0 {
		start++
	}
	if b[i-1] == '.' || b[i-1] == '\'' {
		return i
	}
	return start
}

// foreign says whether a letter of a script without spaces stands before ASCII:
// then the word before the address has ended.
func foreign(r rune, b []byte, start, i int) bool {
	return r >= 0x0E00 && start < i && b[start] < utf8.RuneSelf
}

func inLocal(c byte) bool {
	switch c {
	case '.', '_', '%', '+', '-', '\'', '&':
		return true
	}
	return isAlnum(c)
}

// scaled is for names of images, as in "logo@2x.ai".
func scaled(domain []byte) bool {
	return len(domain) > 3 && isDigit(domain[0]) && domain[1] == 'x' && domain[2] == '.'
}

// notMail says whether what has the form of an address is something else: a
// login of git, ssh or a URL, a handle, a message id, a format string.
func notMail(t *detect.Text, start, i, end int) bool {
	b := t.Norm
	before := at(b, start-1)
	switch {
	case before == '@', before == '$', before == '}', before == '{' && at(b, start-2) == '$', at(b, end) == '@':
		return true
	case string(t.Lower[start:i]) == "git" && forge(t.Lower[i+1:end]):
		return true
	case b[start] == '%' && i-start == 2:
		return true
	case at(b, end) == ':' && remotePath(b, end+1):
		return true
	case before == '<' || before == ' ':
		if after(t, start-1, "message-id", "in-reply-to", "references") {
			return true
		}
	}
	if after(t, start, "ssh", "scp", "sftp", "mosh", "rsync", "ssh-copy-id", "git") && before == ' ' && !prose(t, start) {
		return true
	}
	return inURL(b, start)
}

// forge says whether a host serves repositories to the user "git".
func forge(host []byte) bool {
	switch string(host) {
	case "github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "ssh.dev.azure.com", "git.sr.ht":
		return true
	}
	return false
}

// remotePath says whether a path on another machine follows a colon, as in
// git@github.com:org/repo or user@host:~/file.
func remotePath(b []byte, i int) bool {
	switch at(b, i) {
	case '/', '~', '.':
		return at(b, i) != '.' || at(b, i+1) == '/' || at(b, i+1) == '.'
	}
	for n := 0; n < 100 && i < len(b); n++ {
		c := b[i]
		if c == '/' {
			return n > 0
		}
		if !isWord(c) && c != '.' && c != '-' {
			return n > 4 && i > 3 && string(b[i-4:i]) == ".git"
		}
		i++
	}
	return false
}

// after says whether one of the words stands right before start.
func after(t *detect.Text, start int, words ...string) bool {
	end := start
	for end > 0 && start-end < 4 && bytes.IndexByte([]byte(" :<"), t.Norm[end-1]) >= 0 {
		end--
	}
	for _, w := range words {
		if end >= len(w) && string(t.Lower[end-len(w):end]) == w && !isWord(at(t.Norm, end-len(w)-1)) {
			return true
		}
	}
	return false
}

// prose says whether a colon or comma makes a label of the word before start:
// "git: ann@example.com" is an address.
func prose(t *detect.Text, start int) bool {
	i := start - 1
	for i > 0 && t.Norm[i] == ' ' {
		i--
	}
	return at(t.Norm, i) == ':' || at(t.Norm, i) == ','
}

// inURL says whether start lies in the authority or the path of a URL. In its
// query an address is still one.
func inURL(b []byte, start int) bool {
	if p := at(b, start-1); p != '/' && p != ':' && !isWord(p) && p != '-' && p != '.' && p != '@' && p != '~' {
		return false
	}
	for i := start - 1; i >= 2 && start-i < 256; i-- {
		switch c := b[i]; {
		case c <= ' ', c == '"', c == '<', c == '>', c == '\'', c == '=', c == '?', c == '&':
			return false
		case c == '/' && b[i-1] == '/' && b[i-2] == ':':
			return true
		}
	}
	return false
}
