// Package requestid carries the id of a request through contexts into the log:
// every line that is logged with the context of a request then names it, also
// lines of packages that know nothing of requests.
package requestid

import (
	"context"
	"log/slog"
)

// Attribute is the name of the id in a log line.
const Attribute = "request_id"

// Key is the key under which a context has the id, a string.
type Key struct{}

// With gives a context of a request.
func With(ctx context.Context, id string) context.Context { return context.WithValue(ctx, Key{}, id) }

// Of gives the id of the request that a context belongs to, or "".
func Of(ctx context.Context) string {
	id, _ := ctx.Value(Key{}).(string)
	return id
}

// Logger gives a logger that adds the id of the request to what is logged with
// a context of one. Applied twice it adds it once.
func Logger(log *slog.Logger) *slog.Logger {
	if _, done := log.Handler().(handler); done {
		return log
	}
	return slog.New(handler{log.Handler()})
}

type handler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := Of(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String(Attribute, id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
