// Package retention says how long a workspace keeps its telemetry: logs, traces,
// workflow runs, compliance scores and ended evaluation runs. Daily sums, scores
// of evaluations, prompts and the audit log do not age.
package retention

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Retention is how long a workspace keeps its telemetry.
type Retention struct {
	// Days is the workspace's own time, 0 for ever; nil where that of the server
	// holds.
	Days *int64 `json:"days"`
	// DefaultDays is the time of the server; 0 is for ever.
	DefaultDays float64 `json:"default_days"`
}

// Settings reads and sets how long a workspace keeps its telemetry.
type Settings interface {
	// Get gives the time that holds. ErrUnavailable.
	Get(ctx context.Context) (Retention, error)
	// Set changes the workspace's own time: days from 0 (for ever) to MaxDays,
	// or nil for that of the server; else ErrValidation. What is older by then
	// goes with the next pass, within minutes, and for good. ErrUnavailable.
	Set(ctx context.Context, days *int64) (Retention, error)
}

// MaxDays is the longest time that is not for ever: a hundred years.
const MaxDays = 36_500

// Store keeps the setting of one workspace. All methods return ErrUnavailable
// when the database is down.
type Store interface {
	Days(ctx context.Context) (*int64, error)
	SetDays(ctx context.Context, days *int64) error
}

// Service is the retention of one workspace.
type Service struct {
	store    Store
	fallback time.Duration
}

var _ Settings = (*Service)(nil)

// NewService makes the retention of a workspace. fallback is the time of one
// that has none of its own; 0 is for ever.
func NewService(store Store, fallback time.Duration) *Service {
	return &Service{store: store, fallback: fallback}
}

// Get gives the time that holds; see [Settings].
func (s *Service) Get(ctx context.Context) (Retention, error) {
	days, err := s.store.Days(ctx)
	if err != nil {
		return Retention{}, err
	}
	return s.with(days), nil
}

func (s *Service) with(days *int64) Retention {
	return Retention{Days: days, DefaultDays: s.fallback.Hours() / 24}
}

// Set changes the workspace's own time; see [Settings].
func (s *Service) Set(ctx context.Context, days *int64) (Retention, error) {
	if days != nil && (*days < 0 || *days > MaxDays) {
		return Retention{}, pmerr.Invalid("days must be from 0 to 36500, or null for the server's default")
	}
	if err := s.store.SetDays(ctx, days); err != nil {
		return Retention{}, err
	}
	return s.with(days), nil
}
