// Package pmerr holds the error kinds that every part of PromptMetrics speaks.
//
// An [Error] carries a [Code] that travels unchanged: a store raises it, the
// HTTP mount writes it into the error envelope and the remote client reads it
// back, so errors.Is(err, pmerr.ErrNotFound) holds in-process and remotely.
// No HTTP status appears here.
package pmerr

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code names a kind of failure. Its text is the "code" of the error envelope.
type Code string

// The codes that callers may meet.
const (
	BadRequest      Code = "BAD_REQUEST"
	Unauthorized    Code = "UNAUTHORIZED"
	Forbidden       Code = "FORBIDDEN"
	NotFound        Code = "NOT_FOUND"
	NotAllowed      Code = "METHOD_NOT_ALLOWED"
	Conflict        Code = "CONFLICT"
	TooLarge        Code = "PAYLOAD_TOO_LARGE"
	UnsupportedType Code = "UNSUPPORTED_MEDIA_TYPE"
	Validation      Code = "VALIDATION_FAILED"
	RateLimited     Code = "RATE_LIMIT_EXCEEDED"
	Internal        Code = "INTERNAL_ERROR"
	Unavailable     Code = "UNAVAILABLE"

	// What a provider of models answered.
	ProviderRateLimited Code = "RATE_LIMIT"
	ContentPolicy       Code = "CONTENT_POLICY"
	InvalidRequest      Code = "INVALID_REQUEST"
	Timeout             Code = "TIMEOUT"
	ProviderError       Code = "PROVIDER_ERROR"
)

// Sentinels to test for with errors.Is. They carry a code and nothing else.
var (
	ErrBadRequest   error = &Error{Code: BadRequest}
	ErrUnauthorized error = &Error{Code: Unauthorized}
	ErrForbidden    error = &Error{Code: Forbidden}
	ErrNotFound     error = &Error{Code: NotFound}
	ErrConflict     error = &Error{Code: Conflict}
	ErrTooLarge     error = &Error{Code: TooLarge}
	ErrValidation   error = &Error{Code: Validation}
	ErrRateLimited  error = &Error{Code: RateLimited}
	ErrInternal     error = &Error{Code: Internal}
	ErrUnavailable  error = &Error{Code: Unavailable}

	ErrProviderRateLimited error = &Error{Code: ProviderRateLimited}
	ErrContentPolicy       error = &Error{Code: ContentPolicy}
	ErrInvalidRequest      error = &Error{Code: InvalidRequest}
	ErrTimeout             error = &Error{Code: Timeout}
	ErrProvider            error = &Error{Code: ProviderError}
)

// Error is the one error type that crosses the borders of a package.
//
// Message, Fields and Details are safe to show to any caller. The cause is for
// operators: it is reachable by errors.Unwrap and never part of an answer.
type Error struct {
	Code    Code
	Message string
	// Fields lists every fault of the input, each naming its field. It is set
	// for [Validation] only.
	Fields []string
	// Details gives context to a failure that is not a validation failure.
	Details map[string]any
	// RetryAfter says when trying again makes sense; zero means unknown.
	RetryAfter time.Duration
	// RequestID is set by the remote client: the id under which the server
	// logged the failure.
	RequestID string

	cause error
}

// New makes an error of a kind with a message for the caller.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing is the error for a thing that does not exist: "Prompt not found".
func Missing(thing string) *Error {
	return &Error{Code: NotFound, Message: thing + " not found"}
}

// Invalid is the error for input with faults; every fault names its field.
func Invalid(fields ...string) *Error {
	return &Error{Code: Validation, Message: "Validation failed", Fields: fields}
}

// Down is the error for a store that cannot be reached or written now.
func Down(cause error, format string, args ...any) *Error {
	return New(Unavailable, format, args...).Because(cause)
}

// Because sets the cause that operators see, and returns the error itself. A
// cause of another kind does not lend its kind: an outage because of something
// missing must not be taken for something missing.
func (e *Error) Because(cause error) *Error {
	var other *Error
	if errors.As(cause, &other) && other.Code != e.Code {
		cause = &sealed{cause}
	}
	e.cause = cause
	return e
}

// sealed is a cause whose kind does not show.
type sealed struct{ error }

// Is finds everything in the cause but the kind of an Error.
func (s *sealed) Is(target error) bool {
	if t, ok := target.(*Error); ok && t.isKind() {
		return false
	}
	return errors.Is(s.error, target)
}

// As finds everything in the cause but an Error.
func (s *sealed) As(target any) bool {
	if _, ok := target.(**Error); ok {
		return false
	}
	return errors.As(s.error, target)
}

// With adds one detail and returns the error itself.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

// Error renders message, faults and cause: it is meant for logs, not answers.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Message != "" {
		b.WriteString(e.Message)
	} else {
		b.WriteString(string(e.Code))
	}
	if len(e.Fields) > 0 {
		b.WriteString(": ")
		b.WriteString(strings.Join(e.Fields, "; "))
	}
	if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a sentinel of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.isKind()
}

// isKind tells a sentinel from an error that happened.
func (e *Error) isKind() bool { return e.Message == "" && e.cause == nil }

// From finds the Error in err. What is none becomes an [Internal] error with
// err as its cause, so that no foreign text reaches a caller.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(Internal, "Internal server error").Because(err)
}
