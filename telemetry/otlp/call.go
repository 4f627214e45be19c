package otlp

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func hexText(id []byte) string { return clip(hex.EncodeToString(id), maxText) }

// log is the row that a model call becomes. What was said stays with the span.
func (f *facts) log(s *telemetry.IngestedSpan, doing, fault string, at *origin) *telemetry.Log {
	name, version := f.text(promptName, maxPrompt), f.text(promptVersion, maxVersion)
	l := &telemetry.Log{
		PromptName: cmp.Or(name, NoPrompt), VersionTag: cmp.Or(version, NoVersion),
		Provider: optional(f.provider()), Model: optional(f.model()), CostUSD: f.cost(),
		Status: telemetry.OK, TraceID: &s.TraceID,
	}
	l.TokensIn, l.TokensOut = f.tokens()
	if s.StartTime != nil && s.EndTime != nil {
		// Of nanoseconds, since two roundings would be off by one.
		took := int64((max(f.span.End, f.span.Start) - f.span.Start) / nanosPerMilli)
		l.LatencyMS = &took
	}
	if f.has(httpStatus) {
		status := int(f.found[httpStatus].value.whole)
		l.HTTPStatus = &status
	}
	if s.Status == telemetry.SpanError || fault != "" {
		l.Status, l.ErrorCode = telemetry.Failed, optional(fault)
	}
	m := members{}
	f.understood(m, doing, "")
	for _, column := range []string{"provider", "model", "tokens_in", "tokens_out", "cost_usd", "cost_source", "prompt_name", "version_tag"} {
		delete(m, column)
	}
	if m["finish_reasons"] != nil && len(m["finish_reasons"]) > maxText {
		delete(m, "finish_reasons") // the span has them
	}
	m.text("span_id", s.ID)
	if s.ParentID != nil {
		m.text("parent_id", *s.ParentID)
	}
	m.text("service_name", at.service)
	m.text("source", "otlp")
	l.Metadata = telemetry.Metadata(m)
	return l
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// failure is what kind of error a span ended with, "" if with none that says so.
func (f *facts) failure() string {
	if f.has(errorType) {
		return f.text(errorType, maxError)
	}
	if f.span.StatusCode != statusError {
		return ""
	}
	for i := range f.span.Events {
		if e := &f.span.Events[i]; e.Name == "exception" {
			if v, found := e.get("exception.type"); found {
				return clip(v.string(), maxError)
			}
		}
	}
	return ""
}

// trace notes what a span tells of its trace. The root tells more.
func (c *conversion) trace(f *facts, s *telemetry.IngestedSpan, named prompt, at *origin) {
	place, known := c.traces[s.TraceID]
	if !known {
		place = len(c.out.Traces)
		c.traces[s.TraceID] = place
		c.out.Traces = append(c.out.Traces, telemetry.Trace{ID: s.TraceID})
	}
	t := &c.out.Traces[place]
	root := s.ParentID == nil
	if named.name != "" && (t.PromptName == nil || root) {
		t.PromptName, t.VersionTag = optional(named.name), optional(named.version)
	}
	m := members{}
	if root {
		m.text("name", s.Name)
	}
	m.text("name", f.text(traceName, maxName))
	m.text("session_id", f.text(session, maxText))
	m.text("user_id", f.text(user, maxText))
	m.text("service_name", at.service)
	m.texts("tags", f.found[tags].value)
	if len(m) == 0 {
		return
	}
	if t.Metadata == nil {
		t.Metadata = telemetry.Metadata{}
	}
	if root || f.has(traceName) {
		maps.Copy(t.Metadata, m)
		return
	}
	for name, raw := range m {
		if t.Metadata[name] == nil {
			t.Metadata[name] = raw
		}
	}
}

// inherit gives calls, and judgements, without a prompt that of the nearest span above them in
// this request that has one: instrumentations make the span of a call, and a
// program can only name the prompt on a span of its own around it.
func (c *conversion) inherit() {
	if len(c.prompts) == 0 {
		return
	}
	parents := make(map[[2]string]string, len(c.out.Spans))
	for i := range c.out.Spans {
		if s := &c.out.Spans[i]; s.ParentID != nil {
			parents[[2]string{s.TraceID, s.ID}] = *s.ParentID
		}
	}
	for i := range c.out.Spans {
		s := &c.out.Spans[i]
		if s.Call == nil && c.judged[i] == nil || s.Metadata["prompt_name"] != nil {
			continue
		}
		at := [2]string{s.TraceID, s.ID}
		for range maxClimb {
			if named, found := c.prompts[at]; found {
				if s.Call != nil {
					s.Call.PromptName, s.Call.VersionTag = named.name, cmp.Or(named.version, NoVersion)
				}
				s.Metadata["prompt_name"] = json.RawMessage(appendText(nil, named.name))
				if named.version != "" {
					s.Metadata["version_tag"] = json.RawMessage(appendText(nil, named.version))
				}
				break
			}
			parent, found := parents[at]
			if !found {
				break
			}
			at[1] = parent
		}
	}
}

// maxClimb is how far above a span its prompt is looked for.
const maxClimb = 64
