package telemetrytest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// islandCases has one case for every method: what it does through Mine must
// neither show nor change anything of Theirs, where one of everything is.
func islandCases() map[string]func(*testing.T, Env, ids) {
	return map[string]func(*testing.T, Env, ids){
		"Log": func(t *testing.T, e Env, _ ids) {
			require.EqualValues(t, 1, record(t, e.Mine, call("p")), "ids are counted for each workspace")
		},
		"LogBatch": func(t *testing.T, e Env, _ ids) {
			got, err := e.Mine.LogBatch(t.Context(), calls(2))
			require.NoError(t, err)
			require.Equal(t, []int64{1, 2}, got)
		},
		"CreateTrace": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.CreateTrace(t.Context(), telemetry.Trace{ID: theirs.trace})
			require.NoError(t, err, "an id of theirs is free in mine")
			got, err := e.Mine.Trace(t.Context(), theirs.trace)
			require.NoError(t, err)
			require.Nil(t, got.PromptName)
			require.Empty(t, got.Spans)
		},
		"AddSpans": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.AddSpans(t.Context(), theirs.trace, []telemetry.Span{{Name: "mine"}})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Mine.CreateTrace(t.Context(), telemetry.Trace{ID: theirs.trace})
			require.NoError(t, err)
			_, err = e.Mine.AddSpans(t.Context(), theirs.trace, []telemetry.Span{{ID: theirs.span, Name: "mine"}})
			require.NoError(t, err)
		},
		"UpdateSpan": func(t *testing.T, e Env, theirs ids) {
			update := telemetry.SpanUpdate{Status: ptr(telemetry.SpanError)}
			_, err := e.Mine.UpdateSpan(t.Context(), theirs.trace, theirs.span, update)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Mine.CreateTrace(t.Context(), telemetry.Trace{ID: theirs.trace})
			require.NoError(t, err)
			_, err = e.Mine.UpdateSpan(t.Context(), theirs.trace, theirs.span, update)
			require.ErrorIs(t, err, pmerr.ErrNotFound, "also with a trace of that id")
			_, err = e.Mine.AddSpans(t.Context(), theirs.trace, []telemetry.Span{{ID: theirs.span, Name: "mine"}})
			require.NoError(t, err)
			_, err = e.Mine.UpdateSpan(t.Context(), theirs.trace, theirs.span, update)
			require.NoError(t, err)
		},
		"CreateRun": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &theirs.trace})
			require.ErrorIs(t, err, pmerr.ErrNotFound, "their trace is none of mine")
			_, err = e.Mine.CreateRun(t.Context(), telemetry.Run{ID: theirs.run, WorkflowName: "mine"})
			require.NoError(t, err)
		},
		"UpdateRun": func(t *testing.T, e Env, theirs ids) {
			update := telemetry.RunUpdate{Status: ptr(telemetry.RunFailed), Output: raw(`{"mine":true}`)}
			_, err := e.Mine.UpdateRun(t.Context(), theirs.run, update)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			openRun(t, e.Mine, telemetry.Run{ID: theirs.run})
			_, err = e.Mine.UpdateRun(t.Context(), theirs.run, update)
			require.NoError(t, err)
		},
		"Logs": func(t *testing.T, e Env, theirs ids) {
			for _, f := range []telemetry.LogFilter{
				{}, {PromptName: "p"}, {TraceID: theirs.trace}, {From: hours(-1), To: hours(1)}, {Metadata: map[string]string{"whose": "theirs"}},
			} {
				got, err := e.Mine.Logs(t.Context(), f, page.Request{})
				require.NoError(t, err)
				require.Empty(t, got.Items, "%+v", f)
				require.Zero(t, got.Total, "%+v", f)
			}
		},
		"ExportLogs": func(t *testing.T, e Env, theirs ids) {
			record(t, e.Mine, call("mine"))
			for l, err := range e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{}) {
				require.NoError(t, err)
				require.Equal(t, "mine", l.PromptName)
			}
			for _, err := range e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{TraceID: theirs.trace}) {
				require.NoError(t, err)
				t.Fatal("a log of theirs")
			}
		},
		"Traces": func(t *testing.T, e Env, _ ids) {
			require.Empty(t, pagetest.Keys(t, tracesOf(e.Mine, telemetry.TraceFilter{}), traceID))
			require.Empty(t, pagetest.Keys(t, tracesOf(e.Mine, telemetry.TraceFilter{PromptName: "p"}), traceID))
		},
		"Trace": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.Trace(t.Context(), theirs.trace)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"Span": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.Span(t.Context(), theirs.trace, theirs.span)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"Runs": func(t *testing.T, e Env, _ ids) {
			require.Empty(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{}), runID))
			require.Empty(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{Status: telemetry.RunRunning, WorkflowName: "w"}), runID))
		},
		"Run": func(t *testing.T, e Env, theirs ids) {
			_, err := e.Mine.Run(t.Context(), theirs.run)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"DeleteTrace": func(t *testing.T, e Env, theirs ids) {
			require.ErrorIs(t, e.Mine.DeleteTrace(t.Context(), theirs.trace), pmerr.ErrNotFound)
			_, err := e.Mine.CreateTrace(t.Context(), telemetry.Trace{ID: theirs.trace})
			require.NoError(t, err)
			require.NoError(t, e.Mine.DeleteTrace(t.Context(), theirs.trace), "mine of that id")
		},
		"DeleteRun": func(t *testing.T, e Env, theirs ids) {
			require.ErrorIs(t, e.Mine.DeleteRun(t.Context(), theirs.run), pmerr.ErrNotFound)
			openRun(t, e.Mine, telemetry.Run{ID: theirs.run})
			require.NoError(t, e.Mine.DeleteRun(t.Context(), theirs.run))
		},
	}
}

func islands(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	cases := islandCases()
	for method := range reflect.TypeFor[Telemetry]().Methods() {
		run, ok := cases[method.Name]
		require.True(t, ok, "%s has no case: how could it reach another workspace?", method.Name)
		delete(cases, method.Name)
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			theirs := furnish(t, e.Theirs)
			l := call("p")
			l.Metadata = meta(`{"whose":"theirs"}`)
			record(t, e.Theirs, l)
			before := state(t, e.Theirs, theirs)
			run(t, e, theirs)
			require.Equal(t, before, state(t, e.Theirs, theirs), "their workspace has changed")
		})
	}
	require.Empty(t, cases, "cases of methods that are gone")
}

// state is all that can be seen of a workspace with one of everything.
func state(t *testing.T, r Telemetry, of ids) []string {
	t.Helper()
	var all []string
	for l, err := range r.ExportLogs(t.Context(), telemetry.LogFilter{}) {
		require.NoError(t, err)
		all = append(all, asJSON(t, l))
	}
	for _, list := range []any{
		pagetest.Keys(t, logsOf(r, telemetry.LogFilter{}), logID),
		pagetest.Keys(t, tracesOf(r, telemetry.TraceFilter{}), traceID),
		pagetest.Keys(t, runsOf(r, telemetry.RunFilter{}), runID),
	} {
		all = append(all, asJSON(t, list))
	}
	trace, err := r.Trace(t.Context(), of.trace)
	require.NoError(t, err)
	run, err := r.Run(t.Context(), of.run)
	require.NoError(t, err)
	return append(all, asJSON(t, trace), asJSON(t, run))
}
