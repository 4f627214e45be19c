package telemetrytest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// names are those of the spans of a trace, in the order of the answer.
func names(tb testing.TB, r telemetry.Reader, trace string) (all []string) {
	tb.Helper()
	got, err := r.Trace(tb.Context(), trace)
	require.NoError(tb, err)
	for _, span := range got.Spans {
		all = append(all, span.Name)
	}
	return all
}

func spanCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a span comes back as it was added": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			in := telemetry.Span{
				ID: uuid.NewString(), ParentID: ptr(uuid.NewString()), Name: "call <model> 🌱", Status: telemetry.SpanError,
				StartTime: ptr(int64(1_700_000_000_123)), EndTime: ptr(int64(1_700_000_000_123)), Metadata: meta(`{"a":{"b":[1]}}`),
			}
			added, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{in})
			require.NoError(t, err)
			got, err := e.Mine.Span(t.Context(), trace, in.ID)
			require.NoError(t, err)
			recent(t, got.CreatedAt)
			in.TraceID, in.CreatedAt = trace, got.CreatedAt
			require.JSONEq(t, asJSON(t, in), asJSON(t, got))
			require.JSONEq(t, asJSON(t, got), asJSON(t, added[0]))
			whole, err := e.Mine.Trace(t.Context(), trace)
			require.NoError(t, err)
			require.JSONEq(t, asJSON(t, got), asJSON(t, whole.Spans[0]))
		},

		"what was not given is filled or null": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			given := []telemetry.Span{{Name: "a"}, {Name: "b"}}
			added, err := e.Mine.AddSpans(t.Context(), trace, given)
			require.NoError(t, err)
			require.Len(t, added, 2)
			require.NotEqual(t, added[0].ID, added[1].ID)
			for i, span := range added {
				require.NoError(t, uuid.Validate(span.ID))
				require.Equal(t, telemetry.SpanUnset, span.Status)
				require.Equal(t, given[i].Name, span.Name, "in order")
				require.Nil(t, span.ParentID)
				require.Nil(t, span.StartTime)
				require.Nil(t, span.EndTime)
				require.Nil(t, span.Metadata)
			}
			require.Empty(t, given[0].ID, "the caller's spans are not changed")
		},

		"ids of OpenTelemetry are fine": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			_, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{ID: "00f067aa0ba902b7", ParentID: ptr("b7ad6b7169203331"), Name: "s"}})
			require.NoError(t, err)
			got, err := e.Mine.Span(t.Context(), trace, "00f067aa0ba902b7")
			require.NoError(t, err)
			require.Equal(t, "b7ad6b7169203331", *got.ParentID)
		},

		"a trace gives spans by start, then by arrival": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			at := func(name string, start int64) telemetry.Span {
				return telemetry.Span{Name: name, StartTime: &start}
			}
			_, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{at("c", 30), {Name: "unknown 1"}, at("a", 0), at("b 1", 20)})
			require.NoError(t, err)
			_, err = e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{Name: "unknown 2"}, at("b 2", 20), at("a 2", 0)})
			require.NoError(t, err)
			require.Equal(t, []string{"a", "a 2", "b 1", "b 2", "c", "unknown 1", "unknown 2"}, names(t, e.Mine, trace))
		},

		"an unknown trace or span is not found": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			for _, id := range append(notIDs(), unknownID) {
				_, err := e.Mine.AddSpans(t.Context(), id, []telemetry.Span{{Name: "s"}})
				missing(t, err, "Trace", id)
				_, err = e.Mine.Span(t.Context(), id, unknownID)
				missing(t, err, "Trace", id)
				_, err = e.Mine.Span(t.Context(), trace, id)
				missing(t, err, "Span", id)
				for _, u := range []telemetry.SpanUpdate{{Status: ptr(telemetry.SpanOK)}, {}} {
					_, err = e.Mine.UpdateSpan(t.Context(), id, unknownID, u)
					missing(t, err, "Trace", id)
					_, err = e.Mine.UpdateSpan(t.Context(), trace, id, u)
					missing(t, err, "Span", id)
				}
			}
		},

		"a span belongs to its trace": func(t *testing.T, e Env) {
			one, two := openTrace(t, e.Mine), openTrace(t, e.Mine)
			id := uuid.NewString()
			for _, trace := range []string{one, two} {
				_, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{ID: id, Name: "of " + trace}})
				require.NoError(t, err, "the same id in two traces")
			}
			_, err := e.Mine.UpdateSpan(t.Context(), one, id, telemetry.SpanUpdate{Status: ptr(telemetry.SpanOK)})
			require.NoError(t, err)
			got, err := e.Mine.Span(t.Context(), two, id)
			require.NoError(t, err)
			require.Equal(t, "of "+two, got.Name)
			require.Equal(t, telemetry.SpanUnset, got.Status)
		},

		"an id that is there is a conflict for all of the call": func(t *testing.T, e Env) {
			trace, id := openTrace(t, e.Mine), uuid.NewString()
			_, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{ID: id, Name: "first"}})
			require.NoError(t, err)
			_, err = e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{Name: "new"}, {ID: id, Name: "second"}})
			require.ErrorIs(t, err, pmerr.ErrConflict)
			require.Equal(t, []string{"first"}, names(t, e.Mine, trace))
		},

		"one fault refuses all, each fault by its place": func(t *testing.T, e Env) {
			trace, id := openTrace(t, e.Mine), uuid.NewString()
			_, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{
				{Name: "fine", ID: id},
				{Name: ""},
				{Name: strings.Repeat("x", 257), Status: "done"},
				{Name: "x", StartTime: ptr(int64(10)), EndTime: ptr(int64(9))},
				{Name: "x", ID: "x", ParentID: ptr("y")},
				{Name: "x", StartTime: ptr(int64(-1))},
				{Name: "x", Metadata: meta(`{"a":"` + strings.Repeat("x", 1025) + `"}`)},
				{Name: "x", ID: id},
			})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			fields := pmerr.From(err).Fields
			want := []string{
				"spans[1].name ", "spans[2].name ", "spans[2].status ", "spans[3].end_time ", "spans[4].span_id ", "spans[4].parent_id ",
				"spans[5].start_time ", "spans[6].metadata.a ", "spans[7].span_id ",
			}
			require.Len(t, fields, len(want), "%q", fields)
			for i, prefix := range want {
				require.True(t, strings.HasPrefix(fields[i], prefix), "%q", fields[i])
			}
			require.Empty(t, names(t, e.Mine, trace))
		},

		"none and too many are refused, a thousand are not": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			many := make([]telemetry.Span, 1001)
			for i := range many {
				many[i].Name = fmt.Sprint(i)
			}
			for _, spans := range [][]telemetry.Span{nil, many} {
				_, err := e.Mine.AddSpans(t.Context(), trace, spans)
				require.ErrorIs(t, err, pmerr.ErrValidation)
				require.Contains(t, pmerr.From(err).Fields[0], "spans must have 1 to 1000 items")
			}
			added, err := e.Mine.AddSpans(t.Context(), trace, many[:1000])
			require.NoError(t, err)
			require.Len(t, added, 1000)
			require.Len(t, names(t, e.Mine, trace), 1000)
		},

		"a running span is ended": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			added, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{
				Name: "s", Status: telemetry.SpanRunning, StartTime: ptr(int64(100)), Metadata: meta(`{"a":1,"b":{"c":1}}`),
			}})
			require.NoError(t, err)
			changed, err := e.Mine.UpdateSpan(t.Context(), trace, added[0].ID, telemetry.SpanUpdate{
				Status: ptr(telemetry.SpanOK), EndTime: ptr(int64(200)), Metadata: meta(`{"b":2,"d":3}`),
			})
			require.NoError(t, err)
			got, err := e.Mine.Span(t.Context(), trace, added[0].ID)
			require.NoError(t, err)
			require.JSONEq(t, asJSON(t, got), asJSON(t, changed))
			require.Equal(t, telemetry.SpanOK, got.Status)
			require.EqualValues(t, 100, *got.StartTime)
			require.EqualValues(t, 200, *got.EndTime)
			require.JSONEq(t, `{"a":1,"b":2,"d":3}`, asJSON(t, got.Metadata), "members replace those of the same key")
		},

		"an update changes only what it names": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			added, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{Name: "s", Status: telemetry.SpanError, StartTime: ptr(int64(1)), EndTime: ptr(int64(2))}})
			require.NoError(t, err)
			got, err := e.Mine.UpdateSpan(t.Context(), trace, added[0].ID, telemetry.SpanUpdate{Metadata: meta(`{"a":1}`)})
			require.NoError(t, err)
			require.Equal(t, telemetry.SpanError, got.Status)
			require.EqualValues(t, 2, *got.EndTime)
			require.JSONEq(t, `{"a":1}`, asJSON(t, got.Metadata))
		},

		"an update that cannot be leaves the span as it is": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			full := telemetry.Metadata{}
			for i := range 50 {
				full[fmt.Sprint("k", i)] = raw(`1`)
			}
			added, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{Name: "s", StartTime: ptr(int64(100)), Metadata: full}})
			require.NoError(t, err)
			for name, u := range map[string]telemetry.SpanUpdate{
				"an end before the start": {EndTime: ptr(int64(99))},
				"a negative end":          {EndTime: ptr(int64(-1))},
				"an unknown status":       {Status: ptr(telemetry.SpanStatus("done"))},
				"one member too many":     {Metadata: meta(`{"one more":1}`)},
			} {
				_, err := e.Mine.UpdateSpan(t.Context(), trace, added[0].ID, u)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
			}
			got, err := e.Mine.Span(t.Context(), trace, added[0].ID)
			require.NoError(t, err)
			require.JSONEq(t, asJSON(t, added[0]), asJSON(t, got))
		},

		"updates at once lose nothing": func(t *testing.T, e Env) {
			trace := openTrace(t, e.Mine)
			added, err := e.Mine.AddSpans(t.Context(), trace, []telemetry.Span{{Name: "s"}})
			require.NoError(t, err)
			var calls sync.WaitGroup
			for i := range 16 {
				calls.Go(func() {
					if _, err := e.Mine.UpdateSpan(t.Context(), trace, added[0].ID, telemetry.SpanUpdate{Metadata: meta(fmt.Sprintf(`{"k%d":1}`, i))}); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			got, err := e.Mine.Span(t.Context(), trace, added[0].ID)
			require.NoError(t, err)
			require.Len(t, got.Metadata, 16)
		},
	}
}
