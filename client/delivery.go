package client

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// loss is logs that were not delivered for one reason.
type loss struct {
	items []item
	err   error
}

// deliver sends a batch and reports what of it could not be delivered.
func (b *Batcher) deliver(batch []item) {
	lost := b.send(batch)
	count := 0
	for _, l := range lost {
		count += len(l.items)
		if b.options.OnUndelivered != nil {
			b.options.OnUndelivered(logsOf(l.items), l.err)
		}
	}
	if count > 0 {
		b.options.Logger.Error("promptmetrics: logs were not delivered", "logs", count, "error", lost[len(lost)-1].err)
	}
	b.settle(batch, lost, count)
}

// send delivers a batch. When the sink refuses it, which it does as a whole,
// the logs at fault are taken out and the others sent again.
func (b *Batcher) send(batch []item) []loss {
	var lost []loss
	for len(batch) > 0 {
		err := b.try(logsOf(batch))
		if err == nil {
			return lost
		}
		if !errors.Is(err, pmerr.ErrValidation) && !errors.Is(err, pmerr.ErrTooLarge) && !errors.Is(err, pmerr.ErrBadRequest) {
			return append(lost, loss{batch, err})
		}
		bad, good := accused(batch, err)
		if len(bad) == 0 {
			if len(batch) == 1 {
				return append(lost, loss{batch, err})
			}
			// Nobody is named: halve until the one at fault is alone.
			half := len(batch) / 2
			lost = append(lost, b.send(batch[:half])...)
			batch = batch[half:]
			continue
		}
		lost = append(lost, bad...)
		batch = good
	}
	return lost
}

// accused splits a batch by the faults of an error that names logs by index,
// as in "logs[3].tokens_in must be …".
func accused(batch []item, err error) (bad []loss, good []item) {
	e, ok := errors.AsType[*pmerr.Error](err)
	if !ok {
		return nil, batch
	}
	faults := map[int][]string{}
	for _, field := range e.Fields {
		if i, rest, ok := parseIndex(field); ok && i < len(batch) {
			faults[i] = append(faults[i], rest)
		}
	}
	for i, it := range batch {
		if fields, ok := faults[i]; ok {
			bad = append(bad, loss{[]item{it}, pmerr.Invalid(fields...)})
		} else {
			good = append(good, it)
		}
	}
	return bad, good
}

// parseIndex reads "logs[3].x must …" as 3 and "x must …".
func parseIndex(fault string) (index int, rest string, ok bool) {
	rest, ok = strings.CutPrefix(fault, "logs[")
	if !ok {
		return 0, "", false
	}
	number, rest, ok := strings.Cut(rest, "]")
	if !ok {
		return 0, "", false
	}
	index, err := strconv.Atoi(number)
	if err != nil || index < 0 {
		return 0, "", false
	}
	return index, strings.TrimLeft(rest, ". "), true
}

// try offers logs to the sink until it takes them, refuses them, or has been
// down for too long. All attempts carry one idempotency key.
func (b *Batcher) try(logs []telemetry.Log) error {
	ctx := withIdempotencyKey(b.life, newID())
	for n := 0; ; n++ {
		err := b.once(ctx, logs)
		if err == nil || b.life.Err() != nil {
			return b.unlessCut(err)
		}
		if !b.passing(err) || n+1 >= b.options.Attempts {
			return err
		}
		var asked time.Duration
		if e, ok := errors.AsType[*pmerr.Error](err); ok {
			asked = min(e.RetryAfter, maxRefreshPause)
		}
		if sleep(ctx, pause(n+2, asked, random())) != nil {
			return b.unlessCut(err)
		}
	}
}

// passing reports whether the same logs may be offered again. A sink that is
// unavailable has recorded nothing; other failures leave that open, and only
// the remote server recognises a repetition.
func (b *Batcher) passing(err error) bool {
	if errors.Is(err, pmerr.ErrUnavailable) || errors.Is(err, pmerr.ErrRateLimited) {
		return true
	}
	_, remote := b.sink.(*Telemetry)
	return remote && (errors.Is(err, pmerr.ErrInternal) || errors.Is(err, context.DeadlineExceeded))
}

func (b *Batcher) once(ctx context.Context, logs []telemetry.Log) error {
	ctx, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	_, err := b.sink.LogBatch(ctx, logs)
	return err
}

// unlessCut explains an error that came because Close ran out of time.
func (b *Batcher) unlessCut(err error) error {
	if err == nil || b.life.Err() == nil {
		return err
	}
	return pmerr.Down(err, "the batcher was closed before the logs were delivered")
}

func logsOf(items []item) []telemetry.Log {
	logs := make([]telemetry.Log, len(items))
	for i, it := range items {
		logs[i] = it.log
	}
	return logs
}
