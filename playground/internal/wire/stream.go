package wire

import (
	"context"
	"errors"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Framing is how a stream is cut into events.
type Framing int

// The framings.
const (
	ServerSent Framing = iota
	JSONLines
)

// Decoder turns the events of one stream into parts.
type Decoder interface {
	// Decode reads an event. It gives no parts for events that say nothing, a
	// part with Done to end the stream, [Words] as an error for an error that
	// the provider sent, and another error for what it cannot read.
	Decode(e Event) ([]playground.Part, error)
	// Whole reads an answer that was not streamed although it was asked for.
	Whole(data []byte) ([]playground.Part, error)
	// End gives the last part when the stream ended without its mark; ok is
	// false if it ended in the middle.
	End() (last playground.Part, ok bool)
}

// Times of a stream.
const (
	longestStream = time.Hour
	// lingering is how long the end of a body is waited for after the last
	// part, so that the connection can be used again.
	lingering = 50 * time.Millisecond
)

// Stream makes one logical call and gives the parts of its answer as they come.
// Every loop over it is a call.
func (w *Client) Stream(ctx context.Context, r Request, framing Framing, decoder func() Decoder) iter.Seq2[playground.Part, error] {
	return func(yield func(playground.Part, error) bool) {
		body, err := w.encode(r)
		if err != nil {
			yield(playground.Part{}, err)
			return
		}
		settle, err := w.breaker.enter()
		if err != nil {
			yield(playground.Part{}, err)
			return
		}
		s := &stream{client: w, request: r, body: body, framing: framing, yield: yield, settle: settle}
		// A loop that panics leaves the provider neither blamed nor blocked.
		defer settle(errUnknown)
		limited, cancel := context.WithTimeoutCause(ctx, longestStream, errEndless)
		defer cancel()
		err = w.persist(ctx, limited, func() *fault { return s.attempt(ctx, limited, decoder()) })
		settle(verdictOf(ctx, err))
		if err != nil {
			yield(playground.Part{}, plain(err))
		}
	}
}

// stream is a call whose answer is streamed.
type stream struct {
	client  *Client
	request Request
	body    []byte
	framing Framing
	yield   func(playground.Part, error) bool
	settle  func(error)
	// answered says that some part has come: nothing is tried again.
	answered bool
}

// attempt makes one request and passes its parts on. A nil fault is a stream
// that ended well, or whose reader left.
func (s *stream) attempt(ctx, limited context.Context, d Decoder) *fault {
	own, cancel := context.WithCancelCause(limited)
	defer cancel(nil)
	// The time in which the reader of the parts does something else does not
	// count, so the watch runs only while the provider is waited for.
	watch := time.AfterFunc(s.client.config.Timeout, func() { cancel(errSlow) })
	defer watch.Stop()
	res, f := s.client.send(ctx, own, s.request, s.body, s.accept())
	if f != nil {
		return f
	}
	defer res.Body.Close()
	return s.firm(s.read(ctx, own, watch, res, d))
}

// firm lets nothing be tried again once something was answered.
func (s *stream) firm(f *fault) *fault {
	if f != nil && s.answered {
		f.again = false
	}
	return f
}

func (s *stream) accept() string {
	if s.framing == JSONLines {
		return "application/x-ndjson"
	}
	return "text/event-stream"
}

func (s *stream) read(ctx, own context.Context, watch *time.Timer, res *http.Response, d Decoder) *fault {
	w := s.client
	switch kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind {
	case "text/html", "application/xhtml+xml":
		return w.garbage("with a web page instead of a stream: %s", w.checkBase())
	case "application/json":
		if s.framing == ServerSent {
			return s.unstreamed(ctx, own, res, d)
		}
	}
	var from source = &sse{lines: newLines(res.Body)}
	if s.framing == JSONLines {
		from = jsonLines{newLines(res.Body)}
	}
	for {
		watch.Reset(w.config.Timeout)
		event, err := from.next()
		watch.Stop()
		if err != nil {
			return s.ended(ctx, own, err, d)
		}
		if len(event.Data) == 0 {
			continue // a sign of life
		}
		event.Data = w.veil(event.Data)
		parts, err := d.Decode(event)
		if err != nil {
			return w.checked(err)
		}
		over, left := s.pass(parts)
		if left {
			return nil
		}
		if over {
			s.drain(watch, res.Body)
			return nil
		}
	}
}

// pass gives parts to the reader. over says that the last one was among them,
// left that the reader wants no more.
func (s *stream) pass(parts []playground.Part) (over, left bool) {
	for _, p := range parts {
		if p.Content == "" && p.ToolCall == nil && !p.Done {
			continue
		}
		s.answered = true
		// A provider that answers is not down: a long stream must not keep the
		// breaker half open.
		s.settle(nil)
		if p.Done {
			return true, !s.yield(p, nil)
		}
		if !s.yield(p, nil) {
			return false, true
		}
	}
	return false, false
}

// ended explains the end of a body before the mark that ends a stream.
func (s *stream) ended(ctx, own context.Context, err error, d Decoder) *fault {
	w := s.client
	if errors.Is(err, errLong) {
		return w.garbage("with a line of more than %d MB, or more than %d MB in all", longestLine>>20, longestBody>>20)
	}
	if ctx.Err() == nil {
		if last, ok := d.End(); ok {
			s.pass([]playground.Part{last})
			return nil
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	f := w.interrupted(ctx, own, err)
	// Of a stream nothing counts before its first content.
	f.again = ctx.Err() == nil && own.Err() == nil
	return f
}

// unstreamed passes on an answer that a server gave whole.
func (s *stream) unstreamed(ctx, own context.Context, res *http.Response, d Decoder) *fault {
	w := s.client
	data, err := readAtMost(res.Body, longestBody)
	switch {
	case errors.Is(err, errLong):
		return w.garbage("an answer of more than %d MB", longestBody>>20)
	case err != nil:
		return w.interrupted(ctx, own, err)
	}
	parts, err := d.Whole(w.veil(data))
	if err != nil {
		return w.checked(err)
	}
	s.pass(parts)
	return nil
}

// drain waits a moment for the end of the body, and cuts it if it does not
// come.
func (s *stream) drain(watch *time.Timer, body io.ReadCloser) {
	watch.Reset(lingering)
	_, _ = io.CopyN(io.Discard, body, 4<<10)
	watch.Stop()
}
