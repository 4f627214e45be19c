package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
)

// Outcomes of a request that its caller decides on.
var (
	errMissing = errors.New("there is no such object")
	errExists  = errors.New("the object exists already")
)

// errNoETag is an answer to a write that S3 would not give.
var errNoETag = errors.New("the answer to a write has no ETag, so it is not of S3")

// errGarbled is an answer that is not what the server sent.
var errGarbled = errors.New("the answer arrived damaged")

// retryAfter is when callers may try again after an outage.
const retryAfter = 2 * time.Second

// credentialError is a failure to get keys, before any request was sent.
type credentialError struct{ error }

func (c credentialError) Unwrap() error { return c.error }

// response finds what the server said, if it was the server.
func response(err error) (minio.ErrorResponse, bool) {
	return errors.AsType[minio.ErrorResponse](err)
}

// sorted turns the answers that callers decide on into their errors.
func sorted(err error) error {
	said, ok := response(err)
	switch {
	case !ok:
		return err
	// Some servers answer a conditional write as if it were a read.
	case said.StatusCode == http.StatusPreconditionFailed || said.StatusCode == http.StatusNotModified:
		return errExists
	case said.Code == minio.NoSuchKey && said.StatusCode == http.StatusNotFound:
		return errMissing
	}
	return err
}

// passing tells whether the same request may succeed when it is sent again.
func passing(err error) bool {
	if errors.Is(err, errMissing) || errors.Is(err, errExists) {
		return false
	}
	if _, ok := errors.AsType[credentialError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*pmerr.Error](err); ok {
		return false
	}
	said, ok := response(err)
	if !ok {
		return transient(err)
	}
	switch said.Code {
	// Two conditional writes of one key meet; or a body was damaged on its way.
	case "ConditionalRequestConflict", "OperationAborted", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody",
		"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "RequestLimitExceeded":
		return true
	}
	switch said.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return said.StatusCode >= http.StatusInternalServerError
}

// transient tells whether a fault of the connection may pass. Certificates and
// protocols stay what they are.
func transient(err error) bool {
	text := err.Error()
	return !strings.Contains(text, "x509: ") && !strings.Contains(text, "tls: ") &&
		!strings.Contains(text, "server gave HTTP response to HTTPS client")
}

// said is an error for operators: short, and nothing that disturbs a terminal.
// Requests carry their keys in headers, so no address has a secret.
func said(err error) string {
	if answer, ok := response(err); ok {
		text := answer.Code
		if answer.Message != "" && answer.Message != answer.Code {
			text += ": " + answer.Message
		}
		if answer.StatusCode != 0 && !strings.HasPrefix(text, fmt.Sprint(answer.StatusCode)) {
			text = fmt.Sprintf("%d %s", answer.StatusCode, text)
		}
		return plain(text)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the answer was cut off"
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	return plain(err.Error())
}

// plain makes one short line of a foreign text.
func plain(text string) string {
	const most = 300
	cut := layout.Readable(strings.Join(strings.Fields(layout.Truncate(text, most)), " "))
	return strings.TrimRight(cut, ". ")
}

// unavailable is the error of an operation on an open store. What it shows to
// callers is harmless; operators see what the server said.
func unavailable(verb string, err error) error {
	if e, ok := errors.AsType[*pmerr.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return pmerr.Down(err, "The prompt store was not %s: the call was cancelled", verb)
	}
	e := pmerr.Down(&spoken{said: "S3 said: " + said(err) + hint(err), err: err}, "The prompt store cannot be %s now", verb)
	e.RetryAfter = retryAfter
	return e
}

// spoken is an error in our words that is still found for what it is.
type spoken struct {
	said string
	err  error
}

func (s *spoken) Error() string { return s.said }
func (s *spoken) Unwrap() error { return s.err }

// hint says what an operator can do about faults that do not pass.
func hint(err error) string {
	answer, _ := response(err)
	switch answer.Code {
	case "RequestTimeTooSkewed":
		return "; the clock of this machine and the server's differ: set both by NTP"
	case minio.NoSuchBucket:
		return "; the bucket was there when the store was opened"
	case minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return "; the permissions or the keys have changed since the store was opened"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "; the temporary keys have ended: open the store with new ones"
	}
	return ""
}

// refusal says in one sentence why a store cannot be opened: the option to
// change, and what the server said. doing is the permission that was used.
func (o Options) refusal(doing string, err error) error {
	answer, spoke := response(err)
	told := " (the server said: " + said(err) + ")"
	invalid := func(format string, args ...any) error {
		return pmerr.Invalid(fmt.Sprintf(format, args...) + told).Because(err)
	}
	if _, ok := errors.AsType[credentialError](err); ok {
		return pmerr.Invalid("AccessKey and SecretKey: none are set, and this machine has no role that gives them: " + said(err)).Because(err)
	}
	if errors.Is(err, context.Canceled) {
		return pmerr.Down(err, "The prompt store was not opened: the call was cancelled")
	}
	if !spoke {
		advice := "check the address and the port"
		if lookup, ok := errors.AsType[*net.DNSError](err); ok && !o.PathStyle && strings.HasPrefix(lookup.Name, o.Bucket+".") {
			advice += ", or set PathStyle if the server has no host name for each bucket"
		}
		return pmerr.Down(err, "Endpoint: %s does not answer as S3 does: %s; %s", o.Endpoint, said(err), advice)
	}
	switch answer.Code {
	case minio.NoSuchBucket, "InvalidBucketName":
		if answer.RequestID != "" {
			return invalid("Bucket: %q does not exist at %s; make it, or name another", o.Bucket, o.Endpoint)
		}
		// Made up by the client: the answer was no XML of S3.
		return pmerr.Down(err, "Endpoint: %s does not answer as S3 does: %d; check the address and the port", o.Endpoint, answer.StatusCode)
	case "InvalidAccessKeyId", "InvalidClientTokenId", "XAdminUserNotFound":
		return invalid("AccessKey: is not known at %s; set a key that is", o.Endpoint)
	case "SignatureDoesNotMatch":
		return invalid("SecretKey: does not belong to the AccessKey; set the one that does")
	case "ExpiredToken", "InvalidToken":
		return invalid("SessionToken: is not valid, or not any more; get new temporary keys")
	case "AuthorizationHeaderMalformed", "InvalidRegion", "PermanentRedirect", "IllegalLocationConstraintException", "TemporaryRedirect":
		if answer.Region != "" && answer.Region != o.Region {
			return invalid("Region: the bucket is in %q, not in %q; name that region", plain(answer.Region), o.Region)
		}
		return invalid("Region: %q is not the region of bucket %q; name the right one", o.Region, o.Bucket)
	case "RequestTimeTooSkewed":
		return pmerr.Down(err, "The clock of this machine and that of %s differ too much: set both by NTP%s", o.Endpoint, told)
	case minio.AccessDenied, "AllAccessDisabled", "AccountProblem":
		return invalid("AccessKey: has no permission to %s in bucket %q; grant it, or set another key", doing, o.Bucket)
	case "NotImplemented":
		return invalid("Endpoint: %s lacks what prompts need (%s)", o.Endpoint, doing)
	}
	return pmerr.Down(err, "Endpoint: %s cannot %s in bucket %q%s", o.Endpoint, doing, o.Bucket, told)
}
