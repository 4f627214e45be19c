package telemetry

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Status is the outcome of a model call.
type Status string

// The outcomes of a model call.
const (
	OK     Status = "ok"
	Failed Status = "error"
)

// CostSource says where the cost of a log comes from.
type CostSource string

// The sources of a cost; an unpriced log has none.
const (
	CostFromClient CostSource = "client"
	CostFromTable  CostSource = "table"
)

// Log is the record of one model call. Optional numbers are pointers: nil was
// not given, 0 is zero.
type Log struct {
	// ID, Workspace, CreatedAt and CostSource are set by the store; what a
	// caller puts there is ignored.
	ID        int64          `json:"id"`
	Workspace string         `json:"workspace_id"`
	CreatedAt timestamp.Time `json:"created_at"`

	// PromptName (at most 128 characters) and VersionTag (64) are required.
	PromptName string `json:"prompt_name"`
	VersionTag string `json:"version_tag"`
	// Provider is at most 64 characters, Model 128.
	Provider *string `json:"provider"`
	Model    *string `json:"model"`
	// TokensIn and TokensOut are at least 0.
	TokensIn  *int64 `json:"tokens_in"`
	TokensOut *int64 `json:"tokens_out"`
	// LatencyMS is milliseconds, at least 0.
	LatencyMS *int64 `json:"latency_ms"`
	// CostUSD is US dollars, at least 0. Without it the price table is asked.
	CostUSD    *float64    `json:"cost_usd"`
	CostSource *CostSource `json:"cost_source"`
	// Status defaults to Failed if metadata.error is truthy or HTTPStatus is
	// 500 or more, else to OK.
	Status Status `json:"status"`
	// ErrorCode defaults to metadata.error.code, else to HTTPStatus.
	ErrorCode  *string `json:"error_code"`
	HTTPStatus *int    `json:"http_status"`
	RunID      *string `json:"run_id"`
	TraceID    *string `json:"trace_id"`
	// OllamaOptions is an object, OllamaFormat a string or an object.
	OllamaOptions   json.RawMessage `json:"ollama_options"`
	OllamaKeepAlive *string         `json:"ollama_keep_alive"`
	OllamaFormat    json.RawMessage `json:"ollama_format"`
	// Metadata has at most 50 members with keys of at most 128 characters;
	// strings in it, at any depth, have at most 1,024.
	Metadata Metadata `json:"metadata"`
}

// Metadata is free JSON data by key.
type Metadata map[string]json.RawMessage

// LogFilter narrows a list of logs. Empty fields let everything through.
type LogFilter struct {
	PromptName, VersionTag, Provider, Model string
	Status                                  Status
	TraceID                                 string
	// From is the first second, To the first one that is left out. Zero is
	// unbounded.
	From, To timestamp.Time
	// Metadata keeps logs whose top-level members have these values; numbers
	// and booleans are compared by their JSON text.
	Metadata map[string]string
}
