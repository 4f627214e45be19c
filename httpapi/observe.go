package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/requestid"
)

// Observer hears of every request, such as for metrics. Its methods are called
// by many goroutines at once, and the answer waits for them.
type Observer interface {
	// RequestBegins is called before anything else is done.
	RequestBegins()
	// RequestEnds is called once the answer is written, or cut off.
	RequestEnds(Observation)
}

// Observation is a request that has ended. None of its texts is the caller's
// choice, so that they can be labels of metrics.
type Observation struct {
	// Method is one of HTTP's own; any other is "other".
	Method string
	// Route is the path of the operation without Options.Prefix, such as
	// "/v1/prompts/{name}"; "unmatched" if there is none.
	Route string
	// Status that was answered; 0 if the connection was cut off before.
	Status int
	// Bytes of the answer's body.
	Bytes int64
	Took  time.Duration
}

// RequestLog says which requests are logged, a line each.
type RequestLog string

// The kinds of request logs.
const (
	// LogFailures logs requests that failed on our side (5xx) and slow ones, at
	// the level info, and all others at debug. An answer that may take its
	// time, such as that of a model or an export, is never slow.
	LogFailures RequestLog = "errors"
	// LogRequests logs every request at the level info.
	LogRequests RequestLog = "all"
	// LogNothing logs none. What went wrong is still logged with its cause.
	LogNothing RequestLog = "none"
)

// slowAfter is when a request counts as slow.
const slowAfter = time.Second

// unmatchedRoute stands for all paths that no operation takes.
const unmatchedRoute = "unmatched"

// maxLoggedPath bounds a path in the log, in bytes.
const maxLoggedPath = 256

// watched tells whether anybody wants to know how requests end.
func (a *api) watched() bool {
	return a.options.Observer != nil || a.options.RequestLog != LogNothing && a.log.Enabled(context.Background(), slog.LevelInfo)
}

// ended tells the observer and the log.
func (x *exchange) ended(began time.Time) {
	took := x.api.options.Now().Sub(began)
	if o := x.api.options.Observer; o != nil {
		o.RequestEnds(Observation{Method: methodName(x.request.Method), Route: x.route(), Status: x.status, Bytes: x.size, Took: took})
	}
	level := slog.LevelDebug
	switch {
	case x.api.options.RequestLog == LogNothing:
		return
	case x.api.options.RequestLog == LogRequests, took >= slowAfter && !x.patient:
		level = slog.LevelInfo
	case x.status >= http.StatusInternalServerError && x.request.Context().Err() == nil: // somebody waits for the answer
		level = slog.LevelInfo
	}
	if x.api.log.Enabled(x.request.Context(), level) {
		x.logRequest(level, took)
	}
}

// logRequest leaves out the query, which holds people's data.
func (x *exchange) logRequest(level slog.Level, took time.Duration) {
	path := x.request.URL.Path
	if len(path) > maxLoggedPath {
		path = strings.ToValidUTF8(path[:maxLoggedPath], "") + "…"
	}
	attrs := [9]slog.Attr{
		slog.String("method", x.request.Method), slog.String("route", x.route()), slog.String("path", path),
		slog.Int("status", x.status), slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.Int64("bytes", x.size),
		slog.String("remote", callerAddress(x.request, x.api.options.TrustProxy)),
	}
	n := 7
	if x.actsIn != "" {
		attrs[n] = slog.String("workspace", x.actsIn)
		n++
	}
	if x.who.Name != "" {
		attrs[n] = slog.String("key", x.who.Name)
		n++
	}
	x.api.log.LogAttrs(x.context(), level, "request", attrs[:n]...)
}

// route is the path of the operation that took the request.
func (x *exchange) route() string {
	if !x.routed {
		return unmatchedRoute // the pattern, if any, is of the host's mux
	}
	_, path, found := strings.Cut(x.request.Pattern, " ")
	if !found {
		return unmatchedRoute
	}
	return strings.TrimPrefix(path, x.api.options.Prefix)
}

// methodName keeps strangers from inventing methods without end.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// context of the request; handlers find the exchange in it, and the log the id.
func (x *exchange) context() context.Context { return exchangeContext{x.request.Context(), x} }

type exchangeContext struct {
	context.Context //nolint:containedctx // it is a context.
	x               *exchange
}

// Value implements [context.Context].
func (c exchangeContext) Value(key any) any {
	switch key.(type) {
	case exchangeKey:
		return c.x
	case requestid.Key:
		return c.x.id
	}
	return c.Context.Value(key)
}
