// Package upstream is what the drivers of foreign scanners share: a call that
// ends in time and tells what went wrong in our terms, and the names of what is
// found.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Scanner is an HTTP API that takes JSON and gives JSON.
type Scanner struct {
	// Name is what errors call it.
	Name string
	// URL of the one endpoint that is used.
	URL string
	// URLVariable and KeyVariable are what errors name to be checked.
	URLVariable, KeyVariable string
	// Timeout bounds a call.
	Timeout time.Duration

	// key is a function so that no way to print a scanner shows it.
	key    func() string
	client *http.Client
	// idle closes the connections of a transport that is the scanner's own.
	idle func()
}

// DefaultTimeout is how long a scanner may take.
const DefaultTimeout = 10 * time.Second

// ParseBase checks the address of an API.
func ParseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("must begin with http:// or https://, name a host, and have no user, query or fragment")
	}
	return u, nil
}

// Open makes a scanner usable: with the key, and with the host program's client
// or one of its own.
func (s *Scanner) Open(key string, given *http.Client) {
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	s.key, s.idle = func() string { return key }, func() {}
	var own http.Client
	if given != nil {
		own = *given
	} else {
		t := &http.Transport{
			Proxy: nil, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
		}
		own.Transport, s.idle = t, t.CloseIdleConnections
	}
	// net/http would send the key along to wherever an answer leads.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = &own
}

// Close closes idle connections.
func (s *Scanner) Close() { s.idle() }

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 16 << 20

// Post sends a body and decodes the answer.
func (s *Scanner) Post(ctx context.Context, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	own, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(own, http.MethodPost, s.URL, bytes.NewReader(data))
	if err != nil {
		return pmerr.New(pmerr.ProviderError, "%s cannot be called; check %s", s.Name, s.URLVariable).Because(bare(err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "promptmetrics")
	if key := s.key(); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return s.broken(ctx, own, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return s.broken(ctx, own, err)
	case res.StatusCode != http.StatusOK:
		return s.refused(res)
	case len(answer) > maxAnswer:
		return pmerr.New(pmerr.ProviderError, "%s gave an answer of more than %d bytes", s.Name, maxAnswer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return s.Odd(err)
	}
	return nil
}

// Odd is the error for an answer that is not in the scanner's format.
func (s *Scanner) Odd(cause error) error {
	return pmerr.New(pmerr.ProviderError, "%s gave an answer that is not understood; check %s", s.Name, s.URLVariable).Because(cause)
}

// broken explains a call that got no whole answer. The caller's own context
// stays its error.
func (s *Scanner) broken(ctx, own context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var timeout net.Error
	if own.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return pmerr.New(pmerr.Timeout, "%s did not answer within %s", s.Name, s.Timeout).Because(bare(err))
	}
	return pmerr.New(pmerr.ProviderError, "%s cannot be reached; check %s", s.Name, s.URLVariable).Because(bare(err))
}

// bare takes the address off an error: it is the operator's, and may be
// nobody else's business.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// refused explains a status. The body of the answer may hold the text, or the
// key, so nothing of it is told.
func (s *Scanner) refused(res *http.Response) error {
	cause := errors.New("status " + strconv.Itoa(res.StatusCode))
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return pmerr.New(pmerr.ProviderError, "%s refused the API key; check %s", s.Name, s.KeyVariable).Because(cause)
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return pmerr.New(pmerr.ProviderError, "%s has no such address; check %s", s.Name, s.URLVariable).Because(cause)
	case http.StatusTooManyRequests:
		e := pmerr.New(pmerr.ProviderRateLimited, "%s limits the rate of calls", s.Name).Because(cause)
		if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 && n <= 3600 {
			e.RetryAfter = time.Duration(n) * time.Second
		}
		return e
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return pmerr.New(pmerr.Timeout, "%s did not answer in time", s.Name).Because(cause)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return pmerr.New(pmerr.InvalidRequest, "%s refused the text", s.Name).Because(cause)
	}
	return pmerr.New(pmerr.ProviderError, "%s failed", s.Name).Because(cause)
}
