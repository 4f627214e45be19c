package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Playground calls models through the server. A call that may have reached the
// provider is never repeated by itself: it costs money.
type Playground struct {
	link    link
	timeout time.Duration
}

var (
	_ playground.Chat      = (*Playground)(nil)
	_ playground.Refresher = (*Playground)(nil)
)

// Models implements [playground.Chat].
func (p *Playground) Models(ctx context.Context, r page.Request) (page.Of[playground.Model], error) {
	return readPage[playground.Model](ctx, p.link, "/v1/playground/models", parameters{}, r)
}

// RefreshModels implements [playground.Refresher]. The key needs the scope
// admin.
func (p *Playground) RefreshModels(ctx context.Context) (playground.Refreshed, error) {
	return read[playground.Refreshed](ctx, p.link, request{
		method: http.MethodPost, path: "/v1/playground/models/refresh", timeout: p.timeout,
	})
}

// Chat implements [playground.Chat].
func (p *Playground) Chat(ctx context.Context, q playground.Request) (playground.Answer, error) {
	return p.call(ctx, "/v1/playground/chat", q)
}

// Complete implements [playground.Chat].
func (p *Playground) Complete(ctx context.Context, c playground.Completion) (playground.Answer, error) {
	return p.call(ctx, "/v1/playground/completions", c)
}

func (p *Playground) request(path string, body any) (request, error) {
	r, err := post(http.MethodPost, path, body)
	r.once, r.timeout = true, p.timeout
	return r, err
}

func (p *Playground) call(ctx context.Context, path string, body any) (playground.Answer, error) {
	r, err := p.request(path, body)
	if err != nil {
		return playground.Answer{}, err
	}
	return read[playground.Answer](ctx, p.link, r)
}

// Stream implements [playground.Chat].
func (p *Playground) Stream(ctx context.Context, q playground.Request) iter.Seq2[playground.Event, error] {
	return func(yield func(playground.Event, error) bool) {
		r, err := p.request("/v1/playground/chat/stream", q)
		if err != nil {
			yield(playground.Event{}, err)
			return
		}
		s, err := p.link.stream(ctx, r)
		if err != nil {
			yield(playground.Event{}, err)
			return
		}
		defer s.close()
		for {
			event, err := s.nextEvent()
			if !yield(event, err) || err != nil || event.Type == playground.EventDone {
				return
			}
		}
	}
}

// nextEvent reads the next event. A stream that ends before it is done was cut.
func (s *stream) nextEvent() (playground.Event, error) {
	err := s.next()
	if errors.Is(err, io.EOF) {
		err = pmerr.New(pmerr.Unavailable, "the answer to %s ended before it was complete", s.request.name())
	}
	if err != nil {
		return playground.Event{}, err
	}
	return s.event()
}

// event decodes the line.
func (s *stream) event() (playground.Event, error) {
	var line struct {
		playground.Event
		Message string `json:"message"`
		Code    string `json:"code"`
	}
	if err := json.Unmarshal(s.line, &line); err != nil {
		return playground.Event{}, s.foreign("event", err)
	}
	if line.Type != "error" {
		return line.Event, nil
	}
	envelope, err := json.Marshal(map[string]string{"error": line.Message, "code": line.Code})
	if err != nil {
		return playground.Event{}, s.foreign("event", err)
	}
	return playground.Event{}, s.failure(envelope)
}
