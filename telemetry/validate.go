package telemetry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of fields, in characters but for counts.
const (
	maxPromptName   = 128
	maxVersionTag   = 64
	maxProvider     = 64
	maxModel        = 128
	maxErrorCode    = 256
	maxReference    = 128
	maxKeepAlive    = 16
	maxSpanName     = 256
	maxWorkflowName = 128
	maxMembers      = 50
	maxMemberKey    = 128
	maxMemberText   = 1024

	// MaxBatch is how many logs or spans one call records.
	MaxBatch = 1000
)

// faults collects what is wrong with an input, each by the name of its field
// behind a prefix such as "logs[3].".
type faults struct {
	prefix string
	list   []string
}

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		f.list = append(f.list, f.prefix+fmt.Sprintf(format, args...))
	}
}

func (f *faults) err() error {
	if f.list == nil {
		return nil
	}
	return pmerr.Invalid(f.list...)
}

// text checks the length of a text and that every database can store it.
func (f *faults) text(field, s string, low, high int) {
	if !storable(s) {
		f.check(false, "%s must be UTF-8 without NUL", field)
		return
	}
	n := utf8.RuneCountInString(s)
	if low > 0 {
		f.check(n >= low && n <= high, "%s is required and must be at most %d characters", field, high)
	} else {
		f.check(n <= high, "%s must be at most %d characters", field, high)
	}
}

func (f *faults) optional(field string, s *string, high int) {
	if s != nil {
		f.text(field, *s, 0, high)
	}
}

func (f *faults) atLeastZero(field string, n *int64) {
	f.check(n == nil || *n >= 0, "%s must be an integer of at least 0", field)
}

func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// metadata checks the members of free data.
func (f *faults) metadata(m Metadata) {
	f.check(len(m) <= maxMembers, "metadata must have at most %d keys", maxMembers)
	if len(m) > maxMembers {
		return
	}
	for key, raw := range m {
		f.check(storable(key) && utf8.RuneCountInString(key) <= maxMemberKey, "metadata keys must be at most %d characters", maxMemberKey)
		f.json("metadata."+key, raw, maxMemberText)
	}
}

// json checks free JSON data: that it can be stored and read back, and that no
// text in it is longer than high characters.
func (f *faults) json(field string, raw json.RawMessage, high int) {
	if fault := jsontext.Fault(raw, high); fault != "" {
		f.check(false, "%s %s", field, fault)
	}
}

func (f *faults) object(field string, raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	f.check(jsontext.Kind(raw) == '{', "%s must be an object", field)
	f.json(field, raw, 0)
}

func (f *faults) uuid(field, id string) {
	f.check(isUUID(id), "%s must be a UUID", field)
}

// isUUID accepts the usual form with hyphens only.
func isUUID(id string) bool { return len(id) == 36 && uuid.Validate(id) == nil }

// isSpanID accepts a UUID, or the 16 hexadecimal digits of OpenTelemetry.
func isSpanID(id string) bool {
	if len(id) != 16 {
		return isUUID(id)
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
}

func (f *faults) log(l *Log) {
	f.text("prompt_name", l.PromptName, 1, maxPromptName)
	f.text("version_tag", l.VersionTag, 1, maxVersionTag)
	f.optional("provider", l.Provider, maxProvider)
	f.optional("model", l.Model, maxModel)
	f.atLeastZero("tokens_in", l.TokensIn)
	f.atLeastZero("tokens_out", l.TokensOut)
	f.atLeastZero("latency_ms", l.LatencyMS)
	f.check(l.CostUSD == nil || (*l.CostUSD >= 0 && *l.CostUSD <= maxCost), "cost_usd must be a number from 0 to %d", int64(maxCost))
	f.check(slices.Contains([]Status{"", OK, Failed}, l.Status), "status must be ok or error")
	f.optional("error_code", l.ErrorCode, maxErrorCode)
	f.check(l.HTTPStatus == nil || (*l.HTTPStatus >= 0 && *l.HTTPStatus <= 999), "http_status must be an integer from 0 to 999")
	f.optional("run_id", l.RunID, maxReference)
	f.optional("trace_id", l.TraceID, maxReference)
	f.object("ollama_options", l.OllamaOptions)
	f.optional("ollama_keep_alive", l.OllamaKeepAlive, maxKeepAlive)
	if len(l.OllamaFormat) > 0 {
		kind := jsontext.Kind(l.OllamaFormat)
		f.check(kind == '"' || kind == '{', "ollama_format must be a string or an object")
		f.json("ollama_format", l.OllamaFormat, 0)
	}
	f.metadata(l.Metadata)
}

// maxCost keeps sums finite: no call costs a billion dollars.
const maxCost = 1e9

func (f *faults) trace(t *Trace) {
	f.uuid("trace_id", t.ID)
	f.optional("prompt_name", t.PromptName, maxPromptName)
	f.optional("version_tag", t.VersionTag, maxVersionTag)
	f.metadata(t.Metadata)
}

func (f *faults) span(s *Span) {
	f.check(isSpanID(s.ID), "span_id must be a UUID")
	f.check(s.ParentID == nil || isSpanID(*s.ParentID), "parent_id must be a UUID")
	f.text("name", s.Name, 1, maxSpanName)
	f.check(validSpanStatus(s.Status), "status must be one of unset, ok, error, running")
	f.interval(s)
	f.metadata(s.Metadata)
}

func (f *faults) interval(s *Span) {
	f.atLeastZero("start_time", s.StartTime)
	f.atLeastZero("end_time", s.EndTime)
	f.check(s.StartTime == nil || s.EndTime == nil || *s.EndTime >= *s.StartTime, "end_time must not be before start_time")
}

func validSpanStatus(s SpanStatus) bool {
	return slices.Contains([]SpanStatus{SpanUnset, SpanOK, SpanError, SpanRunning}, s)
}

func (f *faults) run(r *Run) {
	f.uuid("run_id", r.ID)
	f.text("workflow_name", r.WorkflowName, 1, maxWorkflowName)
	f.check(validRunStatus(r.Status), "status must be one of running, completed, failed")
	f.object("input", r.Input)
	f.object("output", r.Output)
	if r.TraceID != nil {
		f.uuid("trace_id", *r.TraceID)
	}
	f.metadata(r.Metadata)
}

func validRunStatus(s RunStatus) bool {
	return slices.Contains([]RunStatus{RunRunning, RunCompleted, RunFailed}, s)
}
