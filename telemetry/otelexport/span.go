package otelexport

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// chat is the operation of a log that names no other.
const chat = "chat"

// finished is a span as it will be.
type finished struct {
	identity
	name       string
	kind       trace.SpanKind
	start, end time.Time
	attributes []attribute.KeyValue
	status     codes.Code
}

// emit makes the span. It does not wait.
func (e *Exporter) emit(f finished) {
	ctx := context.WithValue(context.Background(), identityKey{}, f.identity)
	options := []trace.SpanStartOption{
		trace.WithTimestamp(f.start), trace.WithSpanKind(f.kind), trace.WithAttributes(f.attributes...),
	}
	parent := f.parent
	if !parent.IsValid() && f.joined && !e.keepsIDs {
		parent = f.root() // else the span would be in a trace of its own
	}
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: f.trace, SpanID: parent, TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	} else {
		options = append(options, trace.WithNewRoot())
	}
	_, span := e.tracer.Start(ctx, f.name, options...)
	span.SetStatus(f.status, "")
	span.End(trace.WithTimestamp(f.end))
}

// callOf is what the conventions know of a model call.
type callOf struct {
	operation, provider, model, responseModel, failure string
}

func callOfLog(r *telemetry.Recorded) callOf {
	l := &r.Log
	c := callOf{operation: chat, provider: conventional(valueOf(l.Provider)), model: valueOf(l.Model)}
	if own := textOf(l.Metadata[string(operationName)]); own != "" {
		c.operation = own
	}
	if r.Exchange != nil {
		c.responseModel = r.Exchange.ResponseModel
	} else {
		c.responseModel = textOf(l.Metadata[string(responseModel)])
	}
	if l.Status == telemetry.Failed {
		if c.failure = valueOf(l.ErrorCode); c.failure == "" {
			c.failure = otherError
		}
	}
	return c
}

// name is "{operation} {model}".
func (c callOf) name() string { return strings.TrimSpace(c.operation + " " + c.model) }

// attributes are those that spans and metrics of a call have in common.
func (c callOf) attributes() []attribute.KeyValue {
	all := []attribute.KeyValue{operationName.String(c.operation)}
	for _, kv := range []attribute.KeyValue{
		providerName.String(c.provider), requestModel.String(c.model), responseModel.String(c.responseModel), errorType.String(c.failure),
	} {
		if kv.Value.AsString() != "" {
			all = append(all, kv)
		}
	}
	return all
}

// ofLog makes the span of a model call: it ended when it was recorded, and began
// its latency before.
func (e *Exporter) ofLog(r *telemetry.Recorded) finished {
	l, c := &r.Log, callOfLog(r)
	f := finished{
		identity: logIdentity(l.Workspace, l.ID, r.At, l.TraceID), name: c.name(), kind: trace.SpanKindClient,
		start: r.At.Add(-time.Duration(min(valueOf(l.LatencyMS), maxLatencyMS)) * time.Millisecond), end: r.At,
	}
	if l.Status == telemetry.Failed {
		f.status = codes.Error
	}
	// What a caller chose comes first: of two of one name the later counts.
	f.attributes = append(free(l.Metadata, e.options.CaptureContent), c.attributes()...)
	f.attributes = append(f.attributes,
		promptName.String(l.PromptName), promptVersion.String(l.VersionTag),
		workspaceName.String(l.Workspace), logID.Int64(l.ID))
	f.attributes = optional(f.attributes, inputTokens.Int64, l.TokensIn)
	f.attributes = optional(f.attributes, outputTokens.Int64, l.TokensOut)
	f.attributes = optional(f.attributes, costUSD.Float64, l.CostUSD)
	f.attributes = optional(f.attributes, func(s telemetry.CostSource) attribute.KeyValue { return costSource.String(string(s)) }, l.CostSource)
	f.attributes = optional(f.attributes, httpStatus.Int, l.HTTPStatus)
	f.attributes = optional(f.attributes, runID.String, l.RunID)
	f.attributes = append(f.attributes, e.exchanged(r)...)
	return f
}

// maxLatencyMS is a year: no call takes longer, and no time runs over.
const maxLatencyMS = 366 * 24 * 60 * 60 * 1000

// exchanged is what is known of one of our own calls beside its log.
func (e *Exporter) exchanged(r *telemetry.Recorded) (all []attribute.KeyValue) {
	x := r.Exchange
	if x == nil {
		if reason := textOf(r.Log.Metadata["finish_reason"]); reason != "" {
			all = append(all, finishReasons.StringSlice([]string{reason}))
		}
		return all
	}
	all = optional(all, temperature.Float64, x.Temperature)
	all = optional(all, topP.Float64, x.TopP)
	all = optional(all, maxTokens.Int64, x.MaxTokens)
	if x.ResponseID != "" {
		all = append(all, responseID.String(x.ResponseID))
	}
	if x.FinishReason != "" {
		all = append(all, finishReasons.StringSlice([]string{x.FinishReason}))
	}
	if e.options.CaptureContent {
		all = append(all, said(inputMessages, x.Input, "")...)
		all = append(all, said(outputMessages, x.Output, x.FinishReason)...)
	}
	return all
}

// ofSpan makes a span that somebody else has recorded. What it is, only its
// metadata may tell.
func (e *Exporter) ofSpan(workspace string, s *telemetry.Span) finished {
	f := finished{
		identity: spanIdentity(workspace, s.TraceID, s.ID, s.ParentID), name: s.Name, kind: trace.SpanKindInternal,
		start: s.CreatedAt.Time, end: s.CreatedAt.Time,
		attributes: append(free(s.Metadata, e.options.CaptureContent), workspaceName.String(workspace)),
	}
	if s.StartTime != nil {
		f.start = time.UnixMilli(*s.StartTime)
	}
	switch {
	case s.EndTime != nil:
		f.end = time.UnixMilli(*s.EndTime)
		if s.StartTime == nil {
			f.start = f.end
		}
	case f.end.Before(f.start):
		f.end = f.start
	}
	switch s.Status {
	case telemetry.SpanOK:
		f.status = codes.Ok
	case telemetry.SpanError:
		f.status = codes.Error
		if _, given := s.Metadata[string(errorType)]; !given {
			f.attributes = append(f.attributes, errorType.String(otherError))
		}
	case telemetry.SpanUnset, telemetry.SpanRunning:
	}
	if _, model := s.Metadata[string(operationName)]; model {
		f.kind = trace.SpanKindClient
	}
	return f
}

func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// optional appends an attribute that has a value.
func optional[T any](all []attribute.KeyValue, make func(T) attribute.KeyValue, p *T) []attribute.KeyValue {
	if p == nil {
		return all
	}
	return append(all, make(*p))
}

// textOf is a JSON string, else "".
func textOf(raw json.RawMessage) (text string) {
	if len(raw) == 0 || json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
