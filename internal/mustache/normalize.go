package mustache

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Normalize turns a Go value into plain JSON data: nil, bool, string,
// json.Number, float64, the integer types, []any and map[string]any.
//
// What is plain already is checked and returned itself, not copied; where a
// part of it is not, only the lists and objects around that part are copied.
// Anything else becomes what encoding/json makes of it, so unexported fields
// stay hidden and methods are out of reach of templates. As there, nil maps and
// lists become nil and bytes that are not UTF-8 become U+FFFD.
//
// The error is a [*DataError] for what JSON has no form for (functions,
// channels, NaN, keys that are not UTF-8) and a [*LimitError] for data deeper
// than [MaxDepth] or larger than [MaxValues].
func Normalize(v any) (any, error) {
	n := normalizer{left: MaxValues}
	out, _, err := n.value(v, 0)
	if err != nil {
		return nil, err
	}
	return out, nil
}

type normalizer struct {
	left int // values that may still be looked at
}

// value returns the plain form of v and whether it differs from v.
func (n *normalizer) value(v any, depth int) (out any, changed bool, err error) {
	if n.left--; n.left < 0 {
		return nil, false, &LimitError{Limit: LimitValues, Max: MaxValues}
	}
	// What is plain is returned as v, in the interface it came in: boxing it
	// again would allocate.
	switch t := v.(type) {
	case nil, bool:
		return v, false, nil
	case string:
		if utf8.ValidString(t) {
			return v, false, nil
		}
		return valid(t), true, nil
	case json.Number:
		if isNumber(string(t)) {
			return v, false, nil
		}
	case float64:
		if !math.IsNaN(t) && !math.IsInf(t, 0) {
			return v, false, nil
		}
	case []any:
		if t == nil {
			return nil, true, nil
		}
		list, changed, err := n.list(t, depth)
		if err != nil || !changed {
			return v, false, err
		}
		return list, true, nil
	case map[string]any:
		if t == nil {
			return nil, true, nil
		}
		object, changed, err := n.object(t, depth)
		if err != nil || !changed {
			return v, false, err
		}
		return object, true, nil
	case map[string]string:
		if t == nil {
			return nil, true, nil
		}
		object, err := n.texts(t, depth)
		return object, true, err
	}
	if _, ok := integer(v); ok {
		return v, false, nil
	}
	return n.foreign(v, depth)
}

func (n *normalizer) list(v []any, depth int) (out []any, changed bool, err error) {
	if depth == MaxDepth {
		return nil, false, tooDeep()
	}
	out = v
	for i, item := range v {
		plain, differs, err := n.value(item, depth+1)
		if err != nil {
			return nil, false, within(err, "["+strconv.Itoa(i)+"]")
		}
		if !differs {
			continue
		}
		if !changed {
			out, changed = slices.Clone(v), true
		}
		out[i] = plain
	}
	return out, changed, nil
}

func (n *normalizer) object(v map[string]any, depth int) (out map[string]any, changed bool, err error) {
	if depth == MaxDepth {
		return nil, false, tooDeep()
	}
	out = v
	for key, item := range v {
		if !utf8.ValidString(key) {
			return nil, false, badKey(key)
		}
		plain, differs, err := n.value(item, depth+1)
		if err != nil {
			return nil, false, within(err, clip(key))
		}
		if !differs {
			continue
		}
		if !changed {
			out, changed = maps.Clone(v), true
		}
		out[key] = plain
	}
	return out, changed, nil
}

// texts saves the commonest foreign type, variables from a query string or a
// command line, the way through JSON.
func (n *normalizer) texts(v map[string]string, depth int) (map[string]any, error) {
	if depth == MaxDepth {
		return nil, tooDeep()
	}
	out := make(map[string]any, len(v))
	for key, text := range v {
		if !utf8.ValidString(key) {
			return nil, badKey(key)
		}
		plain, _, err := n.value(text, depth+1)
		if err != nil {
			return nil, err
		}
		out[key] = plain
	}
	return out, nil
}

// foreign takes a value through its JSON form.
func (n *normalizer) foreign(v any, depth int) (any, bool, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, false, unfit(v, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return nil, false, unfit(v, err)
	}
	// It is plain now; what is left to find out is whether it is too much.
	plain, _, err = n.value(plain, depth)
	return plain, true, err
}

func unfit(v any, cause error) error {
	return &DataError{Message: fmt.Sprintf("a value of type %T has no JSON form: %v", v, cause), cause: cause}
}

func badKey(key string) error {
	return &DataError{Message: "the key " + quote(key) + " is not valid UTF-8"}
}

// valid replaces every byte that is not part of UTF-8, one by one as
// encoding/json does.
func valid(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2*utf8.UTFMax)
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}
