package telemetrytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func traceID(t telemetry.Trace) string { return t.ID }

func openTrace(tb testing.TB, r telemetry.Recorder) string {
	tb.Helper()
	t, err := r.CreateTrace(tb.Context(), telemetry.Trace{})
	require.NoError(tb, err)
	return t.ID
}

// notIDs are texts that no trace, span or run has for an id.
func notIDs() []string {
	return []string{"", "x", "123", strings.ToUpper(unknownID)[:35], "{" + unknownID + "}", "urn:uuid:" + unknownID, unknownID + "\x00", "\xff", "../" + unknownID}
}

func traceCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a trace comes back as it was opened": func(t *testing.T, e Env) {
			in := telemetry.Trace{
				ID: uuid.NewString(), PromptName: ptr("welcome"), VersionTag: ptr("1.0.0"), Metadata: meta(`{"user":"Grüße","deep":[{"a":1.50}]}`),
			}
			made, err := e.Mine.CreateTrace(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, in.ID, made.ID)
			require.Equal(t, in.PromptName, made.PromptName)
			require.Nil(t, made.Spans)
			got, err := e.Mine.Trace(t.Context(), in.ID)
			require.NoError(t, err)
			recent(t, got.CreatedAt)
			require.Equal(t, []telemetry.Span{}, got.Spans, "empty, not null")
			require.Equal(t, in.PromptName, got.PromptName)
			require.Equal(t, in.VersionTag, got.VersionTag)
			require.JSONEq(t, asJSON(t, in.Metadata), asJSON(t, got.Metadata))
		},

		"an id is made where none is given": func(t *testing.T, e Env) {
			one, two := openTrace(t, e.Mine), openTrace(t, e.Mine)
			require.NotEqual(t, one, two)
			require.NoError(t, uuid.Validate(one))
			got, err := e.Mine.Trace(t.Context(), one)
			require.NoError(t, err)
			require.Nil(t, got.PromptName)
			require.Nil(t, got.VersionTag)
			require.Nil(t, got.Metadata)
		},

		"the same id again is a conflict": func(t *testing.T, e Env) {
			id := openTrace(t, e.Mine)
			_, err := e.Mine.CreateTrace(t.Context(), telemetry.Trace{ID: id, PromptName: ptr("other")})
			require.ErrorIs(t, err, pmerr.ErrConflict)
			got, err := e.Mine.Trace(t.Context(), id)
			require.NoError(t, err)
			require.Nil(t, got.PromptName, "the first stands")
		},

		"faults are named and nothing is opened": func(t *testing.T, e Env) {
			many := telemetry.Metadata{}
			for i := range 51 {
				many[fmt.Sprint(i)] = raw(`1`)
			}
			for field, in := range map[string]telemetry.Trace{
				"trace_id":         {ID: "x"},
				"trace_id braced":  {ID: "{" + unknownID + "}"},
				"prompt_name long": {PromptName: ptr(strings.Repeat("x", 129))},
				"prompt_name NUL":  {PromptName: ptr("\x00")},
				"version_tag long": {VersionTag: ptr(strings.Repeat("x", 65))},
				"metadata":         {Metadata: many},
			} {
				_, err := e.Mine.CreateTrace(t.Context(), in)
				require.ErrorIs(t, err, pmerr.ErrValidation, field)
				require.Contains(t, pmerr.From(err).Fields[0], strings.Fields(field)[0])
			}
			require.Empty(t, pagetest.Keys(t, tracesOf(e.Mine, telemetry.TraceFilter{}), traceID))
		},

		"traces page newest first": func(t *testing.T, e Env) {
			var want []string
			for range 7 {
				want = append(want, openTrace(t, e.Mine))
			}
			slices.Reverse(want)
			pagetest.Check(t, tracesOf(e.Mine, telemetry.TraceFilter{}), traceID, want)
		},

		"filters": func(t *testing.T, e Env) {
			var a []string
			for i := range 8 {
				made, err := e.Mine.CreateTrace(t.Context(), telemetry.Trace{PromptName: ptr([]string{"a", "b"}[i%2])})
				require.NoError(t, err)
				if i%2 == 0 {
					a = append(a, made.ID)
				}
			}
			slices.Reverse(a)
			pagetest.Check(t, tracesOf(e.Mine, telemetry.TraceFilter{PromptName: "a"}), traceID, a)
			pagetest.Check(t, tracesOf(e.Mine, telemetry.TraceFilter{PromptName: "a", From: hours(-1), To: hours(1)}), traceID, a)
			for _, f := range []telemetry.TraceFilter{{PromptName: "c"}, {From: hours(1)}, {To: hours(-1)}, {PromptName: "a", To: hours(-1)}} {
				require.Empty(t, pagetest.Keys(t, tracesOf(e.Mine, f), traceID), "%+v", f)
			}
			_, err := e.Mine.Traces(t.Context(), telemetry.TraceFilter{PromptName: "\x00"}, page.Request{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
		},

		"lists leave the spans out": func(t *testing.T, e Env) {
			id := openTrace(t, e.Mine)
			_, err := e.Mine.AddSpans(t.Context(), id, []telemetry.Span{{Name: "s"}})
			require.NoError(t, err)
			p, err := e.Mine.Traces(t.Context(), telemetry.TraceFilter{}, page.Request{})
			require.NoError(t, err)
			require.Nil(t, p.Items[0].Spans)
		},

		"an unknown trace is not found": func(t *testing.T, e Env) {
			for _, id := range append(notIDs(), unknownID) {
				_, err := e.Mine.Trace(t.Context(), id)
				missing(t, err, "Trace", id)
				missing(t, e.Mine.DeleteTrace(t.Context(), id), "Trace", id)
			}
		},

		"a deleted trace takes its spans along and leaves runs and logs": func(t *testing.T, e Env) {
			id, other := openTrace(t, e.Mine), openTrace(t, e.Mine)
			for _, trace := range []string{id, other} {
				_, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{Name: "a"}, {Name: "b"}})
				require.NoError(t, err)
			}
			run, err := e.Mine.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &id})
			require.NoError(t, err)
			l := call("p")
			l.TraceID = &id
			record(t, e.Mine, l)
			before, err := e.Mine.Trace(t.Context(), id)
			require.NoError(t, err)

			require.NoError(t, e.Mine.DeleteTrace(t.Context(), id))
			_, err = e.Mine.Trace(t.Context(), id)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Mine.Span(t.Context(), id, before.Spans[0].ID)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			got, err := e.Mine.Run(t.Context(), run.ID)
			require.NoError(t, err)
			require.Nil(t, got.TraceID)
			kept, err := e.Mine.Trace(t.Context(), other)
			require.NoError(t, err)
			require.Len(t, kept.Spans, 2)
			require.Equal(t, []string{other}, pagetest.Keys(t, tracesOf(e.Mine, telemetry.TraceFilter{}), traceID))
			require.Len(t, pagetest.Keys(t, logsOf(e.Mine, telemetry.LogFilter{TraceID: id}), logID), 1)
			require.ErrorIs(t, e.Mine.DeleteTrace(t.Context(), id), pmerr.ErrNotFound, "it is gone")

			again, err := e.Mine.CreateTrace(t.Context(), telemetry.Trace{ID: id})
			require.NoError(t, err, "its id is free again")
			fresh, err := e.Mine.Trace(t.Context(), again.ID)
			require.NoError(t, err)
			require.Empty(t, fresh.Spans)
		},
	}
}
