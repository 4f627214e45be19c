package abtest

import (
	"context"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Service is the A/B tests of one workspace.
type Service struct {
	store       Store
	evaluations Evaluations
	moved       func(prompt string)
}

var _ Tests = (*Service)(nil)

// NewService makes the tests of a workspace. moved hears of each prompt of
// which a version was promoted.
func NewService(store Store, evaluations Evaluations, moved func(prompt string)) *Service {
	return &Service{store: store, evaluations: evaluations, moved: moved}
}

// ProductionLabel is what Promote points at the winner.
const ProductionLabel = "production"

func errNoTest() error { return pmerr.Missing("A/B test") }

// Create keeps a test; see [Tests].
func (s *Service) Create(ctx context.Context, spec Spec) (Test, error) {
	spec = spec.withDefaults()
	if err := spec.validate(); err != nil {
		return Test{}, err
	}
	if spec.EvaluationID != nil {
		if _, err := s.evaluations.Get(ctx, *spec.EvaluationID); err != nil {
			return Test{}, err
		}
	}
	if spec.DatasetID != nil {
		if _, err := s.evaluations.Dataset(ctx, *spec.DatasetID); err != nil {
			return Test{}, err
		}
	}
	return s.store.InsertTest(ctx, spec)
}

// List gives tests; see [Tests].
func (s *Service) List(ctx context.Context, r page.Request) (page.Of[Test], error) {
	return s.store.Tests(ctx, r)
}

// Get gives a test; see [Tests].
func (s *Service) Get(ctx context.Context, id int64) (Test, error) {
	if id <= 0 {
		return Test{}, errNoTest()
	}
	return s.store.TestWithResult(ctx, id)
}

// Delete removes a test; see [Tests].
func (s *Service) Delete(ctx context.Context, id int64) error {
	if id <= 0 {
		return errNoTest()
	}
	return s.store.DeleteTest(ctx, id)
}

// Results gives the results of a test; see [Tests].
func (s *Service) Results(ctx context.Context, id int64, r page.Request) (page.Of[Result], error) {
	if id <= 0 {
		return page.Of[Result]{}, errNoTest()
	}
	return s.store.Results(ctx, id, r)
}

// Promote makes the winner the version that is served; see [Tests].
func (s *Service) Promote(ctx context.Context, id int64) (Promotion, error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return Promotion{}, err
	}
	if t.LatestResult == nil {
		return Promotion{}, pmerr.New(pmerr.BadRequest, "The A/B test has no result yet: run it first")
	}
	winner, version := t.LatestResult.Winner, t.VersionA
	switch winner {
	case stats.Tie:
		return Promotion{Winner: winner}, nil
	case stats.B:
		version = t.VersionB
	case stats.A:
	}
	for _, g := range t.LatestResult.Guardrails {
		if winner == stats.B && !g.Holds {
			return Promotion{}, pmerr.New(pmerr.BadRequest, "Version %s may be worse in %s by %g or more: its guardrail does not hold", version, g.Metric, g.Margin).
				With("guardrail", g.Metric).With("adjusted_p_value", g.AdjustedP)
		}
	}
	if err := s.store.Promote(ctx, id, version, ProductionLabel); err != nil {
		return Promotion{}, err
	}
	s.moved(t.PromptName)
	return Promotion{Winner: winner, Version: &version}, nil
}

// Assign says which version a unit gets; see [Tests].
func (s *Service) Assign(ctx context.Context, id int64, unit string) (Assignment, error) {
	if n := utf8.RuneCountInString(unit); n < 1 || n > maxUnit {
		return Assignment{}, pmerr.Invalid("unit is required and must be at most 256 characters")
	}
	if id <= 0 {
		return Assignment{}, errNoTest()
	}
	t, err := s.store.Test(ctx, id)
	if err != nil {
		return Assignment{}, err
	}
	return t.assign(unit), nil
}
