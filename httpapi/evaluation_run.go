package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (a *api) registerEvaluationRuns() {
	posted(a, operation{
		id: "startEvaluationRun", method: http.MethodPost, path: "/v1/evaluations/{id}/run", tag: "evaluations",
		summary: "Run an evaluation in the background", status: http.StatusCreated, bodyOptional: true,
		faults: []int{http.StatusNotFound},
	}, startEvaluationRun)
	scoped(a, operation{
		id: "listEvaluationRuns", method: http.MethodGet, path: "/v1/evaluations/{id}/run", tag: "evaluations",
		summary: "List the runs of an evaluation, newest first", faults: []int{http.StatusNotFound},
	}, listEvaluationRuns)
	scoped(a, operation{
		id: "getEvaluationRun", method: http.MethodGet, path: "/v1/evaluations/{id}/run/{run_id}", tag: "evaluations",
		summary: "Get a run with its progress and a page of its rows", faults: []int{http.StatusNotFound},
	}, getEvaluationRun)
	scoped(a, operation{
		id: "cancelEvaluationRun", method: http.MethodPost, path: "/v1/evaluations/{id}/run/{run_id}/cancel", tag: "evaluations",
		summary: "End a run; what is done stays", faults: []int{http.StatusNotFound},
	}, cancelEvaluationRun)
	scoped(a, operation{
		id: "compareEvaluationRuns", method: http.MethodGet, path: "/v1/evaluations/{id}/run/{run_id}/compare", tag: "evaluations",
		summary: "Set another run against this one, row by row", faults: []int{http.StatusNotFound},
	}, compareEvaluationRuns)
}

type evaluationRunBody struct {
	DatasetID   *int64   `json:"dataset_id,omitempty" minimum:"1" doc:"Default: one row, the prompt with its defaults."`
	VersionTag  string   `json:"version_tag,omitempty" maxLength:"64" doc:"Default: the evaluation's, else what the registry answers."`
	Provider    string   `json:"provider,omitempty" maxLength:"64" doc:"Default: the prompt's model_config.provider. Without any, the rendered prompt is scored."`
	Model       string   `json:"model,omitempty" maxLength:"128" doc:"Default: the prompt's model_config.model."`
	Concurrency *int     `json:"concurrency,omitempty" minimum:"1" maximum:"64" doc:"Default: 4."`
	MaxCostUSD  *float64 `json:"max_cost_usd,omitempty" minimum:"0" doc:"Ends the run before a call that would start at or over it."`
}

func startEvaluationRun(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationID, b evaluationRunBody) (eval.Run, error) {
	spec := eval.RunSpec{DatasetID: b.DatasetID, VersionTag: b.VersionTag, Provider: b.Provider, Model: b.Model, MaxCostUSD: b.MaxCostUSD}
	if b.Concurrency != nil {
		// 0 is a number here, and not one that can be.
		if spec.Concurrency = *b.Concurrency; spec.Concurrency == 0 {
			spec.Concurrency = -1
		}
	}
	id, err := numbered(in.ID, "Evaluation")
	if err != nil {
		return eval.Run{}, err
	}
	return ws.Evals.StartRun(ctx, id, spec)
}

type evaluationRunListing struct {
	ID string `path:"id" doc:"Id of the evaluation."`
	query.Listing
}

func listEvaluationRuns(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationRunListing) (page.Of[eval.Run], error) {
	id, err := numbered(in.ID, "Evaluation")
	if err != nil {
		return page.Of[eval.Run]{}, err
	}
	return ws.Evals.Runs(ctx, id, in.Request())
}

type evaluationRunID struct {
	ID    string `path:"id" doc:"Id of the evaluation."`
	RunID string `path:"run_id" doc:"Id of the run."`
}

// numbers reads the ids of an evaluation and one of its runs.
func (i evaluationRunID) numbers() (evaluation, run int64, err error) {
	if evaluation, err = numbered(i.ID, "Evaluation"); err != nil {
		return 0, 0, err
	}
	run, err = numbered(i.RunID, "Run")
	return evaluation, run, err
}

type evaluationRunRows struct {
	ID    string `path:"id" doc:"Id of the evaluation."`
	RunID string `path:"run_id" doc:"Id of the run."`
	query.Listing
}

// evaluationRun is a run and a page of its rows.
type evaluationRun struct {
	eval.Run
	Rows page.Of[eval.RowResult] `json:"rows" doc:"What is known of each row, in the dataset's order."`
}

func getEvaluationRun(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationRunRows) (out evaluationRun, err error) {
	evaluation, run, err := evaluationRunID{in.ID, in.RunID}.numbers()
	if err != nil {
		return out, err
	}
	if out.Rows, err = ws.Evals.RunRows(ctx, evaluation, run, in.Request()); err != nil {
		return out, err
	}
	// The run comes second, so that it never seems to have less than its rows.
	out.Run, err = ws.Evals.GetRun(ctx, evaluation, run)
	return out, err
}

func cancelEvaluationRun(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationRunID) (eval.Run, error) {
	evaluation, run, err := in.numbers()
	if err != nil {
		return eval.Run{}, err
	}
	return ws.Evals.CancelRun(ctx, evaluation, run)
}

type evaluationRunComparison struct {
	ID    string `path:"id" doc:"Id of the evaluation."`
	RunID string `path:"run_id" doc:"Id of the run."`
	With  int64  `query:"with" required:"true" minimum:"1" doc:"Id of the run that is set against this one."`
	query.Listing
}

func compareEvaluationRuns(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationRunComparison) (eval.Comparison, error) {
	evaluation, run, err := evaluationRunID{in.ID, in.RunID}.numbers()
	if err != nil {
		return eval.Comparison{}, err
	}
	return ws.Evals.CompareRuns(ctx, evaluation, run, in.With, in.Request())
}
