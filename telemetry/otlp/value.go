package otlp

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// valueKind is what a value is.
type valueKind byte

const (
	absent valueKind = iota
	textValue
	intValue
	floatValue
	boolValue
	// jsonValue is a list, a map or bytes, kept as JSON.
	jsonValue
)

// Value is what an attribute holds.
type Value struct {
	kind  valueKind
	text  string // of textValue and jsonValue
	whole int64  // of intValue; 1 for a boolValue that is true
	float float64
}

// bytesValueOf keeps bytes as base64, as the JSON form of protobuf does.
func bytesValueOf(b []byte) Value {
	return Value{kind: jsonValue, text: `"` + base64.StdEncoding.EncodeToString(b) + `"`}
}

// appendJSON appends the value as JSON.
func (v Value) appendJSON(out []byte) []byte {
	switch v.kind {
	case textValue:
		return appendText(out, v.text)
	case intValue:
		return strconv.AppendInt(out, v.whole, 10)
	case floatValue:
		return appendFloat(out, v.float)
	case boolValue:
		return strconv.AppendBool(out, v.whole != 0)
	case jsonValue:
		return append(out, v.text...)
	case absent:
	}
	return append(out, "null"...)
}

// JSON is the value as JSON: bytes in base64, numbers that JSON does not have
// by their names.
func (v Value) JSON() string { return string(v.appendJSON(nil)) }

// string is a text, or a scalar as a text.
func (v Value) string() string {
	switch v.kind {
	case textValue:
		return v.text
	case intValue, boolValue, floatValue:
		return strings.Trim(string(v.appendJSON(nil)), `"`)
	case jsonValue, absent:
	}
	return ""
}

// number is a finite number, also one that was sent as a text.
func (v Value) number() (float64, bool) {
	switch v.kind {
	case intValue:
		return float64(v.whole), true
	case floatValue:
		return v.float, !math.IsNaN(v.float) && !math.IsInf(v.float, 0)
	case textValue:
		n, err := strconv.ParseFloat(v.text, 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	case boolValue, jsonValue, absent:
	}
	return 0, false
}

// maxCount keeps counts within what every reader of JSON can hold exactly.
const maxCount = 1 << 53

// count is a number of things, at least 0.
func (v Value) count() (int64, bool) {
	n, ok := v.number()
	if !ok || n < 0 || n > maxCount || n != math.Trunc(n) {
		return 0, false
	}
	return int64(n), true
}

// parsed gives JSON: a text that holds an object or a list is taken for it.
func (v Value) parsed() json.RawMessage {
	if v.kind == textValue {
		text := strings.TrimSpace(v.text)
		if text != "" && (text[0] == '{' || text[0] == '[') && json.Valid([]byte(text)) && !strings.Contains(text, `\u0000`) && shallow(text) {
			return json.RawMessage(text)
		}
	}
	return v.appendJSON(nil)
}

// deepest is how deep JSON in a text may be nested to be taken apart: what is
// stored is read back with a limit of 100.
const deepest = 64

func shallow(text string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > deepest {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// clean makes a text that every database can store.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// appendFloat appends a number; what JSON has no number for is a text, as in
// the JSON form of protobuf.
func appendFloat(out []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(out, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(out, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(out, `"-Infinity"`...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendFloat(out, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string. The text is clean, see [clean].
func appendText(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(out, s[start:]...), '"')
}

// object gives attributes as a JSON object, nil if there are none. Of several
// with one name the last counts.
func object(attributes []Attribute, left func(i int) bool) json.RawMessage {
	if len(attributes) == 0 {
		return nil
	}
	last := make(map[string]int, len(attributes))
	for i := range attributes {
		last[attributes[i].Key] = i
	}
	out := []byte{'{'}
	for i := range attributes {
		if last[attributes[i].Key] != i || left != nil && !left(i) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendText(out, attributes[i].Key), ':')
		out = attributes[i].Value.appendJSON(out)
	}
	if len(out) == 1 {
		return nil
	}
	return append(out, '}')
}
