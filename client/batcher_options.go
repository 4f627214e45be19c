package client

import (
	"context"
	"log/slog"
	"time"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// LogSink is where a [Batcher] delivers: the [Telemetry] of this package, or
// any telemetry.Recorder in-process.
type LogSink interface {
	// LogBatch records logs, all or none, and returns their ids in order.
	LogBatch(ctx context.Context, logs []telemetry.Log) ([]int64, error)
}

// maxBatch is the most that a sink takes at once.
const maxBatch = 1000

// BatcherOptions configures a [Batcher]. The zero value works.
type BatcherOptions struct {
	// MaxQueue is how many logs may wait, those being sent not counted; further
	// ones are refused. Default: 10,000.
	MaxQueue int
	// MaxBatch is how many logs are sent at once, at most 1,000. A full batch is
	// sent without waiting for FlushEvery. Default: 500.
	MaxBatch int
	// FlushEvery is the longest that a log waits for others. Default: 1 s.
	FlushEvery time.Duration
	// Timeout bounds one attempt to deliver a batch, the client's own
	// repetitions included. Default: 60 s.
	Timeout time.Duration
	// Attempts is how often a batch is tried while the sink is down or asks to
	// slow down. Default: 5.
	Attempts int
	// OnUndelivered gets the logs that could not be delivered, with the reason:
	// an ErrValidation for logs that were refused; any other error means that
	// the sink did not confirm them. It is called by the one goroutine that
	// delivers, which waits for it, so it must not call Flush or Close.
	// Default: they are counted, and the Logger hears how many.
	OnUndelivered func(logs []telemetry.Log, err error)
	// Logger hears of undelivered and refused logs (error), never their
	// contents. Default: slog.Default().
	Logger *slog.Logger
}

func (o BatcherOptions) withDefaults() BatcherOptions {
	if o.MaxQueue == 0 {
		o.MaxQueue = 10_000
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = 500
	}
	if o.FlushEvery == 0 {
		o.FlushEvery = time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Attempts == 0 {
		o.Attempts = 5
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func (o BatcherOptions) validate() []string {
	var faults []string
	check := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, fault)
		}
	}
	check(o.MaxQueue > 0, "MaxQueue must be positive; leave it zero for 10,000")
	check(o.MaxBatch > 0 && o.MaxBatch <= maxBatch, "MaxBatch must be 1 to 1,000; leave it zero for 500")
	check(o.FlushEvery > 0, "FlushEvery must be positive; leave it zero for 1 s")
	check(o.Timeout > 0, "Timeout must be positive; leave it zero for 60 s")
	check(o.Attempts > 0, "Attempts must be positive; leave it zero for 5")
	return faults
}
