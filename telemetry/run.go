package telemetry

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// RunStatus is the state of a workflow run.
type RunStatus string

// The states of a run.
const (
	RunRunning   RunStatus = "running"
	RunCompleted RunStatus = "completed"
	RunFailed    RunStatus = "failed"
)

// Run is one execution of a workflow.
type Run struct {
	// ID is a UUID; the store makes one if it is empty.
	ID string `json:"run_id"`
	// WorkflowName is 1 to 128 characters.
	WorkflowName string `json:"workflow_name"`
	// Status defaults to RunRunning.
	Status RunStatus `json:"status"`
	// Input and Output are JSON objects.
	Input     json.RawMessage `json:"input"`
	Output    json.RawMessage `json:"output"`
	TraceID   *string         `json:"trace_id"`
	Metadata  Metadata        `json:"metadata"`
	CreatedAt timestamp.Time  `json:"created_at"`
	UpdatedAt timestamp.Time  `json:"updated_at"`
}

// RunUpdate changes a run; nil fields stay as they are. Metadata members
// replace those of the same key.
type RunUpdate struct {
	Status   *RunStatus      `json:"status"`
	Output   json.RawMessage `json:"output"`
	Metadata Metadata        `json:"metadata"`
}

// RunFilter narrows a list of runs. Empty fields let everything through.
type RunFilter struct {
	Status       RunStatus
	WorkflowName string
	TraceID      string
}
