package telemetry

import (
	"fmt"
	"log/slog"
	"time"
)

// Observer hears of what was recorded, once it is durable: of each thing once,
// whichever way it came, and not again when a request is repeated under its
// Idempotency-Key. A process that dies between the two has recorded what its
// observers never hear of.
//
// An observer is called by whoever writes, so it must return at once: it puts
// what it hears into a bounded queue of its own and drops what does not fit.
// Nothing that it does can fail what was recorded. What it is given is shared
// with others and must not be changed.
type Observer interface {
	// Logged hears of model calls. Those of a workspace come in the order of
	// their ids; calls FromOTLP do among themselves.
	Logged(logs []Recorded)
	// TraceOpened hears of a trace.
	TraceOpened(s Source, t Trace)
	// SpansAdded hears of spans that were added to a trace; some or all of them
	// may have ended, see [Span.Ended].
	SpansAdded(s Source, spans []Span)
	// SpanChanged hears of a span as it is after a change. Ended tells that it
	// is this change that ended it.
	SpanChanged(s Source, span Span, ended bool)
}

// Origin says how something came to be recorded.
type Origin string

// The origins.
const (
	// FromCaller is the API, or a program that embeds the library.
	FromCaller Origin = "caller"
	// FromModelCall is a model call that this program made: the playground's, or
	// an evaluation run's.
	FromModelCall Origin = "model_call"
	// FromOTLP is what another program's OpenTelemetry exporter sent. Whoever
	// exports what it hears must leave it out, or mark it: it may come back.
	FromOTLP Origin = "otlp"
)

// Source is where something was recorded.
type Source struct {
	Workspace string
	Origin    Origin
}

// Recorded is a log as it is stored, with what is known beside it.
type Recorded struct {
	Log Log
	// At is when it was recorded, to the microsecond.
	At     time.Time
	Origin Origin
	// Exchange is what was said; nil unless Origin is FromModelCall.
	Exchange *Exchange
}

// Exchange is what one of our own model calls said and heard. It is not stored.
type Exchange struct {
	// Input is what the model read, Output what it answered; a call that failed
	// has no output.
	Input, Output []Turn
	// ResponseID and ResponseModel are the provider's; empty if it did not tell.
	ResponseID, ResponseModel string
	FinishReason              string
	Temperature, TopP         *float64
	MaxTokens                 *int64
}

// Turn is one message of an exchange.
type Turn struct {
	Role, Content string
	ToolCalls     []ToolCall
	// ToolCallID names the call that a tool's message answers.
	ToolCallID string
}

// ToolCall is a call of a function that a model asked for. Arguments is JSON as
// the model wrote it.
type ToolCall struct{ ID, Name, Arguments string }

// Ended tells whether a span is over: it has an end, or an outcome.
func (s Span) Ended() bool {
	return s.EndTime != nil || s.Status == SpanOK || s.Status == SpanError
}

// Observers tell each of several what they hear. One that panics is silenced
// for that call and reported to the logger.
func Observers(logger *slog.Logger, all ...Observer) Observer {
	return observers{log: logger, all: all}
}

type observers struct {
	log *slog.Logger
	all []Observer
}

var _ Observer = observers{}

func (o observers) each(tell func(Observer)) {
	for _, observer := range o.all {
		o.shielded(observer, tell)
	}
}

// shielded keeps the fault of an observer from the goroutine that writes for
// everybody.
func (o observers) shielded(observer Observer, tell func(Observer)) {
	defer func() {
		if fault := recover(); fault != nil {
			o.log.Error("an observer of telemetry panicked", "observer", fmt.Sprintf("%T", observer), "panic", fault)
		}
	}()
	tell(observer)
}

// Logged implements [Observer].
func (o observers) Logged(logs []Recorded) { o.each(func(one Observer) { one.Logged(logs) }) }

// TraceOpened implements [Observer].
func (o observers) TraceOpened(s Source, t Trace) {
	o.each(func(one Observer) { one.TraceOpened(s, t) })
}

// SpansAdded implements [Observer].
func (o observers) SpansAdded(s Source, spans []Span) {
	o.each(func(one Observer) { one.SpansAdded(s, spans) })
}

// SpanChanged implements [Observer].
func (o observers) SpanChanged(s Source, span Span, ended bool) {
	o.each(func(one Observer) { one.SpanChanged(s, span, ended) })
}
