package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (a *api) registerRuns() {
	posted(a, operation{
		id: "createRun", method: http.MethodPost, path: "/v1/runs", tag: "runs",
		summary: "Open a workflow run", status: http.StatusCreated,
		faults: []int{http.StatusNotFound, http.StatusConflict},
	}, createRun)
	scoped(a, operation{
		id: "listRuns", method: http.MethodGet, path: "/v1/runs", tag: "runs",
		summary: "List runs, newest first",
	}, listRuns)
	scoped(a, operation{
		id: "getRun", method: http.MethodGet, path: "/v1/runs/{run_id}", tag: "runs",
		summary: "Get a run", faults: []int{http.StatusNotFound},
	}, getRun)
	posted(a, operation{
		id: "updateRun", method: http.MethodPatch, path: "/v1/runs/{run_id}", tag: "runs",
		summary: "Change a run, usually to end it", faults: []int{http.StatusNotFound},
	}, updateRun)
	scoped(a, operation{
		id: "deleteRun", method: http.MethodDelete, path: "/v1/runs/{run_id}", tag: "runs",
		summary: "Delete a run", status: http.StatusNoContent, faults: []int{http.StatusNotFound},
	}, deleteRun)
}

type runBody struct {
	ID           string              `json:"run_id,omitempty" format:"uuid" doc:"Default: one is made."`
	WorkflowName string              `json:"workflow_name" minLength:"1" maxLength:"128"`
	Status       telemetry.RunStatus `json:"status,omitempty" enum:"running,completed,failed" doc:"Default: running."`
	Input        json.RawMessage     `json:"input,omitempty" doc:"An object."`
	Output       json.RawMessage     `json:"output,omitempty" doc:"An object."`
	TraceID      *string             `json:"trace_id,omitempty" format:"uuid"`
	Metadata     telemetry.Metadata  `json:"metadata,omitempty" maxProperties:"50"`
}

func createRun(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b runBody) (telemetry.Run, error) {
	return ws.Telemetry.CreateRun(ctx, telemetry.Run{
		ID: b.ID, WorkflowName: b.WorkflowName, Status: b.Status,
		Input: given(b.Input), Output: given(b.Output), TraceID: b.TraceID, Metadata: b.Metadata,
	})
}

type runListing struct {
	Status       string `query:"status" enum:"running,completed,failed"`
	WorkflowName string `query:"workflow_name" maxLength:"128"`
	TraceID      string `query:"trace_id" maxLength:"128"`
	query.Listing
}

func listRuns(ctx context.Context, ws *promptmetrics.Workspace, in *runListing) (page.Of[telemetry.Run], error) {
	filter := telemetry.RunFilter{Status: telemetry.RunStatus(in.Status), WorkflowName: in.WorkflowName, TraceID: in.TraceID}
	return ws.Telemetry.Runs(ctx, filter, in.Request())
}

type runID struct {
	RunID string `path:"run_id" doc:"Id of the run."`
}

func getRun(ctx context.Context, ws *promptmetrics.Workspace, in *runID) (telemetry.Run, error) {
	return ws.Telemetry.Run(ctx, in.RunID)
}

type runChange struct {
	Status   *telemetry.RunStatus `json:"status,omitempty" enum:"running,completed,failed"`
	Output   json.RawMessage      `json:"output,omitempty" doc:"An object."`
	Metadata telemetry.Metadata   `json:"metadata,omitempty" maxProperties:"50" doc:"Members replace those of the same key."`
}

type changedRun struct {
	ID     string `json:"run_id"`
	Status string `json:"status" enum:"updated,unchanged"`
}

func updateRun(ctx context.Context, ws *promptmetrics.Workspace, in *runID, b runChange) (changedRun, error) {
	changed, err := ws.Telemetry.UpdateRun(ctx, in.RunID, telemetry.RunUpdate{
		Status: b.Status, Output: given(b.Output), Metadata: b.Metadata,
	})
	if !changed {
		return changedRun{ID: in.RunID, Status: "unchanged"}, err
	}
	return changedRun{ID: in.RunID, Status: "updated"}, err
}

func deleteRun(ctx context.Context, ws *promptmetrics.Workspace, in *runID) (nothing, error) {
	return nothing{}, ws.Telemetry.DeleteRun(ctx, in.RunID)
}
