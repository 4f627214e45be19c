// Package query reads the query string of a request: single values, values in
// brackets such as variables[user][name], the parameters of every list, and a
// check of all of them against what the API's document says.
package query

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// pair is one name=value of a query string, decoded.
type pair struct {
	name, value string
	// broken is set when the percent-encoding of the value is.
	broken bool
}

// pairs calls fn for each pair in order, until fn returns false. A pair whose
// name cannot be decoded names nothing that we know and is left out.
func pairs(raw string, fn func(pair) bool) {
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue
		}
		value, err = url.QueryUnescape(value)
		if !fn(pair{name: name, value: value, broken: err != nil}) {
			return
		}
	}
}

// Value gives the first value of a name, or "".
func Value(raw, name string) (value string) {
	pairs(raw, func(p pair) bool {
		if p.name != name {
			return true
		}
		value = p.value
		return false
	})
	return value
}

// storable reports that s is text which every database can store.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
