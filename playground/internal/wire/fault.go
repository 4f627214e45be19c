package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Causes of contexts that ended by a limit of ours: by Options.Timeout, and by
// what a stream may take in all.
var (
	errSlow    = errors.New("the provider's time limit has passed")
	errEndless = errors.New("the stream's time limit has passed")
)

// fault is why one attempt failed.
type fault struct {
	err error
	// again says that the same request may succeed later.
	again bool
	// down says that the provider is at fault, not the request.
	down bool
	// after is how long the provider asked to wait; zero if it did not.
	after time.Duration
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// because sets the cause that operators see.
func (f *fault) because(cause error) *fault {
	if e, ok := errors.AsType[*pmerr.Error](f.err); ok {
		_ = e.Because(cause)
	}
	return f
}

// plain takes the error out of a fault.
func plain(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.err
	}
	return err
}

// failure makes a fault of the provider's.
func (w *Client) failure(code pmerr.Code, format string, args ...any) *fault {
	return &fault{down: true, err: pmerr.New(code, w.config.Name+" "+format, args...).With("provider", w.config.Name)}
}

// garbage is the fault of an answer that is not in the provider's format.
func (w *Client) garbage(format string, args ...any) *fault {
	return w.failure(pmerr.ProviderError, "answered "+format, args...)
}

// broken explains an attempt that got no whole answer. ctx is the caller's
// context, own the call's.
func (w *Client) broken(ctx, own context.Context, cause error) *fault {
	if err := ctx.Err(); err != nil {
		return &fault{err: w.ended(err)}
	}
	if own.Err() != nil {
		if errors.Is(context.Cause(own), errEndless) {
			return w.failure(pmerr.Timeout, "did not end its answer within %s", longestStream).because(errEndless)
		}
		return w.failure(pmerr.Timeout, "did not answer within %s", w.config.Timeout).because(errSlow)
	}
	// The address in a url.Error holds nothing that the message does not.
	if u, ok := errors.AsType[*url.Error](cause); ok {
		cause = u.Err
	}
	// Where it is, is the operator's business.
	f := w.failure(pmerr.ProviderError, "cannot be reached: %s", w.checkBase()).because(w.at(cause))
	f.again = true
	return f
}

// ended is the error of a call whose caller ended it. A deadline is a timeout
// to those who ask for the kind; both stay errors of the context.
func (w *Client) ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return pmerr.New(pmerr.Timeout, "%s did not answer before the deadline of the call", w.config.Name).
			With("provider", w.config.Name).Because(err)
	}
	return fmt.Errorf("promptmetrics: call of %s: %w", w.config.Name, err)
}

// interrupted explains an answer that ended in its middle. It is not asked for
// again: the provider did its work, and wants to be paid for it.
func (w *Client) interrupted(ctx, own context.Context, cause error) *fault {
	if ctx.Err() != nil || own.Err() != nil {
		return w.broken(ctx, own, cause)
	}
	return w.failure(pmerr.ProviderError, "ended its answer in the middle").because(w.hidden(cause))
}

// at tells operators where a cause happened.
func (w *Client) at(cause error) error {
	return fmt.Errorf("%s: %w", w.base.Host, w.hidden(cause))
}

// hidden is a cause without the key. Causes that do not hold it, which is all
// but those of strange transports, stay what they are.
func (w *Client) hidden(err error) error {
	key := w.key()
	if key == "" || err == nil || !strings.Contains(err.Error(), key) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), key, redaction))
}

// said explains an error that came within a successful answer.
func (w *Client) said(words Words) *fault {
	words.Status = words.status()
	return w.refused(Request{}, nil, words)
}

// refused explains an answer that is no success.
func (w *Client) refused(r Request, res *http.Response, words Words) *fault {
	status := words.Status
	var header http.Header
	if res != nil {
		header = res.Header
	}
	message := clean(words.Message, w.key())
	fail := func(code pmerr.Code, format string, args ...any) *fault {
		f := w.failure(code, format, args...)
		if e, ok := errors.AsType[*pmerr.Error](f.err); ok {
			_ = e.With("status", status)
		}
		return f
	}
	client := func(f *fault) *fault {
		f.down = false
		return f
	}
	switch {
	case words.policy() || w.config.Policy(words):
		return client(fail(pmerr.ContentPolicy, "refused the request by its content policy%s", colon(message)))
	case status/100 == 3:
		return client(fail(pmerr.ProviderError, "redirects elsewhere, and redirects are not followed because the API key would go along: %s",
			w.checkBase()).because(w.at(errors.New("redirects to " + target(res)))))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// Not the provider's message: it repeats parts of the key.
		return client(w.keyRefused(fail, status))
	case status == http.StatusTooManyRequests:
		return w.limited(fail, words, message, retryAfter(header, w.config.Now()))
	case status == http.StatusNotFound && words.Empty():
		return client(fail(pmerr.ProviderError, "has no such API: %s", w.checkBase()).because(w.at(errors.New("status 404"))))
	case status == http.StatusNotFound && r.Model != "":
		return client(fail(pmerr.InvalidRequest, "does not know the model %q%s", clean(r.Model, w.key()), colon(message)))
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		f := fail(pmerr.Timeout, "took too long to answer (status %d)%s", status, colon(message))
		f.again = status == http.StatusGatewayTimeout
		return w.later(f, header)
	case status/100 == 4:
		if message == "" {
			return client(fail(pmerr.InvalidRequest, "refused the request with status %d", status))
		}
		return client(fail(pmerr.InvalidRequest, "refused the request: %s", message))
	}
	f := fail(pmerr.ProviderError, "failed with status %d%s", status, colon(message))
	switch status {
	case 500, 502, 503, 529:
		f.again = true
	}
	return w.later(f, header)
}

// limited is a 429: of a rate, which passes, or of an account's money, which
// does not pass by waiting.
func (w *Client) limited(fail func(pmerr.Code, string, ...any) *fault, words Words, message string, wait time.Duration) *fault {
	if words.quota() {
		return fail(pmerr.ProviderRateLimited, "says that the account's quota is used up%s", colon(message))
	}
	f := fail(pmerr.ProviderRateLimited, "limits the rate of requests%s", colon(message))
	f.again, f.after = true, wait
	if e, ok := errors.AsType[*pmerr.Error](f.err); ok {
		e.RetryAfter = wait
	}
	return f
}

// later notes when the provider asks to come back.
func (w *Client) later(f *fault, h http.Header) *fault {
	f.after = retryAfter(h, w.config.Now())
	if e, ok := errors.AsType[*pmerr.Error](f.err); ok {
		e.RetryAfter = f.after
	}
	return f
}

func (w *Client) keyRefused(fail func(pmerr.Code, string, ...any) *fault, status int) *fault {
	check := w.config.KeyVariable
	if check == "" {
		check = "Options.APIKey"
	}
	switch {
	case w.key() == "":
		return fail(pmerr.ProviderError, "wants an API key: set %s", check)
	case status == http.StatusForbidden:
		return fail(pmerr.ProviderError, "forbids this to the API key: check %s, and what its account may do", check)
	}
	return fail(pmerr.ProviderError, "refused the API key: check %s", check)
}

func (w *Client) checkBase() string {
	if w.config.BaseVariable == "" {
		return "check Options.BaseURL"
	}
	return "check " + w.config.BaseVariable
}

// target names the host of a redirect; its path and query may be secret.
func target(res *http.Response) string {
	if res == nil {
		return "nowhere"
	}
	u, err := res.Location()
	if err != nil || u.Host == "" {
		return "nowhere"
	}
	return clean(u.Host, "")
}

// colon puts a provider's message, if there is one, behind ours.
func colon(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}
