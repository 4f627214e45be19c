package evalsuite

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// openRun logs a run of the workflow "w"; what is empty is not given.
func openRun(tb testing.TB, r telemetry.Recorder, input, output, trace string) string {
	tb.Helper()
	in := telemetry.Run{WorkflowName: "w", Status: telemetry.RunCompleted}
	if input != "" {
		in.Input = raw(input)
	}
	if output != "" {
		in.Output = raw(output)
	}
	if trace != "" {
		in.TraceID = &trace
	}
	run, err := r.CreateRun(tb.Context(), in)
	require.NoError(tb, err)
	return run.ID
}

func openTrace(tb testing.TB, r telemetry.Recorder) string {
	tb.Helper()
	trace, err := r.CreateTrace(tb.Context(), telemetry.Trace{})
	require.NoError(tb, err)
	return trace.ID
}

// unknownID is a UUID that nothing has.
const unknownID = "00000000-0000-4000-8000-000000000000"

func fromRunsCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"rows are made of the runs that are named": func(t *testing.T, e Env) {
			a := openRun(t, e.Recorder, `{"q":1}`, `{"answer":"x"}`, "")
			b := openRun(t, e.Recorder, `{"q":2,"s":"text"}`, "", "")
			none := openRun(t, e.Recorder, "", `{"answer":"y"}`, "")
			id := createDataset(t, e.Mine, row(`{"first":true}`, "", "")).ID
			n, err := e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{RunIDs: []string{b, none, a, b}})
			require.NoError(t, err)
			require.Equal(t, 2, n, "without an input there is no row, and a run is one row")
			sameRows(t, []eval.Row{row(`{"first":true}`, "", ""), row(`{"q":2,"s":"text"}`, "", ""), row(`{"q":1}`, `{"answer":"x"}`, "")}, rowsOf(t, e.Mine, id))
			d, err := e.Mine.Dataset(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, 3, d.RowCount)
			require.JSONEq(t, `{"input":{"first":["boolean"],"q":["number"],"s":["string"]},"expectedOutput":{"answer":["string"]}}`, string(d.Schema))
		},

		"rows are made of the runs of traces": func(t *testing.T, e Env) {
			trace, other := openTrace(t, e.Recorder), openTrace(t, e.Recorder)
			a := openRun(t, e.Recorder, `{"n":1}`, "", trace)
			openRun(t, e.Recorder, `{"n":2}`, "", trace)
			openRun(t, e.Recorder, `{"n":3}`, "", other)
			openRun(t, e.Recorder, `{"n":4}`, "", "")
			id := createDataset(t, e.Mine).ID
			n, err := e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{RunIDs: []string{a}, TraceIDs: []string{trace, trace}})
			require.NoError(t, err)
			require.Equal(t, 2, n)
			sameRows(t, []eval.Row{row(`{"n":1}`, "", ""), row(`{"n":2}`, "", "")}, rowsOf(t, e.Mine, id))
			n, err = e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{TraceIDs: []string{openTrace(t, e.Recorder)}})
			require.NoError(t, err)
			require.Zero(t, n, "a trace may have no run")
		},

		"rows are made of the newest runs of a workflow": func(t *testing.T, e Env) {
			for i := range 130 {
				openRun(t, e.Recorder, `{"n":`+itoa(int64(i))+`}`, "", "")
			}
			_, err := e.Recorder.CreateRun(t.Context(), telemetry.Run{WorkflowName: "other", Input: raw(`{}`)})
			require.NoError(t, err)
			for limit, want := range map[int]int{0: 130, 1: 1, 101: 101, 1000: 130} {
				id := createDataset(t, e.Mine).ID
				n, err := e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{WorkflowName: "w", Limit: limit})
				require.NoError(t, err)
				require.Equal(t, want, n)
				p, err := e.Mine.DatasetRows(t.Context(), id, first)
				require.NoError(t, err)
				require.EqualValues(t, want, p.Total)
				require.JSONEq(t, `{"n":129}`, string(p.Items[0].Input))
			}
			n, err := e.Mine.AddRowsFromRuns(t.Context(), createDataset(t, e.Mine).ID, eval.RunSelection{WorkflowName: "none"})
			require.NoError(t, err)
			require.Zero(t, n)
		},

		"a run or trace that is not there adds nothing": func(t *testing.T, e Env) {
			id := createDataset(t, e.Mine).ID
			run := openRun(t, e.Recorder, `{"n":1}`, "", "")
			_, err := e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{RunIDs: []string{run, unknownID}})
			missing(t, err, "Run")
			require.Equal(t, map[string]any{"run_id": unknownID}, pmerr.From(err).Details)
			_, err = e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{RunIDs: []string{run}, TraceIDs: []string{unknownID}})
			missing(t, err, "Trace")
			require.Equal(t, map[string]any{"trace_id": unknownID}, pmerr.From(err).Details)
			require.Empty(t, rowsOf(t, e.Mine, id))
		},

		"faults are named": func(t *testing.T, e Env) {
			id := createDataset(t, e.Mine).ID
			for field, sel := range map[string]eval.RunSelection{
				"workflow_name":      {},
				"workflow_name must": {WorkflowName: strings.Repeat("x", 129)},
				"run_ids[1]":         {RunIDs: []string{unknownID, "x"}},
				"trace_ids[0]":       {TraceIDs: []string{"\x00"}},
				"run_ids must":       {RunIDs: slices.Repeat([]string{unknownID}, 1001)},
				"limit":              {WorkflowName: "w", Limit: 1001},
				"limit must":         {WorkflowName: "w", Limit: -1},
			} {
				_, err := e.Mine.AddRowsFromRuns(t.Context(), id, sel)
				fault(t, err, field)
			}
		},
	}
}
