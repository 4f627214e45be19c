// Package compliance scans texts for personal data, secrets and prompt
// injection, files what it found, redacts texts, and guards what is published,
// logged or sent to a model.
//
// A text goes through a [Driver], the detectors of package detect or a foreign
// scanner; then what the workspace says of the findings counts. A scan answers
// with the texts of its findings and files a [Score] with them masked. A guard,
// [Service.Check], files one too and may refuse the text. Injection is a
// heuristic: its findings do not count in the score.
//
// What a workspace adds to the detectors are custom rules, an allow-list and a
// policy. [Service] does the work of one workspace in-process; the remote
// client implements the same interfaces over HTTP.
package compliance

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/page"
)

// Scans finds sensitive data in texts and keeps what was found.
type Scans interface {
	// Scan looks at a text or at a stored prompt and files a score. Neither of
	// the two, or a text that is too long: ErrValidation. Unknown prompt:
	// ErrNotFound. A foreign scanner that fails: ErrProvider, ErrTimeout,
	// ErrProviderRateLimited. ErrUnavailable.
	Scan(ctx context.Context, r ScanRequest) (Report, error)
	// Scores gives what was filed, newest first. ErrValidation, ErrBadRequest
	// for a cursor that is none, ErrUnavailable.
	Scores(ctx context.Context, r page.Request) (page.Of[Score], error)
	// Score gives one item. ErrNotFound, ErrUnavailable.
	Score(ctx context.Context, id int64) (Score, error)
	// Redact gives a text without what the scan finds in it. Nothing is kept.
	// Errors as Scan.
	Redact(ctx context.Context, r RedactRequest) (Redacted, error)
}

// Rules are a workspace's own detectors.
type Rules interface {
	// CreateRule checks a rule, with its samples, and saves it. ErrValidation
	// names every fault; the name of another rule is an ErrConflict.
	// ErrUnavailable.
	CreateRule(ctx context.Context, r Rule) (Rule, error)
	// Rules gives the rules, newest first. ErrValidation, ErrUnavailable.
	Rules(ctx context.Context, r page.Request) (page.Of[Rule], error)
	// DeleteRule removes a rule. ErrNotFound, ErrUnavailable.
	DeleteRule(ctx context.Context, id int64) error
}

// AllowList holds values that are no findings in a workspace.
type AllowList interface {
	// Allow adds an entry. ErrValidation, ErrUnavailable.
	Allow(ctx context.Context, a Allowance) (Allowance, error)
	// Allowed gives the entries, newest first, expired ones too.
	// ErrValidation, ErrUnavailable.
	Allowed(ctx context.Context, r page.Request) (page.Of[Allowance], error)
	// Disallow removes an entry. ErrNotFound, ErrUnavailable.
	Disallow(ctx context.Context, id int64) error
}

// Policies say what counts in a workspace, and what follows from it.
type Policies interface {
	// Policy gives the policy, the default one if none was set. ErrUnavailable.
	Policy(ctx context.Context) (Policy, error)
	// SetPolicy replaces the policy as a whole. ErrValidation; ErrForbidden for
	// an actor that is no admin. ErrUnavailable.
	SetPolicy(ctx context.Context, p Policy) (Policy, error)
}
