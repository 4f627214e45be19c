package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (a *api) registerSpans() {
	posted(a, operation{
		id: "createSpan", method: http.MethodPost, path: "/v1/traces/{trace_id}/spans", tag: "traces",
		summary: "Add a span to a trace", status: http.StatusCreated,
		faults: []int{http.StatusNotFound, http.StatusConflict},
	}, createSpan)
	posted(a, operation{
		id: "createSpans", method: http.MethodPost, path: "/v1/traces/{trace_id}/spans/batch", tag: "traces",
		summary: "Add up to 1000 spans to a trace, all or none", status: http.StatusCreated,
		faults: []int{http.StatusNotFound, http.StatusConflict}, batch: "spans",
	}, createSpans)
	scoped(a, operation{
		id: "getSpan", method: http.MethodGet, path: "/v1/traces/{trace_id}/spans/{span_id}", tag: "traces",
		summary: "Get a span", faults: []int{http.StatusNotFound},
	}, getSpan)
	posted(a, operation{
		id: "updateSpan", method: http.MethodPatch, path: "/v1/traces/{trace_id}/spans/{span_id}", tag: "traces",
		summary: "Change a span, usually to end it", faults: []int{http.StatusNotFound},
	}, updateSpan)
}

type spanBody struct {
	ID        string               `json:"span_id,omitempty" doc:"A UUID, or 16 hexadecimal digits. Default: one is made."`
	ParentID  *string              `json:"parent_id,omitempty" doc:"The span that this one is part of."`
	Name      string               `json:"name" minLength:"1" maxLength:"256"`
	Status    telemetry.SpanStatus `json:"status,omitempty" enum:"unset,ok,error,running" doc:"Default: unset."`
	StartTime *int64               `json:"start_time,omitempty" minimum:"0" doc:"Unix milliseconds."`
	EndTime   *int64               `json:"end_time,omitempty" minimum:"0" doc:"Unix milliseconds."`
	Metadata  telemetry.Metadata   `json:"metadata,omitempty" maxProperties:"50"`
}

func (b *spanBody) span() telemetry.Span {
	return telemetry.Span{
		ID: b.ID, ParentID: b.ParentID, Name: b.Name, Status: b.Status,
		StartTime: b.StartTime, EndTime: b.EndTime, Metadata: b.Metadata,
	}
}

func createSpan(ctx context.Context, ws *promptmetrics.Workspace, in *traceID, b spanBody) (telemetry.Span, error) {
	return ws.Telemetry.AddSpan(ctx, in.TraceID, b.span())
}

type spanBatchBody struct {
	Spans []spanBody `json:"spans" minItems:"1" maxItems:"1000"`
}

type addedSpans struct {
	Spans []telemetry.Span `json:"spans"`
}

func createSpans(ctx context.Context, ws *promptmetrics.Workspace, in *traceID, b spanBatchBody) (addedSpans, error) {
	spans := make([]telemetry.Span, len(b.Spans))
	for i := range b.Spans {
		spans[i] = b.Spans[i].span()
	}
	added, err := ws.Telemetry.AddSpans(ctx, in.TraceID, spans)
	return addedSpans{Spans: added}, err
}

type spanID struct {
	TraceID string `path:"trace_id" doc:"Id of the trace."`
	SpanID  string `path:"span_id" doc:"Id of the span."`
}

func getSpan(ctx context.Context, ws *promptmetrics.Workspace, in *spanID) (telemetry.Span, error) {
	return ws.Telemetry.Span(ctx, in.TraceID, in.SpanID)
}

type spanChange struct {
	Status   *telemetry.SpanStatus `json:"status,omitempty" enum:"unset,ok,error,running"`
	EndTime  *int64                `json:"end_time,omitempty" minimum:"0" doc:"Unix milliseconds."`
	Metadata telemetry.Metadata    `json:"metadata,omitempty" maxProperties:"50" doc:"Members replace those of the same key."`
}

func updateSpan(ctx context.Context, ws *promptmetrics.Workspace, in *spanID, b spanChange) (telemetry.Span, error) {
	return ws.Telemetry.UpdateSpan(ctx, in.TraceID, in.SpanID, telemetry.SpanUpdate(b))
}
