package otelexport

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// reportEvery is the least time between two lines about faults.
const reportEvery = time.Minute

// report counts what becomes of spans, and says what goes wrong without filling
// the log.
type report struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	sum   Stats
	spoke time.Time // when it last said something
	// troubled is set once trouble was told and until it is over.
	troubled bool
}

func newReport(log *slog.Logger, now func() time.Time) *report { return &report{log: log, now: now} }

func (r *report) stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sum
}

// dropped counts spans that did not fit into the queue. Those who send say so
// when they have something to say.
func (r *report) dropped(spans uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Dropped += spans
}

// sent counts spans that the collector took, and those that it took and did not
// want.
func (r *report) sent(spans, unwanted uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Exported += spans
	r.sum.Failed += unwanted
	if r.troubled {
		r.troubled = false
		r.log.Info("telemetry is exported again", r.counts()...)
	}
}

// failed counts spans that were given up.
func (r *report) failed(what, where string, spans uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Failed += spans
	r.trouble("telemetry was not exported and is lost", what, where, err)
}

// struggling tells of a fault that may be gone the next time.
func (r *report) struggling(what, where string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble("telemetry cannot be exported; it is tried again", what, where, err)
}

// partial tells what a collector took and did not want; spans of it are counted
// by who sent them.
func (r *report) partial(what, where string, n int64, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble("the collector took telemetry only in part", what, where, fmt.Errorf("%d refused: %q", n, reason))
	r.troubled = false // it works, after all
}

func (r *report) trouble(text, what, where string, err error) {
	if now := r.now(); r.spoke.IsZero() || now.Sub(r.spoke) >= reportEvery {
		r.spoke, r.troubled = now, true
		r.log.Warn(text, append([]any{"what", what, "collector", where, "error", err}, r.counts()...)...)
	}
}

func (r *report) counts() []any {
	return []any{"spans_exported", r.sum.Exported, "spans_failed", r.sum.Failed, "spans_dropped", r.sum.Dropped}
}

// last says at the end what was lost in all.
func (r *report) last(all Stats, boxed error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if all.Failed+all.Dropped > 0 {
		r.log.Warn("not all telemetry was exported", "spans_exported", all.Exported, "spans_failed", all.Failed, "spans_dropped", all.Dropped)
	}
	if boxed != nil {
		return errors.New("telemetry was still to be exported when the time was over")
	}
	return nil
}
