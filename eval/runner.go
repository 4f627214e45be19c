package eval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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

	mu      sync.Mutex
	active  map[jobKey]context.CancelCauseFunc
	queued  int // of active, those that Work claimed
	renewed time.Time
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
	tick := time.NewTicker(r.c.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		r.keep(ctx)
		r.look(ctx)
		r.claim(ctx, &jobs)
		select {
		case <-tick.C:
		case <-r.wake:
		case <-ctx.Done():
		}
	}
	jobs.Wait()
	// A process that is restarted need not wait for its own lease.
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	if err := r.c.Queue.ReleaseRuns(bye, r.owner); err != nil {
		r.c.Logger.Warn("evaluation runs could not be released; they go on when their lease ends", "error", err)
	}
}

// keep renews the leases. Runs whose lease could not be renewed in time belong
// to others.
func (r *Runner) keep(ctx context.Context) {
	r.mu.Lock()
	now := r.c.Now()
	idle, due := len(r.active) == 0, now.Sub(r.renewed) >= r.c.Renew
	if idle {
		r.renewed = now
	}
	r.mu.Unlock()
	if idle || !due {
		return
	}
	step, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err := r.c.Queue.RenewRuns(step, r.owner, r.c.Lease)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.renewed = now
	case ctx.Err() == nil && r.c.Now().Sub(r.renewed) >= r.c.Lease:
		r.c.Logger.Error("the leases of evaluation runs could not be renewed; the runs are given up", "error", err)
		for _, cancel := range r.active {
			cancel(errLost)
		}
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
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, pmerr.ErrUnavailable) {
			r.c.Logger.Error("evaluation runs could not be claimed", "error", err)
		}
		return
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

// execute brings a claimed run to its end.
func (r *Runner) execute(ctx context.Context, j Job) {
	if j.Task {
		r.end(ctx, j, failed("the program that ran it has ended; start it again"))
		return
	}
	tools := r.c.Tools(j.Workspace)
	x, err := r.prepare(ctx, &j, tools)
	if err == nil {
		err = r.rows(ctx, j, x)
	}
	r.conclude(ctx, j, x, err)
}

// prepare compiles the rules and settles, once, what answers the rows.
func (r *Runner) prepare(ctx context.Context, j *Job, tools RunTools) (*examiner, error) {
	x := &examiner{now: r.c.Now, meter: &meter{budget: tools.Budget, limit: j.Run.MaxCostUSD, spent: j.Run.CostUSD}}
	var err error
	if x.rubric, err = compiled(j.Evaluation.Criteria, tools.Compiler); err != nil {
		return x, &stop{reason: explain(err)}
	}
	answers := &lazyAnswers{runner: r, tools: tools, job: j}
	x.answer = answers.answer
	return x, nil
}

// compiled makes the scorers of criteria; nil if there are no rules.
func compiled(c *Criteria, compiler Compiler) (*Rubric, error) {
	if c == nil || len(c.Rules) == 0 {
		return nil, nil //nolint:nilnil // no rules are no fault.
	}
	if compiler == nil {
		return nil, pmerr.New(pmerr.BadRequest, "rules cannot be judged: no compiler of criteria was configured")
	}
	return compiler.Compile(*c)
}

// lazyAnswers resolves the prompt when the first row needs it: a dataset of
// recorded outputs needs no prompt that exists.
type lazyAnswers struct {
	runner *Runner
	tools  RunTools
	job    *Job

	mu       sync.Mutex
	prompted *prompted
	err      error
}

func (l *lazyAnswers) answer(ctx context.Context, row Row) (answered, error) {
	p, err := l.resolve(ctx)
	if err != nil {
		return answered{source: Rendered}, err
	}
	return p.answer(ctx, row)
}

func (l *lazyAnswers) resolve(ctx context.Context) (*prompted, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.prompted == nil && l.err == nil {
		l.prompted, l.err = l.runner.resolve(ctx, l.job, l.tools)
		if l.err != nil && ctx.Err() != nil {
			err := l.err
			l.err = nil // not the prompt's fault
			return nil, err
		}
	}
	return l.prompted, l.err
}

// resolve settles version, provider and model of a run, and stores them.
func (r *Runner) resolve(ctx context.Context, j *Job, tools RunTools) (*prompted, error) {
	var target target
	if err := insistAWhile(ctx, func() (err error) {
		target, err = resolveTarget(ctx, tools, j.Evaluation.PromptName, targetOf(j.Run))
		return err
	}); err != nil {
		return nil, &stop{reason: explain(err)}
	}
	resolved := *j
	resolved.Run.VersionTag, resolved.Run.Provider, resolved.Run.Model = &target.version, given(&target.provider), given(&target.model)
	if err := insist(ctx, func() error { return r.c.Queue.ResolveRun(ctx, resolved) }); err != nil {
		return nil, lost(err)
	}
	p := &prompted{
		prompts: tools.Prompts, name: j.Evaluation.PromptName,
		version: target.version, provider: target.provider, modelName: target.model,
	}
	if tools.Model != nil {
		p.model = Metered(tools.Model)
	}
	return p, nil
}

// lost turns a refusal of the queue into the end of the run here.
func lost(err error) error {
	if errors.Is(err, pmerr.ErrConflict) {
		return errLost
	}
	return err
}

// conclude stores how a run ended, unless it is not over or not ours any more.
func (r *Runner) conclude(ctx context.Context, j Job, x *examiner, err error) {
	var s *stop
	switch cause := context.Cause(ctx); {
	case errors.Is(err, errLost), errors.Is(cause, errLost):
		return
	case errors.As(err, &s), errors.As(cause, &s):
		r.end(ctx, j, failed(s.reason))
		return
	case ctx.Err() != nil:
		return // Closing: the run goes on at the next start.
	case err != nil:
		r.c.Logger.Error("an evaluation run met an internal error", "workspace", j.Workspace.String(), "run", j.Run.ID, "error", err)
		r.end(ctx, j, failed("internal error; the server's log has it"))
		return
	}
	err = r.complete(ctx, j, x)
	switch {
	case err == nil, errors.Is(err, errLost), ctx.Err() != nil:
	case errors.As(err, &s):
		r.end(ctx, j, failed(s.reason))
	default:
		r.c.Logger.Error("an evaluation run could not be summed up", "workspace", j.Workspace.String(), "run", j.Run.ID, "error", err)
		r.end(ctx, j, failed("internal error; the server's log has it"))
	}
}

// complete sums up a run whose rows are all there.
func (r *Runner) complete(ctx context.Context, j Job, x *examiner) error {
	var rows []RowResult
	if err := insist(ctx, func() (err error) {
		rows, err = r.c.Queue.RecordedRows(ctx, j)
		return err
	}); err != nil {
		return fmt.Errorf("read the rows: %w", lost(err))
	}
	if len(rows) < j.Run.Total {
		return errNoSet
	}
	var t tally
	for _, row := range rows {
		t.add(row)
	}
	rules, minScore := 0, (*float64)(nil)
	if x.rubric != nil {
		rules, minScore = len(x.rubric.Rules), x.rubric.MinScore
	}
	o := t.outcome(rules, minScore)
	if o.Status == RunCompleted && rules > 0 {
		kappa, err := r.kappa(ctx, j, rows)
		if err != nil {
			return err
		}
		o.Results.JudgeKappa = kappa
	}
	r.end(ctx, j, o)
	return nil
}

// end stores the outcome, also while an outage lasts. It is stored even if the
// context ended for a reason that is the outcome.
func (r *Runner) end(ctx context.Context, j Job, o Outcome) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.c.Lease)
	defer cancel()
	err := insist(own, func() error { return r.c.Queue.EndRun(own, j, o) })
	if errors.Is(err, pmerr.ErrNotFound) && o.Status == RunCompleted {
		o = failed(errNoSet.reason)
		err = insist(own, func() error { return r.c.Queue.EndRun(own, j, o) })
	}
	if err != nil && !errors.Is(err, pmerr.ErrConflict) {
		r.c.Logger.Error("the end of an evaluation run could not be stored", "workspace", j.Workspace.String(), "run", j.Run.ID, "error", err)
	}
}
