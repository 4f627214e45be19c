package main

import (
	"io"
	"net/http"
	"time"
)

// bodyTimeout is how long a caller may take to send a body. A deadline of the
// server for all reading would end requests that take long to answer, too.
const bodyTimeout = time.Minute

// impatient gives every body a deadline, so that callers who send a byte now
// and then cannot hold connections for ever.
func impatient(next http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		connection := http.NewResponseController(w)
		// A connection without deadlines is none of ours, and has its own limits.
		if connection.SetReadDeadline(time.Now().Add(patience)) == nil {
			r.Body = &timedBody{ReadCloser: r.Body, connection: connection}
		}
		next.ServeHTTP(w, r)
	})
}

// timedBody lifts the deadline once the body was read.
type timedBody struct {
	io.ReadCloser
	connection *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.connection.SetReadDeadline(time.Time{}) // it was possible to set it
	}
	return n, err
}
