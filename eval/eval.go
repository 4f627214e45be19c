// Package eval measures prompts and agents: datasets, evaluations with rules,
// results of several versions, and runs that execute row by row, survive a
// restart and can be compared.
//
// An [Evaluation] belongs to a prompt and has [Criteria]: weighted rules, whose
// types package scorer knows, and the score that passes. A run takes a version
// and the rows of a [Dataset]; the text of a row is its own output, else a
// model's answer, else the rendered prompt. Each row gets a [RowResult], the run
// the mean, and the evaluation a [Result] for each row, which trends and A/B
// tests read. A [Runner] in every process executes the runs that are stored,
// each under a lease, so that what one process leaves another goes on with.
//
// [Service.Run] executes a Go function instead of a prompt, and package evaltest
// does so in go test, without a database.
//
// [Service] does the work of one workspace in-process; the remote client
// implements the same interfaces over HTTP.
package eval

import (
	"context"
	"io"

	"github.com/promptmetrics-go/promptmetrics/page"
)

// Evaluations keeps evaluations and their results. What does not exist is
// ErrNotFound; faults of the input are ErrValidation with every fault named; a
// store that is down is ErrUnavailable.
type Evaluations interface {
	// Create keeps an evaluation. Criteria that cannot be compiled are
	// ErrValidation and name the rule.
	Create(ctx context.Context, e Evaluation) (Evaluation, error)
	List(ctx context.Context, r page.Request) (page.Of[Evaluation], error)
	Get(ctx context.Context, id int64) (Evaluation, error)
	// Delete removes an evaluation with its results and runs; a run that is
	// under way ends.
	Delete(ctx context.Context, id int64) error
	// AddResult records a score for a version.
	AddResult(ctx context.Context, evaluationID int64, r Result) (Result, error)
	// Results gives the scores of an evaluation, newest first.
	Results(ctx context.Context, evaluationID int64, f ResultFilter, r page.Request) (page.Of[Result], error)
}

// Datasets keeps rows to evaluate on.
type Datasets interface {
	// CreateDataset keeps a dataset with its rows, all or nothing. More than
	// MaxRows or MaxDatasetBytes: ErrBadRequest.
	CreateDataset(ctx context.Context, name string, rows []Row) (Dataset, error)
	Datasets(ctx context.Context, r page.Request) (page.Of[Dataset], error)
	// Dataset gives one with its schema and a preview.
	Dataset(ctx context.Context, id int64) (DatasetDetail, error)
	// DatasetRows gives rows in their order.
	DatasetRows(ctx context.Context, id int64, r page.Request) (page.Of[Row], error)
	// DeleteDataset removes a dataset. A run that uses it fails with that
	// reason.
	DeleteDataset(ctx context.Context, id int64) error
	// AddRowsFromRuns appends a row for each logged workflow run that has an
	// input, and tells how many: input is the run's, expectedOutput the run's
	// output. A run or trace that does not exist is ErrNotFound, too many rows
	// are ErrBadRequest; nothing was added then.
	AddRowsFromRuns(ctx context.Context, id int64, s RunSelection) (int, error)
}

// Files moves datasets in and out as files; see [Format].
type Files interface {
	// ImportDataset keeps the rows of a file as a new dataset, all or nothing.
	// What is wrong with the file is ErrValidation with the numbers of the
	// lines; more than MaxRows or MaxDatasetBytes is ErrBadRequest.
	ImportDataset(ctx context.Context, name string, f Format, r io.Reader) (Dataset, error)
	// ExportDataset writes a dataset as a file. After an error what was written
	// is not the whole file.
	ExportDataset(ctx context.Context, id int64, f Format, w io.Writer) error
}

// Runs executes evaluations. Unknown evaluations, datasets and runs are
// ErrNotFound.
type Runs interface {
	// StartRun queues a run and returns at once. A spent budget is
	// ErrBadRequest with details code BUDGET_EXCEEDED; an unknown provider is
	// ErrBadRequest.
	StartRun(ctx context.Context, evaluationID int64, s RunSpec) (Run, error)
	// Runs gives runs, newest first.
	Runs(ctx context.Context, evaluationID int64, r page.Request) (page.Of[Run], error)
	// GetRun gives a run with its progress.
	GetRun(ctx context.Context, evaluationID, runID int64) (Run, error)
	// RunRows gives what is known of each row, in the dataset's order.
	RunRows(ctx context.Context, evaluationID, runID int64, r page.Request) (page.Of[RowResult], error)
	// CancelRun ends a run soon; rows that are done stay. A run that has ended
	// already is left as it is.
	CancelRun(ctx context.Context, evaluationID, runID int64) (Run, error)
	// CompareRuns sets run b against run a, row by row.
	CompareRuns(ctx context.Context, evaluationID, a, b int64, r page.Request) (Comparison, error)
}
