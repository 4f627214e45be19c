package telemetrytest

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

var runs = map[string]func(*testing.T, Env){
	"CreateRun/KeepsEveryField":           runKeeps,
	"CreateRun/RefusesFaults":             runRefuses,
	"UpdateRun/ChangesWhatIsGiven":        runUpdate,
	"UpdateRun/TellsThatNothingIsGiven":   runUnchanged,
	"Runs/AreListedAndFiltered":           runLists,
	"DeleteRun/RemovesIt":                 runDelete,
	"Runs/AuditHasOneEntryForEachSuccess": runAudit,
}

func runKeeps(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	given := telemetry.Run{
		ID: uuid.NewString(), WorkflowName: "headlines", Status: telemetry.RunCompleted, TraceID: &trace.ID,
		Input: json.RawMessage(`{"topic":"AI"}`), Output: json.RawMessage(`{"n":9007199254740993}`),
		Metadata: telemetry.Metadata{"k": json.RawMessage(`[1]`)},
	}
	created, err := env.Home.CreateRun(t.Context(), given)
	require.NoError(t, err)
	require.Equal(t, given.ID, created.ID)
	got, err := env.Home.Run(t.Context(), given.ID)
	require.NoError(t, err)
	require.False(t, got.CreatedAt.IsZero())
	given.CreatedAt, given.UpdatedAt = got.CreatedAt, got.CreatedAt
	require.Equal(t, given, got)

	made, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
	require.NoError(t, err)
	require.NoError(t, uuid.Validate(made.ID))
	require.Equal(t, telemetry.RunRunning, made.Status)
	plain, err := env.Home.Run(t.Context(), made.ID)
	require.NoError(t, err)
	require.Nil(t, plain.Input)
	require.Nil(t, plain.TraceID)
}

func runRefuses(t *testing.T, env Env) {
	_, err := env.Home.CreateRun(t.Context(), telemetry.Run{ID: "x", Status: "odd", Input: json.RawMessage(`[]`)})
	requireFaults(t, err, "run_id must be a UUID", "workflow_name is required and must be at most 128 characters",
		"status must be one of running, completed, failed", "input must be an object")
	_, err = env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &unknown})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.Equal(t, "Trace not found", pmerr.From(err).Message)
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
	require.NoError(t, err)
	_, err = env.Home.CreateRun(t.Context(), telemetry.Run{ID: run.ID, WorkflowName: "other"})
	require.ErrorIs(t, err, pmerr.ErrConflict)
	_, err = env.Home.Run(t.Context(), unknown)
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.Equal(t, "Run not found", pmerr.From(err).Message)
}

func runUpdate(t *testing.T, env Env) {
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{
		WorkflowName: "w", Input: json.RawMessage(`{"a":1}`), Metadata: telemetry.Metadata{"keep": json.RawMessage(`1`)},
	})
	require.NoError(t, err)
	changed, err := env.Home.UpdateRun(t.Context(), run.ID, telemetry.RunUpdate{
		Status: ptr(telemetry.RunCompleted), Output: json.RawMessage(`{"b":2}`), Metadata: telemetry.Metadata{"add": json.RawMessage(`2`)},
	})
	require.NoError(t, err)
	require.True(t, changed)
	got, err := env.Home.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, telemetry.RunCompleted, got.Status)
	require.JSONEq(t, `{"a":1}`, string(got.Input))
	require.JSONEq(t, `{"b":2}`, string(got.Output))
	require.Len(t, got.Metadata, 2)
	require.False(t, got.UpdatedAt.Before(got.CreatedAt.Time))
	_, err = env.Home.UpdateRun(t.Context(), run.ID, telemetry.RunUpdate{Status: ptr(telemetry.RunStatus("odd")), Output: json.RawMessage(`1`)})
	requireFaults(t, err, "status must be one of running, completed, failed", "output must be an object")
	_, err = env.Home.UpdateRun(t.Context(), unknown, telemetry.RunUpdate{Status: ptr(telemetry.RunFailed)})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
}

func runUnchanged(t *testing.T, env Env) {
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
	require.NoError(t, err)
	changed, err := env.Home.UpdateRun(t.Context(), run.ID, telemetry.RunUpdate{})
	require.NoError(t, err)
	require.False(t, changed)
	_, err = env.Home.UpdateRun(t.Context(), unknown, telemetry.RunUpdate{})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	requireAudit(t, env, "run:update", 0)
}

func runLists(t *testing.T, env Env) {
	for i, workflow := range []string{"a", "b", "a", "b", "a"} {
		status := telemetry.RunCompleted
		if i == 0 {
			status = telemetry.RunFailed
		}
		_, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: workflow, Status: status})
		require.NoError(t, err)
	}
	for name, c := range map[string]struct {
		filter telemetry.RunFilter
		want   int
	}{
		"all":      {telemetry.RunFilter{}, 5},
		"status":   {telemetry.RunFilter{Status: telemetry.RunFailed}, 1},
		"workflow": {telemetry.RunFilter{WorkflowName: "a"}, 3},
		"both":     {telemetry.RunFilter{WorkflowName: "a", Status: telemetry.RunCompleted}, 2},
	} {
		list := func(r page.Request) (page.Of[telemetry.Run], error) { return env.Home.Runs(t.Context(), c.filter, r) }
		p, err := list(all)
		require.NoError(t, err, name)
		require.EqualValues(t, c.want, p.Total, name)
		require.Len(t, walk(t, list), c.want, name)
		badPages(t, list)
	}
	_, err := env.Home.Runs(t.Context(), telemetry.RunFilter{Status: "odd"}, all)
	require.ErrorIs(t, err, pmerr.ErrValidation)
}

func runDelete(t *testing.T, env Env) {
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
	require.NoError(t, err)
	require.NoError(t, env.Home.DeleteRun(t.Context(), run.ID))
	require.ErrorIs(t, env.Home.DeleteRun(t.Context(), run.ID), pmerr.ErrNotFound)
	p, err := env.Home.Runs(t.Context(), telemetry.RunFilter{}, all)
	require.NoError(t, err)
	require.Zero(t, p.Total)
}

func runAudit(t *testing.T, env Env) {
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
	require.NoError(t, err)
	_, err = env.Home.CreateRun(t.Context(), telemetry.Run{})
	require.Error(t, err)
	_, err = env.Home.UpdateRun(t.Context(), run.ID, telemetry.RunUpdate{Status: ptr(telemetry.RunFailed)})
	require.NoError(t, err)
	require.NoError(t, env.Home.DeleteRun(t.Context(), run.ID))
	requireAudit(t, env, "run:create", 1)
	requireAudit(t, env, "run:update", 1)
	requireAudit(t, env, "delete_run", 1)
}
