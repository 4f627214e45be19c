package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of parameters in brackets.
const (
	maxDepth  = 32
	maxValues = 10_000
	maxKey    = 128
)

// Brackets reads the parameters name[key]=value into an object; deeper keys,
// name[key][inner]=value, make objects in it. A key that is given several
// times, or as name[key][]=value, makes a list. All values are texts. Without
// any such parameter the object is nil.
//
// The error is an ErrValidation that names each parameter at fault.
func Brackets(raw, name string) (map[string]any, error) {
	b := bracketReader{name: name}
	pairs(raw, func(p pair) bool {
		if path, ok := strings.CutPrefix(p.name, name+"["); ok {
			b.add(path, p)
		}
		return b.values <= maxValues
	})
	if b.values > maxValues {
		b.fault(fmt.Sprintf("%s must be at most %d values", name, maxValues))
	}
	if b.faults != nil {
		return nil, pmerr.Invalid(b.faults...)
	}
	return b.object, nil
}

type bracketReader struct {
	name   string
	object map[string]any
	values int
	faults []string
	// keys of the parameter that is read, reused from one to the next.
	keys keys
}

// maxFaults ends the list of faults of a query that is wrong throughout.
const maxFaults = 20

func (b *bracketReader) fault(fault string) {
	if len(b.faults) < maxFaults && !slices.Contains(b.faults, fault) {
		b.faults = append(b.faults, fault)
	}
}

// add puts one value in its place. path is what follows the first bracket.
func (b *bracketReader) add(path string, p pair) {
	b.values++
	keys, list, ok := splitKeys(b.keys[:0], path)
	b.keys = keys
	at := func() string { return b.name + "[" + keys.shown() + "]" }
	value, decoded := p.value()
	switch {
	case !ok:
		b.fault(b.name + " must be given as " + b.name + "[key]=value")
	case len(keys) > maxDepth:
		b.fault(fmt.Sprintf("%s must not be nested deeper than %d", b.name, maxDepth))
	case !decoded:
		b.fault(at() + " must be percent-encoded correctly")
	case !storable(value) || !storable(path):
		b.fault(at() + " must be UTF-8 without NUL")
	default:
		if b.object == nil {
			b.object = map[string]any{}
		}
		if !put(b.object, keys, value, list) {
			b.fault(at() + " is given both as a value and as an object")
		}
	}
}

// keys are the parts of a[b][c] behind the name.
type keys []string

// shown is how a fault names the parameter: short, whatever was sent.
func (k keys) shown() string {
	s := strings.ToValidUTF8(strings.Join(k, "]["), "\uFFFD")
	if len(s) > maxKey {
		s = strings.ToValidUTF8(s[:maxKey], "") + "…"
	}
	return s
}

// splitKeys splits "a][b]" into a and b, which it appends to k, and tells
// whether "[]" ends it.
func splitKeys(k keys, path string) (_ keys, list, ok bool) {
	for {
		key, rest, closed := strings.Cut(path, "]")
		if !closed {
			return k, false, false
		}
		if key == "" { // only the end of a list may be without a key
			return k, true, rest == "" && len(k) > 0
		}
		k = append(k, key)
		if rest == "" {
			return k, false, true
		}
		if rest[0] != '[' || len(k) > maxDepth {
			return k, false, len(k) > maxDepth
		}
		path = rest[1:]
	}
}

// put stores a value in nested objects. It fails when a key would have to be
// an object and a value at once.
func put(object map[string]any, path keys, value string, list bool) bool {
	for _, key := range path[:len(path)-1] {
		switch inner := object[key].(type) {
		case nil:
			next := map[string]any{}
			object[key] = next
			object = next
		case map[string]any:
			object = inner
		default:
			return false
		}
	}
	last := path[len(path)-1]
	switch there := object[last].(type) {
	case nil:
		if list {
			object[last] = []any{value}
		} else {
			object[last] = value
		}
	case string:
		object[last] = []any{there, value}
	case []any:
		object[last] = append(there, value)
	default:
		return false
	}
	return true
}
