package decode

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Open fills known, a pointer to a struct, and returns the members of
// the JSON object that the struct has no field for, or nil if there are none.
func Open(data []byte, known any) (map[string]json.RawMessage, error) {
	typed := json.Unmarshal(data, known)
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	t := reflect.TypeOf(known).Elem()
	for key := range all {
		if HasField(t, key) {
			delete(all, key)
		}
	}
	if len(all) == 0 {
		all = nil
	}
	return all, typed
}

// HasField tells whether encoding/json would store key in a field of t, which
// it does without regard to case.
func HasField(t reflect.Type, key string) bool {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" && strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// EncodeOpen writes the struct known and appends the members of extra, sorted.
func EncodeOpen(known any, extra map[string]json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	if err := EncodePlain(&b, known); err != nil {
		return nil, err
	}
	if len(extra) == 0 {
		return b.Bytes(), nil
	}
	keys := make([]string, 0, len(extra))
	for key := range extra {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b.Truncate(b.Len() - 1) // the closing brace
	for _, key := range keys {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		if err := EncodePlain(&b, key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		b.Write(extra[key])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// EncodePlain writes compact JSON without HTML escapes: prompts are full of
// "<" and "&", and people read the files.
func EncodePlain(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the newline of Encode
	return nil
}
