package httpapi

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func (a *api) registerEvaluations() {
	posted(a, operation{
		id: "createEvaluation", method: http.MethodPost, path: "/v1/evaluations", tag: "evaluations",
		summary: "Keep an evaluation; rules that cannot work are named", status: http.StatusCreated,
	}, createEvaluation)
	scoped(a, operation{
		id: "listEvaluations", method: http.MethodGet, path: "/v1/evaluations", tag: "evaluations",
		summary: "List evaluations, newest first",
	}, listEvaluations)
	scoped(a, operation{
		id: "getEvaluation", method: http.MethodGet, path: "/v1/evaluations/{id}", tag: "evaluations",
		summary: "Get an evaluation", faults: []int{http.StatusNotFound},
	}, getEvaluation)
	scoped(a, operation{
		id: "deleteEvaluation", method: http.MethodDelete, path: "/v1/evaluations/{id}", tag: "evaluations",
		summary: "Delete an evaluation with its results and runs", status: http.StatusNoContent, faults: []int{http.StatusNotFound},
	}, deleteEvaluation)
	posted(a, operation{
		id: "addResult", method: http.MethodPost, path: "/v1/evaluations/{id}/results", tag: "evaluations",
		summary: "Record a score for a version", status: http.StatusCreated, faults: []int{http.StatusNotFound},
	}, addResult)
	scoped(a, operation{
		id: "listResults", method: http.MethodGet, path: "/v1/evaluations/{id}/results", tag: "evaluations",
		summary: "List the scores of an evaluation, newest first", faults: []int{http.StatusNotFound},
	}, listResults)
}

type evaluationBody struct {
	Name        string         `json:"name" minLength:"1" maxLength:"128"`
	PromptName  string         `json:"prompt_name" minLength:"1" maxLength:"128"`
	VersionTag  *string        `json:"version_tag,omitempty" maxLength:"64"`
	Description *string        `json:"description,omitempty" maxLength:"1024"`
	Criteria    *eval.Criteria `json:"criteria,omitempty" doc:"Weighted rules, and the score that passes."`
}

func createEvaluation(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b evaluationBody) (eval.Evaluation, error) {
	return ws.Evals.Create(ctx, eval.Evaluation{
		Name: b.Name, PromptName: b.PromptName, VersionTag: b.VersionTag, Description: b.Description, Criteria: b.Criteria,
	})
}

type evaluationListing struct{ query.Listing }

func listEvaluations(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationListing) (page.Of[eval.Evaluation], error) {
	return ws.Evals.List(ctx, in.Request())
}

type evaluationID struct {
	ID string `path:"id" doc:"Id of the evaluation."`
}

// numbered reads the number of a thing from a path. What is no number, as we
// write it, names nothing: a thing has one address.
func numbered(text, thing string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != text {
		return 0, pmerr.Missing(thing)
	}
	return id, nil
}

func getEvaluation(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationID) (eval.Evaluation, error) {
	id, err := numbered(in.ID, "Evaluation")
	if err != nil {
		return eval.Evaluation{}, err
	}
	return ws.Evals.Get(ctx, id)
}

func deleteEvaluation(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationID) (nothing, error) {
	id, err := numbered(in.ID, "Evaluation")
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, ws.Evals.Delete(ctx, id)
}

type resultBody struct {
	Score      *float64                   `json:"score" minimum:"0"`
	RunID      *string                    `json:"run_id,omitempty" maxLength:"128" doc:"A workflow run, an evaluation run, a test case."`
	VersionTag *string                    `json:"version_tag,omitempty" maxLength:"64" doc:"Default: the evaluation's."`
	Metadata   map[string]json.RawMessage `json:"metadata,omitempty" maxProperties:"50" doc:"row_id names the dataset's row that was scored."`
}

func addResult(ctx context.Context, ws *promptmetrics.Workspace, in *evaluationID, b resultBody) (eval.Result, error) {
	id, err := numbered(in.ID, "Evaluation")
	if err != nil {
		return eval.Result{}, err
	}
	score := math.NaN() // no score at all, which is a fault; 0 is a score
	if b.Score != nil {
		score = *b.Score
	}
	return ws.Evals.AddResult(ctx, id, eval.Result{Score: score, RunID: b.RunID, VersionTag: b.VersionTag, Metadata: b.Metadata})
}

type resultListing struct {
	ID         string `path:"id" doc:"Id of the evaluation."`
	VersionTag string `query:"version_tag" maxLength:"64"`
	query.Listing
}

func listResults(ctx context.Context, ws *promptmetrics.Workspace, in *resultListing) (page.Of[eval.Result], error) {
	id, err := numbered(in.ID, "Evaluation")
	if err != nil {
		return page.Of[eval.Result]{}, err
	}
	return ws.Evals.Results(ctx, id, eval.ResultFilter{VersionTag: in.VersionTag}, in.Request())
}
