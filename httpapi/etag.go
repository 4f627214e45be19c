package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// sendTagged answers with JSON and its strong entity tag, or with 304 to a
// caller that has these bytes already.
func (x *exchange) sendTagged(data []byte) {
	sum := sha256.Sum256(data)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	x.set("Etag", tag)
	if matches(x.request.Header["If-None-Match"], tag) {
		x.WriteHeader(http.StatusNotModified)
		return
	}
	x.send(http.StatusOK, jsonType, data)
}

// matches tells whether If-None-Match names a tag, by the weak comparison of
// RFC 9110: a cache in between may have weakened ours.
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
				return true
			}
		}
	}
	return false
}
