package otelexport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A trace keeps its id: a UUID and the id of a trace of OpenTelemetry are 16
// bytes both. A span keeps its id if it is one of OpenTelemetry, 16 hexadecimal
// digits; of others the id is a hash, always the same, so that parents fit and a
// span that is exported again is the same span.

// hashed are the first bytes of a hash of words, never all zero.
func hashed(n int, words ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	sum[0] |= 1
	return sum[:n]
}

// traceIDOf is the trace that a trace_id names. One that is no UUID is a word of
// its workspace alone.
func traceIDOf(workspace, id string) (t trace.TraceID) {
	if parsed, err := uuid.Parse(id); err == nil && (len(id) == 36 || len(id) == 32) && parsed != uuid.Nil {
		return trace.TraceID(parsed)
	}
	copy(t[:], hashed(len(t), "trace", workspace, id))
	return t
}

// spanIDOf is the id of a span in a trace.
func spanIDOf(in trace.TraceID, id string) (s trace.SpanID) {
	id = strings.ToLower(id)
	if n, err := hex.Decode(s[:], []byte(id)[:min(len(id), 16)]); err == nil && n == len(s) && len(id) == 16 && s.IsValid() {
		return s
	}
	copy(s[:], hashed(len(s), "span", in.String(), id))
	return s
}

// identity is what a span will be called.
type identity struct {
	trace  trace.TraceID
	span   trace.SpanID
	parent trace.SpanID // invalid for none
	// joined tells that the trace is one that others name too.
	joined bool
}

// logIdentity is that of a model call: the id of its log and the time at which
// it was recorded, for logs of several databases have the same ids.
func logIdentity(workspace string, id int64, at time.Time, traceID *string) (i identity) {
	number, micros := strconv.FormatInt(id, 10), strconv.FormatInt(at.UnixMicro(), 10)
	if traceID != nil && *traceID != "" {
		i.trace, i.joined = traceIDOf(workspace, *traceID), true
	} else {
		copy(i.trace[:], hashed(len(i.trace), "log's trace", workspace, number, micros))
	}
	copy(i.span[:], hashed(len(i.span), "log", workspace, number, micros))
	return i
}

// spanIdentity is that of a span.
func spanIdentity(workspace, traceID, spanID string, parent *string) (i identity) {
	i.trace, i.joined = traceIDOf(workspace, traceID), true
	i.span = spanIDOf(i.trace, spanID)
	if parent != nil && *parent != "" {
		i.parent = spanIDOf(i.trace, *parent)
	}
	return i
}

// root stands for what the spans of a trace are part of, where ids cannot be
// kept.
func (i identity) root() (s trace.SpanID) {
	copy(s[:], hashed(len(s), "root", i.trace.String()))
	return s
}

type identityKey struct{}

// ids hands the SDK the ids that a context says.
type ids struct{ others sdk.IDGenerator }

// NewIDs makes what gives spans of an exporter the ids under which they are
// recorded, and leaves all other spans to the given generator; nil is for random
// ids. It is for a program's own provider:
//
//	sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(otelexport.NewIDs(nil)), …)
func NewIDs(others sdk.IDGenerator) sdk.IDGenerator {
	if others == nil {
		others = random{}
	}
	return ids{others}
}

// NewIDs implements [sdk.IDGenerator].
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if i, ok := ctx.Value(identityKey{}).(identity); ok {
		return i.trace, i.span
	}
	return g.others.NewIDs(ctx)
}

// NewSpanID implements [sdk.IDGenerator].
func (g ids) NewSpanID(ctx context.Context, in trace.TraceID) trace.SpanID {
	if i, ok := ctx.Value(identityKey{}).(identity); ok && i.trace == in {
		return i.span
	}
	return g.others.NewSpanID(ctx, in)
}

// random makes ids as the SDK does by itself.
type random struct{}

func (random) NewIDs(context.Context) (t trace.TraceID, s trace.SpanID) {
	for !t.IsValid() {
		fill(t[:])
	}
	for !s.IsValid() {
		fill(s[:])
	}
	return t, s
}

func (r random) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	_, s := r.NewIDs(ctx)
	return s
}

func fill(b []byte) {
	for i := range b {
		b[i] = byte(rand.Uint32()) //nolint:gosec // ids need not be secret.
	}
}
