package eval

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// RunStatus is the state of a run.
type RunStatus string

// The states of a run.
const (
	RunRunning   RunStatus = "running"
	RunCompleted RunStatus = "completed"
	RunFailed    RunStatus = "failed"
	RunCancelled RunStatus = "cancelled"
)

// RunSpec says what a run executes.
type RunSpec struct {
	// DatasetID; nil runs one row, the prompt with its defaults.
	DatasetID *int64 `json:"dataset_id,omitempty"`
	// VersionTag defaults to the evaluation's, else to what the registry
	// answers without version or label. It is resolved once, at the start.
	VersionTag string `json:"version_tag,omitempty"`
	// Provider and Model answer rows without an output of their own; default
	// the prompt's model_config.
	Provider string `json:"provider,omitempty"`
	Model    string `json:"model,omitempty"`
	// Concurrency is 1 to 64; default 4.
	Concurrency int `json:"concurrency,omitempty"`
	// MaxCostUSD ends the run, as failed, before a call that starts at or over
	// it.
	MaxCostUSD *float64 `json:"max_cost_usd,omitempty"`
}

// Run is one execution of an evaluation.
type Run struct {
	ID           int64     `json:"id"`
	EvaluationID int64     `json:"evaluation_id"`
	DatasetID    *int64    `json:"dataset_id"`
	Status       RunStatus `json:"status"`
	VersionTag   *string   `json:"version_tag"`
	Provider     *string   `json:"provider"`
	Model        *string   `json:"model"`
	Concurrency  int       `json:"concurrency"`
	MaxCostUSD   *float64  `json:"max_cost_usd"`
	// Score is 0 to 1, once completed.
	Score *float64 `json:"score"`
	// Passed tells whether Score reached the criteria's min_score.
	Passed *bool `json:"passed"`
	// Results sums up a completed run, or says why it failed.
	Results *RunResults `json:"results_json"`

	// Done of Total rows have a result. CostUSD is what they cost so far.
	Done    int     `json:"done"`
	Total   int     `json:"total"`
	CostUSD float64 `json:"cost_usd"`
	// ETASeconds is an estimate while it runs.
	ETASeconds *float64 `json:"eta_seconds"`

	CreatedAt   timestamp.Time  `json:"created_at"`
	UpdatedAt   timestamp.Time  `json:"updated_at"`
	CompletedAt *timestamp.Time `json:"completed_at"`
	Workspace   string          `json:"workspace_id"`
}

// RunResults sums up a run.
type RunResults struct {
	// Reason says why a run failed or was cancelled.
	Reason string `json:"reason,omitempty"`
	Rows   int    `json:"rows,omitempty"`
	Passed int    `json:"passed,omitempty"`
	// Errors counts rows that could not be answered or scored; they score 0.
	Errors int      `json:"errors,omitempty"`
	Mean   *float64 `json:"mean,omitempty"`
	// PassRate with its 95 % Wilson interval.
	PassRate      *float64 `json:"pass_rate,omitempty"`
	PassRateLower *float64 `json:"pass_rate_lower,omitempty"`
	PassRateUpper *float64 `json:"pass_rate_upper,omitempty"`
	// RuleMeans is the mean score of each rule by its name.
	RuleMeans    map[string]float64 `json:"rule_means,omitempty"`
	LatencyP50MS *float64           `json:"latency_p50_ms,omitempty"`
	LatencyP95MS *float64           `json:"latency_p95_ms,omitempty"`
	TokensIn     int64              `json:"tokens_in,omitempty"`
	TokensOut    int64              `json:"tokens_out,omitempty"`
	CostUSD      float64            `json:"cost_usd,omitempty"`
	// JudgeKappa is Cohen's kappa of an llm_judge against the human results
	// of the same rows, where there are any.
	JudgeKappa *float64 `json:"judge_kappa,omitempty"`
}

// MarshalJSON leaves out what was not measured: of a run that has failed, or
// was cancelled, there is its reason. What was measured is there, also where it
// is 0.
func (r RunResults) MarshalJSON() ([]byte, error) {
	type plain RunResults
	if r.Rows == 0 {
		return json.Marshal(plain(r))
	}
	return json.Marshal(struct {
		plain
		Passed    int     `json:"passed"`
		Errors    int     `json:"errors"`
		TokensIn  int64   `json:"tokens_in"`
		TokensOut int64   `json:"tokens_out"`
		CostUSD   float64 `json:"cost_usd"`
	}{plain(r), r.Passed, r.Errors, r.TokensIn, r.TokensOut, r.CostUSD})
}

// Source tells where the scored text came from.
type Source string

// The sources of a text.
const (
	Recorded  Source = "recorded" // the row's own output
	FromModel Source = "model"
	Rendered  Source = "rendered" // the last user message
	FromTask  Source = "task"     // the Go function of Service.Run
)

// RowResult is what became of one row.
type RowResult struct {
	// RowID of the dataset; 0 for the single row of a run without one.
	RowID  int64  `json:"row_id"`
	Source Source `json:"source"`
	Output string `json:"output"`
	// Score is the weighted mean of the rules.
	Score  float64   `json:"score"`
	Passed bool      `json:"passed"`
	Rules  []Verdict `json:"rules"`
	// Error says why a row has no output or score; it then scored 0.
	Error     string         `json:"error,omitempty"`
	LatencyMS *int64         `json:"latency_ms"`
	TokensIn  *int64         `json:"tokens_in"`
	TokensOut *int64         `json:"tokens_out"`
	CostUSD   *float64       `json:"cost_usd"`
	CreatedAt timestamp.Time `json:"created_at"`
}

// Verdict is what one rule says of one row.
type Verdict struct {
	// Rule is the rule's name, Type its scorer.
	Rule string `json:"rule"`
	Type string `json:"type"`
	// Score is 0 to 1.
	Score  float64 `json:"score"`
	Passed bool    `json:"passed"`
	Reason string  `json:"reason"`
	// CostUSD is what a judge cost.
	CostUSD *float64 `json:"cost_usd,omitempty"`
}

// Change says how a row of one run compares with the same row of another.
type Change string

// The changes.
const (
	Better Change = "better"
	Worse  Change = "worse"
	Same   Change = "same"
)

// Comparison sets run B against run A on the rows that both have.
type Comparison struct {
	A      Run `json:"a"`
	B      Run `json:"b"`
	Better int `json:"better"`
	Worse  int `json:"worse"`
	Same   int `json:"same"`
	// PValue of the paired t test on the differences B−A; nil if undefined.
	PValue         *float64 `json:"p_value"`
	MeanDifference float64  `json:"mean_difference"`
	// Rows is a page of what differs and what does not, in the dataset's order.
	Rows page.Of[RowComparison] `json:"rows"`
}

// RowComparison is one row in two runs.
type RowComparison struct {
	RowID  int64     `json:"row_id"`
	Change Change    `json:"change"`
	A      RowResult `json:"a"`
	B      RowResult `json:"b"`
}
