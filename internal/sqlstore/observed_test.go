package sqlstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// ear writes down what an observer hears.
type ear struct {
	mu     sync.Mutex
	logs   []telemetry.Recorded
	traces []telemetry.Trace
	added  []telemetry.Span
	ended  []telemetry.Span
	// changed counts changes that ended nothing.
	changed int
	sources []telemetry.Source
}

var _ telemetry.Observer = (*ear)(nil)

func (e *ear) Logged(logs []telemetry.Recorded) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logs = append(e.logs, logs...)
}

func (e *ear) TraceOpened(s telemetry.Source, t telemetry.Trace) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.traces, e.sources = append(e.traces, t), append(e.sources, s)
}

func (e *ear) SpansAdded(s telemetry.Source, spans []telemetry.Span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.added, e.sources = append(e.added, spans...), append(e.sources, s)
}

func (e *ear) SpanChanged(s telemetry.Source, span telemetry.Span, ended bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sources = append(e.sources, s)
	if ended {
		e.ended = append(e.ended, span)
	} else {
		e.changed++
	}
}

// heard gives the logs of a workspace as they were heard.
func (e *ear) heard(workspace string) (logs []telemetry.Recorded) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.logs {
		if l.Log.Workspace == workspace {
			logs = append(logs, l)
		}
	}
	return logs
}

// deaf is an observer that fails at everything.
type deaf struct{}

func (deaf) Logged([]telemetry.Recorded)                        { panic("logs") }
func (deaf) TraceOpened(telemetry.Source, telemetry.Trace)      { panic("traces") }
func (deaf) SpansAdded(telemetry.Source, []telemetry.Span)      { panic("spans") }
func (deaf) SpanChanged(telemetry.Source, telemetry.Span, bool) { panic("changes") }

func listened(tb testing.TB, e dbtest.Engine) (*node, *ear) {
	tb.Helper()
	heard := &ear{}
	n := &node{db: dbtest.OpenConfig(tb, e.Config(tb))}
	n.Store = sqlstore.NewObserved(n.db, telemetry.Observers(slog.New(slog.DiscardHandler), deaf{}, heard))
	tb.Cleanup(n.Close)
	return n, heard
}

func TestObserver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("hears each log once, as it is read back, beside one that panics", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			s := n.telemetryOf(t, "a")
			full := call("full")
			full.Provider, full.Model, full.TokensIn, full.TokensOut = ptr("openai"), ptr("gpt-4o-mini"), ptr(int64(1000)), ptr(int64(0))
			full.LatencyMS, full.HTTPStatus, full.TraceID, full.RunID = ptr(int64(12)), ptr(200), ptr("t"), ptr("r")
			full.OllamaOptions, full.OllamaFormat, full.OllamaKeepAlive = json.RawMessage(`{"a": 1}`), json.RawMessage(`"json"`), ptr("5m")
			full.Metadata = telemetry.Metadata{"team": json.RawMessage(`"blue"`), "half": json.RawMessage(`"\ud800"`), "n": json.RawMessage(`1.50`)}
			_, err := s.Log(t.Context(), full)
			require.NoError(t, err)
			_, err = s.LogBatch(t.Context(), calls("batch", 70))
			require.NoError(t, err)
			failed := call("own")
			failed.Status = telemetry.Failed
			x := &telemetry.Exchange{ResponseModel: "m"}
			_, err = s.RecordCall(t.Context(), telemetry.Call{Exchange: x}, failed)
			require.NoError(t, err)

			logs := heard.heard("a")
			require.Len(t, logs, 72)
			for i, l := range logs {
				require.EqualValues(t, i+1, l.Log.ID)
			}
			page, err := s.Logs(t.Context(), telemetry.LogFilter{PromptName: "full"}, firstPage)
			require.NoError(t, err)
			want, err := json.Marshal(page.Items[0])
			require.NoError(t, err)
			got, err := json.Marshal(logs[0].Log)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
			require.Equal(t, logs[0].Log.CreatedAt.Unix(), logs[0].At.Unix())
			require.Equal(t, telemetry.FromCaller, logs[0].Origin)
			require.Nil(t, logs[0].Exchange)
			require.Equal(t, telemetry.FromModelCall, logs[71].Origin)
			require.Same(t, x, logs[71].Exchange)
		})

		t.Run("hears a repeated request once, and a refused one never", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			poison(t, n)
			s := n.telemetryOf(t, "a")
			var callers sync.WaitGroup
			for range 40 { // some of them share a transaction
				callers.Go(func() {
					_, err := s.Record(context.Background(), "again", call("p"))
					if err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			for range 3 {
				_, err := s.Record(t.Context(), "again", call("p"))
				require.NoError(t, err)
			}
			_, err := s.RecordBatch(t.Context(), "again", calls("p", 2))
			require.ErrorIs(t, err, pmerr.ErrConflict)
			_, err = s.Log(t.Context(), call("poison"))
			require.Error(t, err)
			_, err = s.Log(t.Context(), telemetry.Log{})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, heard.heard("a"), 1)
		})

		t.Run("hears the logs of many callers, in the order of their ids, without those that were refused beside them", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			poison(t, n)
			var callers sync.WaitGroup
			for i := range 300 {
				s := n.telemetryOf(t, []string{"a", "b"}[i%2])
				prompt := fmt.Sprint("p", i)
				if i%10 == 3 {
					prompt = "poison"
				}
				callers.Go(func() { _, _ = s.Log(context.Background(), call(prompt)) })
			}
			callers.Wait()
			for ws, want := range map[string]int{"a": 150, "b": 120} {
				logs := heard.heard(ws)
				require.Len(t, logs, want)
				for i, l := range logs {
					require.EqualValues(t, i+1, l.Log.ID)
					require.NotEqual(t, "poison", l.Log.PromptName)
				}
			}
		})

		t.Run("hears a log whose caller did not wait", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			s := n.telemetryOf(t, "a")
			gone := 0
			for range 200 {
				ctx, leave := context.WithTimeout(context.Background(), 10*time.Microsecond)
				if _, err := s.Log(ctx, call("p")); errors.Is(err, context.DeadlineExceeded) {
					gone++
				}
				leave()
			}
			_, err := s.Log(t.Context(), call("last"))
			require.NoError(t, err)
			require.Positive(t, gone)
			require.Len(t, heard.heard("a"), len(logIDs(t, s)), "what is stored is heard")
		})

		t.Run("hears traces and spans, and of each end once", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			s := n.telemetryOf(t, "a")
			trace, err := s.CreateTrace(t.Context(), telemetry.Trace{ID: uuid.NewString(), PromptName: ptr("p")})
			require.NoError(t, err)
			_, err = s.CreateTrace(t.Context(), trace)
			require.ErrorIs(t, err, pmerr.ErrConflict)
			_, err = s.AddSpans(t.Context(), trace.ID, []telemetry.Span{
				{ID: "00000000000000aa", Name: "open", StartTime: ptr(int64(1))},
				{ID: "00000000000000ab", Name: "over", EndTime: ptr(int64(2)), ParentID: ptr("00000000000000aa")},
				{ID: "00000000000000ac", Name: "failed", Status: telemetry.SpanError},
			})
			require.NoError(t, err)
			_, err = s.AddSpan(t.Context(), trace.ID, telemetry.Span{ID: "00000000000000aa", Name: "twice"})
			require.ErrorIs(t, err, pmerr.ErrConflict)
			for _, u := range []telemetry.SpanUpdate{
				{Status: ptr(telemetry.SpanRunning)},
				{EndTime: ptr(int64(9)), Status: ptr(telemetry.SpanOK)},
				{EndTime: ptr(int64(10))},
			} {
				_, err = s.UpdateSpan(t.Context(), trace.ID, "00000000000000aa", u)
				require.NoError(t, err)
			}
			_, err = s.UpdateSpan(t.Context(), trace.ID, "00000000000000aa", telemetry.SpanUpdate{EndTime: ptr(int64(0))})
			require.ErrorIs(t, err, pmerr.ErrValidation)

			require.Len(t, heard.traces, 1)
			require.Equal(t, trace.ID, heard.traces[0].ID)
			require.Len(t, heard.added, 3)
			require.Equal(t, []bool{false, true, true}, []bool{heard.added[0].Ended(), heard.added[1].Ended(), heard.added[2].Ended()})
			require.Equal(t, trace.ID, heard.added[1].TraceID)
			require.Len(t, heard.ended, 1)
			require.EqualValues(t, 9, *heard.ended[0].EndTime)
			require.Equal(t, 2, heard.changed)
			for _, source := range heard.sources {
				require.Equal(t, telemetry.Source{Workspace: "a", Origin: telemetry.FromCaller}, source)
			}
		})

		t.Run("hears what another program's tracing sent, once however often it comes", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			s := n.telemetryOf(t, "a")
			in, id := &sent{}, uuid.NewString()
			in.trace(telemetry.Trace{ID: id, PromptName: ptr("p"), Metadata: telemetry.Metadata{"session_id": []byte(`"s"`)}})
			in.span(id, 1, 0)
			in.call(id, 2, 1)
			var callers sync.WaitGroup
			for range 20 { // some of them share a transaction
				callers.Go(func() {
					if _, err := s.Ingest(context.Background(), in.Ingestion); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			require.Equal(t, telemetry.Ingested{}, ingest(t, s, in))

			require.Len(t, heard.traces, 1)
			require.Len(t, heard.added, 2)
			stored, err := s.Trace(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, stored.Spans, heard.added)
			stored.Spans = nil
			require.Equal(t, stored, heard.traces[0])
			logs := heard.heard("a")
			require.Len(t, logs, 1)
			require.Equal(t, telemetry.FromOTLP, logs[0].Origin)
			require.Nil(t, logs[0].Exchange)
			page, err := s.Logs(t.Context(), telemetry.LogFilter{}, firstPage)
			require.NoError(t, err)
			want, err := json.Marshal(page.Items[0])
			require.NoError(t, err)
			got, err := json.Marshal(logs[0].Log)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
			for _, source := range heard.sources {
				require.Equal(t, telemetry.Source{Workspace: "a", Origin: telemetry.FromOTLP}, source)
			}
		})

		t.Run("hears the end of a span that came before without it, and of one that had its outcome no end", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			s := n.telemetryOf(t, "a")
			id := uuid.NewString()
			start, end := &sent{}, &sent{}
			for i, status := range []telemetry.SpanStatus{telemetry.SpanRunning, telemetry.SpanError} {
				open := start.span(id, i+1, 0)
				open.EndTime, open.Status = nil, status
				open.Metadata = telemetry.Metadata{"team": []byte(`"blue"`)}
				end.call(id, i+1, 0)
			}
			require.Equal(t, telemetry.Ingested{Spans: 2}, ingest(t, s, start))
			require.Equal(t, telemetry.Ingested{Spans: 2, Logs: 2}, ingest(t, s, end))
			ingest(t, s, end)

			require.Len(t, heard.added, 2)
			require.Equal(t, []bool{false, true}, []bool{heard.added[0].Ended(), heard.added[1].Ended()})
			stored, err := s.Trace(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, stored.Spans[:1], heard.ended)
			require.Equal(t, 1, heard.changed)
			require.Len(t, heard.heard("a"), 2)
		})

		t.Run("hears nothing of spans that were refused, and all of those beside them", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			poison(t, n)
			var callers sync.WaitGroup
			for i := range 60 {
				s := n.telemetryOf(t, []string{"a", "b"}[i%2])
				in := &sent{}
				if one := in.call(uuid.NewString(), 1, 0); i%10 == 3 {
					one.Call.PromptName = "poison"
				}
				callers.Go(func() { _, _ = s.Ingest(context.Background(), in.Ingestion) })
			}
			callers.Wait()
			require.Len(t, heard.heard("a"), 30)
			require.Len(t, heard.heard("b"), 24)
			require.Len(t, heard.traces, 54)
			require.Len(t, heard.added, 54)
			for _, ws := range []string{"a", "b"} {
				for i, l := range heard.heard(ws) {
					require.EqualValues(t, i+1, l.Log.ID)
				}
			}
		})
	})
}

func TestAPanickingObserverIsReported(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	o := telemetry.Observers(slog.New(slog.NewTextHandler(&said, nil)), deaf{})
	o.Logged(nil)
	o.SpanChanged(telemetry.Source{}, telemetry.Span{}, true)
	require.Equal(t, 2, strings.Count(said.String(), "an observer of telemetry panicked"), said.String())
	require.Contains(t, said.String(), "sqlstore_test.deaf")
}
