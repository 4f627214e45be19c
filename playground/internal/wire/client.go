// Package wire calls providers of models over HTTP: one place for time limits,
// retries, the circuit breaker, the sizes of what is read and the meaning of
// what goes wrong. The packages of the providers know their formats only.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of what a provider may send.
const (
	longestBody  = 32 << 20 // a whole answer, or all lines of a stream
	longestLine  = 1 << 20  // a line, and the data of an event
	longestError = 64 << 10 // what is read of an error's body
)

// Request is what to ask.
type Request struct {
	Method string
	// Path is appended to the base URL, and is escaped; Query may be nil.
	Path  string
	Query url.Values
	// Header is sent besides the key; it may be nil.
	Header http.Header
	// Body is sent as JSON; nil sends none.
	Body any
	// Model is named when the provider does not know it.
	Model string
	// Fault is why there is nothing to send, if there is not.
	Fault error
}

// Client calls one provider.
type Client struct {
	config Config // without the key
	// key is a function so that no way to print a client shows it.
	key     func() string
	base    *url.URL
	http    http.Client
	idle    func()
	breaker *breaker
	// Tests set these.
	sleep  func(ctx context.Context, d time.Duration) error
	random func() float64
}

// New checks the configuration and makes a client. Its error names every fault.
func New(c Config) (*Client, error) {
	c = c.withDefaults()
	base, err := c.validate()
	if err != nil {
		return nil, err
	}
	key := c.APIKey
	c.APIKey = ""
	w := &Client{config: c, key: func() string { return key }, base: base, sleep: sleep, random: random}
	w.breaker = newBreaker(c)
	if c.HTTPClient != nil {
		w.http = *c.HTTPClient
	} else {
		t := &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        64,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
			// What no answer needs, such as endless headers, is refused.
			MaxResponseHeaderBytes: 256 << 10,
		}
		w.http.Transport, w.idle = t, t.CloseIdleConnections
	}
	// net/http would send the key along to wherever a redirect leads.
	w.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	// A limit of the client's own would cut streams in their middle.
	w.http.Timeout = 0
	return w, nil
}

// Name is what requests call the provider.
func (w *Client) Name() string { return w.config.Name }

// Close closes idle connections, unless the host program brought the client.
func (w *Client) Close() error {
	if w.idle != nil {
		w.idle()
	}
	return nil
}

// JSON makes one logical call and reads its whole answer into out, which may
// have an error in a successful answer checked by implementing [Checker].
func (w *Client) JSON(ctx context.Context, r Request, out any) error {
	body, err := w.encode(r)
	if err != nil {
		return err
	}
	return w.guard(ctx, func() error {
		// The limit of the call, its repetitions and pauses included.
		own, cancel := context.WithTimeoutCause(ctx, w.config.Timeout, errSlow)
		defer cancel()
		return w.persist(ctx, own, func() *fault { return w.whole(ctx, own, r, body, out) })
	})
}

// Checker is an answer that may turn out to be none.
type Checker interface {
	// Check gives nil, the [Words] of an error, or another error for an answer
	// that has not what it must have.
	Check() error
}

// guard runs a call if the breaker lets it, and tells it how the call ended.
func (w *Client) guard(ctx context.Context, call func() error) error {
	settle, err := w.breaker.enter()
	if err != nil {
		return err
	}
	err = call()
	settle(verdictOf(ctx, err))
	return plain(err)
}

func (w *Client) encode(r Request) ([]byte, error) {
	if r.Fault != nil || r.Body == nil {
		return nil, r.Fault
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r.Body); err != nil {
		return nil, pmerr.New(pmerr.InvalidRequest, "the request for %s is no valid JSON: check its tools and its response format", w.config.Name).Because(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// whole makes one attempt at a whole answer.
func (w *Client) whole(ctx, own context.Context, r Request, body []byte, out any) *fault {
	res, f := w.send(ctx, own, r, body, "application/json")
	if f != nil {
		return f
	}
	defer res.Body.Close()
	data, err := readAtMost(res.Body, longestBody)
	switch {
	case errors.Is(err, errLong):
		return w.garbage("an answer of more than %d MB", longestBody>>20)
	case err != nil:
		return w.interrupted(ctx, own, err)
	}
	return w.read(w.veil(data), out)
}

// read decodes a whole answer.
func (w *Client) read(data []byte, out any) *fault {
	if err := json.Unmarshal(data, out); err != nil {
		return w.garbage("something that is not its usual JSON").because(err)
	}
	if c, ok := out.(Checker); ok {
		return w.checked(c.Check())
	}
	return nil
}

// checked turns what a format's reader says into a fault.
func (w *Client) checked(err error) *fault {
	if err == nil {
		return nil
	}
	if said, ok := errors.AsType[Words](err); ok {
		return w.said(said)
	}
	return w.garbage("something that is not its usual JSON").because(err)
}
