package evalsuite

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
)

// islandCases has one case for every method: what it does through Mine must
// neither show nor change anything of Theirs, where one of everything is.
func islandCases() map[string]func(*testing.T, Env, ids) {
	// mine makes an evaluation and a dataset that have the ids of theirs.
	mine := func(t *testing.T, e Env, theirs ids) {
		t.Helper()
		require.Equal(t, theirs.evaluation, create(t, e.Mine, plain("mine")).ID, "ids are counted for each workspace")
		require.Equal(t, theirs.dataset, createDataset(t, e.Mine).ID)
	}
	return map[string]func(*testing.T, Env, ids){
		"Create": mine,
		"List": func(t *testing.T, e Env, _ ids) {
			require.Empty(t, pagetest.Keys(t, evaluationsOf(e.Mine), evaluationKey))
		},
		"Get": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.Get(t.Context(), theirs.evaluation)
			missing(t, err, "Evaluation")
			mine(t, e, theirs)
			got, err := e.Mine.Get(t.Context(), theirs.evaluation)
			require.NoError(t, err)
			require.Equal(t, "mine", got.Name)
		},
		"Delete": func(t *testing.T, e Env, theirs ids) {
			missing(t, e.Mine.Delete(t.Context(), theirs.evaluation), "Evaluation")
			mine(t, e, theirs)
			require.NoError(t, e.Mine.Delete(t.Context(), theirs.evaluation), "mine of that id")
		},
		"AddResult": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.AddResult(t.Context(), theirs.evaluation, eval.Result{Score: 1})
			missing(t, err, "Evaluation")
			mine(t, e, theirs)
			require.Nil(t, addResult(t, e.Mine, theirs.evaluation, eval.Result{Score: 1}).VersionTag, "mine has no version")
		},
		"Results": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.Results(t.Context(), theirs.evaluation, eval.ResultFilter{}, first)
			missing(t, err, "Evaluation")
			mine(t, e, theirs)
			for _, f := range []eval.ResultFilter{{}, {VersionTag: "1.0.0"}} {
				p, err := e.Mine.Results(t.Context(), theirs.evaluation, f, first)
				require.NoError(t, err)
				require.Empty(t, p.Items)
				require.Zero(t, p.Total)
			}
		},
		"CreateDataset": mine,
		"Datasets": func(t *testing.T, e Env, _ ids) {
			require.Empty(t, pagetest.Keys(t, datasetsOf(e.Mine), datasetKey))
		},
		"Dataset": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.Dataset(t.Context(), theirs.dataset)
			missing(t, err, "Dataset")
			mine(t, e, theirs)
			d, err := e.Mine.Dataset(t.Context(), theirs.dataset)
			require.NoError(t, err)
			require.Empty(t, d.Preview)
			require.JSONEq(t, `{"input":{},"expectedOutput":{}}`, string(d.Schema))
		},
		"DatasetRows": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.DatasetRows(t.Context(), theirs.dataset, first)
			missing(t, err, "Dataset")
			mine(t, e, theirs)
			require.Empty(t, rowsOf(t, e.Mine, theirs.dataset))
		},
		"DeleteDataset": func(t *testing.T, e Env, theirs ids) {
			missing(t, e.Mine.DeleteDataset(t.Context(), theirs.dataset), "Dataset")
			mine(t, e, theirs)
			require.NoError(t, e.Mine.DeleteDataset(t.Context(), theirs.dataset), "mine of that id")
		},
		"AddRowsFromRuns": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.AddRowsFromRuns(t.Context(), theirs.dataset, eval.RunSelection{WorkflowName: "w"})
			missing(t, err, "Dataset")
			mine(t, e, theirs)
			_, err = e.Mine.AddRowsFromRuns(t.Context(), theirs.dataset, eval.RunSelection{RunIDs: []string{theirs.run}})
			missing(t, err, "Run")
			n, err := e.Mine.AddRowsFromRuns(t.Context(), theirs.dataset, eval.RunSelection{WorkflowName: "w"})
			require.NoError(t, err)
			require.Zero(t, n, "their runs are none of mine")
		},
		"ImportDataset": func(t *testing.T, e Env, theirs ids) {
			d, err := e.Mine.ImportDataset(t.Context(), "mine", eval.JSONL, strings.NewReader(`{"input":{}}`))
			require.NoError(t, err)
			require.Equal(t, theirs.dataset, d.ID)
		},
		"ExportDataset": func(t *testing.T, e Env, theirs ids) {
			missing(t, e.Mine.ExportDataset(t.Context(), theirs.dataset, eval.CSV, io.Discard), "Dataset")
			mine(t, e, theirs)
			require.Empty(t, export(t, e.Mine, theirs.dataset, eval.JSONL))
		},
	}
}

func islands(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	cases := islandCases()
	for method := range reflect.TypeFor[Evals]().Methods() {
		run, ok := cases[method.Name]
		require.True(t, ok, "%s has no case: how could it reach another workspace?", method.Name)
		delete(cases, method.Name)
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			theirs := furnish(t, e.Theirs, e.TheirRecorder)
			before := state(t, e.Theirs, theirs)
			run(t, e, theirs)
			require.Equal(t, before, state(t, e.Theirs, theirs), "their workspace has changed")
		})
	}
	require.Empty(t, cases, "cases of methods that are gone")
}

// state is all that can be seen of a workspace with one of everything.
func state(t *testing.T, e Evals, of ids) []string {
	t.Helper()
	evaluation, err := e.Get(t.Context(), of.evaluation)
	require.NoError(t, err)
	results, err := e.Results(t.Context(), of.evaluation, eval.ResultFilter{}, first)
	require.NoError(t, err)
	dataset, err := e.Dataset(t.Context(), of.dataset)
	require.NoError(t, err)
	return []string{
		asJSON(t, evaluation), asJSON(t, results), asJSON(t, dataset), export(t, e, of.dataset, eval.JSONL),
		asJSON(t, pagetest.Keys(t, evaluationsOf(e), evaluationKey)), asJSON(t, pagetest.Keys(t, datasetsOf(e), datasetKey)),
	}
}
