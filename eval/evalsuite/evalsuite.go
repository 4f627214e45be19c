// Package evalsuite is the behaviour of the interfaces of package eval, as a
// suite that every implementation passes: in-process and over HTTP.
package evalsuite

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Evals is everything that callers do with evaluations and datasets.
type Evals interface {
	eval.Evaluations
	eval.Datasets
	eval.Files
}

// Env is what a test works with. Its workspaces are empty when it begins.
type Env struct {
	// Mine and Theirs are two workspaces of one store.
	Mine, Theirs Evals
	// Recorder and TheirRecorder log workflow runs in them.
	Recorder, TheirRecorder telemetry.Recorder
	// Actor is the name by which the audit log knows who acts through Mine.
	Actor string
	// Audit reads the audit log of the workspace of Mine.
	Audit access.AuditLog
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, Env)
	}{
		{"Evaluations", evaluationCases()},
		{"Results", resultCases()},
		{"Datasets", datasetCases()},
		{"Limits", limitCases()},
		{"Files", fileCases()},
		{"RowsFromRuns", fromRunsCases()},
		{"Audit", auditCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open(t))
				})
			}
		})
	}
	t.Run("WorkspacesAreIslands", func(t *testing.T) {
		t.Parallel()
		islands(t, open)
	})
}

// plain makes the smallest evaluation.
func plain(name string) eval.Evaluation { return eval.Evaluation{Name: name, PromptName: "p"} }

func create(tb testing.TB, e eval.Evaluations, in eval.Evaluation) eval.Evaluation {
	tb.Helper()
	made, err := e.Create(tb.Context(), in)
	require.NoError(tb, err)
	return made
}

func addResult(tb testing.TB, e eval.Evaluations, of int64, r eval.Result) eval.Result {
	tb.Helper()
	made, err := e.AddResult(tb.Context(), of, r)
	require.NoError(tb, err)
	return made
}

func createDataset(tb testing.TB, e eval.Datasets, rows ...eval.Row) eval.Dataset {
	tb.Helper()
	d, err := e.CreateDataset(tb.Context(), "d", rows)
	require.NoError(tb, err)
	return d
}

// row makes a row of JSON texts; what is empty is not given.
func row(input, expected, output string) eval.Row {
	r := eval.Row{Input: raw(input)}
	if expected != "" {
		r.ExpectedOutput = raw(expected)
	}
	if output != "" {
		r.Output = &output
	}
	return r
}

// rowsOf gives all rows of a dataset of at most a hundred.
func rowsOf(tb testing.TB, e eval.Datasets, id int64) []eval.Row {
	tb.Helper()
	p, err := e.DatasetRows(tb.Context(), id, page.Request{Limit: page.MaxLimit})
	require.NoError(tb, err)
	require.Empty(tb, p.NextCursor)
	return p.Items
}

// sameRows compares rows as callers see them, but for their ids.
func sameRows(tb testing.TB, want, got []eval.Row) {
	tb.Helper()
	require.Len(tb, got, len(want))
	for i := range want {
		w, g := want[i], got[i]
		w.ID, g.ID = 0, 0
		require.JSONEq(tb, asJSON(tb, w), asJSON(tb, g), "row %d", i)
	}
}

func evaluationsOf(e eval.Evaluations) pagetest.List[eval.Evaluation] { return e.List }

func resultsOf(e eval.Evaluations, id int64, f eval.ResultFilter) pagetest.List[eval.Result] {
	return func(ctx context.Context, r page.Request) (page.Of[eval.Result], error) {
		return e.Results(ctx, id, f, r)
	}
}

func datasetsOf(e eval.Datasets) pagetest.List[eval.Dataset] { return e.Datasets }

func datasetRowsOf(e eval.Datasets, id int64) pagetest.List[eval.Row] {
	return func(ctx context.Context, r page.Request) (page.Of[eval.Row], error) { return e.DatasetRows(ctx, id, r) }
}

func evaluationKey(e eval.Evaluation) string { return itoa(e.ID) }
func resultKey(r eval.Result) string         { return itoa(r.ID) }
func datasetKey(d eval.Dataset) string       { return itoa(d.ID) }
func rowKey(r eval.Row) string               { return itoa(r.ID) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func ptr[T any](v T) *T { return &v }

// asJSON compares what callers see, not how it is kept.
func asJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(data)
}

func meta(text string) (m map[string]json.RawMessage) {
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	return m
}

func recent(tb testing.TB, at timestamp.Time) {
	tb.Helper()
	require.WithinDuration(tb, time.Now(), at.Time, time.Minute)
}

// missing checks that a thing was not found and that the error names it.
func missing(tb testing.TB, err error, thing string) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrNotFound)
	require.Equal(tb, thing+" not found", pmerr.From(err).Message)
}

// fault checks that an input was refused for the named field.
func fault(tb testing.TB, err error, field string) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrValidation, field)
	require.Len(tb, pmerr.From(err).Fields, 1, "%v", err)
	require.Contains(tb, pmerr.From(err).Fields[0], field)
}

// noIDs are ids that nothing has.
func noIDs() []int64 { return []int64{0, -1, 999_999, 1<<63 - 1, -1 << 63} }
