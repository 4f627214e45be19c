package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Task is a Go function whose answers are evaluated, such as an agent. It is
// called from several goroutines at once. An error, or a panic, makes the row
// score 0.
type Task func(ctx context.Context, row Row) (Output, error)

// Output is what a task, or a model, answered.
type Output struct {
	Text string
	// LatencyMS is measured if it is nil.
	LatencyMS *int64
	// TokensIn, TokensOut and CostUSD are nil where they are unknown.
	TokensIn, TokensOut *int64
	CostUSD             *float64
}

// answer makes a row's answer of the task.
func (t Task) answer(m *meter, now func() time.Time) func(context.Context, Row) (answered, error) {
	return func(ctx context.Context, row Row) (answered, error) {
		a := answered{source: FromTask}
		if t == nil {
			return a, errors.New("the row has no output of its own, and there is no task to answer it")
		}
		if err := m.afford(); err != nil {
			return a, err
		}
		start := now()
		var err error
		a.Output, err = t.protect(ctx, row)
		if a.LatencyMS == nil {
			took := max(0, now().Sub(start).Milliseconds())
			a.LatencyMS = &took
		}
		m.charge(a.CostUSD)
		return a, err
	}
}

// protect turns a panic of the task into an error of the row: one odd input
// does not end the evaluation of all others.
func (t Task) protect(ctx context.Context, row Row) (out Output, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the task panicked: %v", p)
		}
	}()
	return t(ctx, row)
}

// Run executes an evaluation on a dataset with a Go function, here and now, and
// returns when it has ended; a nil dataset is one row without input. The run is
// stored like any other, with the version tag that the caller gives its program,
// and can be compared. Rows that have an output of their own are scored as they
// are. When the context ends the run is cancelled, and the context's error is
// returned with it. A run that had to be given up is ErrUnavailable. Unknown
// evaluations and datasets are ErrNotFound.
func (s *Service) Run(ctx context.Context, evaluationID int64, spec RunSpec, task Task) (Run, error) {
	if err := spec.check(); err != nil {
		return Run{}, err
	}
	e, err := s.Get(ctx, evaluationID)
	if err != nil {
		return Run{}, err
	}
	rubric, err := compiled(e.Criteria, s.tools.Compiler)
	if err != nil {
		return Run{}, err
	}
	n := s.newRun(e, spec)
	n.Owner, n.Lease = s.runner.owner, s.runner.c.Lease
	job, err := s.runs.InsertRun(ctx, n)
	if err != nil {
		return Run{}, err
	}
	own, done := s.runner.hold(ctx, job, false)
	defer done()
	spend := &meter{budget: s.tools.Budget, limit: spec.MaxCostUSD}
	x := &examiner{answer: task.answer(spend, s.runner.c.Now), rubric: rubric, meter: spend, now: s.runner.c.Now}
	err = s.runner.rows(own, job, x)
	if ctx.Err() != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.runner.c.Lease)
		defer cancel()
		run, stored := s.runs.CancelRun(late, evaluationID, job.Run.ID, "the program that ran it gave up")
		return run, errors.Join(context.Cause(ctx), stored)
	}
	s.runner.conclude(own, job, x, err)
	run, err := s.GetRun(ctx, evaluationID, job.Run.ID)
	if err == nil && run.Status == RunRunning {
		err = pmerr.New(pmerr.Unavailable, "The run was given up: its client was closed, or its database was away for longer than a lease")
	}
	return run, err
}

// Measurement is an evaluation that needs no store.
type Measurement struct {
	// Rubric judges; nil scores nothing.
	Rubric *Rubric
	// Task answers the rows that have no output of their own; nil if all have.
	Task Task
	// Concurrency is how many rows are answered at once; default 4, at most 64.
	Concurrency int
	// Now is the clock of latencies.
	Now func() time.Time
}

// Report is what a measurement found.
type Report struct {
	Outcome
	// Rows in the order in which they were given.
	Rows []RowResult
}

// Measure answers and judges rows; those without an id are numbered from 1. The
// error is that of the context; what goes wrong with a row is in its result.
func (m Measurement) Measure(ctx context.Context, rows []Row) (Report, error) {
	rows = slices.Clone(rows)
	spend := &meter{}
	x := &examiner{answer: m.Task.answer(spend, m.Now), rubric: m.Rubric, meter: spend, now: m.Now}
	results := make([]RowResult, len(rows))
	workers, own := errgroup.WithContext(ctx)
	if m.Concurrency <= 0 {
		m.Concurrency = DefaultConcurrency
	}
	workers.SetLimit(min(m.Concurrency, MaxConcurrency))
	for i := range rows {
		if rows[i].ID == 0 {
			rows[i].ID = int64(i) + 1
		}
		workers.Go(func() (err error) {
			if err := own.Err(); err != nil {
				return err
			}
			results[i], err = x.examine(own, rows[i])
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		return Report{}, err
	}
	var t tally
	for _, r := range results {
		t.add(r)
	}
	rules, minScore := 0, (*float64)(nil)
	if m.Rubric != nil {
		rules, minScore = len(m.Rubric.Rules), m.Rubric.MinScore
	}
	return Report{Outcome: t.outcome(rules, minScore), Rows: results}, nil
}
