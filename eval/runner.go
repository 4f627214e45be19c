package eval

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// RunTools are what the runs of one workspace use.
type RunTools struct {
	Prompts Prompts
	// Model answers rows; nil if there are no providers.
	Model Model
	// Compiler makes the scorers; its judges should ask a [Metered] model.
	Compiler Compiler
	// Budget is asked before every call of a model; nil is unlimited.
	Budget Budget
}

// RunnerConfig is what a [Runner] stands on.
type RunnerConfig struct {
	Queue RunQueue
	// Tools gives what the runs of a workspace use.
	Tools  func(workspace.ID) RunTools
	Logger *slog.Logger
	Now    func() time.Time
	// Runs is how many runs are executed at once; default 8. Others wait.
	Runs int
	// Lease is how long a run stays claimed when its process dies; default
	// 10 s. The clocks of several nodes may differ by half of it.
	Lease time.Duration
	// Renew is how often leases are renewed; default 3 s.
	Renew time.Duration
	// Poll is how soon work and cancellations of other processes are noticed;
	// default 500 ms.
	Poll time.Duration
}

func (c RunnerConfig) withDefaults() RunnerConfig {
	if c.Runs <= 0 {
		c.Runs = 8
	}
	if c.Lease <= 0 {
		c.Lease = 10 * time.Second
	}
	if c.Renew <= 0 {
		c.Renew = 3 * time.Second
	}
	if c.Poll <= 0 {
		c.Poll = 500 * time.Millisecond
	}
	return c
}

// Runner executes the queued runs of all workspaces. Several may work on one
// database: a run belongs to who claimed it, and moves on to another once its
// lease has run out. Every process has one, and calls [Runner.Work].
type Runner struct {
	c     RunnerConfig
	owner string
	wake  chan struct{}

	mu     sync.Mutex
	active map[jobKey]context.CancelCauseFunc
	queued int // of active, those that Work claimed

	done, failed atomic.Uint64 // rows
}

// jobKey is a run under one lease.
type jobKey struct {
	workspace  string
	run, epoch int64
}

func keyOf(j Job) jobKey { return jobKey{j.Workspace.String(), j.Run.ID, j.Epoch} }

// NewRunner makes a runner.
func NewRunner(c RunnerConfig) *Runner {
	return &Runner{
		c: c.withDefaults(), owner: uuid.NewString(), wake: make(chan struct{}, 1),
		active: map[jobKey]context.CancelCauseFunc{},
	}
}

// Wake lets Work look for news at once.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Why a run's context ends.
var (
	errLost  = errors.New("the run was cancelled, deleted, or taken over")
	errNoSet = &stop{reason: "the dataset was deleted while the run used it"}
)

// stepTimeout bounds one look at the database, so that an outage of it is no
// reason to miss the end of a lease.
const stepTimeout = 2 * time.Second

// Work executes runs until the context ends. It returns when all its workers
// have ended; what is unfinished goes on at the next start, here or elsewhere.
func (r *Runner) Work(ctx context.Context) {
	var jobs sync.WaitGroup
	jobs.Go(func() { r.renew(ctx) })
	tick := time.NewTicker(r.c.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		r.look(ctx)
		r.claim(ctx, &jobs)
		select {
		case <-tick.C:
		case <-r.wake:
		case <-ctx.Done():
		}
	}
	// The runs of tasks have the contexts of their callers; nobody renews their
	// leases any more.
	r.giveUp()
	jobs.Wait()
	// A process that is restarted need not wait for its own lease.
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	if err := r.c.Queue.ReleaseRuns(bye, r.owner); err != nil {
		r.c.Logger.Warn("evaluation runs could not be released; they go on when their lease ends", "error", err)
	}
}

// renew keeps the leases. It waits for nothing else: a lease that runs out
// because a look at the queue was slow would have rows asked twice.
func (r *Runner) renew(ctx context.Context) {
	tick := time.NewTicker(r.c.Renew)
	defer tick.Stop()
	renewed := r.c.Now()
	for {
		select {
		case <-tick.C:
			renewed = r.keep(ctx, renewed)
		case <-ctx.Done():
			return
		}
	}
}

// keep renews the leases once and tells when they were renewed. Runs whose
// lease could not be renewed in time belong to others.
func (r *Runner) keep(ctx context.Context, renewed time.Time) time.Time {
	now := r.c.Now()
	// Only what is worked on: what was given up has to run out.
	r.mu.Lock()
	held := make([]HeldRun, 0, len(r.active))
	for key := range r.active {
		held = append(held, HeldRun{Workspace: key.workspace, RunID: key.run, Epoch: key.epoch})
	}
	r.mu.Unlock()
	if len(held) == 0 {
		return now
	}
	// Two attempts end within a lease, and the second leaves time to give up.
	patience := min(max(r.c.Renew, stepTimeout), r.c.Lease/3)
	step, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := r.c.Queue.RenewRuns(step, r.owner, held, r.c.Lease)
	if err == nil {
		return now
	}
	// By the next attempt the lease may have run out, and another node asked
	// the model for the same rows.
	if ctx.Err() == nil && r.c.Now().Sub(renewed) >= r.c.Lease-patience {
		r.c.Logger.Error("the leases of evaluation runs could not be renewed; the runs are given up", "error", err)
		r.giveUp()
	}
	return renewed
}

// giveUp leaves all runs to others.
func (r *Runner) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, lose := range r.active {
		lose(errLost)
	}
}

// look ends what was cancelled, deleted or taken over.
func (r *Runner) look(ctx context.Context) {
	r.mu.Lock()
	mine := make(map[jobKey]context.CancelCauseFunc, len(r.active))
	for key, cancel := range r.active {
		mine[key] = cancel
	}
	r.mu.Unlock()
	if len(mine) == 0 {
		return
	}
	step, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	held, err := r.c.Queue.HeldRuns(step, r.owner)
	if err != nil {
		return // A database that is down is reported by who needs it.
	}
	for _, h := range held {
		key := jobKey{h.Workspace, h.RunID, h.Epoch}
		if cancel, ok := mine[key]; ok && h.DatasetGone {
			cancel(errNoSet)
		}
		delete(mine, key)
	}
	for _, cancel := range mine {
		cancel(errLost)
	}
}

// claim takes runs as far as there is room, and executes them.
func (r *Runner) claim(ctx context.Context, jobs *sync.WaitGroup) {
	r.mu.Lock()
	room := r.c.Runs - r.queued
	r.mu.Unlock()
	if room <= 0 || ctx.Err() != nil {
		return
	}
	step, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	claimed, err := r.c.Queue.ClaimRuns(step, r.owner, r.c.Lease, room)
	if err != nil && ctx.Err() == nil && !errors.Is(err, pmerr.ErrUnavailable) {
		r.c.Logger.Error("evaluation runs could not be claimed", "error", err)
	}
	for _, job := range claimed {
		own, done := r.hold(ctx, job, true)
		jobs.Go(func() {
			defer r.Wake() // there is room again
			defer done()
			r.execute(own, job)
		})
	}
}

// hold keeps a job's lease until done is called; the context ends when the
// lease is lost.
func (r *Runner) hold(ctx context.Context, j Job, queued bool) (own context.Context, done func()) {
	own, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[keyOf(j)] = cancel
	if queued {
		r.queued++
	}
	return own, func() {
		cancel(nil)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.active, keyOf(j))
		if queued {
			r.queued--
		}
	}
}
