package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep lists and objects of stored data may lie inside each
// other.
const maxDepth = 100

// Fault says why JSON data cannot be stored and read back, to be put behind the
// name of its field, or "". No text in it may have more than longest
// characters; 0 is no limit.
func Fault(raw json.RawMessage, longest int) string {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return "must be valid JSON"
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	depth := 0
	for {
		token, err := dec.Token()
		if err != nil {
			return "" // the end: it is valid
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxDepth {
				return fmt.Sprintf("must not be nested deeper than %d", maxDepth)
			}
		case string:
			if strings.IndexByte(t, 0) >= 0 {
				return "must not contain NUL"
			}
			if longest > 0 && utf8.RuneCountInString(t) > longest {
				return fmt.Sprintf("must have texts of at most %d characters", longest)
			}
		}
	}
}

// Kind is the first byte of a JSON value; 0 of none.
func Kind(raw json.RawMessage) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

// Absent reports that data was not given; null counts as that.
func Absent(raw json.RawMessage) bool {
	return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null"
}
