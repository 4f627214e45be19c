package eval

import (
	"context"
	"errors"
	"fmt"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Config is what the evaluations of one workspace stand on.
type Config struct {
	// Store of the workspace.
	Store Store
	// Compiler checks criteria when an evaluation is created.
	Compiler Compiler
	// Logged reads the workflow runs that rows are made of.
	Logged Logged
	// Runs keeps the runs, Runner executes them, and Tools is what they use;
	// without them no run can be started.
	Runs   RunStore
	Runner *Runner
	Tools  RunTools
}

// Service is the evaluations and datasets of one workspace.
type Service struct {
	store    Store
	compiler Compiler
	logged   Logged
	runs     RunStore
	runner   *Runner
	tools    RunTools
}

var (
	_ Evaluations = (*Service)(nil)
	_ Datasets    = (*Service)(nil)
	_ Files       = (*Service)(nil)
	_ Runs        = (*Service)(nil)
)

// NewService makes the evaluations of a workspace.
func NewService(c Config) *Service {
	return &Service{
		store: c.Store, compiler: c.Compiler, logged: c.Logged, runs: c.Runs, runner: c.Runner, tools: c.Tools,
	}
}

// Create keeps an evaluation; see [Evaluations].
func (s *Service) Create(ctx context.Context, e Evaluation) (Evaluation, error) {
	e.VersionTag, e.Description = given(e.VersionTag), given(e.Description)
	var f faults
	f.evaluation(&e)
	if err := f.add(s.checkCriteria(e.Criteria)); err != nil {
		return Evaluation{}, err
	}
	if err := f.err(); err != nil {
		return Evaluation{}, err
	}
	return s.store.InsertEvaluation(ctx, e)
}

// checkCriteria lets scorers say what is wrong with their rules. Without a
// compiler only the form of criteria is checked.
func (s *Service) checkCriteria(c *Criteria) error {
	if c == nil {
		return nil
	}
	f := faults{}
	if s.compiler == nil {
		f.list = c.Faults()
	} else if _, err := s.compiler.Compile(*c); err != nil {
		return fmt.Errorf("compile the criteria: %w", err)
	}
	if f.list == nil {
		f.storedCriteria(c)
	}
	return f.err()
}

// List gives a page of evaluations, newest first; see [Evaluations].
func (s *Service) List(ctx context.Context, r page.Request) (page.Of[Evaluation], error) {
	return s.store.Evaluations(ctx, r)
}

// Get gives one evaluation; see [Evaluations].
func (s *Service) Get(ctx context.Context, id int64) (Evaluation, error) {
	if id <= 0 {
		return Evaluation{}, errNoEvaluation()
	}
	return s.store.Evaluation(ctx, id)
}

// Delete removes an evaluation; see [Evaluations].
func (s *Service) Delete(ctx context.Context, id int64) error {
	if id <= 0 {
		return errNoEvaluation()
	}
	return s.store.DeleteEvaluation(ctx, id)
}

// AddResult records a score; see [Evaluations].
func (s *Service) AddResult(ctx context.Context, evaluationID int64, r Result) (Result, error) {
	r.EvaluationID = evaluationID
	r.RunID, r.VersionTag = given(r.RunID), given(r.VersionTag)
	var f faults
	rowID := f.result(&r)
	if err := f.err(); err != nil {
		return Result{}, err
	}
	if evaluationID <= 0 {
		return Result{}, errNoEvaluation()
	}
	return s.store.InsertResult(ctx, r, rowID)
}

// Results gives scores, newest first; see [Evaluations].
func (s *Service) Results(ctx context.Context, evaluationID int64, f ResultFilter, r page.Request) (page.Of[Result], error) {
	if !storable(f.VersionTag) {
		return page.Of[Result]{}, pmerr.Invalid("version_tag must be UTF-8 without NUL")
	}
	if evaluationID <= 0 {
		return page.Of[Result]{}, errNoEvaluation()
	}
	return s.store.Results(ctx, evaluationID, f, r)
}

// MaxScores is how many scores of a version are read at most.
const MaxScores = 100_000

// Scores gives the newest scores of one version in an evaluation, newest
// first, for statistics over them. limit is 1 to [MaxScores]; what is outside
// is ErrValidation. Unknown evaluation: ErrNotFound.
func (s *Service) Scores(ctx context.Context, evaluationID int64, versionTag string, limit int) ([]Score, error) {
	var f faults
	f.text("version_tag", versionTag, 0, maxVersionTag)
	f.check(limit >= 1 && limit <= MaxScores, "limit must be an integer from 1 to %d", MaxScores)
	if err := f.err(); err != nil {
		return nil, err
	}
	if evaluationID <= 0 {
		return nil, errNoEvaluation()
	}
	return s.store.Scores(ctx, evaluationID, versionTag, limit)
}

func errNoEvaluation() error { return pmerr.Missing("Evaluation") }

// given takes an empty text for none.
func given(s *string) *string {
	if s == nil || *s == "" {
		return nil
	}
	return s
}

// add joins the faults that another part found, and passes any other error.
func (f *faults) add(err error) error {
	var e *pmerr.Error
	if errors.As(err, &e) && e.Code == pmerr.Validation {
		f.list = append(f.list, e.Fields...)
		return nil
	}
	return err
}
