package otelexport

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxRequest is about how large a request gets, in bytes before compression;
// collectors refuse very large ones.
const maxRequest = 4 << 20

// spanExporter is below the SDK's batch processor, which calls it one batch at a
// time. It reports its faults itself: the SDK would tell a global handler.
type spanExporter struct {
	resource []attribute.KeyValue
	version  string
	to       *sender
	report   *report
}

var _ sdk.SpanExporter = (*spanExporter)(nil)

// ExportSpans implements [sdk.SpanExporter].
func (e *spanExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	var some []*tracepb.Span
	size := 0
	for _, s := range spans {
		one := encodedSpan(s)
		if n := proto.Size(one); len(some) > 0 && size+n > maxRequest {
			e.send(ctx, some)
			some, size = nil, 0
		}
		some = append(some, one)
		size += proto.Size(one)
	}
	if len(some) > 0 {
		e.send(ctx, some)
	}
	return nil
}

// send sends an ExportTraceServiceRequest: TracesData is the same message, and
// does not bring gRPC along.
func (e *spanExporter) send(ctx context.Context, spans []*tracepb.Span) {
	n := uint64(len(spans))
	message, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   encodedResource(e.resource),
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: encodedScope(e.version), Spans: spans}},
	}}})
	unwanted := int64(0)
	if err == nil {
		unwanted, err = e.to.send(ctx, message)
	}
	if err != nil {
		e.report.failed(e.to.what, withoutQuery(e.to.url), n, err)
		return
	}
	refused := min(n, uint64(max(unwanted, 0)))
	e.report.sent(n-refused, refused)
}

// Shutdown implements [sdk.SpanExporter]; the pipeline owns what there is to
// close.
func (e *spanExporter) Shutdown(context.Context) error { return nil }

func encodedSpan(s sdk.ReadOnlySpan) *tracepb.Span {
	of := s.SpanContext()
	trace, span := of.TraceID(), of.SpanID()
	out := &tracepb.Span{
		TraceId: trace[:], SpanId: span[:], Name: text(s.Name()), Kind: encodedKind(s.SpanKind()),
		StartTimeUnixNano: nanos(s.StartTime()), EndTimeUnixNano: nanos(s.EndTime()),
		Attributes: encodedAttributes(s.Attributes()), Flags: uint32(of.TraceFlags()),
	}
	if parent := s.Parent().SpanID(); parent.IsValid() {
		out.ParentSpanId = parent[:]
		// The parent may be anybody's: HAS_IS_REMOTE and IS_REMOTE.
		out.Flags |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	switch s.Status().Code {
	case codes.Ok:
		out.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_OK}
	case codes.Error:
		out.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: text(s.Status().Description)}
	case codes.Unset:
	}
	return out
}

func encodedKind(k trace.SpanKind) tracepb.Span_SpanKind {
	if k == trace.SpanKindClient {
		return tracepb.Span_SPAN_KIND_CLIENT
	}
	return tracepb.Span_SPAN_KIND_INTERNAL
}
