package httpapi

import (
	"net/http"

	"github.com/google/uuid"
)

// maxRequestID is how long an id that a client chooses may be.
const maxRequestID = 128

// requestID takes over the client's id if it is short and harmless in headers
// and logs, and makes one otherwise.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); harmless(id) {
		return id
	}
	return uuid.NewString()
}

func harmless(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}
