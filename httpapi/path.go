package httpapi

import (
	"path"
	"strings"
	"unicode/utf8"
)

// cleanPath reports that a path has no empty and no dot segments, which a mux
// would answer with a redirect, and that every database could store its parts.
func cleanPath(escaped, decoded string) bool {
	if !strings.HasPrefix(escaped, "/") || !utf8.ValidString(decoded) || strings.IndexByte(decoded, 0) >= 0 {
		return false
	}
	if !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.") {
		return true
	}
	clean := path.Clean(escaped)
	return clean == escaped || clean != "/" && clean+"/" == escaped
}
