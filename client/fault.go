package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// errForeign marks, as a cause, an answer that no PromptMetrics server gave:
// the page of a proxy, a portal, another program at that address.
var errForeign = errors.New("the answer is not in the format of PromptMetrics")

// ended is the error of a call whose context ended. It stays a context error.
func ended(r request, err error) error {
	return fmt.Errorf("promptmetrics: %s: %w", r.name(), err)
}

// broken explains an attempt that got no whole answer. ctx is the caller's
// context, own the attempt's.
func (w *wire) broken(ctx, own context.Context, r request, err error) *fault {
	if ctx.Err() != nil {
		return &fault{err: ended(r, ctx.Err()), doubt: true}
	}
	if own.Err() != nil {
		// The attempt's own limit must not look like the caller's deadline.
		err = fmt.Errorf("no answer within %s", cmp.Or(r.timeout, w.timeout))
		return &fault{err: w.unreachable(r, err), again: true, doubt: true}
	}
	// The address in a url.Error holds the query, which is the caller's data.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	f := &fault{err: w.unreachable(r, err), again: true, doubt: true}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		f.doubt = false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.doubt, f.again = false, false
	}
	return f
}

func (w *wire) unreachable(r request, cause error) error {
	return pmerr.Down(w.redacted(cause), "the PromptMetrics server at %s cannot be reached (%s)", w.base.Host, r.name())
}

// refused explains an answer that is no success.
func (w *wire) refused(r request, res *http.Response, body []byte) *fault {
	if key := w.key(); key != "" {
		// Before anything is cut: half a key is a leak as well.
		body = bytes.ReplaceAll(body, []byte(key), []byte(redaction))
	}
	e := parseError(res.StatusCode, res.Header, body, w.now())
	if res.StatusCode/100 == 3 {
		e.Message = fmt.Sprintf("the server redirects %s elsewhere, and redirects are not followed because the API key would go along; "+
			"set the base URL to the server's own address%s", r.name(), target(res))
	}
	if w.key() != "" {
		w.redact(e)
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		return &fault{err: e, again: true, after: e.RetryAfter}
	case res.StatusCode >= 500:
		return &fault{err: e, again: true, doubt: true, after: e.RetryAfter}
	}
	return &fault{err: e}
}

// target names the host of a redirect; its path and query may be secret.
func target(res *http.Response) string {
	u, err := res.Location()
	if err != nil || u.Host == "" {
		return ""
	}
	return " (" + clip(plain(u.Scheme+"://"+u.Host), 200) + ")"
}

const redaction = "[redacted]"

// redacted hides the API key in the text of a cause. Causes that do not hold
// it, which is all but those of strange transports, stay what they are.
func (w *wire) redacted(err error) error {
	key := w.key()
	if key == "" || err == nil || !strings.Contains(err.Error(), key) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), key, redaction))
}

// redact hides the API key in an answer that echoes the request, as debug
// pages of proxies do.
func (w *wire) redact(e *pmerr.Error) {
	hide := func(s string) string { return strings.ReplaceAll(s, w.key(), redaction) }
	e.Message, e.RequestID = hide(e.Message), hide(e.RequestID)
	for i := range e.Fields {
		e.Fields[i] = hide(e.Fields[i])
	}
	if e.Details != nil {
		e.Details, _ = mapTexts(e.Details, hide).(map[string]any)
	}
}

// outage reports whether an error means that the server cannot answer now, as
// opposed to a server that answered no.
func outage(err error) bool {
	return errors.Is(err, pmerr.ErrUnavailable) || errors.Is(err, pmerr.ErrInternal)
}

// verdict reports whether an error is the server's own final no. Only that may
// throw away what is known already: the 404 of a proxy says nothing.
func verdict(err error) bool {
	e, ok := errors.AsType[*pmerr.Error](err)
	return ok && !outage(err) && !errors.Is(err, pmerr.ErrRateLimited) && !errors.Is(err, errForeign) && e.Code != ""
}

// parseRetryAfter reads seconds or an HTTP date. What is neither, or is in the
// past, is zero; a day is the most that is believed.
func parseRetryAfter(text string, now time.Time) time.Duration {
	const most = 24 * time.Hour
	var d time.Duration
	if seconds, ok := parseSeconds(text); ok {
		d = seconds
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return max(0, min(d, most))
}

func parseSeconds(text string) (time.Duration, bool) {
	if text == "" || len(text) > 9 {
		return 0, false
	}
	var n time.Duration
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + time.Duration(text[i]-'0')
	}
	return n * time.Second, true
}
