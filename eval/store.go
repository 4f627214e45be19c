package eval

import (
	"context"
	"iter"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Store keeps the evaluations and datasets of one workspace. What it is given
// is valid; every writing method is durable when it returns, in one
// transaction with its audit entry. All methods return ErrUnavailable when the
// database is down, and ErrNotFound for what does not exist.
type Store interface {
	EvaluationStore
	DatasetStore
}

// EvaluationStore keeps evaluations and their results.
type EvaluationStore interface {
	// InsertEvaluation fills ID, Workspace and CreatedAt.
	InsertEvaluation(ctx context.Context, e Evaluation) (Evaluation, error)
	Evaluations(ctx context.Context, r page.Request) (page.Of[Evaluation], error)
	Evaluation(ctx context.Context, id int64) (Evaluation, error)
	// DeleteEvaluation removes an evaluation with all that belongs to it.
	DeleteEvaluation(ctx context.Context, id int64) error
	// InsertResult fills ID and CreatedAt, and VersionTag from the evaluation
	// if there is none. rowID is what the metadata names; see RowIDMember.
	InsertResult(ctx context.Context, r Result, rowID *int64) (Result, error)
	Results(ctx context.Context, evaluationID int64, f ResultFilter, r page.Request) (page.Of[Result], error)
	// Scores gives the newest scores of a version, newest first.
	Scores(ctx context.Context, evaluationID int64, versionTag string, limit int) ([]Score, error)
}

// DatasetStore keeps datasets and their rows.
type DatasetStore interface {
	// InsertDataset stores a dataset whose rows take size bytes as JSON.
	InsertDataset(ctx context.Context, name string, rows []Row, size int64) (Dataset, error)
	Datasets(ctx context.Context, r page.Request) (page.Of[Dataset], error)
	Dataset(ctx context.Context, id int64) (DatasetDetail, error)
	// DatasetRows gives rows in their order.
	DatasetRows(ctx context.Context, id int64, r page.Request) (page.Of[Row], error)
	// EachRow streams all rows in their order. It ends after the first error,
	// which is ErrNotFound for a dataset that does not exist, also one that is
	// deleted meanwhile.
	EachRow(ctx context.Context, id int64) iter.Seq2[Row, error]
	// AppendRows adds rows behind the others. A dataset that would grow beyond
	// MaxRows or MaxDatasetBytes is ErrBadRequest and stays as it was.
	AppendRows(ctx context.Context, id int64, rows []Row, size int64) error
	DeleteDataset(ctx context.Context, id int64) error
}

// StoreOf gives the stores of workspaces.
type StoreOf interface {
	Workspace(id workspace.ID, actor workspace.Actor) Store
}

// LoggedRun is a workflow run that was recorded.
type LoggedRun struct {
	ID string
	// Input and Output are JSON objects, or nil.
	Input, Output []byte
}

// Logged reads the workflow runs of the workspace. What does not exist is
// ErrNotFound; a store that is down is ErrUnavailable.
type Logged interface {
	// LoggedRun gives one run.
	LoggedRun(ctx context.Context, runID string) (LoggedRun, error)
	// LoggedRuns gives the newest runs of a trace, or of a workflow if traceID
	// is empty, newest first, at most limit.
	LoggedRuns(ctx context.Context, traceID, workflowName string, limit int) ([]LoggedRun, error)
}
