package otlp

import (
	"cmp"
	"encoding/hex"
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
	if len(m["finish_reasons"]) > maxText {
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
func (c *conversion) trace(f *facts, s *telemetry.IngestedSpan, says circumstances, at *origin) {
	place, known := c.traces[s.TraceID]
	if !known {
		place = len(c.out.Traces)
		c.traces[s.TraceID] = place
		c.out.Traces = append(c.out.Traces, telemetry.Trace{ID: s.TraceID})
	}
	t := &c.out.Traces[place]
	root := s.ParentID == nil
	if says.prompt != "" && (t.PromptName == nil || root) {
		t.PromptName, t.VersionTag = optional(says.prompt), optional(says.version)
	}
	m := members{}
	if root {
		m.text("name", s.Name)
	}
	m.text("name", f.text(traceName, maxName))
	m.text("session_id", says.session)
	m.text("user_id", says.user)
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

// inherit gives calls and judgements what they do not say themselves: the
// prompt, session and user of the nearest span above them in this request that
// names one. Instrumentations make the span of a call, and a program can only
// say such things on a span of its own around it.
func (c *conversion) inherit() {
	if len(c.around) == 0 {
		return
	}
	parents := make(map[[2]string]string, len(c.out.Spans))
	for i := range c.out.Spans {
		if s := &c.out.Spans[i]; s.ParentID != nil {
			parents[keyOf(s)] = *s.ParentID
		}
	}
	for i := range c.out.Spans {
		s := &c.out.Spans[i]
		if s.Call == nil && c.judged[keyOf(s)] == nil {
			continue
		}
		own := c.around[keyOf(s)]
		own.apply(c.above(parents, s, own), s)
	}
}

// above gives what spans above one say, each thing from the nearest.
func (c *conversion) above(parents map[[2]string]string, s *telemetry.IngestedSpan, found circumstances) circumstances {
	at := keyOf(s)
	for range telemetry.MaxClimb {
		parent, known := parents[at]
		if !known || found.prompt != "" && found.session != "" && found.user != "" {
			break
		}
		at[1] = parent
		says := c.around[at]
		if found.prompt == "" {
			found.prompt, found.version = says.prompt, says.version
		}
		found.session, found.user = cmp.Or(found.session, says.session), cmp.Or(found.user, says.user)
	}
	return found
}

// apply writes into a span, and its log, what it did not say itself.
func (own circumstances) apply(full circumstances, s *telemetry.IngestedSpan) {
	span, call := members(s.Metadata), members{}
	if s.Call != nil {
		call = members(s.Call.Metadata)
	}
	if own.prompt == "" && full.prompt != "" {
		span.text("prompt_name", full.prompt)
		span.text("version_tag", full.version)
		if s.Call != nil {
			s.Call.PromptName, s.Call.VersionTag = full.prompt, cmp.Or(full.version, NoVersion)
		}
	}
	if own.session == "" {
		span.text("session_id", full.session)
		call.text("session_id", full.session)
	}
	if own.user == "" {
		span.text("user_id", full.user)
		call.text("user_id", full.user)
	}
}
