package compliance

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// CreateRule checks a rule and saves it; see [Rules].
func (s *Service) CreateRule(ctx context.Context, r Rule) (Rule, error) {
	r = r.withDefaults()
	if err := r.check(); err != nil {
		return Rule{}, err
	}
	made, err := s.store.InsertRule(ctx, r)
	s.forget()
	return made, err
}

// Rules gives the rules, newest first; see [Rules].
func (s *Service) Rules(ctx context.Context, r page.Request) (page.Of[Rule], error) {
	r, err := r.Normal()
	if err != nil {
		return page.Of[Rule]{}, err
	}
	return s.store.Rules(ctx, r)
}

// DeleteRule removes a rule; see [Rules].
func (s *Service) DeleteRule(ctx context.Context, id int64) error {
	if id < 1 {
		return pmerr.Missing("Compliance rule")
	}
	defer s.forget()
	return s.store.DeleteRule(ctx, id)
}

// Allow adds an entry to the allow-list; see [AllowList].
func (s *Service) Allow(ctx context.Context, a Allowance) (Allowance, error) {
	if err := a.check(s.engine.c.Now()); err != nil {
		return Allowance{}, err
	}
	made, err := s.store.InsertAllowance(ctx, a)
	s.forget()
	return made, err
}

// Allowed gives the allow-list, newest first; see [AllowList].
func (s *Service) Allowed(ctx context.Context, r page.Request) (page.Of[Allowance], error) {
	r, err := r.Normal()
	if err != nil {
		return page.Of[Allowance]{}, err
	}
	return s.store.Allowances(ctx, r)
}

// Disallow removes an entry of the allow-list; see [AllowList].
func (s *Service) Disallow(ctx context.Context, id int64) error {
	if id < 1 {
		return pmerr.Missing("Allow-list entry")
	}
	defer s.forget()
	return s.store.DeleteAllowance(ctx, id)
}

// Policy gives the policy; see [Policies].
func (s *Service) Policy(ctx context.Context) (Policy, error) {
	stored, err := s.store.Settings(ctx)
	if err != nil {
		return Policy{}, err
	}
	return stored.Policy.withDefaults(), nil
}

// SetPolicy replaces the policy; see [Policies].
func (s *Service) SetPolicy(ctx context.Context, p Policy) (Policy, error) {
	if !s.actor.Admin {
		return Policy{}, pmerr.New(pmerr.Forbidden, "Only admins change the compliance policy")
	}
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return Policy{}, err
	}
	p.UpdatedAt = nil
	defer s.forget()
	return s.store.SetPolicy(ctx, p)
}
