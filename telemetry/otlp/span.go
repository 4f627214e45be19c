package otlp

import (
	"encoding/json"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// members builds metadata. What is empty is left out.
type members telemetry.Metadata

func (m members) raw(name string, raw json.RawMessage) {
	if len(raw) > 0 {
		m[name] = raw
	}
}

func (m members) text(name, s string) {
	if s != "" {
		m[name] = appendText(nil, s)
	}
}

func (m members) count(name string, n *int64) {
	if n != nil {
		m[name] = strconv.AppendInt(nil, *n, 10)
	}
}

// exact keeps a number of 64 bits, which readers of JSON would round, as a text.
func (m members) exact(name string, n uint64) {
	if n != 0 {
		m[name] = append(strconv.AppendUint([]byte{'"'}, n, 10), '"')
	}
}

func (m members) texts(name string, v Value) {
	if list := v.texts(); len(list) > 0 {
		m.encoded(name, list)
	}
}

func (m members) encoded(name string, v any) {
	if data, err := json.Marshal(v); err == nil {
		m[name] = data
	}
}

// json gives nil if there are none.
func (m members) json() json.RawMessage {
	if len(m) == 0 {
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil // cannot be: every member is JSON
	}
	return data
}

const nanosPerMilli = 1_000_000

// setTimes keeps milliseconds. An end before the start, which clocks that were
// set in between make, is taken for the start; the metadata has both as given.
func setTimes(out *telemetry.Span, s *Span) {
	if s.Start > 0 {
		start := int64(s.Start / nanosPerMilli)
		out.StartTime = &start
	}
	if s.End > 0 {
		end := int64(max(s.End, s.Start) / nanosPerMilli)
		out.EndTime = &end
	}
}

// inexact tells times that milliseconds do not hold.
func (s *Span) inexact() bool {
	return s.Start%nanosPerMilli != 0 || s.End%nanosPerMilli != 0 || s.End != 0 && s.End < s.Start
}

// metadata is all of a span that has no field of its own: first what is
// understood, by our names, then everything else as it came.
func (f *facts) metadata(out *telemetry.IngestedSpan, h heard, scores []score, doing, fault string, at *origin) telemetry.Metadata {
	m := members{}
	f.understood(m, doing, fault)
	m.text("service_name", at.service)
	for name, means := range map[string]meaning{"input": input, "output": output, "system_instructions": instructions} {
		if m.raw(name, h.content[means]); f.has(means) {
			m.raw(name, f.content(means))
		}
	}
	if len(scores) > 0 {
		m.encoded("scores", scores)
	}
	s := f.span
	if out.Name != s.Name {
		m.text("full_name", s.Name)
	}
	if names := kindNames(); s.Kind > 0 && s.Kind < int64(len(names)) {
		m.text("kind", names[s.Kind])
	}
	if s.StatusCode < 0 || s.StatusCode > statusError {
		m.count("status_code", &s.StatusCode)
	}
	m.text("status_message", s.StatusMessage)
	if s.StatusMessage == "" {
		m.text("status_message", f.found[statusText].value.string())
	}
	if s.inexact() {
		m.exact("start_time_unix_nano", s.Start)
		m.exact("end_time_unix_nano", s.End)
	}
	if out.ParentID == nil && !zero(s.ParentID) {
		m.text("parent_span_id", hexText(s.ParentID))
	}
	m.text("trace_state", s.TraceState)
	m.exact("flags", s.Flags)
	m.raw("attributes", object(s.Attributes, func(i int) bool { return !f.taken(i) }))
	m.raw("events", s.events(h))
	m.raw("links", s.links())
	m.raw("dropped", dropped(map[string]uint64{"attributes": s.DroppedAttributes, "events": s.DroppedEvents, "links": s.DroppedLinks}))
	m.raw("resource", at.resource)
	m.text("resource_schema_url", at.schema)
	m.raw("scope", at.scope)
	return telemetry.Metadata(m)
}

// understood puts what a span says of a model call under our names.
func (f *facts) understood(m members, doing, fault string) {
	m.text("operation", doing)
	m.text("provider", f.provider())
	m.text("model", f.model())
	if asked := f.text(requestModel, maxModel); asked != f.model() {
		m.text("request_model", asked)
	}
	in, out := f.tokens()
	m.count("tokens_in", in)
	m.count("tokens_out", out)
	m.count("total_tokens", f.count(tokensTotal))
	m.count("cache_read_tokens", f.count(cacheRead))
	m.count("cache_write_tokens", f.count(cacheWrite))
	m.count("reasoning_tokens", f.count(reasoning))
	if usd := f.cost(); usd != nil {
		m["cost_usd"] = appendFloat(nil, *usd)
		m.text("cost_source", string(telemetry.CostFromClient))
	}
	m.texts("finish_reasons", f.found[finishReasons].value)
	m.text("response_id", f.text(responseID, maxText))
	m.text("prompt_name", f.text(promptName, maxPrompt))
	m.text("version_tag", f.text(promptVersion, maxVersion))
	m.text("session_id", f.text(session, maxText))
	m.text("user_id", f.text(user, maxText))
	m.text("error_type", fault)
}

func (f *facts) provider() string { return provided(f.text(provider, maxProvider)) }

func (s *Span) events(h heard) json.RawMessage {
	if len(s.Events) == 0 {
		return nil
	}
	list := make([]json.RawMessage, len(s.Events))
	for i := range s.Events {
		e := &s.Events[i]
		var left func(int) bool
		if taken := h.taken[i]; taken != nil {
			left = func(j int) bool { return !taken(e.Attributes[j].Key) }
		}
		m := members{"name": appendText(nil, e.Name)}
		m.exact("time_unix_nano", e.Time)
		m.raw("attributes", object(e.Attributes, left))
		m.exact("dropped_attributes", e.Dropped)
		list[i] = m.json()
	}
	return list2JSON(list)
}

func (s *Span) links() json.RawMessage {
	if len(s.Links) == 0 {
		return nil
	}
	list := make([]json.RawMessage, len(s.Links))
	for i := range s.Links {
		l := &s.Links[i]
		m := members{}
		m.text("trace_id", traceID(l.TraceID))
		m.text("span_id", spanID(l.SpanID))
		if m["trace_id"] == nil {
			m.text("trace_id", hexText(l.TraceID))
		}
		if m["span_id"] == nil {
			m.text("span_id", hexText(l.SpanID))
		}
		m.text("trace_state", l.TraceState)
		m.exact("flags", l.Flags)
		m.raw("attributes", object(l.Attributes, nil))
		m.exact("dropped_attributes", l.Dropped)
		if list[i] = m.json(); list[i] == nil {
			list[i] = json.RawMessage("{}")
		}
	}
	return list2JSON(list)
}

func list2JSON(list []json.RawMessage) json.RawMessage {
	data, err := json.Marshal(list)
	if err != nil {
		return nil // cannot be: every item is JSON
	}
	return data
}

func dropped(counts map[string]uint64) json.RawMessage {
	m := members{}
	for name, n := range counts {
		if n > 0 {
			m[name] = strconv.AppendUint(nil, n, 10)
		}
	}
	return m.json()
}
