// Package budget bounds what a workspace spends on models in a month. The
// spend is what its logs cost, whoever recorded them; the bound keeps model
// calls of the playground and of evaluation runs from starting. It never
// refuses a log. Calls that were under way when it was reached are paid, and a
// model without a price costs nothing here.
package budget

import (
	"context"
	"math"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Budget is what a workspace may spend in the running month (UTC), and has
// spent.
type Budget struct {
	// Month such as "2026-11".
	Month string `json:"month"`
	// BudgetUSD and RemainingUSD are nil where there is no limit; what remains
	// is never less than 0.
	BudgetUSD    *float64 `json:"budget_usd"`
	SpentUSD     float64  `json:"spent_usd"`
	RemainingUSD *float64 `json:"remaining_usd"`
}

// Exceeded is the code in the details of the error of a spent budget.
const Exceeded = "BUDGET_EXCEEDED"

// Budgets reads and sets the budget of a workspace.
type Budgets interface {
	// Get gives the budget of the running month. ErrUnavailable.
	Get(ctx context.Context) (Budget, error)
	// Set changes the monthly limit; nil lifts it. A limit below 0, or over
	// MaxUSD: ErrValidation. ErrUnavailable.
	Set(ctx context.Context, usd *float64) (Budget, error)
}

// MaxUSD is the highest limit.
const MaxUSD = 1e12

// Limit is the setting of a workspace.
type Limit struct {
	// Set tells that the workspace has a setting of its own.
	Set bool
	// USD a month; nil is no limit.
	USD *float64
}

// Store keeps the limit of one workspace and sums up its logs. All methods
// return ErrUnavailable when the database is down.
type Store interface {
	Limit(ctx context.Context) (Limit, error)
	SetLimit(ctx context.Context, usd *float64) error
	// Spent sums what logs cost from the first day to before the second (UTC
	// midnights), from daily sums.
	Spent(ctx context.Context, from, to time.Time) (usd float64, err error)
}

// Service is the budget of one workspace.
type Service struct {
	store    Store
	fallback *float64
	now      func() time.Time
}

var _ Budgets = (*Service)(nil)

// NewService makes the budget of a workspace. fallback is the limit of one
// that has none of its own; nil is no limit.
func NewService(store Store, fallback *float64, now func() time.Time) *Service {
	return &Service{store: store, fallback: fallback, now: now}
}

// Get gives the budget of the running month; see [Budgets].
func (s *Service) Get(ctx context.Context) (Budget, error) {
	limit, err := s.limit(ctx)
	if err != nil {
		return Budget{}, err
	}
	return s.sum(ctx, limit)
}

// limit is what the workspace may spend, nil for any amount.
func (s *Service) limit(ctx context.Context) (*float64, error) {
	limit, err := s.store.Limit(ctx)
	if err != nil || limit.Set {
		return limit.USD, err
	}
	return s.fallback, nil
}

// sum holds what was spent against a limit.
func (s *Service) sum(ctx context.Context, limit *float64) (Budget, error) {
	now := s.now().UTC()
	from := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	spent, err := s.store.Spent(ctx, from, from.AddDate(0, 1, 0))
	if err != nil {
		return Budget{}, err
	}
	b := Budget{Month: from.Format("2006-01"), SpentUSD: spent}
	if limit != nil {
		usd, left := *limit, max(0, *limit-spent)
		b.BudgetUSD, b.RemainingUSD = &usd, &left
	}
	return b, nil
}

// Set changes the limit; see [Budgets].
func (s *Service) Set(ctx context.Context, usd *float64) (Budget, error) {
	if usd != nil && (math.IsNaN(*usd) || *usd < 0 || *usd > MaxUSD) {
		return Budget{}, pmerr.Invalid("budget_usd must be from 0 to 1e12, or null for no limit")
	}
	if err := s.store.SetLimit(ctx, usd); err != nil {
		return Budget{}, err
	}
	return s.Get(ctx)
}

// Check tells whether another model call may start: a spent budget is
// ErrBadRequest with details code, spend and budget. ErrUnavailable.
func (s *Service) Check(ctx context.Context) error {
	limit, err := s.limit(ctx)
	if err != nil || limit == nil {
		return err
	}
	b, err := s.sum(ctx, limit)
	if err != nil || b.SpentUSD < *b.BudgetUSD {
		return err
	}
	return pmerr.New(pmerr.BadRequest, "The budget of %s is spent: raise it with PUT /v1/budget, or wait for the next month", b.Month).
		With("code", Exceeded).With("spend", b.SpentUSD).With("budget", *b.BudgetUSD)
}
