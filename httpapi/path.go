package httpapi

import (
	"path"
	"strings"
	"unicode/utf8"
)

// cleanPath reports that a path has no empty and no dot segments, which a mux
// would answer with a redirect, and that every database could store its parts.
func cleanPath(escaped, decoded string) bool {
	if !utf8.ValidString(decoded) || strings.IndexByte(decoded, 0) >= 0 {
		return false
	}
	if !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.") {
		return strings.HasPrefix(escaped, "/")
	}
	return path.Clean(escaped) == strings.TrimSuffix(escaped, "/")
}
