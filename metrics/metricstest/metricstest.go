// Package metricstest is the behaviour of the interface of package metrics, as
// a suite that every implementation passes: in-process and over HTTP.
package metricstest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Records is what the metrics are about.
type Records interface {
	telemetry.Recorder
	telemetry.Eraser
}

// Env is what a test works with. Its workspaces are empty when it begins.
type Env struct {
	// Mine and Theirs are of two workspaces of one store, with what writes into
	// each.
	Mine, Theirs                  metrics.Metrics
	Records, TheirRecords         Records
	Evaluations, TheirEvaluations eval.Evaluations
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for name, run := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

func of[T any](v T) *T { return &v }

// record logs calls of a prompt's version with these latencies, of which the
// first failed have failed.
func record(t *testing.T, r Records, prompt, version string, cost float64, failed int, latencies ...int64) {
	t.Helper()
	var logs []telemetry.Log
	for i, ms := range latencies {
		l := telemetry.Log{PromptName: prompt, VersionTag: version, LatencyMS: &ms, TokensIn: of(int64(10)), TokensOut: of(int64(5)), CostUSD: &cost, Status: telemetry.OK}
		if i < failed {
			l.Status = telemetry.Failed
		}
		logs = append(logs, l)
	}
	_, err := r.LogBatch(t.Context(), logs)
	require.NoError(t, err)
}

func cases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"TimeSeries sums up a day": func(t *testing.T, e Env) {
			latencies := make([]int64, 100)
			for i := range latencies {
				latencies[i] = int64(i+1) * 10 // 10 to 1,000 ms
			}
			record(t, e.Records, "p", "1.0.0", 0.25, 10, latencies...)
			_, err := e.Records.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1.0.0"}) // tells nothing
			require.NoError(t, err)
			got, err := e.Mine.TimeSeries(t.Context(), metrics.Range{})
			require.NoError(t, err)
			require.Equal(t, "30d", got.Window)
			require.Equal(t, 30*24*time.Hour, got.End.Sub(got.Start.Time))
			require.Len(t, got.Daily, 1)
			d := got.Daily[0]
			require.Regexp(t, `^\d{4}-\d\d-\d\d$`, d.Date)
			require.EqualValues(t, 101, d.RequestCount)
			require.EqualValues(t, 1500, d.TotalTokens)
			require.InDelta(t, 25, d.TotalCostUSD, 1e-9)
			require.InDelta(t, 505, *d.AvgLatencyMS, 1e-9)
			require.InEpsilon(t, 500, *d.P50LatencyMS, 1.0/128)
			require.InEpsilon(t, 950, *d.P95LatencyMS, 1.0/128)
			require.InEpsilon(t, 990, *d.P99LatencyMS, 1.0/128)
			require.InDelta(t, 10.0/101, d.LogErrorRate, 1e-12)
			require.Zero(t, d.ErrorRate)
			require.Equal(t, d.Totals, got.Total)
		},
		"TimeSeries is empty where nothing was done": func(t *testing.T, e Env) {
			got, err := e.Mine.TimeSeries(t.Context(), metrics.Range{Window: "7d"})
			require.NoError(t, err)
			require.Equal(t, "7d", got.Window)
			require.Equal(t, []metrics.Day{}, got.Daily)
			require.Equal(t, metrics.Totals{}, got.Total)
		},
		"TimeSeries has no latency where none was told": func(t *testing.T, e Env) {
			_, err := e.Records.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1"})
			require.NoError(t, err)
			got, err := e.Mine.TimeSeries(t.Context(), metrics.Range{})
			require.NoError(t, err)
			require.Nil(t, got.Daily[0].AvgLatencyMS)
			require.Nil(t, got.Daily[0].P99LatencyMS)
		},
		"runs make the error rate, whatever becomes of them": func(t *testing.T, e Env) {
			ids := make([]string, 4)
			for i, status := range []telemetry.RunStatus{telemetry.RunRunning, telemetry.RunCompleted, telemetry.RunFailed, telemetry.RunFailed} {
				run, err := e.Records.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", Status: status})
				require.NoError(t, err)
				ids[i] = run.ID
			}
			rate := func() (float64, metrics.ActivitySummary) {
				series, err := e.Mine.TimeSeries(t.Context(), metrics.Range{})
				require.NoError(t, err)
				activity, err := e.Mine.Activity(t.Context(), metrics.Range{}, page.Request{})
				require.NoError(t, err)
				return series.Total.ErrorRate, activity.Summary
			}
			got, summary := rate()
			require.InDelta(t, 0.5, got, 0)
			require.EqualValues(t, 4, summary.TotalRuns)
			require.EqualValues(t, 2, summary.FailedRuns)

			for id, status := range map[string]telemetry.RunStatus{ids[0]: telemetry.RunFailed, ids[2]: telemetry.RunCompleted, ids[3]: telemetry.RunFailed} {
				_, err := e.Records.UpdateRun(t.Context(), id, telemetry.RunUpdate{Status: &status})
				require.NoError(t, err)
			}
			_, summary = rate()
			require.EqualValues(t, 2, summary.FailedRuns, "one more, one less, one as before")
			require.NoError(t, e.Records.DeleteRun(t.Context(), ids[3]))
			got, summary = rate()
			require.EqualValues(t, 3, summary.TotalRuns)
			require.EqualValues(t, 1, summary.FailedRuns)
			require.InDelta(t, 1.0/3, got, 1e-12)
		},
		"Prompts are sorted by cost": func(t *testing.T, e Env) {
			record(t, e.Records, "cheap", "1.0.0", 0.01, 1, 100, 300)
			record(t, e.Records, "dear", "2.0.0", 5, 0, 50)
			record(t, e.Records, "dear", "1.0.0", 1, 0, 50)
			got, err := e.Mine.Prompts(t.Context(), metrics.Range{Window: "90d"})
			require.NoError(t, err)
			require.Equal(t, "90d", got.Window)
			require.Equal(t, []metrics.PromptTotals{
				{PromptName: "dear", VersionTag: "2.0.0", RequestCount: 1, TotalTokensIn: 10, TotalTokensOut: 5, TotalCostUSD: 5, AvgLatencyMS: of(50.0)},
				{PromptName: "dear", VersionTag: "1.0.0", RequestCount: 1, TotalTokensIn: 10, TotalTokensOut: 5, TotalCostUSD: 1, AvgLatencyMS: of(50.0)},
				{PromptName: "cheap", VersionTag: "1.0.0", RequestCount: 2, TotalTokensIn: 20, TotalTokensOut: 10, TotalCostUSD: 0.02, AvgLatencyMS: of(200.0), ErrorRate: 0.5},
			}, got.Prompts)
		},
		"Evaluations show how scores moved": func(t *testing.T, e Env) {
			one, err := e.Evaluations.Create(t.Context(), eval.Evaluation{Name: "one", PromptName: "p"})
			require.NoError(t, err)
			two, err := e.Evaluations.Create(t.Context(), eval.Evaluation{Name: "two", PromptName: "q"})
			require.NoError(t, err)
			unused, err := e.Evaluations.Create(t.Context(), eval.Evaluation{Name: "unused", PromptName: "q"})
			require.NoError(t, err)
			for _, score := range []float64{0, 0.5, 1} {
				_, err := e.Evaluations.AddResult(t.Context(), one.ID, eval.Result{Score: score})
				require.NoError(t, err)
			}
			_, err = e.Evaluations.AddResult(t.Context(), two.ID, eval.Result{Score: 3})
			require.NoError(t, err)
			all, err := e.Mine.Evaluations(t.Context(), metrics.Range{}, 0)
			require.NoError(t, err)
			require.Len(t, all.Evaluations, 2)
			require.Equal(t, two.ID, all.Evaluations[0].EvaluationID)
			only, err := e.Mine.Evaluations(t.Context(), metrics.Range{}, one.ID)
			require.NoError(t, err)
			require.Equal(t, all.Evaluations[1:], only.Evaluations)
			require.Equal(t, "one", only.Evaluations[0].Name)
			require.Equal(t, "p", only.Evaluations[0].PromptName)
			date := only.Evaluations[0].Trend[0].Date
			require.Equal(t, []metrics.DayScores{{Date: date, AvgScore: 0.5, ResultCount: 3, MinScore: 0, MaxScore: 1}}, only.Evaluations[0].Trend)
			none, err := e.Mine.Evaluations(t.Context(), metrics.Range{}, unused.ID)
			require.NoError(t, err)
			require.Equal(t, []metrics.EvaluationTrend{}, none.Evaluations)

			require.NoError(t, e.Evaluations.Delete(t.Context(), unused.ID))
			activity, err := e.Mine.Activity(t.Context(), metrics.Range{}, page.Request{})
			require.NoError(t, err)
			require.EqualValues(t, 2, activity.Summary.TotalEvaluations)
		},
		"Activity counts, and pages through runs": func(t *testing.T, e Env) {
			record(t, e.Records, "p", "1", 0, 0, 1, 2)
			record(t, e.Records, "p", "2", 0, 0, 1)
			record(t, e.Records, "q", "1", 0, 0, 1)
			kept, err := e.Records.CreateTrace(t.Context(), telemetry.Trace{})
			require.NoError(t, err)
			gone, err := e.Records.CreateTrace(t.Context(), telemetry.Trace{})
			require.NoError(t, err)
			require.NoError(t, e.Records.DeleteTrace(t.Context(), gone.ID))
			for range 3 {
				_, err := e.Records.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", TraceID: &kept.ID})
				require.NoError(t, err)
			}
			got, err := e.Mine.Activity(t.Context(), metrics.Range{}, page.Request{Limit: 2})
			require.NoError(t, err)
			require.Equal(t, metrics.ActivitySummary{TotalRuns: 3, TotalTraces: 1, TotalLogs: 4, ActivePrompts: 2}, got.Summary)
			require.EqualValues(t, 3, got.RecentRuns.Total)
			require.Len(t, got.RecentRuns.Items, 2)
			next, err := e.Mine.Activity(t.Context(), metrics.Range{}, page.Request{Limit: 2, Cursor: got.RecentRuns.NextCursor})
			require.NoError(t, err)
			require.Len(t, next.RecentRuns.Items, 1)
		},
		"ranges are whole days": func(t *testing.T, e Env) {
			record(t, e.Records, "p", "1", 0, 0, 1)
			from := time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)
			got, err := e.Mine.TimeSeries(t.Context(), metrics.Range{From: timestamp.Of(from), To: timestamp.Of(from.Add(12 * time.Hour))})
			require.NoError(t, err)
			require.Equal(t, "custom", got.Window)
			require.Equal(t, "2026-03-01T00:00:00Z", got.Start.UTC().Format(time.RFC3339))
			require.Equal(t, "2026-03-03T00:00:00Z", got.End.UTC().Format(time.RFC3339))
			require.Empty(t, got.Daily)
			got, err = e.Mine.TimeSeries(t.Context(), metrics.Range{From: got.Start, To: timestamp.Of(got.Start.Add(24 * time.Hour))})
			require.NoError(t, err)
			require.Equal(t, 24*time.Hour, got.End.Sub(got.Start.Time), "the end of a day is not in the next one")
		},
		"what cannot be is refused": func(t *testing.T, e Env) {
			at := func(s int64) timestamp.Time { return timestamp.Of(time.Unix(s, 0)) }
			for name, r := range map[string]metrics.Range{
				"an unknown window":    {Window: "1y"},
				"a window and a range": {Window: "7d", From: at(1)},
				"no start":             {To: at(1000)},
				"an end before":        {From: at(1_000_000), To: at(1)},
				"an empty range":       {From: at(1_000_000), To: at(1_000_000)},
				"too many days":        {From: at(1), To: at(1_000_000_000)},
			} {
				for method, call := range map[string]func(context.Context) error{
					"TimeSeries":  func(ctx context.Context) error { _, err := e.Mine.TimeSeries(ctx, r); return err },
					"Prompts":     func(ctx context.Context) error { _, err := e.Mine.Prompts(ctx, r); return err },
					"Evaluations": func(ctx context.Context) error { _, err := e.Mine.Evaluations(ctx, r, 0); return err },
					"Activity":    func(ctx context.Context) error { _, err := e.Mine.Activity(ctx, r, page.Request{}); return err },
				} {
					require.ErrorIs(t, call(t.Context()), pmerr.ErrBadRequest, "%s %s", method, name)
				}
			}
		},
		"workspaces are islands": func(t *testing.T, e Env) {
			record(t, e.TheirRecords, "p", "1", 1, 1, 5)
			_, err := e.TheirRecords.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", Status: telemetry.RunFailed})
			require.NoError(t, err)
			theirs, err := e.TheirEvaluations.Create(t.Context(), eval.Evaluation{Name: "n", PromptName: "p"})
			require.NoError(t, err)
			_, err = e.TheirEvaluations.AddResult(t.Context(), theirs.ID, eval.Result{Score: 1})
			require.NoError(t, err)

			series, err := e.Mine.TimeSeries(t.Context(), metrics.Range{})
			require.NoError(t, err)
			require.Empty(t, series.Daily)
			prompts, err := e.Mine.Prompts(t.Context(), metrics.Range{})
			require.NoError(t, err)
			require.Empty(t, prompts.Prompts)
			for _, id := range []int64{0, theirs.ID} {
				evaluations, err := e.Mine.Evaluations(t.Context(), metrics.Range{}, id)
				require.NoError(t, err)
				require.Empty(t, evaluations.Evaluations)
			}
			activity, err := e.Mine.Activity(t.Context(), metrics.Range{}, page.Request{})
			require.NoError(t, err)
			require.Equal(t, metrics.ActivitySummary{}, activity.Summary)
			require.Empty(t, activity.RecentRuns.Items)
		},
	}
}
