package client

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

type sentRun struct {
	ID           string              `json:"run_id"`
	WorkflowName string              `json:"workflow_name"`
	Status       telemetry.RunStatus `json:"status,omitempty"`
	Input        json.RawMessage     `json:"input,omitempty"`
	Output       json.RawMessage     `json:"output,omitempty"`
	TraceID      *string             `json:"trace_id,omitempty"`
	Metadata     telemetry.Metadata  `json:"metadata,omitzero"`
}

func runPath(id string) string { return "/v1/runs/" + segment(id) }

// CreateRun implements [telemetry.Recorder].
func (t *Telemetry) CreateRun(ctx context.Context, run telemetry.Run) (telemetry.Run, error) {
	own := fill(&run.ID)
	q, err := post(http.MethodPost, "/v1/runs", sentRun{
		run.ID, run.WorkflowName, run.Status, run.Input, run.Output, run.TraceID, run.Metadata,
	})
	if err != nil {
		return telemetry.Run{}, err
	}
	a, err := t.link.do(ctx, q)
	if isRepetition(a, err) {
		stored, found := t.Run(ctx, run.ID)
		switch {
		case found == nil && (own || sameRun(stored, run)):
			return stored, nil
		case own && unreadable(found):
			run.CreatedAt = timestamp.Of(t.now())
			run.UpdatedAt = run.CreatedAt
			return run, nil
		}
	}
	if err != nil {
		return telemetry.Run{}, err
	}
	// The answer may be shorter than the record; what it lacks is as it was sent.
	run.Metadata = maps.Clone(run.Metadata)
	err = decode(q, a, &run)
	absent(&run.Input, &run.Output)
	return run, err
}

// sameRun leaves the status out: it may have moved on since.
func sameRun(a, b telemetry.Run) bool {
	return a.WorkflowName == b.WorkflowName && same(a.TraceID, b.TraceID) &&
		sameMetadata(a.Metadata, b.Metadata) && sameJSON(a.Input, b.Input)
}

// UpdateRun implements [telemetry.Recorder].
func (t *Telemetry) UpdateRun(ctx context.Context, runID string, u telemetry.RunUpdate) (bool, error) {
	if runID == "" {
		return false, pmerr.Missing("Run")
	}
	q, err := post(http.MethodPatch, runPath(runID), struct {
		Status   *telemetry.RunStatus `json:"status,omitempty"`
		Output   json.RawMessage      `json:"output,omitempty"`
		Metadata telemetry.Metadata   `json:"metadata,omitzero"`
	}{u.Status, u.Output, u.Metadata})
	if err != nil {
		return false, err
	}
	a, err := t.link.do(ctx, q)
	if err != nil {
		return false, err
	}
	var v struct {
		Status string `json:"status"`
	}
	if err := decode(q, a, &v); err != nil {
		return false, err
	}
	// After a lost answer "unchanged" may speak of what our first attempt did.
	touched := u.Status != nil || u.Output != nil || len(u.Metadata) > 0
	return v.Status == "updated" || (a.doubt && touched), nil
}

// Runs implements [telemetry.Reader].
func (t *Telemetry) Runs(ctx context.Context, f telemetry.RunFilter, r page.Request) (page.Of[telemetry.Run], error) {
	q := parameters{}
	q.text("status", string(f.Status))
	q.text("workflow_name", f.WorkflowName)
	q.text("trace_id", f.TraceID)
	p, err := readPage[telemetry.Run](ctx, t.link, "/v1/runs", q, r)
	for i := range p.Items {
		absent(&p.Items[i].Input, &p.Items[i].Output)
	}
	return p, err
}

// Run implements [telemetry.Reader].
func (t *Telemetry) Run(ctx context.Context, runID string) (telemetry.Run, error) {
	if runID == "" {
		return telemetry.Run{}, pmerr.Missing("Run")
	}
	run, err := read[telemetry.Run](ctx, t.link, request{method: http.MethodGet, path: runPath(runID)})
	absent(&run.Input, &run.Output)
	return run, err
}

// DeleteRun implements [telemetry.Eraser].
func (t *Telemetry) DeleteRun(ctx context.Context, runID string) error {
	if runID == "" {
		return pmerr.Missing("Run")
	}
	return t.link.remove(ctx, runPath(runID), nil)
}
