package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp"
)

// kinds is the table between errors and HTTP. The first line of a status is
// what a bare status means.
func kinds() []kind {
	return []kind{
		{http.StatusBadRequest, pmerr.BadRequest, "Bad request"},
		{http.StatusUnauthorized, pmerr.Unauthorized, "Unauthorized"},
		{http.StatusForbidden, pmerr.Forbidden, "Forbidden"},
		{http.StatusNotFound, pmerr.NotFound, "Not found"},
		{http.StatusMethodNotAllowed, pmerr.NotAllowed, "Method not allowed"},
		{http.StatusConflict, pmerr.Conflict, "Conflict"},
		{http.StatusRequestEntityTooLarge, pmerr.TooLarge, "Payload too large"},
		{http.StatusUnsupportedMediaType, pmerr.UnsupportedType, "Unsupported media type"},
		{http.StatusUnprocessableEntity, pmerr.Validation, "Validation failed"},
		{http.StatusTooManyRequests, pmerr.RateLimited, "Rate limit exceeded"},
		{http.StatusInternalServerError, pmerr.Internal, "Internal server error"},
		{http.StatusServiceUnavailable, pmerr.Unavailable, "Service unavailable"},
		{http.StatusTooManyRequests, pmerr.ProviderRateLimited, "The provider limits the rate of calls"},
		{http.StatusBadRequest, pmerr.ContentPolicy, "The provider's content policy refused the call"},
		{http.StatusBadRequest, pmerr.InvalidRequest, "The provider refused the request"},
		{http.StatusGatewayTimeout, pmerr.Timeout, "The provider did not answer in time"},
		{http.StatusBadGateway, pmerr.ProviderError, "The provider failed"},
	}
}

// kind is how one code of errors looks over HTTP.
type kind struct {
	status int
	code   pmerr.Code
	// text is the message of an error that has none of its own.
	text string
}

// kindOf finds the kind of a code; a code that is unknown here is our failure.
func kindOf(code pmerr.Code) kind {
	internal := kind{}
	for _, k := range kinds() {
		if k.code == code {
			return k
		}
		if k.code == pmerr.Internal {
			internal = k
		}
	}
	return internal
}

// kindOfStatus finds the kind of a status that something else chose.
func kindOfStatus(status int) kind {
	for _, k := range kinds() {
		if k.status == status {
			return k
		}
	}
	if status/100 == 4 {
		return kindOf(pmerr.BadRequest)
	}
	return kindOf(pmerr.Internal)
}

// envelope is the form of every error.
type envelope struct {
	Error string     `json:"error" doc:"What went wrong, for people."`
	Code  pmerr.Code `json:"code" doc:"What went wrong, for programs."`
	// Details is a fieldFaults or an object with context.
	Details     any    `json:"details,omitempty" doc:"For detailsType fields an object with all faults in fields; else context, if any."`
	DetailsType string `json:"detailsType" enum:"fields,context"`
	RequestID   string `json:"requestId" doc:"The id under which the server logged the request."`
}

type fieldFaults struct {
	Fields []string `json:"fields"`
}

// maxFaults bounds the faults of one answer, and maxFault each of them in
// bytes: names of fields can be anything that was sent.
const (
	maxFaults = 100
	maxFault  = 512
)

// enclose puts an error into the envelope. Its cause stays outside.
func enclose(e *pmerr.Error, requestID string) envelope {
	k := kindOf(e.Code)
	v := envelope{Error: cmp.Or(e.Message, k.text), Code: k.code, DetailsType: "context", RequestID: requestID}
	switch {
	case k.code == pmerr.Validation:
		v.Details, v.DetailsType = fieldFaults{Fields: shorten(e.Fields, v.Error)}, "fields"
	case len(e.Details) > 0:
		v.Details = e.Details
	}
	return v
}

// shorten keeps a list of faults within bounds; without any it is the message.
func shorten(faults []string, message string) []string {
	if len(faults) == 0 {
		return []string{message}
	}
	fields := make([]string, 0, min(len(faults), maxFaults+1))
	for i, fault := range faults {
		if i == maxFaults {
			return append(fields, fmt.Sprintf("… and %d more", len(faults)-maxFaults))
		}
		if len(fault) > maxFault {
			// What is wrong stands at the end.
			fault = strings.ToValidUTF8(fault[:maxFault/2], "") + "…" + strings.ToValidUTF8(fault[len(fault)-maxFault/2:], "")
		}
		fields = append(fields, fault)
	}
	return fields
}

// fail answers with an error and tells the log what the caller is not told.
func (x *exchange) fail(err error) {
	e := known(err)
	x.report(e, err)
	if x.status != 0 { // the answer has begun: all that is left is to cut it off
		panic(http.ErrAbortHandler)
	}
	x.refuse(e)
}

// known finds our error in err. A call that ran out of time, or was cut off by
// a shutdown, says nothing about the request.
func known(err error) *pmerr.Error {
	var e *pmerr.Error
	if !errors.As(err, &e) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return pmerr.Down(err, "The request could not be finished in time")
	}
	return pmerr.From(err)
}

// refuse writes the envelope, or what exporters of OpenTelemetry read.
func (x *exchange) refuse(e *pmerr.Error) {
	status := kindOf(e.Code).status
	h := x.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="promptmetrics"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", wholeSeconds(e.RetryAfter))
	}
	if x.speaksProtobuf() {
		x.send(status, string(otlp.Protobuf), otlp.Fault(status, enclose(e, x.id).Error))
		return
	}
	if err := x.json(status, enclose(e, x.id)); err != nil {
		// Details that are no JSON; everything else is texts.
		e.Details = nil
		_ = x.json(status, enclose(e, x.id))
	}
}

// report logs what is our failure, with its cause.
func (x *exchange) report(e *pmerr.Error, err error) {
	level := slog.LevelError
	switch status := kindOf(e.Code).status; {
	case status < http.StatusInternalServerError:
		return
	case x.request.Context().Err() != nil: // nobody waits for the answer
		level = slog.LevelDebug
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	}
	x.api.log.LogAttrs(x.context(), level, "request failed",
		slog.String("method", x.request.Method),
		slog.String("route", x.request.Pattern), told(e, err))
}

// told is what a log tells of an error. What a provider said with a status may
// repeat the prompt, so that only its code and its status are told.
func told(e *pmerr.Error, err error) slog.Attr {
	status, said := e.Details["status"]
	if _, provided := e.Details["provider"]; !provided || !said {
		return slog.Any("error", err)
	}
	return slog.Group("error", slog.String("code", string(e.Code)), slog.Any("provider", e.Details["provider"]), slog.Any("status", status))
}

func errInternal() *pmerr.Error { return pmerr.New(pmerr.Internal, "Internal server error") }

func errNoRoute() error { return pmerr.Missing("Route") }

func errMethod() error { return pmerr.New(pmerr.NotAllowed, "Method not allowed") }
