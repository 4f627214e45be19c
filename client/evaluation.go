package client

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Evals keeps the evaluations and datasets of one workspace. What makes
// something new is not repeated when its answer was lost, or it could be there
// twice.
type Evals struct{ link link }

var (
	_ eval.Evaluations = (*Evals)(nil)
	_ eval.Datasets    = (*Evals)(nil)
	_ eval.Files       = (*Evals)(nil)
)

// numbered is the path of a thing with a number; below is what follows it.
func numbered(list string, id int64, below string) string {
	return list + "/" + strconv.FormatInt(id, 10) + below
}

const (
	evaluationsPath = "/v1/evaluations"
	datasetsPath    = "/v1/datasets"
)

// Create implements [eval.Evaluations].
func (e *Evals) Create(ctx context.Context, in eval.Evaluation) (eval.Evaluation, error) {
	q, err := post(http.MethodPost, evaluationsPath, struct {
		Name        string         `json:"name"`
		PromptName  string         `json:"prompt_name"`
		VersionTag  *string        `json:"version_tag,omitempty"`
		Description *string        `json:"description,omitempty"`
		Criteria    *eval.Criteria `json:"criteria,omitempty"`
	}{in.Name, in.PromptName, in.VersionTag, in.Description, in.Criteria})
	if err != nil {
		return eval.Evaluation{}, err
	}
	q.once = true
	return read[eval.Evaluation](ctx, e.link, q)
}

// List implements [eval.Evaluations].
func (e *Evals) List(ctx context.Context, r page.Request) (page.Of[eval.Evaluation], error) {
	return readPage[eval.Evaluation](ctx, e.link, evaluationsPath, parameters{}, r)
}

// Get implements [eval.Evaluations].
func (e *Evals) Get(ctx context.Context, id int64) (eval.Evaluation, error) {
	if id <= 0 {
		return eval.Evaluation{}, pmerr.Missing("Evaluation")
	}
	return read[eval.Evaluation](ctx, e.link, request{method: http.MethodGet, path: numbered(evaluationsPath, id, "")})
}

// Delete implements [eval.Evaluations].
func (e *Evals) Delete(ctx context.Context, id int64) error {
	if id <= 0 {
		return pmerr.Missing("Evaluation")
	}
	return e.link.remove(ctx, numbered(evaluationsPath, id, ""), nil)
}

// AddResult implements [eval.Evaluations].
func (e *Evals) AddResult(ctx context.Context, evaluationID int64, r eval.Result) (eval.Result, error) {
	if evaluationID <= 0 {
		return eval.Result{}, pmerr.Missing("Evaluation")
	}
	score := &r.Score
	if math.IsNaN(r.Score) || math.IsInf(r.Score, 0) {
		score = nil // JSON has no such numbers; the server names the field
	}
	q, err := post(http.MethodPost, numbered(evaluationsPath, evaluationID, "/results"), struct {
		Score      *float64                   `json:"score"`
		RunID      *string                    `json:"run_id,omitempty"`
		VersionTag *string                    `json:"version_tag,omitempty"`
		Metadata   map[string]json.RawMessage `json:"metadata,omitzero"`
	}{score, r.RunID, r.VersionTag, r.Metadata})
	if err != nil {
		return eval.Result{}, err
	}
	q.once = true
	return read[eval.Result](ctx, e.link, q)
}

// Results implements [eval.Evaluations].
func (e *Evals) Results(ctx context.Context, evaluationID int64, f eval.ResultFilter, r page.Request) (page.Of[eval.Result], error) {
	if evaluationID <= 0 {
		return page.Of[eval.Result]{}, pmerr.Missing("Evaluation")
	}
	q := parameters{}
	q.text("version_tag", f.VersionTag)
	return readPage[eval.Result](ctx, e.link, numbered(evaluationsPath, evaluationID, "/results"), q, r)
}
