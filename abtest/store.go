package abtest

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Store keeps the tests of one workspace. What it is given is valid; every
// writing method is durable when it returns, in one transaction with its audit
// entry. All methods return ErrUnavailable when the database is down, and
// ErrNotFound for a test that does not exist.
type Store interface {
	InsertTest(ctx context.Context, s Spec) (Test, error)
	Tests(ctx context.Context, r page.Request) (page.Of[Test], error)
	// Test gives a test without its latest result.
	Test(ctx context.Context, id int64) (Test, error)
	// TestWithResult gives a test with its latest result.
	TestWithResult(ctx context.Context, id int64) (Test, error)
	DeleteTest(ctx context.Context, id int64) error
	// InsertResult fills the ID, CreatedAt and Workspace of a result, keeps what
	// settle makes of it and the latest one before from the same source (nil for
	// none), and completes the test. settle changes nothing that it is given.
	InsertResult(ctx context.Context, r Result, settle func(r Result, before *Result) Result) (Result, error)
	Results(ctx context.Context, id int64, r page.Request) (page.Of[Result], error)
	// Promote pins a version of the test's prompt, moves the label to it and
	// marks the test. A version that does not exist is ErrBadRequest.
	Promote(ctx context.Context, id int64, version, label string) error
	// Logged gives what the newest logs of the test's prompt say of metrics, for
	// both versions.
	Logged(ctx context.Context, t Test, metrics []Metric) (a, b Logged, err error)
}

// Logged is what the logs of one version say.
type Logged struct {
	// Values of each metric that was asked for; logs without one are left out.
	Values map[Metric][]float64
	// Logs is how many the version has; Since how many of those that were read
	// are younger than the test.
	Logs, Since int64
}

// StoreOf gives the stores of workspaces.
type StoreOf interface {
	Workspace(id workspace.ID, actor workspace.Actor) Store
}

// Evaluations knows evaluations and datasets, and what an evaluation scored.
// *[eval.Service] is one.
type Evaluations interface {
	Get(ctx context.Context, id int64) (eval.Evaluation, error)
	Dataset(ctx context.Context, id int64) (eval.DatasetDetail, error)
	Scores(ctx context.Context, evaluationID int64, versionTag string, limit int) ([]eval.Score, error)
}
