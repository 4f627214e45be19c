package eval

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// NewRun is a run to be stored. What it is given is valid.
type NewRun struct {
	EvaluationID int64
	// DatasetID; nil is a run of one row without an id.
	DatasetID *int64
	// VersionTag, Provider and Model are nil until they are known.
	VersionTag, Provider, Model *string
	Concurrency                 int
	MaxCostUSD                  *float64
	// Owner executes the run itself, with a task that nobody else has: the run
	// is claimed as it is made. Empty leaves it to whoever claims it.
	Owner string
	Lease time.Duration
}

// RunStore keeps the runs of one workspace. All methods return ErrUnavailable
// when the database is down, and ErrNotFound for what does not exist.
type RunStore interface {
	// InsertRun stores a run of the dataset's rows as they are now, with its
	// audit entry.
	InsertRun(ctx context.Context, r NewRun) (Job, error)
	Runs(ctx context.Context, evaluationID int64, r page.Request) (page.Of[Run], error)
	Run(ctx context.Context, evaluationID, runID int64) (Run, error)
	RunRows(ctx context.Context, evaluationID, runID int64, r page.Request) (page.Of[RowResult], error)
	// CancelRun ends a run for that reason unless it has ended, with its audit
	// entry.
	CancelRun(ctx context.Context, evaluationID, runID int64, reason string) (Run, error)
	// PairedScores gives the scores of the rows that both runs have.
	PairedScores(ctx context.Context, a, b int64) ([]ScorePair, error)
	// PairedRows gives a page of the rows that both runs have.
	PairedRows(ctx context.Context, a, b int64, r page.Request) (page.Of[RowPair], error)
}

// ScorePair is what two runs scored for one row.
type ScorePair struct{ A, B float64 }

// RowPair is one row of two runs.
type RowPair struct{ A, B RowResult }

// Job is a run together with what it takes to execute it, and the lease under
// which it was claimed.
type Job struct {
	Run        Run
	Workspace  workspace.ID
	Evaluation Evaluation
	// LastRowID is the newest row of the dataset that belongs to the run.
	LastRowID int64
	// Task is set on a run of a Go function: only its owner can execute it.
	Task bool
	// Owner holds the lease; Epoch counts how often the run was claimed. What
	// was written under an older epoch is refused.
	Owner string
	Epoch int64
}

// HeldRun is a run that an owner holds.
type HeldRun struct {
	Workspace    string
	RunID, Epoch int64
	// DatasetGone is set once the run's dataset was deleted.
	DatasetGone bool
}

// RunQueue hands out the runs of all workspaces, each to one owner at a time,
// and takes their results. All methods return ErrUnavailable when the database
// is down. Those that take a Job return ErrConflict once it is no longer its
// owner's: its lease ran out, or the run was cancelled or deleted.
type RunQueue interface {
	// ClaimRuns takes up to n runs that nobody holds, oldest first. What it
	// took has to be executed, also beside an error about others.
	ClaimRuns(ctx context.Context, owner string, lease time.Duration, n int) ([]Job, error)
	// HeldRuns gives what an owner holds of runs that are under way.
	HeldRuns(ctx context.Context, owner string) ([]HeldRun, error)
	// RenewRuns keeps the leases of what an owner works on from running out.
	RenewRuns(ctx context.Context, owner string, held []HeldRun, lease time.Duration) error
	// ReleaseRuns gives up what an owner holds, so that others need not wait.
	ReleaseRuns(ctx context.Context, owner string) error
	// ResolveRun stores the version, provider and model of a run.
	ResolveRun(ctx context.Context, j Job) error
	// PendingRows gives rows behind one that have no result yet, by id.
	PendingRows(ctx context.Context, j Job, after int64, n int) ([]Row, error)
	// RecordRow stores the result of a row. A row that has one keeps it.
	RecordRow(ctx context.Context, j Job, r RowResult) error
	// RecordedRows gives up to n results of rows behind one, without the
	// outputs, by id.
	RecordedRows(ctx context.Context, j Job, after int64, n int) ([]RowResult, error)
	// HumanScores gives the newest score that a person gave to each row, which
	// is a result whose metadata has its row_id; not those of runs.
	HumanScores(ctx context.Context, j Job) (map[int64]float64, error)
	// EndRun stores how a run ended. A completed one that has a score leaves a
	// result for each row, by which trends and A/B tests see it. A run whose
	// dataset is gone cannot complete: ErrNotFound.
	EndRun(ctx context.Context, j Job, o Outcome) error
}
