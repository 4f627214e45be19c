// Package metrics sums up what a workspace did: requests, tokens, cost, latency
// and errors by day, by prompt version and by evaluation.
//
// Everything is read from sums that are kept while telemetry is recorded, so
// an answer takes the same time over ten thousand logs and over ten million.
// Days are UTC days. Percentiles come from histograms whose error is at most
// 1/128 of the value (0.8 %). The sums stay when retention removes the rows
// behind them.
package metrics

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Metrics reads the sums of a workspace. A window or range that cannot be is
// ErrBadRequest; a store that is down is ErrUnavailable.
type Metrics interface {
	// TimeSeries gives each day on which something was logged or run.
	TimeSeries(ctx context.Context, r Range) (TimeSeries, error)
	// Prompts gives the versions of prompts that were used, by cost, at most
	// MaxPrompts.
	Prompts(ctx context.Context, r Range) (Prompts, error)
	// Evaluations gives the scores of evaluations by day; 0 is all of them, at
	// most MaxEvaluations, the newest first. Unknown: an empty list.
	Evaluations(ctx context.Context, r Range, evaluationID int64) (Evaluations, error)
	// Activity counts what happened, with a page of the newest workflow runs.
	Activity(ctx context.Context, r Range, p page.Request) (Activity, error)
}

// Bounds of lists that have no pages.
const (
	MaxPrompts     = 1000
	MaxEvaluations = 1000
)

// TimeSeries is what happened day by day.
type TimeSeries struct {
	Span
	Daily []Day `json:"daily"`
	// Total is the whole span; its percentiles are over all its calls, which is
	// not the mean of the days'.
	Total Totals `json:"total"`
}

// Day is what happened on one day.
type Day struct {
	// Date such as "2026-11-23", UTC.
	Date string `json:"date"`
	Totals
}

// Totals sum up model calls and workflow runs.
type Totals struct {
	RequestCount int64   `json:"request_count"`
	TotalTokens  int64   `json:"total_tokens"`
	TotalCostUSD float64 `json:"total_cost_usd"`
	// Latencies are milliseconds, nil where no call had one.
	AvgLatencyMS *float64 `json:"avg_latency_ms"`
	P50LatencyMS *float64 `json:"p50_latency_ms"`
	P95LatencyMS *float64 `json:"p95_latency_ms"`
	P99LatencyMS *float64 `json:"p99_latency_ms"`
	// ErrorRate is the share of workflow runs that failed, LogErrorRate that of
	// model calls; 0 where there were none.
	ErrorRate    float64 `json:"error_rate"`
	LogErrorRate float64 `json:"log_error_rate"`
}

// Prompts is what was called, by version.
type Prompts struct {
	Span
	Prompts []PromptTotals `json:"prompts"`
}

// PromptTotals sum up the calls of one version of a prompt.
type PromptTotals struct {
	PromptName     string   `json:"prompt_name"`
	VersionTag     string   `json:"version_tag"`
	RequestCount   int64    `json:"request_count"`
	TotalTokensIn  int64    `json:"total_tokens_in"`
	TotalTokensOut int64    `json:"total_tokens_out"`
	TotalCostUSD   float64  `json:"total_cost_usd"`
	AvgLatencyMS   *float64 `json:"avg_latency_ms"`
	ErrorRate      float64  `json:"error_rate"`
}

// Evaluations is how evaluations were scored.
type Evaluations struct {
	Span
	Evaluations []EvaluationTrend `json:"evaluations"`
}

// EvaluationTrend is how the scores of one evaluation moved.
type EvaluationTrend struct {
	EvaluationID int64       `json:"evaluation_id"`
	Name         string      `json:"name"`
	PromptName   string      `json:"prompt_name"`
	Trend        []DayScores `json:"trend"`
}

// DayScores are the scores of one day.
type DayScores struct {
	Date        string  `json:"date"`
	AvgScore    float64 `json:"avg_score"`
	ResultCount int64   `json:"result_count"`
	MinScore    float64 `json:"min_score"`
	MaxScore    float64 `json:"max_score"`
}

// Activity counts what happened.
type Activity struct {
	Span
	Summary ActivitySummary `json:"summary"`
	// RecentRuns are all runs, newest first.
	RecentRuns page.Of[telemetry.Run] `json:"recent_runs"`
}

// ActivitySummary counts what was created in a span.
type ActivitySummary struct {
	TotalRuns        int64 `json:"total_runs"`
	TotalTraces      int64 `json:"total_traces"`
	TotalLogs        int64 `json:"total_logs"`
	TotalEvaluations int64 `json:"total_evaluations"`
	// ActivePrompts are those that were logged.
	ActivePrompts int64 `json:"active_prompts"`
	FailedRuns    int64 `json:"failed_runs"`
}

// Span is the time that an answer is about: whole days, UTC.
type Span struct {
	// Window is the one that was asked for, or "custom".
	Window string `json:"window"`
	// Start is the first second, End the first one that is left out.
	Start timestamp.Time `json:"start"`
	End   timestamp.Time `json:"end"`
}
