package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func (a *api) registerTraces() {
	posted(a, operation{
		id: "createTrace", method: http.MethodPost, path: "/v1/traces", tag: "traces",
		summary: "Open a trace; the body may be left out", status: http.StatusCreated,
		faults: []int{http.StatusConflict}, bodyOptional: true,
	}, createTrace)
	scoped(a, operation{
		id: "listTraces", method: http.MethodGet, path: "/v1/traces", tag: "traces",
		summary: "List traces, newest first",
	}, listTraces)
	scoped(a, operation{
		id: "getTrace", method: http.MethodGet, path: "/v1/traces/{trace_id}", tag: "traces",
		summary: "Get a trace with its spans, by start time", faults: []int{http.StatusNotFound},
	}, getTrace)
	scoped(a, operation{
		id: "deleteTrace", method: http.MethodDelete, path: "/v1/traces/{trace_id}", tag: "traces",
		summary: "Delete a trace with its spans", status: http.StatusNoContent, faults: []int{http.StatusNotFound},
	}, deleteTrace)
}

type traceBody struct {
	ID         string             `json:"trace_id,omitempty" format:"uuid" doc:"Default: one is made."`
	PromptName *string            `json:"prompt_name,omitempty" maxLength:"128"`
	VersionTag *string            `json:"version_tag,omitempty" maxLength:"64"`
	Metadata   telemetry.Metadata `json:"metadata,omitempty" maxProperties:"50"`
}

// openedTrace is the answer to a new trace.
type openedTrace struct {
	ID         string             `json:"trace_id"`
	PromptName *string            `json:"prompt_name"`
	VersionTag *string            `json:"version_tag"`
	Status     string             `json:"status" enum:"created"`
	CreatedAt  timestamp.Time     `json:"created_at"`
	Metadata   telemetry.Metadata `json:"metadata"`
}

func createTrace(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b traceBody) (openedTrace, error) {
	t, err := ws.Telemetry.CreateTrace(ctx, telemetry.Trace{
		ID: b.ID, PromptName: b.PromptName, VersionTag: b.VersionTag, Metadata: b.Metadata,
	})
	return openedTrace{
		ID: t.ID, PromptName: t.PromptName, VersionTag: t.VersionTag, Status: "created",
		CreatedAt: t.CreatedAt, Metadata: t.Metadata,
	}, err
}

type traceListing struct {
	PromptName string `query:"prompt_name" maxLength:"128"`
	query.Period
	query.Listing
}

func listTraces(ctx context.Context, ws *promptmetrics.Workspace, in *traceListing) (page.Of[telemetry.Trace], error) {
	from, to := in.Bounds()
	return ws.Telemetry.Traces(ctx, telemetry.TraceFilter{PromptName: in.PromptName, From: from, To: to}, in.Request())
}

type traceID struct {
	TraceID string `path:"trace_id" doc:"Id of the trace."`
}

func getTrace(ctx context.Context, ws *promptmetrics.Workspace, in *traceID) (telemetry.Trace, error) {
	t, err := ws.Telemetry.Trace(ctx, in.TraceID)
	if t.Spans == nil {
		t.Spans = []telemetry.Span{}
	}
	return t, err
}

func deleteTrace(ctx context.Context, ws *promptmetrics.Workspace, in *traceID) (nothing, error) {
	return nothing{}, ws.Telemetry.DeleteTrace(ctx, in.TraceID)
}
