package gitstore

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

// hostFault is how an exchange with a git host failed.
type hostFault struct {
	// status of HTTP; 0 if there was no answer.
	status int
	// said is the host's own text, short and printable, without the token.
	said string
	// down is set if the host is overloaded or cannot be reached: trying again
	// later makes sense, and soon does not.
	down bool
	// retryAfter is what the host asks for.
	retryAfter time.Duration
	// redirected is set if the repository has moved to another address.
	redirected bool

	cause error
}

func (f *hostFault) Error() string {
	switch {
	case f.status != 0 && f.said != "":
		return fmt.Sprintf("the git host answers %d: %s", f.status, f.said)
	case f.status != 0:
		return fmt.Sprintf("the git host answers %d", f.status)
	case f.cause != nil:
		return "the git host cannot be reached: " + f.cause.Error()
	}
	return "the git host says: " + f.said
}

func (f *hostFault) Unwrap() error { return f.cause }

// faultOf finds what is known about a failure. What nobody recognises counts as
// an outage: the answer was cut off, or is no git.
func faultOf(err error) *hostFault {
	if f, ok := errors.AsType[*hostFault](err); ok {
		return f
	}
	return &hostFault{down: true, cause: err}
}

const (
	maxSaid  = 200
	maxFault = 2 << 10
)

// faultOfAnswer reads an answer of HTTP that is no success, and closes it.
func faultOfAnswer(answer *http.Response, now time.Time, token string) *hostFault {
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxFault))
	if len(body) == maxFault {
		body = body[:max(0, maxFault-len(token))] // half a token would not be recognised
	}
	_ = answer.Body.Close()
	f := &hostFault{status: answer.StatusCode}
	if kind := answer.Header.Get("Content-Type"); kind == "" || strings.HasPrefix(kind, "text/plain") {
		f.said = saying(string(body), token)
	}
	if f.said == "" {
		f.said = http.StatusText(f.status)
	}
	f.retryAfter = retryAfter(answer.Header.Get("Retry-After"), now)
	switch {
	case f.status == http.StatusTooManyRequests, f.status == http.StatusRequestTimeout, f.status >= 500:
		f.down = true
	case f.status == http.StatusForbidden && f.retryAfter > 0: // GitHub's secondary limit
		f.down = true
	}
	return f
}

// saying makes a host's text fit to be shown: its first line, printable, and
// without the token, which a proxy might echo.
func saying(text, token string) string {
	text = strings.ToValidUTF8(text, "")
	if token != "" {
		text = strings.ReplaceAll(text, token, "[redacted]")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.Map(func(c rune) rune {
			if !unicode.IsPrint(c) {
				return ' '
			}
			return c
		}, line))
		if line != "" {
			return truncate(line, maxSaid)
		}
	}
	return ""
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// faultOfTransport is for exchanges that got no answer, and for those that do
// not go over HTTP.
func faultOfTransport(err error, token string) *hostFault {
	if f, ok := errors.AsType[*hostFault](err); ok {
		return f
	}
	switch {
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return &hostFault{status: http.StatusNotFound, said: "Repository not found"}
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrInvalidAuthMethod):
		return &hostFault{status: http.StatusUnauthorized, said: "Unauthorized"}
	}
	f := &hostFault{down: true, cause: err}
	if strings.Contains(err.Error(), "http redirect") {
		f.redirected, f.down = true, false
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		f.cause = errors.New("no such host " + saying(name.Name, token))
		return f
	}
	// The text of a URL error repeats the URL; what is below says what happened.
	var text string
	if inner, ok := errors.AsType[*net.OpError](err); ok {
		text = inner.Error()
	} else {
		text = err.Error()
	}
	f.cause = &plainError{saying(text, token), err}
	return f
}

// plainError shows a cleaned text in place of another error's.
type plainError struct {
	text  string
	cause error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.cause }
