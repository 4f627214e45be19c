package telemetrytest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

var islands = map[string]func(*testing.T, Env){
	"WorkspacesAreIslands":               workspacesAreIslands,
	"SameIDsInTwoWorkspacesAreTwoThings": sameIDs,
}

// stranger is what another workspace knows about.
type stranger struct{ trace, span, run string }

// island tries one method from the other workspace.
type island func(t *testing.T, api API, s stranger)

// workspacesAreIslands tries every method on what another workspace has. A
// method without a case fails the test.
func workspacesAreIslands(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	spans, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "secret"}})
	require.NoError(t, err)
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "secret", TraceID: &trace.ID})
	require.NoError(t, err)
	_, err = env.Home.LogBatch(t.Context(), []telemetry.Log{simple("secret"), simple("secret")})
	require.NoError(t, err)
	s := stranger{trace: trace.ID, span: spans[0].ID, run: run.ID}

	cases := map[string]island{
		"Log":         ownIDs,
		"LogBatch":    ownIDs,
		"CreateTrace": func(t *testing.T, api API, s stranger) { createTraceThere(t, api, s) },
		"AddSpans": func(t *testing.T, api API, s stranger) {
			_, err := api.AddSpans(t.Context(), s.trace, []telemetry.Span{{Name: "intruder"}})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"UpdateSpan": func(t *testing.T, api API, s stranger) {
			_, err := api.UpdateSpan(t.Context(), s.trace, s.span, telemetry.SpanUpdate{Status: ptr(telemetry.SpanError)})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"CreateRun": func(t *testing.T, api API, s stranger) {
			_, err := api.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &s.trace})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"UpdateRun": func(t *testing.T, api API, s stranger) {
			_, err := api.UpdateRun(t.Context(), s.run, telemetry.RunUpdate{Status: ptr(telemetry.RunFailed)})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"Logs": func(t *testing.T, api API, _ stranger) {
			empty(t, func() (page.Of[telemetry.Log], error) {
				return api.Logs(t.Context(), telemetry.LogFilter{PromptName: "secret"}, all)
			})
		},
		"ExportLogs": func(t *testing.T, api API, _ stranger) {
			for l, err := range api.ExportLogs(t.Context(), telemetry.LogFilter{PromptName: "secret"}) {
				require.NoError(t, err)
				require.Fail(t, "a foreign log was exported", l.PromptName)
			}
		},
		"Traces": func(t *testing.T, api API, _ stranger) {
			empty(t, func() (page.Of[telemetry.Trace], error) {
				return api.Traces(t.Context(), telemetry.TraceFilter{}, all)
			})
		},
		"Trace": func(t *testing.T, api API, s stranger) {
			_, err := api.Trace(t.Context(), s.trace)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"Span": func(t *testing.T, api API, s stranger) {
			_, err := api.Span(t.Context(), s.trace, s.span)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"Runs": func(t *testing.T, api API, _ stranger) {
			empty(t, func() (page.Of[telemetry.Run], error) { return api.Runs(t.Context(), telemetry.RunFilter{}, all) })
		},
		"Run": func(t *testing.T, api API, s stranger) {
			_, err := api.Run(t.Context(), s.run)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"DeleteTrace": func(t *testing.T, api API, s stranger) {
			require.ErrorIs(t, api.DeleteTrace(t.Context(), s.trace), pmerr.ErrNotFound)
		},
		"DeleteRun": func(t *testing.T, api API, s stranger) {
			require.ErrorIs(t, api.DeleteRun(t.Context(), s.run), pmerr.ErrNotFound)
		},
	}
	methods := reflect.TypeFor[API]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		try := cases[name]
		require.NotNil(t, try, "method %s has no case", name)
		if name == "CreateTrace" {
			continue // it would fill the lists of the others: last
		}
		try(t, env.Other, s)
	}
	cases["CreateTrace"](t, env.Other, s)
	// All that was tried has changed nothing at home.
	got, err := env.Home.Trace(t.Context(), s.trace)
	require.NoError(t, err)
	require.Len(t, got.Spans, 1)
	require.Equal(t, telemetry.SpanUnset, got.Spans[0].Status)
	kept, err := env.Home.Run(t.Context(), s.run)
	require.NoError(t, err)
	require.Equal(t, telemetry.RunRunning, kept.Status)
	require.Equal(t, &s.trace, kept.TraceID)
	logs, err := env.Home.Logs(t.Context(), telemetry.LogFilter{}, all)
	require.NoError(t, err)
	require.EqualValues(t, 2, logs.Total)
}

func empty[T any](t *testing.T, list func() (page.Of[T], error)) {
	t.Helper()
	p, err := list()
	require.NoError(t, err)
	require.Empty(t, p.Items)
	require.Zero(t, p.Total)
}

// ownIDs: ids count within a workspace, so they tell nothing about others.
func ownIDs(t *testing.T, api API, _ stranger) {
	before, err := api.Logs(t.Context(), telemetry.LogFilter{}, all)
	require.NoError(t, err)
	id, err := api.Log(t.Context(), simple("mine"))
	require.NoError(t, err)
	require.Equal(t, before.Total+1, id)
}

func createTraceThere(t *testing.T, api API, s stranger) {
	t.Helper()
	_, err := api.CreateTrace(t.Context(), telemetry.Trace{ID: s.trace, PromptName: ptr("mine")})
	require.NoError(t, err)
	got, err := api.Trace(t.Context(), s.trace)
	require.NoError(t, err)
	require.Empty(t, got.Spans)
}

func sameIDs(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	createTraceThere(t, env.Other, stranger{trace: trace.ID})
	require.NoError(t, env.Other.DeleteTrace(t.Context(), trace.ID))
	_, err := env.Home.Trace(t.Context(), trace.ID)
	require.NoError(t, err)
}
