package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

var _ eval.Runs = (*Evals)(nil)

// runPathOf is the path of the runs of an evaluation, of one of them if runID
// is not 0, and of what is below it. Ids that nothing has are not found.
func runPathOf(evaluationID int64, runID *int64, below string) (string, error) {
	switch {
	case evaluationID <= 0:
		return "", pmerr.Missing("Evaluation")
	case runID == nil:
		return numbered(evaluationsPath, evaluationID, "/run"), nil
	case *runID <= 0:
		return "", pmerr.Missing("Run")
	}
	return numbered(numbered(evaluationsPath, evaluationID, "/run"), *runID, below), nil
}

// StartRun implements [eval.Runs].
func (e *Evals) StartRun(ctx context.Context, evaluationID int64, s eval.RunSpec) (eval.Run, error) {
	path, err := runPathOf(evaluationID, nil, "")
	if err != nil {
		return eval.Run{}, err
	}
	q, err := post(http.MethodPost, path, s)
	if err != nil {
		return eval.Run{}, err
	}
	q.once = true
	return read[eval.Run](ctx, e.link, q)
}

// Runs implements [eval.Runs].
func (e *Evals) Runs(ctx context.Context, evaluationID int64, r page.Request) (page.Of[eval.Run], error) {
	path, err := runPathOf(evaluationID, nil, "")
	if err != nil {
		return page.Of[eval.Run]{}, err
	}
	return readPage[eval.Run](ctx, e.link, path, parameters{}, r)
}

// GetRun implements [eval.Runs].
func (e *Evals) GetRun(ctx context.Context, evaluationID, runID int64) (eval.Run, error) {
	path, err := runPathOf(evaluationID, &runID, "")
	if err != nil {
		return eval.Run{}, err
	}
	// The rows come along, whether or not they are wanted: one is the fewest.
	q := parameters{}
	q.page(page.Request{Limit: 1})
	return read[eval.Run](ctx, e.link, request{method: http.MethodGet, path: path, query: url.Values(q)})
}

// RunRows implements [eval.Runs].
func (e *Evals) RunRows(ctx context.Context, evaluationID, runID int64, r page.Request) (page.Of[eval.RowResult], error) {
	path, err := runPathOf(evaluationID, &runID, "")
	if err != nil {
		return page.Of[eval.RowResult]{}, err
	}
	q := parameters{}
	q.page(r)
	v, err := read[struct {
		Rows page.Of[eval.RowResult] `json:"rows"`
	}](ctx, e.link, request{method: http.MethodGet, path: path, query: url.Values(q)})
	if err == nil && v.Rows.Items == nil {
		v.Rows.Items = []eval.RowResult{}
	}
	return v.Rows, err
}

// CancelRun implements [eval.Runs]. It may be repeated: a run that has ended
// stays as it is.
func (e *Evals) CancelRun(ctx context.Context, evaluationID, runID int64) (eval.Run, error) {
	path, err := runPathOf(evaluationID, &runID, "/cancel")
	if err != nil {
		return eval.Run{}, err
	}
	return read[eval.Run](ctx, e.link, request{method: http.MethodPost, path: path})
}

// CompareRuns implements [eval.Runs].
func (e *Evals) CompareRuns(ctx context.Context, evaluationID, a, b int64, r page.Request) (eval.Comparison, error) {
	path, err := runPathOf(evaluationID, &a, "/compare")
	if err != nil {
		return eval.Comparison{}, err
	}
	if b <= 0 {
		return eval.Comparison{}, pmerr.Missing("Run")
	}
	q := parameters{}
	q.text("with", strconv.FormatInt(b, 10))
	q.page(r)
	c, err := read[eval.Comparison](ctx, e.link, request{method: http.MethodGet, path: path, query: url.Values(q)})
	if err == nil && c.Rows.Items == nil {
		c.Rows.Items = []eval.RowComparison{}
	}
	return c, err
}

// WaitRun looks at a run until it has ended; see [eval.WaitRun].
func (e *Evals) WaitRun(ctx context.Context, evaluationID, runID int64, every time.Duration) (eval.Run, error) {
	return eval.WaitRun(ctx, e, evaluationID, runID, every)
}
