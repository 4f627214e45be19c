package eval

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// internalReason is what callers see of faults of ours.
const internalReason = "internal error; the server's log has it"

// execute brings a claimed run to its end.
func (r *Runner) execute(ctx context.Context, j Job) {
	defer func() {
		if cause := recover(); cause != nil {
			r.panicked(j, cause)
			r.end(ctx, j, failed(internalReason))
		}
	}()
	if j.Task {
		r.end(ctx, j, failed("the program that ran it has ended; start it again"))
		return
	}
	tools := r.c.Tools(j.Workspace)
	x, err := r.prepare(&j, tools)
	if err == nil {
		err = r.rows(ctx, j, x)
	}
	r.conclude(ctx, j, x, err)
}

// prepare compiles the rules and settles, once, what answers the rows.
func (r *Runner) prepare(j *Job, tools RunTools) (*examiner, error) {
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
		r.end(ctx, j, failed(internalReason))
		return
	}
	err = r.complete(ctx, j, x)
	switch {
	case err == nil, errors.Is(err, errLost), ctx.Err() != nil:
	case errors.As(err, &s):
		r.end(ctx, j, failed(s.reason))
	default:
		r.c.Logger.Error("an evaluation run could not be summed up", "workspace", j.Workspace.String(), "run", j.Run.ID, "error", err)
		r.end(ctx, j, failed(internalReason))
	}
}

// complete sums up a run whose rows are all there.
func (r *Runner) complete(ctx context.Context, j Job, x *examiner) error {
	t, judged, err := r.sumUp(ctx, j)
	if err != nil {
		return err
	}
	if t.rows < j.Run.Total {
		return errNoSet
	}
	rules, minScore := 0, (*float64)(nil)
	if x.rubric != nil {
		rules, minScore = len(x.rubric.Rules), x.rubric.MinScore
	}
	o := t.outcome(rules, minScore)
	if o.Status == RunCompleted && rules > 0 {
		kappa, err := r.kappa(ctx, j, judged)
		if err != nil {
			return err
		}
		o.Results.JudgeKappa = kappa
	}
	r.end(ctx, j, o)
	return nil
}

// sumPage is how many results are read at once: with many rules their reasons
// take far more room than what is kept of them.
const sumPage = 500

// judgement is what an llm_judge said of a row.
type judgement struct {
	rowID int64
	score float64
}

// sumUp adds up the rows of a run, and gives what judges said of them.
func (r *Runner) sumUp(ctx context.Context, j Job) (t tally, judged []judgement, err error) {
	for after := int64(-1); ; {
		var rows []RowResult
		if err := insist(ctx, func() (err error) {
			rows, err = r.c.Queue.RecordedRows(ctx, j, after, sumPage)
			return err
		}); err != nil {
			return t, nil, fmt.Errorf("read the rows: %w", lost(err))
		}
		for _, row := range rows {
			t.add(row)
			for _, v := range row.Rules {
				if v.Type == judgeType && row.Error == "" {
					judged = append(judged, judgement{row.RowID, v.Score})
				}
			}
		}
		if len(rows) < sumPage {
			return t, judged, nil
		}
		after = rows[len(rows)-1].RowID
	}
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
