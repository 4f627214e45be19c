// Package decode reads JSON from outside into our types, and when it does not
// fit says everything that is wrong with it at once, each fault by the name of
// its field.
package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// JSON reads data into v, a pointer. What is no JSON is ErrBadRequest "Invalid
// JSON body"; members of a wrong type are ErrValidation, one fault each.
// Members that v has no field for are left to v's own UnmarshalJSON.
func JSON(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		if t := reflect.TypeOf(v).Elem(); t.Kind() == reflect.Struct && string(bytes.TrimSpace(data)) == "null" {
			return pmerr.Invalid("body must be an object")
		}
		return nil
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if !json.Valid(data) || dec.Decode(&tree) != nil {
		return pmerr.New(pmerr.BadRequest, "Invalid JSON body").Because(err)
	}
	faults := appendFaults(nil, tree, reflect.TypeOf(v).Elem(), "")
	if faults == nil { // a custom decoder complained
		var ours *pmerr.Error
		if errors.As(err, &ours) {
			return ours
		}
		// The tree holds the last of several members of one name; the others
		// were wrong.
		return pmerr.Invalid("body must have no two members of one name").Because(err)
	}
	return pmerr.Invalid(faults...)
}

var (
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()
	rawMessage  = reflect.TypeFor[json.RawMessage]()
)

// maxFaults ends the comparison of a body that is wrong throughout.
const maxFaults = 100

// appendFaults compares a decoded JSON value with the Go type it is meant for.
func appendFaults(faults []string, value any, t reflect.Type, path string) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(faults) >= maxFaults {
		return faults
	}
	if value == nil || t == rawMessage || t.Kind() == reflect.Interface {
		return faults
	}
	if reflect.PointerTo(t).Implements(unmarshaler) && !hasJSONFields(t) {
		return appendOwnFaults(faults, value, t, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		members, ok := value.(map[string]any)
		if !ok {
			return wrong(faults, path, "an object")
		}
		return appendMemberFaults(faults, members, t, path)
	case reflect.Map:
		members, ok := value.(map[string]any)
		if !ok {
			return wrong(faults, path, "an object")
		}
		keys := make([]string, 0, len(members))
		for key := range members {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			faults = appendFaults(faults, members[key], t.Elem(), join(path, key))
		}
		return faults
	case reflect.Slice, reflect.Array:
		items, ok := value.([]any)
		if !ok {
			return wrong(faults, path, "an array")
		}
		for i, item := range items {
			faults = appendFaults(faults, item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
		}
		return faults
	}
	return appendScalarFault(faults, value, t, path)
}

func appendMemberFaults(faults []string, members map[string]any, t reflect.Type, path string) []string {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			faults = appendMemberFaults(faults, members, f.Type, path)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		for _, value := range named(members, name) {
			faults = appendFaults(faults, value, f.Type, join(path, name))
		}
	}
	return faults
}

// named finds the members that encoding/json takes for a field: it does not
// look at the case of names.
func named(members map[string]any, name string) (values []any) {
	if value, ok := members[name]; ok {
		values = append(values, value)
	}
	for key, value := range members {
		if key != name && strings.EqualFold(key, name) {
			values = append(values, value)
		}
	}
	return values
}

func appendScalarFault(faults []string, value any, t reflect.Type, path string) []string {
	var ok bool
	var want string
	switch t.Kind() {
	case reflect.String:
		_, ok = value.(string)
		want = "a string"
	case reflect.Bool:
		_, ok = value.(bool)
		want = "true or false"
	case reflect.Float32, reflect.Float64:
		ok = fits(value, t)
		want = "a number"
	default:
		ok = fits(value, t)
		want = "an integer"
	}
	if ok {
		return faults
	}
	return wrong(faults, path, want)
}

// fits asks encoding/json whether a number can be stored in the type.
func fits(value any, t reflect.Type) bool {
	number, ok := value.(json.Number)
	return ok && json.Unmarshal([]byte(number), reflect.New(t).Interface()) == nil
}

// appendOwnFaults lets a type with its own decoder say what it dislikes.
func appendOwnFaults(faults []string, value any, t reflect.Type, path string) []string {
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, reflect.New(t).Interface())
	}
	var ours *pmerr.Error
	switch {
	case err == nil:
		return faults
	case errors.As(err, &ours) && len(ours.Fields) > 0:
		return append(faults, ours.Fields...)
	}
	return wrong(faults, path, "of another form")
}

func hasJSONFields(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("json") != "" {
			return true
		}
	}
	return false
}

func wrong(faults []string, path, want string) []string {
	if path == "" {
		path = "body"
	}
	return append(faults, path+" must be "+want)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
