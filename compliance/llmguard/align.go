package llmguard

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/internal/upstream"
)

// placeholder is what the scanners Anonymize and Secrets put in the place of
// data: [REDACTED_EMAIL_ADDRESS_1], or six stars.
var placeholder = regexp.MustCompile(`\[REDACTED_([A-Z][A-Z0-9_]*?)_\d+\]|\*{6}`)

// maxPlaceholders bounds how many are looked at.
const maxPlaceholders = 1000

// align finds what the placeholders of a sanitized text stand for, by laying
// what stands between them over the original. Where that does not fit, because
// the text was changed in other ways or placeholders touch each other, there is
// no telling and nothing is found. A value that holds the words behind it is
// found shorter than it is.
func align(original, sanitized string) (found []detect.Finding) {
	marks := placeholder.FindAllStringSubmatchIndex(sanitized, maxPlaceholders+1)
	if len(marks) > maxPlaceholders {
		return nil
	}
	at, behind := 0, 0 // how far the original, and the sanitized text, are laid
	for i, m := range marks {
		before := sanitized[behind:m[0]]
		if i == 0 {
			if !strings.HasPrefix(original, before) {
				return nil
			}
			at = len(before)
		}
		behind = m[1]
		next := len(sanitized)
		if i+1 < len(marks) {
			next = marks[i+1][0]
		}
		end, ok := reach(original, at, sanitized[behind:next], i+1 == len(marks))
		if !ok {
			return nil
		}
		if value := original[at:end]; value != sanitized[m[0]:m[1]] { // the text may have stars of its own
			found = append(found, finding(sanitized, m, at, end))
		}
		at = end + next - behind
	}
	return found
}

// reach finds where the value that begins at a position ends: before the text
// that follows it.
func reach(original string, at int, following string, last bool) (end int, ok bool) {
	if last {
		end = len(original) - len(following)
		return end, end > at && original[end:] == following
	}
	if following == "" || at >= len(original) {
		return 0, false
	}
	_, first := utf8.DecodeRuneInString(original[at:]) // a value has at least one character
	i := strings.Index(original[at+first:], following)
	return at + first + i, i >= 0
}

func finding(sanitized string, m []int, start, end int) detect.Finding {
	name := "SECRET"
	if m[2] >= 0 {
		name = sanitized[m[2]:m[3]]
	}
	f := upstream.Data(name)
	f.Start, f.End = start, end
	return f
}
