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
	name string
	// escaped is the value as it was sent: a query is read several times, and
	// most values are asked for once.
	escaped string
}

// value decodes the value; it is not ok if its percent-encoding is broken.
func (p pair) value() (value string, ok bool) {
	value, err := url.QueryUnescape(p.escaped)
	return value, err == nil
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
		if !fn(pair{name: name, escaped: value}) {
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
		value, _ = p.value()
		return false
	})
	return value
}

// storable reports that s is text which every database can store.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
