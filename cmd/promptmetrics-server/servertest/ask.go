package servertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Request is what is asked of a server.
type Request struct {
	// Key is the API key; empty for none.
	Key string
	// Method, and Path with its query.
	Method, Path string
	// Header is sent besides that of the key and of the body's type.
	Header map[string]string
	// Body is JSON; empty for none.
	Body string
}

// Answer is what a server says to it.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Ask sends a request with a key, unless it is empty, and gives status and body.
func (s *Server) Ask(tb testing.TB, key, method, path, body string) (status int, answer string) {
	tb.Helper()
	status, answer, err := s.Try(tb.Context(), key, method, path, body)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

// Try is Ask for a server that may be gone.
func (s *Server) Try(ctx context.Context, key, method, path, body string) (status int, answer string, err error) {
	a, err := s.Send(ctx, Request{Key: key, Method: method, Path: path, Body: body})
	return a.Status, a.Body, err
}

// Send sends a request to a server that may be gone. With an error nobody knows
// what the server did.
func (s *Server) Send(ctx context.Context, r Request) (Answer, error) {
	var in io.Reader
	if r.Body != "" {
		in = strings.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, s.URL+r.Path, in)
	if err != nil {
		return Answer{}, err
	}
	if r.Key != "" {
		request.Header.Set("X-API-Key", r.Key)
	}
	if r.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return Answer{}, err
	}
	data, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, string(data)}, errors.Join(err, response.Body.Close())
}
