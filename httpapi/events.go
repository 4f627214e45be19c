package httpapi

import (
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// late is an answer that may have taken longer than the server allows for a
// whole answer.
type late[T any] struct{ value T }

func (l late[T]) answer(x *exchange) error {
	x.extendDeadline()
	return x.json(http.StatusOK, l.value)
}

// schema is of the value, for the document.
func (late[T]) schema() reflect.Type { return reflect.TypeFor[T]() }

// eventStream answers with a line of JSON for each event, sent at once.
type eventStream struct {
	events iter.Seq2[playground.Event, error]
}

// The lines of a stream. Each has all members of its type, those that are zero
// or null too.
type (
	tokenLine struct {
		Type    playground.EventType `json:"type"`
		Content string               `json:"content"`
	}
	metricsLine struct {
		Type      playground.EventType `json:"type"`
		TokensIn  *int64               `json:"tokensIn"`
		TokensOut *int64               `json:"tokensOut"`
		LatencyMS int64                `json:"latencyMs"`
		CostUSD   *float64             `json:"costUsd"`
	}
	doneLine struct {
		Type         playground.EventType `json:"type"`
		FinishReason string               `json:"finishReason"`
	}
	// failedLine ends a stream that has begun.
	failedLine struct {
		Type    string     `json:"type"`
		Message string     `json:"message"`
		Code    pmerr.Code `json:"code"`
	}
)

// lineOf is the line of an event.
func lineOf(e playground.Event) any {
	switch e.Type {
	case playground.EventToken:
		return tokenLine{e.Type, e.Content}
	case playground.EventMetrics:
		return metricsLine{e.Type, e.TokensIn, e.TokensOut, e.LatencyMS, e.CostUSD}
	case playground.EventDone:
		return doneLine{e.Type, e.FinishReason}
	case playground.EventToolCall:
	}
	return e
}

func (s eventStream) answer(x *exchange) error {
	lines := json.NewEncoder(x)
	lines.SetEscapeHTML(false)
	for event, err := range s.events {
		if err != nil && x.status == 0 {
			return err // nothing was answered yet: an ordinary error
		}
		if x.status == 0 {
			x.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
			x.Header().Set("Cache-Control", "no-store")
			// Proxies that gather answers would hold the tokens back.
			x.Header().Set("X-Accel-Buffering", "no")
			x.WriteHeader(http.StatusOK)
		}
		if err != nil {
			e := known(err)
			x.report(e, err)
			v := enclose(e, x.id)
			s.send(x, lines, failedLine{Type: "error", Message: v.Error, Code: v.Code})
			return nil
		}
		if !s.send(x, lines, lineOf(event)) {
			return nil
		}
	}
	return nil
}

// send writes a line and flushes it. It returns false when nobody reads any
// more.
func (s eventStream) send(x *exchange, lines *json.Encoder, v any) bool {
	x.extendDeadline()
	if err := lines.Encode(v); err != nil {
		return false
	}
	err := http.NewResponseController(x).Flush()
	// A writer that a host has wrapped may gather by itself.
	return err == nil || errors.Is(err, http.ErrNotSupported)
}

// ndjsonContent documents a stream of events.
func ndjsonContent(a *api) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/x-ndjson": {Schema: a.schemaOf(reflect.TypeFor[playground.Event]())}}
}
