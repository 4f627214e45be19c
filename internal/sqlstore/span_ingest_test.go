package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// sent is a request that is put together.
type sent struct{ telemetry.Ingestion }

func (s *sent) trace(t telemetry.Trace) {
	for _, known := range s.Traces {
		if known.ID == t.ID {
			return
		}
	}
	s.Traces = append(s.Traces, t)
}

// span adds a span of an hour's first second; a parent of "" is none.
func (s *sent) span(trace string, id, parent int) *telemetry.IngestedSpan {
	s.trace(telemetry.Trace{ID: trace})
	span := telemetry.IngestedSpan{Span: telemetry.Span{
		TraceID: trace, ID: fmt.Sprintf("%016x", id), Name: "step", Status: telemetry.SpanOK, StartTime: ptr(int64(1000)), EndTime: ptr(int64(2000)),
	}}
	if parent > 0 {
		span.ParentID = ptr(fmt.Sprintf("%016x", parent))
	}
	s.Spans = append(s.Spans, span)
	return &s.Spans[len(s.Spans)-1]
}

// call adds a model call with tokens.
func (s *sent) call(trace string, id, parent int) *telemetry.IngestedSpan {
	span := s.span(trace, id, parent)
	span.Role = telemetry.CallSpan
	span.Metadata = telemetry.Metadata{"operation": []byte(`"chat"`)}
	metadata := telemetry.Metadata{"span_id": fmt.Appendf(nil, `"%016x"`, id)}
	if parent > 0 {
		metadata["parent_id"] = fmt.Appendf(nil, `"%016x"`, parent)
	}
	span.Call = &telemetry.Log{
		PromptName: "p", VersionTag: "1.0.0", Provider: ptr("openai"), Model: ptr("gpt-4o"), TokensIn: ptr(int64(100)), TokensOut: ptr(int64(10)),
		LatencyMS: ptr(int64(1000)), Status: telemetry.OK, TraceID: ptr(trace), Metadata: metadata,
	}
	return span
}

func ingest(tb testing.TB, s *telemetry.Service, in *sent) telemetry.Ingested {
	tb.Helper()
	out, err := s.Ingest(tb.Context(), in.Ingestion)
	require.NoError(tb, err)
	return out
}

// allConsistent checks every counter and sum against the rows.
func allConsistent(tb testing.TB, n *node, ws string) {
	tb.Helper()
	for kind, table := range map[string]string{"spans": "pm_spans", "traces": "pm_traces", "logs": "pm_logs", "audit": "pm_audit"} {
		rows := ask[int64](tb, n, "SELECT count(*) FROM "+table+" WHERE workspace_id = ?", ws)
		require.Equal(tb, rows, ask[int64](tb, n, "SELECT coalesce(sum(alive), 0) FROM pm_counters WHERE workspace_id = ? AND kind = ?", ws, kind), kind)
	}
	logs := ask[int64](tb, n, "SELECT count(*) FROM pm_logs WHERE workspace_id = ?", ws)
	require.Equal(tb, logs, ask[int64](tb, n, "SELECT coalesce(sum(requests), 0) FROM pm_log_days WHERE workspace_id = ?", ws))
	require.Equal(tb, logs, ask[int64](tb, n, "SELECT coalesce(sum(alive), 0) FROM pm_log_totals WHERE workspace_id = ?", ws))
	require.Equal(tb, ask[int64](tb, n, "SELECT count(*) FROM pm_traces WHERE workspace_id = ?", ws),
		ask[int64](tb, n, "SELECT coalesce(sum(traces), 0) FROM pm_activity_days WHERE workspace_id = ?", ws))
	require.Zero(tb, ask[int64](tb, n, "SELECT count(*) FROM pm_spans AS s WHERE NOT EXISTS "+
		"(SELECT 1 FROM pm_traces AS t WHERE t.workspace_id = s.workspace_id AND t.trace_id = s.trace_id AND t.created_at = s.trace_at)"))
}

func TestIngestedSpans(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		// scene is a store of its own with one workspace.
		scene := func(t *testing.T) (*node, *telemetry.Service, *clock) {
			t.Helper()
			t.Parallel()
			n, clock := fresh(t, e)
			return n, n.telemetryOf(t, "a"), clock
		}

		t.Run("a request again changes nothing", func(t *testing.T) {
			n, s, _ := scene(t)
			in := &sent{}
			one, two := uuid.NewString(), uuid.NewString()
			in.span(one, 1, 0)
			in.call(one, 2, 1)
			in.call(two, 1, 0)
			in.call(two, 1, 0) // the same span twice in one request
			require.Equal(t, telemetry.Ingested{Spans: 3, Logs: 2}, ingest(t, s, in))
			require.Equal(t, telemetry.Ingested{}, ingest(t, s, in))
			require.Equal(t, 1, ask[int](t, n, "SELECT count(*) FROM pm_audit WHERE action = 'otlp:ingest' AND api_key_name = 'tester'"))
			require.Equal(t, 200, ask[int](t, n, "SELECT sum(tokens_in) FROM pm_log_days"))
			require.InDelta(t, 2*(100*2.5+10*10)/1e6, ask[float64](t, n, "SELECT sum(cost_usd) FROM pm_log_days"), 1e-12)
			trace, err := s.Trace(t.Context(), one)
			require.NoError(t, err)
			require.Len(t, trace.Spans, 2)
			require.JSONEq(t, "0.00035", string(trace.Spans[1].Metadata["cost_usd"]))
			allConsistent(t, n, "a")
		})

		t.Run("a trace comes in many requests", func(t *testing.T) {
			n, s, clock := scene(t)
			id := uuid.NewString()
			first := &sent{}
			first.trace(telemetry.Trace{ID: id, Metadata: telemetry.Metadata{"session_id": []byte(`"s"`)}})
			first.span(id, 2, 1)
			ingest(t, s, first)
			clock.move(time.Hour)
			second := &sent{}
			second.trace(telemetry.Trace{ID: id, PromptName: ptr("p"), VersionTag: ptr("1"), Metadata: telemetry.Metadata{"session_id": []byte(`"other"`), "name": []byte(`"n"`)}})
			second.span(id, 1, 0)
			second.span(id, 2, 1)
			require.Equal(t, 1, ingest(t, s, second).Spans)
			third := &sent{}
			third.trace(telemetry.Trace{ID: id, PromptName: ptr("q"), VersionTag: ptr("2")})
			third.span(id, 3, 1)
			ingest(t, s, third)
			trace, err := s.Trace(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, trace.Spans, 3)
			require.Equal(t, "p", *trace.PromptName)
			require.Equal(t, "1", *trace.VersionTag)
			require.Equal(t, telemetry.Metadata{"session_id": []byte(`"s"`), "name": []byte(`"n"`)}, trace.Metadata)
			allConsistent(t, n, "a")
		})

		t.Run("a trace that was opened here takes spans from elsewhere", func(t *testing.T) {
			n, s, _ := scene(t)
			trace, err := s.CreateTrace(t.Context(), telemetry.Trace{PromptName: ptr("mine")})
			require.NoError(t, err)
			in := &sent{}
			in.call(trace.ID, 1, 0)
			require.Equal(t, telemetry.Ingested{Spans: 1, Logs: 1}, ingest(t, s, in))
			_, err = s.AddSpans(t.Context(), trace.ID, []telemetry.Span{{ID: "0000000000000001", Name: "x"}})
			require.ErrorIs(t, err, pmerr.ErrConflict)
			allConsistent(t, n, "a")
			require.NoError(t, s.DeleteTrace(t.Context(), trace.ID))
			require.Equal(t, 1, ingest(t, s, in).Spans, "it may come again after it was deleted")
			allConsistent(t, n, "a")
		})

		t.Run("a span is completed and logged then", func(t *testing.T) {
			n, s, _ := scene(t)
			id := uuid.NewString()
			begun := &sent{}
			span := begun.span(id, 2, 1)
			span.Status, span.EndTime, span.Metadata = telemetry.SpanRunning, nil, telemetry.Metadata{"a": []byte("1"), "b": []byte("1")}
			require.Equal(t, telemetry.Ingested{Spans: 1}, ingest(t, s, begun))
			require.Equal(t, telemetry.Ingested{}, ingest(t, s, begun))
			ended := &sent{}
			ended.call(id, 2, 0).Metadata["b"] = []byte("2")
			require.Equal(t, telemetry.Ingested{Spans: 1, Logs: 1}, ingest(t, s, ended))
			require.Equal(t, telemetry.Ingested{}, ingest(t, s, ended))
			require.Equal(t, telemetry.Ingested{}, ingest(t, s, begun), "what has ended does not begin again")
			trace, err := s.Trace(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, trace.Spans, 1)
			got := trace.Spans[0]
			require.Equal(t, telemetry.SpanOK, got.Status)
			require.EqualValues(t, 2000, *got.EndTime)
			require.Equal(t, "0000000000000001", *got.ParentID)
			require.JSONEq(t, "1", string(got.Metadata["a"]))
			require.JSONEq(t, "2", string(got.Metadata["b"]))
			allConsistent(t, n, "a")
			both := &sent{}
			begunToo := both.span(id, 7, 0)
			begunToo.EndTime, begunToo.Status = nil, telemetry.SpanRunning
			both.call(id, 7, 0)
			require.Equal(t, telemetry.Ingested{Spans: 1, Logs: 1}, ingest(t, s, both))
			allConsistent(t, n, "a")
		})

		t.Run("a call is counted once, whatever comes first", func(t *testing.T) {
			n, s, _ := scene(t)
			// Each request has one span: 1 a framework's call, 2 a plain span below
			// it, 3 the client's call below that.
			for name, order := range map[string][]int{
				"from below": {3, 2, 1}, "from above": {1, 2, 3}, "the plain one first": {2, 3, 1}, "the plain one in between": {1, 3, 2},
			} {
				id := uuid.NewString()
				logs := 0
				for _, which := range order {
					in := &sent{}
					switch which {
					case 1:
						in.call(id, 1, 0)
					case 2:
						in.span(id, 2, 1)
					case 3:
						in.call(id, 3, 2)
					}
					logs += ingest(t, s, in).Logs
				}
				if name == "the plain one in between" {
					// Nobody knew that one was above the other.
					require.Equal(t, 2, logs, name)
					continue
				}
				require.Equal(t, 1, logs, name)
			}
			at := uuid.NewString()
			tool := &sent{}
			tool.call(at, 1, 0)
			ingest(t, s, tool)
			behind := &sent{}
			behind.span(at, 2, 1).Role = telemetry.BoundarySpan
			behind.Spans[0].Metadata = telemetry.Metadata{"operation": []byte(`"execute_tool"`)}
			ingest(t, s, behind)
			inside := &sent{}
			inside.call(at, 3, 2)
			require.Equal(t, 1, ingest(t, s, inside).Logs, "a call behind a tool is one of its own")
			allConsistent(t, n, "a")
		})

		t.Run("scores go to the evaluation of that name", func(t *testing.T) {
			n, s, _ := scene(t)
			evals := n.Evaluations().Workspace(in(t, "a"), owner())
			for range 2 { // the newest counts
				_, err := evals.InsertEvaluation(t.Context(), eval.Evaluation{Name: "Relevance", PromptName: "p", VersionTag: ptr("0.9.0")})
				require.NoError(t, err)
			}
			request := &sent{}
			span := request.call(uuid.NewString(), 1, 0)
			span.Scores = []telemetry.SpanScore{
				{Evaluation: "Relevance", PromptName: "p", VersionTag: ptr("1.0.0"), Score: 0.5, Metadata: telemetry.Metadata{"label": []byte(`"ok"`)}},
				{Evaluation: "Relevance", PromptName: "p", Score: 1},
				{Evaluation: "Relevance", PromptName: "other", Score: 1},
				{Evaluation: "Fluency", PromptName: "p", Score: 1},
			}
			require.Equal(t, telemetry.Ingested{Spans: 1, Logs: 1, Scores: 2}, ingest(t, s, request))
			require.Zero(t, ingest(t, s, request).Scores)
			results, err := evals.Results(t.Context(), 2, eval.ResultFilter{}, firstPage)
			require.NoError(t, err)
			require.EqualValues(t, 2, results.Total)
			require.Len(t, results.Items, 2)
			require.Equal(t, "0.9.0", *results.Items[0].VersionTag, "the evaluation's, where the span names none")
			require.InDelta(t, 0.5, results.Items[1].Score, 0)
			require.JSONEq(t, `"ok"`, string(results.Items[1].Metadata["label"]))
			require.Equal(t, 2, ask[int](t, n, "SELECT alive FROM pm_counters WHERE kind = 'evaluation_results'"))
			require.InDelta(t, 1.5, ask[float64](t, n, "SELECT sum(score_sum) FROM pm_evaluation_days"), 1e-12)
		})

		t.Run("workspaces are islands", func(t *testing.T) {
			n, s, _ := scene(t)
			in := &sent{}
			in.call(uuid.NewString(), 1, 0)
			ingest(t, s, in)
			require.Equal(t, telemetry.Ingested{Spans: 1, Logs: 1}, ingest(t, n.telemetryOf(t, "b"), in))
			allConsistent(t, n, "a")
			allConsistent(t, n, "b")
		})

		t.Run("what is wrong is refused as a whole", func(t *testing.T) {
			n, s, _ := scene(t)
			in := &sent{}
			in.call(uuid.NewString(), 1, 0)
			in.span("no uuid", 1, 0).Name = ""
			in.span(in.Traces[0].ID, 3, 0).Metadata = telemetry.Metadata{"a": []byte("{")}
			in.span(in.Traces[0].ID, 4, 0).Metadata = telemetry.Metadata{"a": []byte(`"\u0000"`)}
			_, err := s.Ingest(t.Context(), in.Ingestion)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, pmerr.From(err).Fields, 4, pmerr.From(err).Fields)
			require.Zero(t, ask[int](t, n, "SELECT count(*) FROM pm_spans"))
			_, err = s.Ingest(t.Context(), telemetry.Ingestion{Spans: in.Spans[:1]})
			require.ErrorIs(t, err, pmerr.ErrValidation, "a span needs its trace")
		})

		t.Run("nothing is written after the store was closed", func(t *testing.T) {
			n, s, _ := scene(t)
			n.Close()
			in := &sent{}
			in.call(uuid.NewString(), 1, 0)
			_, err := s.Ingest(t.Context(), in.Ingestion)
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
		})
	})
}

// Exporters that repeat what was not acknowledged, on two nodes, make no
// duplicates, whatever else is going on.
func TestIngestedSpansOfTwoNodes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("repeated", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			nodes := []*node{open(t, c), open(t, c)}
			const requests, copies, spans = 20, 4, 30
			traces := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
			var all sync.WaitGroup
			var mu sync.Mutex
			var total telemetry.Ingested
			for r := range requests {
				in := &sent{}
				for i := range spans {
					in.call(traces[(r+i)%len(traces)], r*spans+i+1, 0)
				}
				for copy := range copies {
					s := nodes[copy%2].telemetryOf(t, []string{"a", "b"}[r%2])
					all.Go(func() {
						out, err := s.Ingest(context.Background(), in.Ingestion)
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						total.Spans, total.Logs = total.Spans+out.Spans, total.Logs+out.Logs
					})
				}
				// Somebody else writes logs and results meanwhile.
				s := nodes[r%2].telemetryOf(t, "a")
				all.Go(func() {
					if _, err := s.Log(context.Background(), call("p")); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			require.Equal(t, telemetry.Ingested{Spans: requests * spans, Logs: requests * spans}, total)
			require.Equal(t, requests*spans, ask[int](t, nodes[0], "SELECT count(*) FROM pm_spans"))
			require.Equal(t, requests, ask[int](t, nodes[0], "SELECT count(*) FROM pm_audit WHERE action = 'otlp:ingest'"))
			allConsistent(t, nodes[0], "a")
			allConsistent(t, nodes[1], "b")
		})

		t.Run("while their traces are deleted and opened", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			nodes := []*node{open(t, c), open(t, c)}
			one, two := nodes[0].telemetryOf(t, "a"), nodes[1].telemetryOf(t, "a")
			id := uuid.NewString()
			var all sync.WaitGroup
			for i := range 15 {
				in := &sent{}
				in.call(id, i+1, 0)
				all.Go(func() {
					if _, err := one.Ingest(context.Background(), in.Ingestion); err != nil {
						t.Error(err)
					}
				})
				all.Go(func() {
					if err := two.DeleteTrace(context.Background(), id); err != nil && !errors.Is(err, pmerr.ErrNotFound) {
						t.Error(err)
					}
				})
				all.Go(func() {
					if _, err := two.CreateTrace(context.Background(), telemetry.Trace{ID: id}); err != nil && !errors.Is(err, pmerr.ErrConflict) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			allConsistent(t, nodes[0], "a")
		})
	})
}
