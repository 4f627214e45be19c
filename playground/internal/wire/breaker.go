package wire

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// breaker stops calling a provider that failed several times in a row, and
// lets one call try it again after a while.
type breaker struct {
	name   string
	after  int
	pause  time.Duration
	now    func() time.Time
	opened atomic.Int64 // microseconds since 1970, by now
	two    *gobreaker.TwoStepCircuitBreaker[struct{}]
}

// Verdicts of a call, as errors for gobreaker: nil is a provider that works.
var (
	errDown    = errors.New("the provider failed")
	errUnknown = errors.New("the call says nothing of the provider")
)

func newBreaker(c Config) *breaker {
	if c.BreakAfter < 0 {
		return nil
	}
	b := &breaker{name: c.Name, after: c.BreakAfter, pause: c.BreakFor, now: c.Now}
	b.two = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        c.Name,
		MaxRequests: 1,
		Timeout:     c.BreakFor,
		ReadyToTrip: func(n gobreaker.Counts) bool { return int64(n.ConsecutiveFailures) >= int64(c.BreakAfter) },
		IsExcluded:  func(err error) bool { return errors.Is(err, errUnknown) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.opened.Store(c.Now().UnixMicro())
				c.Logger.Warn("promptmetrics: a provider failed repeatedly and is not called for a while",
					"provider", c.Name, "failures", c.BreakAfter, "for", c.BreakFor)
			}
		},
	})
	return b
}

// enter lets a call pass, or says when one may. A call that passed has to be
// settled with its verdict; all but the first settling do nothing.
func (b *breaker) enter() (settle func(verdict error), err error) {
	if b == nil {
		return func(error) {}, nil
	}
	done, err := b.two.Allow()
	if err != nil {
		return nil, b.refusal()
	}
	settled := false
	return func(verdict error) {
		if !settled {
			settled = true
			done(verdict)
		}
	}, nil
}

func (b *breaker) refusal() error {
	wait := time.UnixMicro(b.opened.Load()).Add(b.pause).Sub(b.now())
	if wait <= 0 {
		wait = time.Second // one call is trying it right now
	}
	wait = min(max(wait.Round(time.Second), time.Second), max(b.pause, time.Second))
	e := pmerr.New(pmerr.ProviderError, "the provider %s failed %d times in a row; trying again in %s", b.name, b.after, wait).
		With("provider", b.name)
	e.RetryAfter = wait
	return e
}

// verdictOf says what the end of a call tells of the provider.
func verdictOf(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*fault](err); ok && f.down {
		return errDown
	}
	if ctx.Err() != nil {
		return errUnknown
	}
	return nil
}
