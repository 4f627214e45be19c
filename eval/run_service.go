package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of a run.
const (
	DefaultConcurrency = 4
	MaxConcurrency     = 64
	maxProvider        = 64
	maxModel           = 128
)

// StartRun queues a run; see [Runs]. What can be known now is checked now: the
// budget, the provider, and the version of the prompt. A prompt or version that
// the registry does not have is left to the run: recorded outputs, which may be
// those of another program, are scored without.
func (s *Service) StartRun(ctx context.Context, evaluationID int64, spec RunSpec) (Run, error) {
	if err := spec.check(); err != nil {
		return Run{}, err
	}
	e, err := s.Get(ctx, evaluationID)
	if err != nil {
		return Run{}, err
	}
	if spec.DatasetID != nil {
		if _, err := s.Dataset(ctx, *spec.DatasetID); err != nil {
			return Run{}, err
		}
	}
	if s.tools.Budget != nil {
		if err := s.tools.Budget.Check(ctx); err != nil {
			return Run{}, err
		}
	}
	if err := s.checkJudges(e); err != nil {
		return Run{}, err
	}
	if spec.Provider != "" {
		if err := (target{provider: spec.Provider, model: "any"}).check(s.tools.Model); err != nil {
			return Run{}, err
		}
	}
	n := s.newRun(e, spec)
	found, err := resolveTarget(ctx, s.tools, e.PromptName, target{valueOf(n.VersionTag), spec.Provider, spec.Model})
	switch {
	case err == nil:
		n.VersionTag, n.Provider, n.Model = given(&found.version), given(&found.provider), given(&found.model)
	case !errors.Is(err, pmerr.ErrNotFound) && !errors.Is(err, pmerr.ErrValidation):
		return Run{}, err
	}
	job, err := s.runs.InsertRun(ctx, n)
	if err != nil {
		return Run{}, err
	}
	s.runner.Wake()
	return job.Run, nil
}

// checkJudges refuses a run whose rules ask a provider that is not usable.
func (s *Service) checkJudges(e Evaluation) error {
	rubric, err := compiled(e.Criteria, s.tools.Compiler)
	if err != nil || rubric == nil {
		return err
	}
	for _, rule := range rubric.Rules {
		if rule.Provider == "" || s.tools.Model == nil {
			continue
		}
		if err := s.tools.Model.Check(rule.Provider); err != nil {
			return fmt.Errorf("rule %s: %w", rule.Name, err)
		}
	}
	return nil
}

func (s *Service) newRun(e Evaluation, spec RunSpec) NewRun {
	n := NewRun{
		EvaluationID: e.ID, DatasetID: spec.DatasetID, Concurrency: spec.Concurrency, MaxCostUSD: spec.MaxCostUSD,
		VersionTag: given(&spec.VersionTag), Provider: given(&spec.Provider), Model: given(&spec.Model),
	}
	if n.VersionTag == nil {
		n.VersionTag = given(e.VersionTag)
	}
	if n.Concurrency == 0 {
		n.Concurrency = DefaultConcurrency
	}
	return n
}

func (r RunSpec) check() error {
	var f faults
	f.check(r.Concurrency >= 0 && r.Concurrency <= MaxConcurrency, "concurrency must be an integer from 1 to %d", MaxConcurrency)
	f.check(r.MaxCostUSD == nil || (*r.MaxCostUSD >= 0 && !math.IsInf(*r.MaxCostUSD, 1)), "max_cost_usd must be a number of at least 0")
	f.text("version_tag", r.VersionTag, 0, maxVersionTag)
	f.text("provider", r.Provider, 0, maxProvider)
	f.text("model", r.Model, 0, maxModel)
	return f.err()
}

// Runs gives the runs of an evaluation, newest first; see [Runs].
func (s *Service) Runs(ctx context.Context, evaluationID int64, r page.Request) (page.Of[Run], error) {
	if evaluationID <= 0 {
		return page.Of[Run]{}, errNoEvaluation()
	}
	return s.runs.Runs(ctx, evaluationID, r)
}

// GetRun gives a run with its progress; see [Runs].
func (s *Service) GetRun(ctx context.Context, evaluationID, runID int64) (Run, error) {
	if err := checkRunID(evaluationID, runID); err != nil {
		return Run{}, err
	}
	return s.runs.Run(ctx, evaluationID, runID)
}

// RunRows gives the results of rows; see [Runs].
func (s *Service) RunRows(ctx context.Context, evaluationID, runID int64, r page.Request) (page.Of[RowResult], error) {
	if err := checkRunID(evaluationID, runID); err != nil {
		return page.Of[RowResult]{}, err
	}
	return s.runs.RunRows(ctx, evaluationID, runID, r)
}

// CancelRun ends a run; see [Runs].
func (s *Service) CancelRun(ctx context.Context, evaluationID, runID int64) (Run, error) {
	if err := checkRunID(evaluationID, runID); err != nil {
		return Run{}, err
	}
	run, err := s.runs.CancelRun(ctx, evaluationID, runID, "cancelled")
	s.runner.Wake()
	return run, err
}

func checkRunID(evaluationID, runID int64) error {
	switch {
	case evaluationID <= 0:
		return errNoEvaluation()
	case runID <= 0:
		return pmerr.Missing("Run")
	}
	return nil
}

// CompareRuns sets run b against run a; see [Runs].
func (s *Service) CompareRuns(ctx context.Context, evaluationID, a, b int64, r page.Request) (c Comparison, err error) {
	if c.A, err = s.GetRun(ctx, evaluationID, a); err != nil {
		return Comparison{}, err
	}
	if c.B, err = s.GetRun(ctx, evaluationID, b); err != nil {
		return Comparison{}, err
	}
	pairs, err := s.runs.PairedScores(ctx, a, b)
	if err != nil {
		return Comparison{}, err
	}
	differences := make([]float64, len(pairs))
	for i, p := range pairs {
		differences[i] = p.B - p.A
		switch change(p.A, p.B) {
		case Better:
			c.Better++
		case Worse:
			c.Worse++
		case Same:
			c.Same++
		}
	}
	c.MeanDifference, c.PValue = pairedT(differences)
	rows, err := s.runs.PairedRows(ctx, a, b, r)
	if err != nil {
		return Comparison{}, err
	}
	c.Rows = page.Map(rows, func(p RowPair) RowComparison {
		return RowComparison{RowID: p.A.RowID, Change: change(p.A.Score, p.B.Score), A: p.A, B: p.B}
	})
	return c, nil
}

// change names the step from one score to another.
func change(a, b float64) Change {
	switch {
	case b > a+rounding:
		return Better
	case b < a-rounding:
		return Worse
	}
	return Same
}

// WaitRun looks at a run again and again until it has ended, in-process or
// remote. every is the pause between two looks, at least 10 ms; default 500 ms.
func WaitRun(ctx context.Context, runs Runs, evaluationID, runID int64, every time.Duration) (Run, error) {
	if every <= 0 {
		every = 500 * time.Millisecond
	}
	for {
		run, err := runs.GetRun(ctx, evaluationID, runID)
		if err != nil || run.Status != RunRunning {
			return run, err
		}
		if !pause(ctx, max(every, 10*time.Millisecond)) {
			return run, context.Cause(ctx)
		}
	}
}

// WaitRun looks at a run until it has ended; see the function of that name.
func (s *Service) WaitRun(ctx context.Context, evaluationID, runID int64, every time.Duration) (Run, error) {
	return WaitRun(ctx, s, evaluationID, runID, every)
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func targetOf(r Run) target {
	return target{valueOf(r.VersionTag), valueOf(r.Provider), valueOf(r.Model)}
}
