package telemetrytest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func runID(r telemetry.Run) string { return r.ID }

func openRun(tb testing.TB, r telemetry.Recorder, in telemetry.Run) string {
	tb.Helper()
	if in.WorkflowName == "" {
		in.WorkflowName = "w"
	}
	run, err := r.CreateRun(tb.Context(), in)
	require.NoError(tb, err)
	return run.ID
}

func runCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a run comes back as it was opened": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			in := telemetry.Run{
				ID: uuid.NewString(), WorkflowName: "answer <mail>", Status: telemetry.RunCompleted, Input: raw(`{"text":"Grüße","n":1.50}`),
				Output: raw(`{}`), TraceID: &trace, Metadata: meta(`{"a":[1]}`),
			}
			made, err := e.Mine.CreateRun(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, in.ID, made.ID)
			require.Equal(t, in.Status, made.Status)
			got, err := e.Mine.Run(t.Context(), in.ID)
			require.NoError(t, err)
			recent(t, got.CreatedAt)
			require.Equal(t, got.CreatedAt, got.UpdatedAt)
			in.CreatedAt, in.UpdatedAt = got.CreatedAt, got.UpdatedAt
			require.JSONEq(t, asJSON(t, in), asJSON(t, got))
		},

		"what was not given is filled or null": func(t *testing.T, e Env) {
			made, err := e.Mine.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", Input: raw(`null`), Output: raw(` null `)})
			require.NoError(t, err)
			require.NoError(t, uuid.Validate(made.ID))
			require.Equal(t, telemetry.RunRunning, made.Status)
			got, err := e.Mine.Run(t.Context(), made.ID)
			require.NoError(t, err)
			require.Nil(t, got.Input)
			require.Nil(t, got.Output)
			require.Nil(t, got.TraceID)
			require.Nil(t, got.Metadata)
		},

		"the same id again is a conflict": func(t *testing.T, e Env) {
			id := openRun(t, e.Mine, telemetry.Run{WorkflowName: "first"})
			_, err := e.Mine.CreateRun(t.Context(), telemetry.Run{ID: id, WorkflowName: "second"})
			require.ErrorIs(t, err, pmerr.ErrConflict)
			got, err := e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "first", got.WorkflowName)
		},

		"an unknown trace is not found and nothing is opened": func(t *testing.T, e Env) {
			_, err := e.Mine.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: ptr(unknownID)})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, "Trace not found", pmerr.From(err).Message)
			require.Empty(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{}), runID))
		},

		"faults are named": func(t *testing.T, e Env) {
			for field, in := range map[string]telemetry.Run{
				"run_id":             {WorkflowName: "w", ID: "x"},
				"workflow_name":      {},
				"workflow_name long": {WorkflowName: strings.Repeat("x", 129)},
				"workflow_name NUL":  {WorkflowName: "\x00"},
				"status":             {WorkflowName: "w", Status: "done"},
				"input":              {WorkflowName: "w", Input: raw(`[]`)},
				"input text":         {WorkflowName: "w", Input: raw(`"x"`)},
				"input NUL":          {WorkflowName: "w", Input: raw(`{"a":"\u0000"}`)},
				"output":             {WorkflowName: "w", Output: raw(`5`)},
				"trace_id":           {WorkflowName: "w", TraceID: ptr("x")},
				"metadata.a":         {WorkflowName: "w", Metadata: meta(`{"a":"` + strings.Repeat("x", 1025) + `"}`)},
			} {
				_, err := e.Mine.CreateRun(t.Context(), in)
				require.ErrorIs(t, err, pmerr.ErrValidation, field)
				require.Contains(t, pmerr.From(err).Fields[0], strings.Fields(field)[0])
			}
			long := telemetry.Run{WorkflowName: "w", Input: raw(`{"text":"` + strings.Repeat("x", 100_000) + `"}`)}
			got, err := e.Mine.Run(t.Context(), openRun(t, e.Mine, long))
			require.NoError(t, err, "texts of input and output may be long")
			require.JSONEq(t, string(long.Input), string(got.Input))
		},

		"runs page newest first": func(t *testing.T, e Env) {
			var want []string
			for range 7 {
				want = append(want, openRun(t, e.Mine, telemetry.Run{}))
			}
			slices.Reverse(want)
			pagetest.Check(t, runsOf(e.Mine, telemetry.RunFilter{}), runID, want)
		},

		"filters": func(t *testing.T, e Env) {
			want := map[telemetry.RunFilter][]string{}
			for i := range 12 {
				in := telemetry.Run{
					WorkflowName: []string{"a", "b"}[i%2],
					Status:       []telemetry.RunStatus{telemetry.RunRunning, telemetry.RunCompleted, telemetry.RunFailed}[i/4],
				}
				id := openRun(t, e.Mine, in)
				for _, f := range []telemetry.RunFilter{{WorkflowName: in.WorkflowName}, {Status: in.Status}} {
					want[f] = append([]string{id}, want[f]...)
				}
			}
			require.Len(t, want, 5)
			for f, ids := range want {
				pagetest.Check(t, runsOf(e.Mine, f), runID, ids)
			}
			require.Len(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{WorkflowName: "a", Status: telemetry.RunFailed}), runID), 2)
			require.Empty(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{WorkflowName: "c"}), runID))
			for _, f := range []telemetry.RunFilter{{Status: "done"}, {WorkflowName: "\x00"}} {
				_, err := e.Mine.Runs(t.Context(), f, page.Request{})
				require.ErrorIs(t, err, pmerr.ErrValidation)
			}
		},

		"runs of a trace": func(t *testing.T, e Env) {
			trace, other := openTrace(t, e.Mine), openTrace(t, e.Mine)
			var want []string
			for i := range 8 {
				in := telemetry.Run{TraceID: []*string{&trace, &other, nil, &trace}[i%4]}
				if id := openRun(t, e.Mine, in); in.TraceID == &trace {
					want = append([]string{id}, want...)
				}
			}
			pagetest.Check(t, runsOf(e.Mine, telemetry.RunFilter{TraceID: trace}), runID, want)
			require.Empty(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{TraceID: unknownID}), runID))
			require.Empty(t, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{TraceID: "no id"}), runID))
			_, err := e.Mine.Runs(t.Context(), telemetry.RunFilter{TraceID: "\x00"}, page.Request{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
		},

		"a run is updated": func(t *testing.T, e Env) {
			id := openRun(t, e.Mine, telemetry.Run{Input: raw(`{"in":1}`), Metadata: meta(`{"a":1,"b":{"c":1}}`)})
			changed, err := e.Mine.UpdateRun(t.Context(), id, telemetry.RunUpdate{
				Status: ptr(telemetry.RunCompleted), Output: raw(`{"out":1}`), Metadata: meta(`{"b":2,"d":3}`),
			})
			require.NoError(t, err)
			require.True(t, changed)
			got, err := e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, telemetry.RunCompleted, got.Status)
			require.JSONEq(t, `{"in":1}`, string(got.Input))
			require.JSONEq(t, `{"out":1}`, string(got.Output))
			require.JSONEq(t, `{"a":1,"b":2,"d":3}`, asJSON(t, got.Metadata))
			require.False(t, got.UpdatedAt.Before(got.CreatedAt.Time))

			changed, err = e.Mine.UpdateRun(t.Context(), id, telemetry.RunUpdate{Status: ptr(telemetry.RunFailed)})
			require.NoError(t, err)
			require.True(t, changed)
			got, err = e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, telemetry.RunFailed, got.Status)
			require.JSONEq(t, `{"out":1}`, string(got.Output), "what is not named stays")
		},

		"an update of nothing changes nothing": func(t *testing.T, e Env) {
			id := openRun(t, e.Mine, telemetry.Run{Output: raw(`{"a":1}`)})
			before, err := e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			for _, u := range []telemetry.RunUpdate{{}, {Output: raw(`null`)}, {Metadata: telemetry.Metadata{}}} {
				changed, err := e.Mine.UpdateRun(t.Context(), id, u)
				require.NoError(t, err)
				require.False(t, changed)
			}
			after, err := e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			require.JSONEq(t, asJSON(t, before), asJSON(t, after))
		},

		"an update that cannot be leaves the run as it is": func(t *testing.T, e Env) {
			full := telemetry.Metadata{}
			for i := range 50 {
				full[fmt.Sprint("k", i)] = raw(`1`)
			}
			id := openRun(t, e.Mine, telemetry.Run{Metadata: full})
			for name, u := range map[string]telemetry.RunUpdate{
				"an unknown status":     {Status: ptr(telemetry.RunStatus("done"))},
				"an output that is not": {Output: raw(`[]`)},
				"one member too many":   {Status: ptr(telemetry.RunFailed), Metadata: meta(`{"one more":1}`)},
			} {
				changed, err := e.Mine.UpdateRun(t.Context(), id, u)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				require.False(t, changed)
			}
			got, err := e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, telemetry.RunRunning, got.Status)
			require.Len(t, got.Metadata, 50)
		},

		"updates at once lose nothing": func(t *testing.T, e Env) {
			id := openRun(t, e.Mine, telemetry.Run{})
			var calls sync.WaitGroup
			for i := range 16 {
				calls.Go(func() {
					if _, err := e.Mine.UpdateRun(t.Context(), id, telemetry.RunUpdate{Metadata: meta(fmt.Sprintf(`{"k%d":1}`, i))}); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			got, err := e.Mine.Run(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, got.Metadata, 16)
		},

		"a deleted run is gone, its trace stays": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			id, other := openRun(t, e.Mine, telemetry.Run{TraceID: &trace}), openRun(t, e.Mine, telemetry.Run{})
			require.NoError(t, e.Mine.DeleteRun(t.Context(), id))
			_, err := e.Mine.Run(t.Context(), id)
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, []string{other}, pagetest.Keys(t, runsOf(e.Mine, telemetry.RunFilter{}), runID))
			_, err = e.Mine.Trace(t.Context(), trace)
			require.NoError(t, err)
			require.ErrorIs(t, e.Mine.DeleteRun(t.Context(), id), pmerr.ErrNotFound)
		},

		"an unknown run is not found": func(t *testing.T, e Env) {
			for _, id := range append(notIDs(), unknownID) {
				_, err := e.Mine.Run(t.Context(), id)
				missing(t, err, "Run", id)
				for _, u := range []telemetry.RunUpdate{{Status: ptr(telemetry.RunFailed)}, {}} {
					_, err = e.Mine.UpdateRun(t.Context(), id, u)
					missing(t, err, "Run", id)
				}
				missing(t, e.Mine.DeleteRun(t.Context(), id), "Run", id)
			}
		},
	}
}
