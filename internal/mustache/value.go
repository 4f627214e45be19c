package mustache

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// truthy decides whether a section is rendered. As in JavaScript's Mustache,
// null, false, zero, the empty string and the empty list say no; an empty
// object says yes. A nil map or slice is null, as it is for encoding/json.
func (w *writer) truthy(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		return v != "", nil
	case map[string]any:
		return v != nil, nil
	case []any:
		return len(v) > 0, nil
	case json.Number:
		w.steps -= len(v) / 64
		return !isZero(string(v)), nil
	case float64:
		return v != 0 && v == v, nil
	}
	if n, ok := integer(v); ok {
		return n.bits != 0, nil
	}
	return false, foreign(v)
}

// value writes a value as text. Strings go out as they are, null as nothing,
// lists and objects as JSON.
func (w *writer) value(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return w.literal(v)
	case json.Number:
		return w.number(v)
	case []any, map[string]any:
		if isNull(v) {
			return nil
		}
	}
	return w.json(v, 0)
}

func (w *writer) literal(s string) error {
	if len(w.dst)+len(s) > w.max {
		return w.outputError()
	}
	w.dst = append(w.dst, s...)
	return nil
}

// isNull tells nil lists and objects from empty ones.
func isNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return v == nil
	case map[string]any:
		return v == nil
	}
	return false
}

// json writes a value as compact JSON, keys sorted, with no HTML escaping.
func (w *writer) json(v any, depth int) error {
	if isNull(v) {
		return w.literal("null")
	}
	switch v := v.(type) {
	case bool:
		return w.literal(strconv.FormatBool(v))
	case string:
		return w.quoted(v)
	case json.Number:
		if !isNumber(string(v)) {
			return &DataError{Message: "the number " + quote(string(v)) + " is not a JSON number"}
		}
		return w.number(v)
	case float64:
		return w.float(v)
	case []any:
		return w.list(v, depth)
	case map[string]any:
		return w.object(v, depth)
	}
	n, ok := integer(v)
	if !ok {
		return foreign(v)
	}
	w.dst = n.append(w.dst)
	return w.check()
}

func (w *writer) list(v []any, depth int) error {
	if depth == MaxDepth {
		return tooDeep()
	}
	w.dst = append(w.dst, '[')
	for i, item := range v {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		if err := w.json(item, depth+1); err != nil {
			return within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	w.dst = append(w.dst, ']')
	return w.check()
}

func (w *writer) object(v map[string]any, depth int) error {
	if depth == MaxDepth {
		return tooDeep()
	}
	// Every key takes four bytes or more, so this much cannot fit; it is not
	// worth sorting.
	if len(v) > (w.max-len(w.dst))/4+1 {
		return w.outputError()
	}
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	w.dst = append(w.dst, '{')
	for i, key := range keys {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		if err := w.quoted(key); err != nil {
			return err
		}
		w.dst = append(w.dst, ':')
		if err := w.json(v[key], depth+1); err != nil {
			return within(err, clip(key))
		}
	}
	w.dst = append(w.dst, '}')
	return w.check()
}

// check finds out that the last few bytes went over the limit.
func (w *writer) check() error {
	if len(w.dst) > w.max {
		return w.outputError()
	}
	return nil
}

// quoted writes a JSON string. What is not UTF-8 becomes U+FFFD.
func (w *writer) quoted(s string) error {
	// A quoted string is never shorter than the string, so this much must fit
	// and the loop cannot run far ahead of the limit.
	if len(w.dst)+len(s)+2 > w.max {
		return w.outputError()
	}
	const hex = "0123456789abcdef"
	dst := append(w.dst, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[from:i]...)
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
		i++
		from = i
	}
	w.dst = append(append(dst, s[from:]...), '"')
	return w.check()
}
