package compliance

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Store keeps the compliance of one workspace. Every writing method is one
// transaction with its audit entry. All return ErrUnavailable when the database
// is down.
type Store interface {
	// InsertScore files a score and gives it an id and a time. A score that a
	// guard files belongs to the call that it guards and has no entry of its
	// own in the audit log.
	InsertScore(ctx context.Context, s Score) (Score, error)
	// Scores gives a page, newest first; the limit is the caller's to check.
	Scores(ctx context.Context, r page.Request) (page.Of[Score], error)
	// Score by id. ErrNotFound.
	Score(ctx context.Context, id int64) (Score, error)

	// InsertRule saves a rule. Its name is taken: ErrConflict. [MaxRules] are
	// there: ErrValidation.
	InsertRule(ctx context.Context, r Rule) (Rule, error)
	Rules(ctx context.Context, r page.Request) (page.Of[Rule], error)
	// DeleteRule by id. ErrNotFound.
	DeleteRule(ctx context.Context, id int64) error

	// InsertAllowance saves an entry. [MaxAllowances] are there: ErrValidation.
	InsertAllowance(ctx context.Context, a Allowance) (Allowance, error)
	Allowances(ctx context.Context, r page.Request) (page.Of[Allowance], error)
	// DeleteAllowance by id. ErrNotFound.
	DeleteAllowance(ctx context.Context, id int64) error

	SetPolicy(ctx context.Context, p Policy) (Policy, error)
	// Settings reads all that a scan depends on.
	Settings(ctx context.Context) (Settings, error)
}

// StoreOf keeps the compliance of all workspaces.
type StoreOf interface {
	// Workspace binds the store to a workspace and to who acts.
	Workspace(id workspace.ID, actor workspace.Actor) Store
}

// Settings is all that a workspace adds to the detectors.
type Settings struct {
	Policy Policy
	Rules  []Rule
	Allow  []Allowance
}

// Prompts finds the prompts to scan; the registry does.
type Prompts interface {
	Get(ctx context.Context, name string, q registry.Query) (registry.Entry, error)
}
