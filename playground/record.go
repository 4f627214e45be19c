package playground

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// recordTimeout bounds the record of a call whose caller is gone.
const recordTimeout = 10 * time.Second

// ongoing is a call that has begun.
type ongoing struct {
	service  *Service
	request  Request
	provider Provider
	call     Call
	began    time.Time
	// acknowledged is the action that the audit log gets even if the call fails
	// from now on: its caller has seen that it succeeded so far.
	acknowledged string
	// said is what a stream has given so far, if anybody wants to hear it.
	said      strings.Builder
	toolCalls []ToolCall
}

// hear keeps a part of a stream for observers.
func (o *ongoing) hear(p Part) {
	if !o.service.playground.heard {
		return
	}
	o.said.WriteString(p.Content)
	if p.ToolCall != nil {
		o.toolCalls = append(o.toolCalls, *p.ToolCall)
	}
}

// exchange is the call with what was answered; nil for a call that failed.
func (o *ongoing) exchange(r *Reply) *telemetry.Exchange {
	if !o.service.playground.heard {
		return nil
	}
	e := &telemetry.Exchange{Temperature: o.call.Temperature, TopP: o.call.TopP, MaxTokens: o.call.MaxTokens}
	for _, m := range o.call.Messages {
		e.Input = append(e.Input, turn(m))
	}
	if r != nil {
		e.ResponseID, e.ResponseModel, e.FinishReason = r.ID, r.Model, r.FinishReason
		e.Output = []telemetry.Turn{turn(Message{Role: Assistant, Content: r.Output, ToolCalls: r.ToolCalls})}
	}
	return e
}

func turn(m Message) telemetry.Turn {
	t := telemetry.Turn{Role: string(m.Role), Content: m.Content, ToolCallID: m.ToolCallID}
	for _, c := range m.ToolCalls {
		t.ToolCalls = append(t.ToolCalls, telemetry.ToolCall(c))
	}
	return t
}

// begin does everything that may refuse a call before it costs anything.
func (s *Service) begin(ctx context.Context, q Request, call Call) (*ongoing, error) {
	provider, err := s.playground.Provider(q.Provider)
	if err != nil {
		return nil, err
	}
	if s.scope.Guard != nil {
		if err := s.scope.Guard.Check(ctx, call.texts()); err != nil {
			return nil, err
		}
	}
	if err := s.scope.Budget.Check(ctx); err != nil {
		return nil, err
	}
	return &ongoing{service: s, request: q, provider: provider, call: call, began: s.playground.now()}, nil
}

// log is the record of the call as far as it is known before the answer.
func (o *ongoing) log() telemetry.Log {
	latency := max(0, o.service.playground.now().Sub(o.began).Milliseconds())
	return telemetry.Log{
		PromptName: cmp.Or(o.request.PromptName, "playground"), VersionTag: cmp.Or(o.request.VersionTag, "latest"),
		Provider: &o.request.Provider, Model: &o.request.Model, LatencyMS: &latency,
	}
}

// record logs an answered call; what was answered and cannot be logged is not
// acknowledged.
func (o *ongoing) record(ctx context.Context, action string, r Reply) (telemetry.Log, error) {
	// The call is made and paid for: it is logged even if its caller goes away
	// now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	l := o.log()
	o.count("")
	l.TokensIn, l.TokensOut, l.Status = r.Usage.TokensIn, r.Usage.TokensOut, telemetry.OK
	l.Metadata = members("finish_reason", r.FinishReason)
	return o.service.scope.Recorder.RecordCall(ctx, telemetry.Call{Action: action, Exchange: o.exchange(&r)}, l)
}

// failed logs a call that the provider did not answer and gives the error to
// answer with.
func (o *ongoing) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		o.left(ctx)
		return err
	}
	o.fault(ctx, string(pmerr.From(err).Code))
	return err
}

// left logs a call whose caller went away.
func (o *ongoing) left(ctx context.Context) {
	code := "CANCELLED"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code = string(pmerr.Timeout)
	}
	o.fault(ctx, code)
}

// fault logs a failure. That it could not be logged does not matter more than
// the failure itself.
func (o *ongoing) fault(ctx context.Context, code string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	l := o.log()
	o.count(code)
	l.Status, l.ErrorCode = telemetry.Failed, &code
	if _, err := o.service.scope.Recorder.RecordCall(ctx, telemetry.Call{Action: o.acknowledged, Exchange: o.exchange(nil)}, l); err != nil {
		o.service.playground.catalog.log.ErrorContext(ctx, "a failed model call could not be logged", "provider", o.request.Provider, "error", err)
	}
}

// finish logs a stream that came to its end, then says so.
func (o *ongoing) finish(ctx context.Context, last Part, yield func(Event, error) bool) {
	l, err := o.record(ctx, actionStream, Reply{
		ID: last.ID, Model: last.Model, Output: o.said.String(), ToolCalls: o.toolCalls, Usage: last.Usage, FinishReason: last.FinishReason,
	})
	if err != nil {
		yield(Event{}, err)
		return
	}
	if yield(Event{Type: EventMetrics, TokensIn: l.TokensIn, TokensOut: l.TokensOut, LatencyMS: *l.LatencyMS, CostUSD: l.CostUSD}, nil) {
		yield(Event{Type: EventDone, FinishReason: last.FinishReason}, nil)
	}
}

// members makes metadata of one text.
func members(key, value string) telemetry.Metadata {
	if value == "" {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil || len(text) > 1024 {
		return nil
	}
	return telemetry.Metadata{key: text}
}
