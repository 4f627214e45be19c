package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Text puts the pieces of a text together that a server may have cut anywhere:
// between the two \u escapes of one character, or between the bytes of one.
// What is incomplete waits for the next piece. The zero value is ready.
type Text struct{ rest string }

var errNoText = errors.New("a text is expected")

// Add takes a piece, a JSON string or null, and gives what is complete.
func (t *Text) Add(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if len(raw) < 2 || raw[0] != '"' {
		return "", errNoText
	}
	inner := t.rest + string(raw[1:len(raw)-1])
	keep := incomplete(inner)
	t.rest = inner[len(inner)-keep:]
	var text string
	err := json.Unmarshal([]byte(`"`+inner[:len(inner)-keep]+`"`), &text)
	return text, err
}

// Rest gives what never became complete, with U+FFFD for it.
func (t *Text) Rest() string {
	if t.rest == "" {
		return ""
	}
	t.rest = ""
	return "\uFFFD"
}

// incomplete counts the bytes at the end of a JSON string's inside that begin a
// character: the escape of a high surrogate, or some bytes of UTF-8.
func incomplete(s string) int {
	if n := len(s) - 6; n >= 0 && highSurrogate(s[n:]) {
		escaped := len(s[:n]) - len(strings.TrimRight(s[:n], `\`))
		if escaped%2 == 0 {
			return 6
		}
	}
	for n := 1; n <= min(utf8.UTFMax-1, len(s)); n++ {
		if c := s[len(s)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRuneInString(s[len(s)-n:]) {
				return n
			}
			break
		}
	}
	return 0
}

// highSurrogate reports whether s is \uD800 to \uDBFF.
func highSurrogate(s string) bool {
	const hex = "0123456789abcdefABCDEF"
	return s[0] == '\\' && s[1] == 'u' && (s[2] == 'd' || s[2] == 'D') && strings.ContainsRune("89abAB", rune(s[3])) &&
		strings.IndexByte(hex, s[4]) >= 0 && strings.IndexByte(hex, s[5]) >= 0
}
