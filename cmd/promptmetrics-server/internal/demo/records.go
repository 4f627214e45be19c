package demo

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// calls is how many model calls are logged.
const calls = 400

// use is how a version is called, and how often next to the others.
type use struct {
	prompt, version, provider, model string
	weight                           int
	in, out                          int64
	latency                          float64 // median, milliseconds
}

func uses() []use {
	return []use{
		{supportReply, "1.0.0", "openai", "gpt-4o-mini", 2, 420, 130, 900},
		{supportReply, "1.1.0", "openai", "gpt-4o-mini", 8, 470, 120, 880},
		{supportReply, "2.0.0-beta.1", "openai", "gpt-4o", 2, 690, 140, 1600},
		{ticketSummary, "1.0.1", "anthropic", "claude-3-5-haiku-20241022", 5, 2100, 210, 1900},
		{sqlAssistant, "1.0.0", "openai", "gpt-4o", 3, 1300, 90, 1200},
		{sqlAssistant, "1.1.0", "openai", "gpt-4o", 1, 1350, 80, 1150},
		{productHeadline, "1.0.0", "openai", "gpt-4o-mini", 2, 60, 110, 700},
	}
}

// calls makes logs of model calls; about one in forty fails.
func (s *seeder) calls(n int) []telemetry.Log {
	var deck []use
	for _, u := range uses() {
		for range u.weight {
			deck = append(deck, u)
		}
	}
	logs := make([]telemetry.Log, n)
	for i := range logs {
		// The first is of the prompt by which the demo finds its logs again.
		u := deck[0]
		if i > 0 {
			u = deck[s.random.IntN(len(deck))]
		}
		logs[i] = s.call(u)
	}
	return logs
}

func (s *seeder) call(u use) telemetry.Log {
	around := func(n int64) *int64 {
		v := int64(float64(n) * (0.6 + 0.8*s.random.Float64()))
		return &v
	}
	// Latencies have a long tail.
	latency := int64(u.latency * math.Exp(0.45*s.random.NormFloat64()))
	ok := 200
	l := telemetry.Log{
		PromptName: u.prompt, VersionTag: u.version, Provider: &u.provider, Model: &u.model,
		TokensIn: around(u.in), TokensOut: around(u.out), LatencyMS: &latency, HTTPStatus: &ok,
		Metadata: object(mark, marked, "environment", "production"),
	}
	if s.random.IntN(40) == 0 {
		failed, code, none := 529, "overloaded", int64(0)
		l.HTTPStatus, l.ErrorCode, l.TokensOut, l.Status = &failed, &code, &none, telemetry.Failed
	}
	return l
}

// agent is a trace with its spans.
type agent struct {
	trace telemetry.Trace
	spans []telemetry.Span
}

const agents = 6

// id makes ids that are the same each time, and visibly of the demo.
func id(kind, n, part int) string {
	return fmt.Sprintf("0de30000-%04d-4000-8000-%06d%06d", kind, n, part)
}

const (
	traceID = iota + 1
	spanID
	runID
)

// agents makes traces of an agent that fetches a prompt, searches, asks a model
// and checks the answer.
func (s *seeder) agents() []agent {
	all := make([]agent, agents)
	for i := range all {
		name, version := supportReply, "1.1.0"
		trace := telemetry.Trace{
			ID: id(traceID, i, 0), PromptName: &name, VersionTag: &version,
			Metadata: object(mark, marked, "session", fmt.Sprintf("s-%03d", 100+i)),
		}
		all[i] = agent{trace, s.steps(i, s.now.Add(-time.Duration(agents-i)*time.Minute))}
	}
	return all
}

func (s *seeder) steps(n int, begin time.Time) []telemetry.Span {
	start, root := begin.UnixMilli(), id(spanID, n, 0)
	at := start
	var spans []telemetry.Span
	for i, step := range []struct {
		name string
		ms   int64
	}{{"fetch-prompt", 4}, {"search-orders", 60}, {"call-model", 900}, {"check-reply", 30}} {
		from, to := at, at+step.ms/2+s.random.Int64N(step.ms)
		status := telemetry.SpanOK
		if n == agents-1 && step.name == "check-reply" {
			status = telemetry.SpanError
		}
		spans = append(spans, telemetry.Span{
			ID: id(spanID, n, i+1), ParentID: &root, Name: step.name, Status: status, StartTime: &from, EndTime: &to,
		})
		at = to
	}
	status := telemetry.SpanOK
	if n == agents-1 {
		status = telemetry.SpanError
	}
	whole := telemetry.Span{ID: root, Name: "answer-customer", Status: status, StartTime: &start, EndTime: &at}
	return append([]telemetry.Span{whole}, spans...)
}

// workflows makes runs in each state; the first ones belong to traces.
func (s *seeder) workflows() []telemetry.Run {
	states := []telemetry.RunStatus{
		telemetry.RunCompleted, telemetry.RunCompleted, telemetry.RunCompleted, telemetry.RunFailed,
		telemetry.RunCompleted, telemetry.RunRunning, telemetry.RunCompleted, telemetry.RunCompleted,
	}
	products := []string{"wool socks", "desk lamp", "tent for two", "tea kettle", "city bike", "notebook", "headphones", "rain coat"}
	runs := make([]telemetry.Run, len(states))
	for i, state := range states {
		runs[i] = telemetry.Run{
			ID: id(runID, i, 0), WorkflowName: "headline-agent", Status: state,
			Input: raw(map[string]any{"product": products[i]}), Metadata: object(mark, marked),
		}
		switch state {
		case telemetry.RunCompleted:
			runs[i].Output = raw(map[string]any{"headline": "A " + products[i] + " for every day"})
		case telemetry.RunFailed:
			runs[i].Output = raw(map[string]any{"error": "the model was overloaded"})
		case telemetry.RunRunning:
		}
		if i < agents {
			trace := id(traceID, i, 0)
			runs[i].TraceID = &trace
		}
	}
	return runs
}

// object makes metadata of pairs of texts.
func object(pairs ...string) telemetry.Metadata {
	m := telemetry.Metadata{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = raw(pairs[i+1])
	}
	return m
}

// raw writes texts and maps of texts, which cannot fail.
func raw(v any) json.RawMessage {
	data, _ := json.Marshal(v)
	return data
}
