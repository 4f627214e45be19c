// Package jsonlines writes each model call that is recorded as one line of JSON:
// for log shippers that read what a program says on standard output.
//
// A line is the log as GET /v1/logs gives it, after "timestamp", when it was
// recorded, to the microsecond. Lines come once each, when the log is durable, in
// the order that [telemetry.Observer] tells.
package jsonlines

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/internal/outbox"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Options say what happens to lines that cannot be written at once.
type Options struct {
	// MaxWaiting bounds the lines that wait for a slow reader, in bytes of their
	// logs. What does not fit is dropped and counted. Default 16 MiB.
	MaxWaiting int
	// Logger hears of lines that were lost: of the first that could not be
	// written, and of all at the end. Default: silence.
	Logger *slog.Logger
}

// Writer writes lines. It is safe for concurrent use.
type Writer struct {
	to  io.Writer
	log *slog.Logger
	box *outbox.Box[telemetry.Recorded]

	mu     sync.Mutex
	failed uint64 // lines that could not be written

	closing sync.Once
	closed  error
}

var _ telemetry.Observer = (*Writer)(nil)

// New makes what writes lines. Nobody else may write to the same place. Call
// Close when nothing is recorded any more.
func New(to io.Writer, o Options) *Writer {
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 16 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Writer{to: to, log: o.Logger}
	w.box = outbox.New(o.MaxWaiting, weight, w.write)
	return w
}

// weight is about how many bytes a line has.
func weight(r telemetry.Recorded) int {
	n := 512 + len(r.Log.OllamaOptions) + len(r.Log.OllamaFormat)
	for name, raw := range r.Log.Metadata {
		n += 8 + len(name) + len(raw)
	}
	return n
}

// Logged implements [telemetry.Observer].
func (w *Writer) Logged(logs []telemetry.Recorded) {
	own := make([]telemetry.Recorded, len(logs))
	for i, l := range logs {
		own[i] = l
		own[i].Exchange = nil // it is not written, and need not wait
	}
	w.box.Offer(own...)
}

// TraceOpened implements [telemetry.Observer]; only logs are written.
func (w *Writer) TraceOpened(telemetry.Source, telemetry.Trace) {}

// SpansAdded implements [telemetry.Observer]; only logs are written.
func (w *Writer) SpansAdded(telemetry.Source, []telemetry.Span) {}

// SpanChanged implements [telemetry.Observer]; only logs are written.
func (w *Writer) SpanChanged(telemetry.Source, telemetry.Span, bool) {}

// line is what is written of a log.
type line struct {
	Timestamp string `json:"timestamp"`
	telemetry.Log
}

// maxWrite is about how much is written at once, in bytes.
const maxWrite = 64 << 10

// write writes lines, many at once but each whole.
func (w *Writer) write(logs []telemetry.Recorded) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	lines := uint64(0)
	for i, r := range logs {
		before := text.Len()
		if err := enc.Encode(line{r.At.UTC().Format(timeFormat), r.Log}); err != nil {
			text.Truncate(before)
			w.lost(1, err)
			continue
		}
		lines++
		if text.Len() < maxWrite && i < len(logs)-1 {
			continue
		}
		if _, err := w.to.Write(text.Bytes()); err != nil {
			w.lost(lines, err)
		}
		text.Reset()
		lines = 0
	}
}

// timeFormat has microseconds always, so that lines sort as text.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

// lost counts lines that could not be written, and says so the first time.
func (w *Writer) lost(lines uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == 0 {
		w.log.Warn("lines of logs cannot be written; the logs are stored nevertheless", "error", err)
	}
	w.failed += lines
}

// Lost is how many lines were not written: they did not fit, or could not be
// written.
func (w *Writer) Lost() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed + w.box.Dropped()
}

// Close writes what waits, until the context ends, and says what was lost. A
// write that hangs is left alone; the error tells.
func (w *Writer) Close(ctx context.Context) error {
	w.closing.Do(func() {
		if err := w.box.Close(ctx); err != nil {
			w.closed = fmt.Errorf("lines of logs still waited for whoever reads them: %w", err)
		}
		if n := w.Lost(); n > 0 {
			w.log.Warn("not all logs were written as lines; they are stored nevertheless", "lost", n)
		}
	})
	return w.closed
}
