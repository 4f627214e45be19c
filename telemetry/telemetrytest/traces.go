package telemetrytest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

var traces = map[string]func(*testing.T, Env){
	"CreateTrace/MakesAnID":                     traceMakesID,
	"CreateTrace/RefusesFaultsAndDuplicates":    traceRefuses,
	"Traces/AreListedAndFiltered":               traceLists,
	"AddSpans/AreOrderedByStartThenArrival":     spanOrder,
	"AddSpans/IsAllOrNothing":                   spanAllOrNothing,
	"AddSpans/RefusesFaults":                    spanRefuses,
	"UpdateSpan/EndsARunningSpan":               spanUpdate,
	"UpdateSpan/RefusesWhatAddSpansWouldRefuse": spanUpdateRefuses,
	"DeleteTrace/TakesItsSpansAndFreesRuns":     traceDelete,
}

var unknown = uuid.NewString()

func newTrace(t *testing.T, api API) telemetry.Trace {
	t.Helper()
	trace, err := api.CreateTrace(t.Context(), telemetry.Trace{})
	require.NoError(t, err)
	return trace
}

func traceMakesID(t *testing.T, env Env) {
	made := newTrace(t, env.Home)
	require.NoError(t, uuid.Validate(made.ID))
	own := telemetry.Trace{
		ID: uuid.NewString(), PromptName: ptr("welcome"), VersionTag: ptr("1.0.0"),
		Metadata: telemetry.Metadata{"agent": json.RawMessage(`{"loop":3}`)},
	}
	created, err := env.Home.CreateTrace(t.Context(), own)
	require.NoError(t, err)
	require.Equal(t, own.ID, created.ID)
	got, err := env.Home.Trace(t.Context(), own.ID)
	require.NoError(t, err)
	require.False(t, got.CreatedAt.IsZero())
	own.CreatedAt, own.Spans = got.CreatedAt, []telemetry.Span{}
	require.Equal(t, own, got)
	requireAudit(t, env, "trace:create", 2)
}

func traceRefuses(t *testing.T, env Env) {
	_, err := env.Home.CreateTrace(t.Context(), telemetry.Trace{ID: "no-uuid", VersionTag: ptr(strings.Repeat("1", 65))})
	requireFaults(t, err, "trace_id must be a UUID", "version_tag must be at most 64 characters")
	made := newTrace(t, env.Home)
	_, err = env.Home.CreateTrace(t.Context(), telemetry.Trace{ID: made.ID, PromptName: ptr("other")})
	require.ErrorIs(t, err, pmerr.ErrConflict)
	for _, id := range []string{unknown, "no-uuid", ""} {
		if id != "" {
			_, err = env.Home.Trace(t.Context(), id)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, "Trace not found", pmerr.From(err).Message)
		}
	}
	requireAudit(t, env, "trace:create", 1)
}

func traceLists(t *testing.T, env Env) {
	for _, name := range []string{"a", "b", "a", "b", "a"} {
		_, err := env.Home.CreateTrace(t.Context(), telemetry.Trace{PromptName: &name})
		require.NoError(t, err)
	}
	list := func(r page.Request) (page.Of[telemetry.Trace], error) {
		return env.Home.Traces(t.Context(), telemetry.TraceFilter{}, r)
	}
	p, err := list(page.Request{Limit: 2})
	require.NoError(t, err)
	require.EqualValues(t, 5, p.Total)
	require.Len(t, walk(t, list), 5)
	require.Len(t, walk(t, func(r page.Request) (page.Of[telemetry.Trace], error) {
		return env.Home.Traces(t.Context(), telemetry.TraceFilter{PromptName: "a"}, r)
	}), 3)
	badPages(t, list)
}

func spanOrder(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	add := func(name string, start *int64) telemetry.Span {
		spans, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: name, StartTime: start}})
		require.NoError(t, err)
		require.Len(t, spans, 1)
		return spans[0]
	}
	add("late", ptr(int64(3000)))
	first := add("early", ptr(int64(1000)))
	add("same, later", ptr(int64(1000)))
	add("unknown", nil)
	child, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{
		ID: uuid.NewString(), ParentID: &first.ID, Name: "child", Status: telemetry.SpanOK,
		StartTime: ptr(int64(0)), EndTime: ptr(int64(0)), Metadata: telemetry.Metadata{"k": json.RawMessage(`"v"`)},
	}})
	require.NoError(t, err)
	got, err := env.Home.Trace(t.Context(), trace.ID)
	require.NoError(t, err)
	names := []string{}
	for _, s := range got.Spans {
		names = append(names, s.Name)
		require.Equal(t, trace.ID, s.TraceID)
	}
	require.Equal(t, []string{"child", "early", "same, later", "late", "unknown"}, names)
	require.Equal(t, telemetry.SpanUnset, got.Spans[1].Status)
	require.Equal(t, child[0], got.Spans[0])
	one, err := env.Home.Span(t.Context(), trace.ID, child[0].ID)
	require.NoError(t, err)
	require.Equal(t, child[0], one)
}

func spanAllOrNothing(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	id := uuid.NewString()
	_, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "a", ID: id}, {Name: "b"}})
	require.NoError(t, err)
	_, err = env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "c"}, {Name: "again", ID: id}})
	require.ErrorIs(t, err, pmerr.ErrConflict)
	got, err := env.Home.Trace(t.Context(), trace.ID)
	require.NoError(t, err)
	require.Len(t, got.Spans, 2)
	requireAudit(t, env, "create_span", 1)
}

func spanRefuses(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	_, err := env.Home.AddSpans(t.Context(), unknown, []telemetry.Span{{Name: "a"}})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.Equal(t, "Trace not found", pmerr.From(err).Message)
	_, err = env.Home.AddSpans(t.Context(), trace.ID, nil)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	_, err = env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{
		{Name: "fine"},
		{Name: strings.Repeat("x", 257)},
		{Name: "x", Status: "odd"},
		{Name: "x", StartTime: ptr(int64(2)), EndTime: ptr(int64(1))},
	})
	requireFaults(t, err,
		"spans[1].name is required and must be at most 256 characters",
		"spans[2].status must be one of unset, ok, error, running",
		"spans[3].end_time must not be before start_time")
	_, err = env.Home.Span(t.Context(), trace.ID, unknown)
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.Equal(t, "Span not found", pmerr.From(err).Message)
}

func spanUpdate(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	spans, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{
		Name: "call", Status: telemetry.SpanRunning, StartTime: ptr(int64(1000)),
		Metadata: telemetry.Metadata{"keep": json.RawMessage(`1`), "change": json.RawMessage(`1`)},
	}})
	require.NoError(t, err)
	ended, err := env.Home.UpdateSpan(t.Context(), trace.ID, spans[0].ID, telemetry.SpanUpdate{
		Status: ptr(telemetry.SpanOK), EndTime: ptr(int64(1500)), Metadata: telemetry.Metadata{"change": json.RawMessage(`2`)},
	})
	require.NoError(t, err)
	want := spans[0]
	want.Status, want.EndTime = telemetry.SpanOK, ptr(int64(1500))
	want.Metadata = telemetry.Metadata{"keep": json.RawMessage(`1`), "change": json.RawMessage(`2`)}
	require.Equal(t, want, ended)
	got, err := env.Home.Span(t.Context(), trace.ID, spans[0].ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func spanUpdateRefuses(t *testing.T, env Env) {
	trace := newTrace(t, env.Home)
	spans, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "call", StartTime: ptr(int64(1000))}})
	require.NoError(t, err)
	_, err = env.Home.UpdateSpan(t.Context(), trace.ID, spans[0].ID, telemetry.SpanUpdate{EndTime: ptr(int64(999))})
	requireFaults(t, err, "end_time must not be before start_time")
	_, err = env.Home.UpdateSpan(t.Context(), trace.ID, spans[0].ID, telemetry.SpanUpdate{Status: ptr(telemetry.SpanStatus("odd"))})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	_, err = env.Home.UpdateSpan(t.Context(), trace.ID, unknown, telemetry.SpanUpdate{})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	_, err = env.Home.UpdateSpan(t.Context(), unknown, spans[0].ID, telemetry.SpanUpdate{})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	requireAudit(t, env, "trace:span:update", 0)
}

func traceDelete(t *testing.T, env Env) {
	trace, other := newTrace(t, env.Home), newTrace(t, env.Home)
	_, err := env.Home.AddSpans(t.Context(), trace.ID, []telemetry.Span{{Name: "a"}})
	require.NoError(t, err)
	run, err := env.Home.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &trace.ID})
	require.NoError(t, err)
	require.NoError(t, env.Home.DeleteTrace(t.Context(), trace.ID))
	require.ErrorIs(t, env.Home.DeleteTrace(t.Context(), trace.ID), pmerr.ErrNotFound)
	_, err = env.Home.Trace(t.Context(), trace.ID)
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	got, err := env.Home.Run(t.Context(), run.ID)
	require.NoError(t, err)
	require.Nil(t, got.TraceID)
	list, err := env.Home.Traces(t.Context(), telemetry.TraceFilter{}, all)
	require.NoError(t, err)
	require.EqualValues(t, 1, list.Total)
	require.Equal(t, other.ID, list.Items[0].ID)
	requireAudit(t, env, "delete_trace", 1)
}
