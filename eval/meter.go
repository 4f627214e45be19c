package eval

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Budget is what a workspace may spend. A spent one is ErrBadRequest with
// details code BUDGET_EXCEEDED.
type Budget interface {
	Check(ctx context.Context) error
}

// budgetExceeded is the details code of a spent budget.
const budgetExceeded = "BUDGET_EXCEEDED"

// Metered gives a model whose calls are counted and limited while they belong
// to a run, wherever they come from: the row itself or a judge. Give judges
// such a model; outside of runs it is the model itself.
func Metered(m Model) Model { return metered{m} }

type metered struct{ Model }

// Ask calls the model unless the run's limits are reached.
func (m metered) Ask(ctx context.Context, q Question) (Reply, error) {
	meter, counted := ctx.Value(meterKey{}).(*meter)
	if !counted {
		return m.Model.Ask(ctx, q)
	}
	reply, err := patiently(ctx, func() (Reply, error) {
		// Before each call: while this one waited, others may have spent the rest.
		if err := meter.enter(ctx); err != nil {
			return Reply{}, err
		}
		return m.Model.Ask(ctx, q)
	})
	meter.charge(reply.CostUSD)
	return reply, err
}

// Embed calls the model unless the run's limits are reached.
func (m metered) Embed(ctx context.Context, provider, model string, texts []string) ([][]float64, error) {
	if meter, counted := ctx.Value(meterKey{}).(*meter); counted {
		if err := meter.enter(ctx); err != nil {
			return nil, err
		}
	}
	return m.Model.Embed(ctx, provider, model, texts)
}

type meterKey struct{}

// meter watches what a run spends.
type meter struct {
	budget Budget // nil is unlimited
	limit  *float64

	mu      sync.Mutex
	spent   float64
	stopped error
}

// on makes the calls under a context count.
func (m *meter) on(ctx context.Context) context.Context { return context.WithValue(ctx, meterKey{}, m) }

// enter is asked before every call. Once it refuses, the run is over.
func (m *meter) enter(ctx context.Context) error {
	if err := m.afford(); err != nil || m.budget == nil {
		return err
	}
	err := insistAWhile(ctx, func() error { return m.budget.Check(ctx) })
	if err != nil && ctx.Err() == nil {
		err = &stop{reason: explain(err)}
		m.mu.Lock()
		m.stopped = err
		m.mu.Unlock()
	}
	return err
}

// afford is enter for what is not paid from the budget: a task of the program
// itself.
func (m *meter) afford() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped == nil && m.limit != nil && m.spent >= *m.limit {
		m.stopped = &stop{reason: fmt.Sprintf("max_cost_usd of %g was reached: %.6g USD were spent", *m.limit, m.spent)}
	}
	return m.stopped
}

func (m *meter) charge(usd *float64) {
	if usd == nil {
		return
	}
	m.mu.Lock()
	m.spent += *usd
	m.mu.Unlock()
}

// refusal is why the run is over, if it is: a judge may have wrapped it.
func (m *meter) refusal() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stopped
}

// stop ends a run as failed.
type stop struct{ reason string }

func (s *stop) Error() string { return s.reason }

// Waiting for what will come back.
const (
	firstWait   = 100 * time.Millisecond
	longWait    = 5 * time.Second
	outageLimit = time.Minute
	rateTries   = 4
	rateWait    = time.Second
	rateMaxGap  = time.Minute
)

// insist repeats what fails because a store of ours is down, until it works or
// the context ends: a run outlives an outage.
func insist(ctx context.Context, do func() error) error {
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		err := do()
		if err == nil || !errors.Is(err, pmerr.ErrUnavailable) {
			return err
		}
		if !pause(ctx, wait) {
			return err
		}
	}
}

// insistAWhile is insist for what may be down for good, such as a prompt whose
// file is lost.
func insistAWhile(ctx context.Context, do func() error) error {
	own, cancel := context.WithTimeout(ctx, outageLimit)
	defer cancel()
	return insist(own, do)
}

// patiently repeats a call that a provider's rate limit refused, or an outage,
// or what a provider said when to ask again, such as one that is not called for
// a while because it failed repeatedly. The model has tried again by itself, but
// a run of many rows may well wait longer than somebody at a screen.
func patiently(ctx context.Context, ask func() (Reply, error)) (Reply, error) {
	wait := rateWait
	for try := 1; ; try++ {
		reply, err := ask()
		var e *pmerr.Error
		if err == nil || try == rateTries || !errors.As(err, &e) || !passing(e) {
			return reply, err
		}
		if !pause(ctx, min(max(wait, e.RetryAfter), rateMaxGap)) {
			return reply, err
		}
		wait *= 2
	}
}

// passing tells that the same call may well succeed later.
func passing(e *pmerr.Error) bool {
	return e.Code == pmerr.ProviderRateLimited || e.Code == pmerr.Unavailable || e.Code == pmerr.ProviderError && e.RetryAfter > 0
}

// pause waits, and tells whether the context still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
