package playground

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of a request; texts in characters.
const (
	maxProvider   = 64
	maxModel      = 128
	maxMessages   = 1000
	maxStop       = 16
	maxStopText   = 256
	maxTools      = 128
	maxToolCalls  = 128 // of a message
	maxCallID     = 256
	maxToolName   = 64
	maxPromptName = 128
	maxVersionTag = 64
)

// faults collects what is wrong with a request.
type faults struct{ list []string }

func (f *faults) add(format string, args ...any) {
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		f.add(format, args...)
	}
}

func (f *faults) err() error {
	if f.list == nil {
		return nil
	}
	return pmerr.Invalid(f.list...)
}

func (f *faults) text(field, s string, low, high int) {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		f.add("%s must be UTF-8 without NUL", field)
	case low > 0 && (n < low || n > high):
		f.add("%s is required and must be at most %d characters", field, high)
	case n > high:
		f.add("%s must be at most %d characters", field, high)
	}
}

func (q Request) validate() error {
	var f faults
	f.text("provider", q.Provider, 1, maxProvider)
	f.text("model", q.Model, 1, maxModel)
	f.text("promptName", q.PromptName, 0, maxPromptName)
	f.text("versionTag", q.VersionTag, 0, maxVersionTag)
	f.check(len(q.Messages) >= 1 && len(q.Messages) <= maxMessages, "messages must have 1 to %d items", maxMessages)
	for i, m := range q.Messages[:min(len(q.Messages), maxMessages)] {
		f.message(fmt.Sprintf("messages[%d]", i), m)
	}
	// Written so that NaN fails.
	f.check(q.Temperature == nil || *q.Temperature >= 0 && *q.Temperature <= 2, "temperature must be from 0 to 2")
	f.check(q.TopP == nil || *q.TopP >= 0 && *q.TopP <= 1, "topP must be from 0 to 1")
	f.check(q.MaxTokens == nil || *q.MaxTokens >= 1, "maxTokens must be an integer of at least 1")
	f.check(len(q.Stop) <= maxStop, "stop must have at most %d items", maxStop)
	for i, s := range q.Stop[:min(len(q.Stop), maxStop)] {
		f.text(fmt.Sprintf("stop[%d]", i), s, 1, maxStopText)
	}
	f.tools(q)
	f.check(q.ResponseFormat == nil || string(q.ResponseFormat) == `"json"` || isObject(q.ResponseFormat),
		`responseFormat must be "json" or a JSON schema object`)
	return f.err()
}

func (f *faults) message(field string, m Message) {
	switch m.Role {
	case System, User, Assistant:
		f.check(m.ToolCallID == "", "%s.tool_call_id belongs to messages of the role tool", field)
	case Tool:
		f.check(m.ToolCallID != "", "%s.tool_call_id is required for the role tool", field)
	default:
		f.add("%s.role must be system, user, assistant or tool", field)
	}
	f.check(len(m.ToolCalls) == 0 || m.Role == Assistant, "%s.tool_calls belong to messages of the role assistant", field)
	f.check(len(m.ToolCalls) <= maxToolCalls, "%s.tool_calls must have at most %d items", field, maxToolCalls)
	for i, c := range m.ToolCalls[:min(len(m.ToolCalls), maxToolCalls)] {
		f.text(fmt.Sprintf("%s.tool_calls[%d].id", field, i), c.ID, 1, maxCallID)
		f.text(fmt.Sprintf("%s.tool_calls[%d].name", field, i), c.Name, 1, maxToolName)
		f.check(utf8.ValidString(c.Arguments), "%s.tool_calls[%d].arguments must be UTF-8", field, i)
	}
	f.text(field+".tool_call_id", m.ToolCallID, 0, maxCallID)
	f.check(utf8.ValidString(m.Content), "%s.content must be UTF-8", field)
	f.check(m.Content != "" || len(m.ToolCalls) > 0 || m.Role == Tool, "%s.content is required", field)
	f.text(field+".name", m.Name, 0, maxToolName)
}

func (f *faults) tools(q Request) {
	f.check(len(q.Tools) <= maxTools, "tools must have at most %d items", maxTools)
	named := q.ToolChoice == "" || q.ToolChoice == "auto" || q.ToolChoice == "none" || q.ToolChoice == "required"
	for i, t := range q.Tools[:min(len(q.Tools), maxTools)] {
		f.text(fmt.Sprintf("tools[%d].name", i), t.Name, 1, maxToolName)
		f.check(utf8.ValidString(t.Description), "tools[%d].description must be UTF-8", i)
		f.check(t.Parameters == nil || isObject(t.Parameters), "tools[%d].parameters must be a JSON schema object", i)
		named = named || t.Name == q.ToolChoice
	}
	f.check(named, "toolChoice must be auto, none, required or the name of one of the tools")
}

func isObject(raw json.RawMessage) bool {
	return strings.HasPrefix(strings.TrimSpace(string(raw)), "{") && json.Valid(raw)
}
