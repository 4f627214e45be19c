// Package abtest compares two versions of a prompt: on scores that a caller
// sends, on the results of an evaluation, or on what was logged; assigns units
// to versions; and promotes the winner.
//
// A test is made once with its [Spec], run as often as scores arrive, and
// promoted when it has a winner. In the mode [Fixed] the p-value of one planned
// look decides; who wants to look at any time makes the test [Sequential].
// Guardrails must hold before the challenger is promoted.
//
// What is computed lies in package stats. [Service] does the work of one
// workspace in-process; the remote client implements the same interface over
// HTTP.
package abtest

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Tests keeps A/B tests and runs them. What does not exist is ErrNotFound;
// faults of the input are ErrValidation with every fault named; a store that is
// down is ErrUnavailable.
type Tests interface {
	// Create keeps a test. An evaluation or dataset that does not exist is
	// ErrNotFound.
	Create(ctx context.Context, s Spec) (Test, error)
	// List gives tests, newest first, without their results.
	List(ctx context.Context, r page.Request) (page.Of[Test], error)
	// Get gives a test with its latest result.
	Get(ctx context.Context, id int64) (Test, error)
	// Delete removes a test with its results.
	Delete(ctx context.Context, id int64) error
	// Run compares the versions and keeps the result. Scores for a test on an
	// evaluation, scores of one version only, or too few that were logged, are
	// ErrBadRequest. A caller who looks repeatedly sends all scores each time,
	// the old ones and the new.
	Run(ctx context.Context, id int64, s Scores) (Result, error)
	// Results gives the results of a test, newest first.
	Results(ctx context.Context, id int64, r page.Request) (page.Of[Result], error)
	// Promote pins the winner and points the label "production" at it, in one
	// transaction. After a tie nothing moves. A test that never ran, or whose
	// guardrails do not hold, is ErrBadRequest; a protected label and an actor
	// that is no admin ErrForbidden.
	Promote(ctx context.Context, id int64) (Promotion, error)
	// Assign says which version a unit gets: always the same one, and each the
	// share that the test asks for. Once a test has promoted a version every
	// unit gets that.
	Assign(ctx context.Context, id int64, unit string) (Assignment, error)
}

// Metric says what is compared.
type Metric string

// The metrics. Latency and cost are better when lower, the others when higher.
const (
	Latency Metric = "latency"
	Cost    Metric = "cost"
	// WinRate compares how often the score is 1 among zeros and ones.
	WinRate Metric = "win_rate"
	// Score compares the means of any scores.
	Score Metric = "score"
)

// Mode says when the test may be decided.
type Mode string

// The modes.
const (
	// Fixed decides by the p-value at the end of the test.
	Fixed Mode = "fixed"
	// Sequential decides by a p-value that stays valid however often one looks
	// while scores are added: the least of all looks at scores of one source. The
	// first look that finds a winner decides.
	Sequential Mode = "sequential"
)

// Status is the state of a test.
type Status string

// The states of a test.
const (
	Running   Status = "running"
	Completed Status = "completed"
	Promoted  Status = "promoted"
)

// Spec describes a test.
type Spec struct {
	// PromptName is at most 128 characters, the versions 255.
	PromptName string `json:"prompt_name"`
	VersionA   string `json:"version_a"`
	VersionB   string `json:"version_b"`
	DatasetID  *int64 `json:"dataset_id"`
	// EvaluationID makes the test compare the results of an evaluation.
	EvaluationID *int64 `json:"evaluation_id"`
	// Metric defaults to Latency.
	Metric Metric `json:"metric"`
	// Mode defaults to Fixed.
	Mode Mode `json:"mode"`
	// PlannedN is the planned number of scores a version, 2 to 10,000,000;
	// default 500. It tunes the sequential interval and nothing else.
	PlannedN int `json:"planned_n"`
	// ShareB is the part of the units that get version B, above 0 and below 1;
	// default 0.5.
	ShareB float64 `json:"share_b"`
	// Guardrails must hold before a version is promoted; at most 10.
	Guardrails []Guardrail `json:"guardrails"`
}

// Guardrail says what the challenger may not make worse by a margin: latency in
// milliseconds, cost in USD a call, or the score. It is tested on logs.
type Guardrail struct {
	Metric Metric  `json:"metric"`
	Margin float64 `json:"margin"`
}

// Test is a stored test.
type Test struct {
	ID int64 `json:"id"`
	Spec
	Status Status `json:"status"`
	// PromotedVersion is set once a winner was promoted.
	PromotedVersion *string        `json:"promoted_version"`
	CreatedAt       timestamp.Time `json:"created_at"`
	UpdatedAt       timestamp.Time `json:"updated_at"`
	Workspace       string         `json:"workspace_id"`
	// LatestResult is set by Get, if the test has run.
	LatestResult *Result `json:"latest_result,omitempty"`
}

// Scores are what a caller measured, a number for each trial. Both nil: the
// test finds its own.
type Scores struct {
	A []float64
	B []float64
}

// Source says where the scores of a result come from.
type Source string

// The sources of scores.
const (
	FromCaller     Source = "scores"
	FromEvaluation Source = "evaluation"
	FromLogs       Source = "logs"
)

// Result is what one run of a test found. In sequential mode the winner is that
// of the sequential test.
type Result struct {
	ID     int64  `json:"id"`
	TestID int64  `json:"ab_test_id"`
	Source Source `json:"source"`
	Metric Metric `json:"metric"`
	Mode   Mode   `json:"mode"`
	stats.Result
	Guardrails []GuardrailResult `json:"guardrails"`
	// SampleRatioP tests whether logs since the creation of the test split as
	// the test asks for; nil without such logs, and once a version was promoted.
	SampleRatioP *float64       `json:"sample_ratio_p"`
	CreatedAt    timestamp.Time `json:"created_at"`
	Workspace    string         `json:"workspace_id"`
}

// GuardrailResult is what became of a guardrail.
type GuardrailResult struct {
	Metric Metric `json:"metric"`
	stats.NonInferiority
	// AdjustedP is PValue after Holm's correction for all guardrails of the
	// test; it decides Holds, at 0.025.
	AdjustedP *float64 `json:"adjusted_p_value"`
	Holds     bool     `json:"holds"`
}

// Promotion says which version was promoted; after a tie Version is nil.
type Promotion struct {
	Winner  stats.Winner `json:"winner"`
	Version *string      `json:"version"`
}

// Assignment is the version that a unit gets.
type Assignment struct {
	Variant stats.Winner `json:"variant"`
	Version string       `json:"version"`
	// PromptName is the prompt of the test.
	PromptName string `json:"prompt_name"`
}
