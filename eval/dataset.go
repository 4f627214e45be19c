package eval

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Bounds of a dataset.
const (
	MaxRows         = 10_000
	MaxDatasetBytes = 10 << 20 // of the rows as JSON
)

// Dataset is a list of rows to evaluate on.
type Dataset struct {
	ID        int64          `json:"id"`
	Name      string         `json:"name"`
	RowCount  int            `json:"row_count"`
	CreatedAt timestamp.Time `json:"created_at"`
}

// DatasetDetail is a dataset with what its rows look like.
type DatasetDetail struct {
	Dataset
	// Schema has the JSON types that each member of input and expectedOutput
	// takes, for example {"input":{"question":["string"]},"expectedOutput":{}};
	// see [Schema].
	Schema json.RawMessage `json:"schema"`
	// Preview holds the first five rows.
	Preview []Row `json:"preview"`
}

// Row is one case. As JSON it is also a line of a JSONL file.
type Row struct {
	// ID is set by the store; it is unique in the workspace.
	ID int64 `json:"id,omitempty"`
	// Input is an object: the variables of the prompt.
	Input json.RawMessage `json:"input"`
	// ExpectedOutput is an object, or nil.
	ExpectedOutput json.RawMessage `json:"expectedOutput,omitempty"`
	// Output is text that was answered already; then no model is called.
	Output *string `json:"output,omitempty"`
}

// RunSelection chooses logged workflow runs.
type RunSelection struct {
	// RunIDs and TraceIDs name runs; with neither, the newest runs of
	// WorkflowName are taken, at most Limit (default and most 1,000).
	RunIDs       []string `json:"run_ids,omitempty"`
	TraceIDs     []string `json:"trace_ids,omitempty"`
	WorkflowName string   `json:"workflow_name,omitempty"`
	Limit        int      `json:"limit,omitempty"`
}
