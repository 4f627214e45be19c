package eval

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Evaluation says how versions of a prompt are judged.
type Evaluation struct {
	// ID, Workspace and CreatedAt are set by the store.
	ID        int64          `json:"id"`
	Workspace string         `json:"workspace_id"`
	CreatedAt timestamp.Time `json:"created_at"`
	// Name and PromptName are 1 to 128 characters, VersionTag at most 64,
	// Description at most 1,024. Empty optional texts are nil.
	Name        string  `json:"name"`
	PromptName  string  `json:"prompt_name"`
	VersionTag  *string `json:"version_tag"`
	Description *string `json:"description"`
	// Criteria are the rules; nil scores nothing by itself.
	Criteria *Criteria `json:"criteria"`
}

// Criteria are weighted rules and the score that passes. A member that it does
// not know is kept in Extra.
type Criteria struct {
	// MinScore is 0 to 1: a row, and a run, of at least this score has passed.
	// Without it a row has passed if every rule has, and a run if every row has.
	MinScore *float64                   `json:"min_score,omitempty"`
	Rules    []Rule                     `json:"rules,omitempty"`
	Extra    map[string]json.RawMessage `json:"-"`
}

// Rule is one scorer with its configuration.
type Rule struct {
	// Type names the scorer, such as "regex".
	Type string `json:"type"`
	// Name tells rules of one type apart; default the type, numbered where it
	// comes twice.
	Name   string          `json:"name,omitempty"`
	Config json.RawMessage `json:"config,omitempty"`
	// Weight of the rule in the row's score, more than 0; default 1.
	Weight *float64 `json:"weight,omitempty"`
}

// Result is a score that somebody, or a run, gave to a version.
type Result struct {
	ID           int64 `json:"id"`
	EvaluationID int64 `json:"evaluation_id"`
	// RunID is free text of at most 128 characters: a workflow run, an
	// evaluation run, a test case.
	RunID *string `json:"run_id"`
	// Score is at least 0.
	Score float64 `json:"score"`
	// VersionTag defaults to the evaluation's.
	VersionTag *string                    `json:"version_tag"`
	Metadata   map[string]json.RawMessage `json:"metadata"`
	CreatedAt  timestamp.Time             `json:"created_at"`
}

// RowIDMember is the member of a result's metadata that names the dataset's
// row, as an integer of at least 1. Results of several versions can be paired
// by it.
const RowIDMember = "row_id"

// Score is a result as statistics read it.
type Score struct {
	// RunID is what the result was recorded with.
	RunID *string
	// RowID is the dataset's row, if the metadata named one; see [RowIDMember].
	RowID *int64
	Score float64
}

// ResultFilter narrows a list of results. Empty lets everything through.
type ResultFilter struct{ VersionTag string }
