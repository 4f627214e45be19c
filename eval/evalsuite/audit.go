package evalsuite

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// ids are of the things that mutations work on.
type ids struct {
	evaluation, dataset int64
	run                 string
}

// furnish makes one of everything.
func furnish(tb testing.TB, e Evals, r telemetry.Recorder) ids {
	tb.Helper()
	in := plain("furniture")
	in.VersionTag = ptr("1.0.0")
	of := ids{
		evaluation: create(tb, e, in).ID, dataset: createDataset(tb, e, row(`{"a":1}`, `{"b":2}`, "c")).ID,
		run: openRun(tb, r, `{"run":1}`, `{"out":1}`, ""),
	}
	addResult(tb, e, of.evaluation, eval.Result{Score: 0.5, RunID: ptr("theirs")})
	return of
}

// mutation is a call that changes something, and the entry that it leaves.
type mutation struct {
	name string
	do   func(ctx context.Context, e Evals) (id int64, err error)
	// action, prompt and version of the entry; an empty text is null.
	action, prompt, version string
}

func mutations(of ids) []mutation {
	return []mutation{
		{"Create", func(ctx context.Context, e Evals) (int64, error) {
			made, err := e.Create(ctx, plain("e"))
			return made.ID, err
		}, "evaluation:create", "p", ""},
		{"AddResult", func(ctx context.Context, e Evals) (int64, error) {
			made, err := e.AddResult(ctx, of.evaluation, eval.Result{Score: 1})
			return made.ID, err
		}, "evaluation:result", "p", "1.0.0"},
		{"AddResult of a version", func(ctx context.Context, e Evals) (int64, error) {
			made, err := e.AddResult(ctx, of.evaluation, eval.Result{Score: 1, VersionTag: ptr("2.0.0")})
			return made.ID, err
		}, "evaluation:result", "p", "2.0.0"},
		{"CreateDataset", func(ctx context.Context, e Evals) (int64, error) {
			made, err := e.CreateDataset(ctx, "d", []eval.Row{row(`{}`, "", ""), row(`{}`, "", "")})
			return made.ID, err
		}, "create_dataset", "", ""},
		{"ImportDataset", func(ctx context.Context, e Evals) (int64, error) {
			made, err := e.ImportDataset(ctx, "d", eval.CSV, strings.NewReader("a\n1\n"))
			return made.ID, err
		}, "create_dataset", "", ""},
		{"AddRowsFromRuns", func(ctx context.Context, e Evals) (int64, error) {
			_, err := e.AddRowsFromRuns(ctx, of.dataset, eval.RunSelection{RunIDs: []string{of.run}})
			return of.dataset, err
		}, "dataset:rows", "", ""},
		{"DeleteDataset", func(ctx context.Context, e Evals) (int64, error) {
			return of.dataset, e.DeleteDataset(ctx, of.dataset)
		}, "delete_dataset", "", ""},
		{"Delete", func(ctx context.Context, e Evals) (int64, error) {
			return of.evaluation, e.Delete(ctx, of.evaluation)
		}, "evaluation:delete", "p", "1.0.0"},
	}
}

func auditCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"every change leaves exactly one entry": func(t *testing.T, e Env) {
			for _, m := range mutations(furnish(t, e.Mine, e.Recorder)) {
				before := audited(t, e)
				id, err := m.do(t.Context(), e.Mine)
				require.NoError(t, err, m.name)
				after, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, first)
				require.NoError(t, err)
				require.Equal(t, before+1, after.Total, m.name)
				got := after.Items[0]
				require.Equal(t, m.action, got.Action, m.name)
				require.Equal(t, nullable(m.prompt), got.PromptName, m.name)
				require.Equal(t, nullable(m.version), got.VersionTag, m.name)
				require.Equal(t, ptr(itoa(id)), got.TargetID, m.name)
				require.Equal(t, nullable(e.Actor), got.APIKeyName, m.name)
			}
		},

		"what is refused, what changes nothing and what only reads leaves none": func(t *testing.T, e Env) {
			of := furnish(t, e.Mine, e.Recorder)
			before := audited(t, e)
			ctx := t.Context()
			for name, refused := range map[string]func() error{
				"an evaluation": func() error { _, err := e.Mine.Create(ctx, plain("")); return err },
				"a result":      func() error { _, err := e.Mine.AddResult(ctx, of.evaluation, eval.Result{Score: -1}); return err },
				"a result of nothing": func() error {
					_, err := e.Mine.AddResult(ctx, 999, eval.Result{Score: 1})
					return err
				},
				"a deletion":  func() error { return e.Mine.Delete(ctx, 999) },
				"a dataset":   func() error { _, err := e.Mine.CreateDataset(ctx, "d", make([]eval.Row, 1)); return err },
				"a large one": func() error { _, err := e.Mine.CreateDataset(ctx, "d", make([]eval.Row, 10_001)); return err },
				"a file":      func() error { _, err := e.Mine.ImportDataset(ctx, "d", eval.JSONL, strings.NewReader("x")); return err },
				"its removal": func() error { return e.Mine.DeleteDataset(ctx, 999) },
				"rows of nothing": func() error {
					_, err := e.Mine.AddRowsFromRuns(ctx, of.dataset, eval.RunSelection{RunIDs: []string{unknownID}})
					return err
				},
			} {
				err := refused()
				require.Error(t, err, name)
				require.NotErrorIs(t, err, pmerr.ErrInternal, name)
				require.Equal(t, before, audited(t, e), name)
			}
			n, err := e.Mine.AddRowsFromRuns(ctx, of.dataset, eval.RunSelection{WorkflowName: "none"})
			require.NoError(t, err)
			require.Zero(t, n)
			_, err = e.Mine.Get(ctx, of.evaluation)
			require.NoError(t, err)
			require.NoError(t, e.Mine.ExportDataset(ctx, of.dataset, eval.CSV, io.Discard))
			require.Equal(t, before, audited(t, e))
		},
	}
}

func audited(tb testing.TB, e Env) int64 {
	tb.Helper()
	p, err := e.Audit.Entries(tb.Context(), access.AuditFilter{}, first)
	require.NoError(tb, err)
	return p.Total
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
