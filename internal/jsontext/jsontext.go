// Package jsontext looks at JSON data that is kept as it came: whether it can be
// stored, and the text that a reader of its values sees.
package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Plain gives the values of a JSON document a line each, without escapes, each
// behind the names of the members that it belongs to: {"a":{"b":"x\ty"}} is
// "a: b: x" and so on. ok is false for what is no JSON.
func Plain(raw []byte) (text string, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var b strings.Builder
	var inside []byte // the brackets that are open
	named := false    // within an object: the next text is a value
	for {
		token, err := dec.Token()
		if err != nil {
			return b.String(), errors.Is(err, io.EOF) && len(inside) == 0
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				inside, named = append(inside, byte(v)), false
				continue
			}
			inside = inside[:len(inside)-1]
		case string:
			b.WriteString(v)
			if len(inside) > 0 && inside[len(inside)-1] == '{' && !named {
				b.WriteString(": ")
				named = true
				continue
			}
			b.WriteByte('\n')
		case json.Number:
			b.WriteString(v.String())
			b.WriteByte('\n')
		default: // true, false and null say nothing
			b.WriteByte('\n')
		}
		named = false
	}
}
