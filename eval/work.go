package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// pendingPage is how many rows are read ahead of the workers.
const pendingPage = 100

// rows examines what has no result yet, as many rows at once as the run
// allows. It returns nil when all rows have one. Where the run is over for a
// reason of its own, such as its budget, no further row begins, but the calls
// that are under way are paid for: they end, and their answers are kept.
func (r *Runner) rows(ctx context.Context, j Job, x *examiner) error {
	workers, own := errgroup.WithContext(ctx)
	workers.SetLimit(j.Run.Concurrency)
	var over atomic.Pointer[stop]
	examine := func(row Row) error {
		if over.Load() != nil {
			return nil
		}
		err := r.row(own, j, x, row)
		if s := (*stop)(nil); errors.As(err, &s) {
			over.CompareAndSwap(nil, s)
			return nil
		}
		return err
	}
	for after := int64(-1); own.Err() == nil && over.Load() == nil; {
		var pending []Row
		err := insist(own, func() (err error) {
			pending, err = r.c.Queue.PendingRows(own, j, after, pendingPage)
			return err
		})
		if err != nil {
			workers.Go(func() error { return lost(err) })
			break
		}
		if len(pending) == 0 {
			break
		}
		after = pending[len(pending)-1].ID
		for _, row := range pending {
			if own.Err() != nil || over.Load() != nil {
				break
			}
			workers.Go(func() error { return examine(row) })
		}
	}
	err := workers.Wait()
	if s := over.Load(); err == nil && s != nil {
		err = s
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// row examines one row and stores the result. An answer that was paid for is
// stored even if the run has to end now.
func (r *Runner) row(ctx context.Context, j Job, x *examiner, row Row) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	result, err := r.examine(ctx, j, x, row)
	if err != nil {
		return err
	}
	keep, cancel := outlive(ctx, r.c.Lease)
	defer cancel()
	err = insist(keep, func() error { return r.c.Queue.RecordRow(keep, j, result) })
	if errors.Is(err, pmerr.ErrUnavailable) {
		// The run has ended here, and what it had to store could not be.
		return errLost
	}
	if err == nil {
		r.count(result)
	}
	return lost(err)
}

// examine gives the result of a row also where a provider or a scorer panics.
// It would take the whole process along, and again after each restart, since
// the row would still be pending.
func (r *Runner) examine(ctx context.Context, j Job, x *examiner, row Row) (result RowResult, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			r.panicked(j, cause)
			result = RowResult{RowID: row.ID, Source: Rendered, Rules: []Verdict{}, Error: internalReason, CreatedAt: timestamp.Of(x.now())}
			if row.Output != nil {
				result.Source = Recorded
			}
			err = nil
		}
	}()
	return x.examine(ctx, row)
}

func (r *Runner) panicked(j Job, cause any) {
	r.c.Logger.Error("an evaluation run met a panic", "workspace", j.Workspace.String(), "run", j.Run.ID, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
}

// outlive gives a context that lives on for a while after another has ended.
func outlive(ctx context.Context, after time.Duration) (late context.Context, cancel context.CancelFunc) {
	late, end := context.WithCancel(context.WithoutCancel(ctx))
	var timer *time.Timer
	var mu sync.Mutex
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if late.Err() == nil {
			timer = time.AfterFunc(after, end)
		}
	})
	return late, func() {
		stop()
		end()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
	}
}

// kappa compares the llm_judges' verdicts with what people said of the same
// rows: both pass from one half on.
func (r *Runner) kappa(ctx context.Context, j Job, judged []judgement) (*float64, error) {
	if len(judged) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to compare.
	}
	var human map[int64]float64
	if err := insist(ctx, func() (err error) {
		human, err = r.c.Queue.HumanScores(ctx, j)
		return err
	}); err != nil {
		return nil, fmt.Errorf("read what people said: %w", err)
	}
	var both agreement
	for _, v := range judged {
		if score, rated := human[v.rowID]; rated {
			both.add(v.score >= half, score >= half)
		}
	}
	return both.kappa(), nil
}

// judgeType is the scorer whose agreement with people is measured, and half
// the score from which it, and a person, is taken to agree with an output.
const (
	judgeType = "llm_judge"
	half      = 0.5
)

// target is what answers the rows of a run.
type target struct{ version, provider, model string }

// resolveTarget settles which version of a prompt is meant, and which model
// answers: what was asked for, else what the prompt's model_config suggests.
// Unknown prompt or version: ErrNotFound; a provider that is not usable, or no
// model for it: ErrBadRequest.
func resolveTarget(ctx context.Context, tools RunTools, prompt string, want target) (target, error) {
	if tools.Prompts == nil {
		return want, pmerr.New(pmerr.BadRequest, "prompts cannot be rendered: no registry was configured")
	}
	entry, err := tools.Prompts.Get(ctx, prompt, registry.Query{Version: want.version, Raw: true})
	var e *pmerr.Error
	switch {
	case errors.As(err, &e) && e.Code == pmerr.NotFound && want.version != "":
		return want, pmerr.New(pmerr.NotFound, "the prompt %s in version %s was not found", prompt, want.version)
	case errors.As(err, &e) && e.Code == pmerr.NotFound:
		return want, pmerr.New(pmerr.NotFound, "the prompt %s was not found", prompt)
	case err != nil:
		return want, err
	}
	want.version = entry.Version.Version
	want.suggest(entry.Content.ModelConfig)
	return want, want.check(tools.Model)
}

// suggest fills what was not asked for. A model is for the provider beside it,
// so that one of the request is never sent to the other of the prompt.
func (t *target) suggest(c *registry.ModelConfig) {
	if c == nil {
		return
	}
	var provider string
	if raw, ok := c.Extra["provider"]; ok && json.Unmarshal(raw, &provider) != nil {
		provider = ""
	}
	if t.provider == "" {
		t.provider = provider
	}
	if t.model == "" && (provider == "" || provider == t.provider) {
		t.model = c.Model
	}
}

// check tells whether the model can be asked.
func (t target) check(m Model) error {
	switch {
	case t.provider == "":
		return nil
	case m == nil:
		return pmerr.New(pmerr.BadRequest, "provider %s cannot be asked: no providers are configured", t.provider)
	}
	if err := m.Check(t.provider); err != nil {
		return err
	}
	if t.model == "" {
		return pmerr.New(pmerr.BadRequest, "model is required with a provider, since the prompt's model_config names none")
	}
	return nil
}
