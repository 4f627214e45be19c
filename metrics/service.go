package metrics

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Store reads the sums of one workspace. All methods return ErrUnavailable
// when the database is down.
type Store interface {
	Days(ctx context.Context, s Span) (daily []Day, total Totals, err error)
	// PromptTotals gives at most limit versions, by cost.
	PromptTotals(ctx context.Context, s Span, limit int) ([]PromptTotals, error)
	// EvaluationTrends gives at most limit evaluations, newest first; 0 is all.
	EvaluationTrends(ctx context.Context, s Span, evaluationID int64, limit int) ([]EvaluationTrend, error)
	Activity(ctx context.Context, s Span) (ActivitySummary, error)
}

// Runs lists workflow runs. *[telemetry.Service] is one.
type Runs interface {
	Runs(ctx context.Context, f telemetry.RunFilter, r page.Request) (page.Of[telemetry.Run], error)
}

// Service is the metrics of one workspace.
type Service struct {
	store Store
	runs  Runs
	now   func() time.Time
}

var _ Metrics = (*Service)(nil)

// NewService makes the metrics of a workspace.
func NewService(store Store, runs Runs, now func() time.Time) *Service {
	return &Service{store: store, runs: runs, now: now}
}

// TimeSeries gives the days of a range; see [Metrics].
func (s *Service) TimeSeries(ctx context.Context, r Range) (TimeSeries, error) {
	span, err := r.span(s.now())
	if err != nil {
		return TimeSeries{}, err
	}
	daily, total, err := s.store.Days(ctx, span)
	return TimeSeries{Span: span, Daily: orEmpty(daily), Total: total}, err
}

// Prompts gives the versions of prompts that were called; see [Metrics].
func (s *Service) Prompts(ctx context.Context, r Range) (Prompts, error) {
	span, err := r.span(s.now())
	if err != nil {
		return Prompts{}, err
	}
	prompts, err := s.store.PromptTotals(ctx, span, MaxPrompts)
	return Prompts{Span: span, Prompts: orEmpty(prompts)}, err
}

// Evaluations gives how evaluations were scored; see [Metrics].
func (s *Service) Evaluations(ctx context.Context, r Range, evaluationID int64) (Evaluations, error) {
	span, err := r.span(s.now())
	if err != nil {
		return Evaluations{}, err
	}
	trends, err := s.store.EvaluationTrends(ctx, span, evaluationID, MaxEvaluations)
	return Evaluations{Span: span, Evaluations: orEmpty(trends)}, err
}

// Activity counts what happened; see [Metrics].
func (s *Service) Activity(ctx context.Context, r Range, p page.Request) (Activity, error) {
	span, err := r.span(s.now())
	if err != nil {
		return Activity{}, err
	}
	runs, err := s.runs.Runs(ctx, telemetry.RunFilter{}, p)
	if err != nil {
		return Activity{}, err
	}
	summary, err := s.store.Activity(ctx, span)
	return Activity{Span: span, Summary: summary, RecentRuns: runs}, err
}

// orEmpty makes a list that is none an empty one, which JSON tells apart.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
