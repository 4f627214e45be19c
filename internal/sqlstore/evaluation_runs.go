package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const countEvaluationRuns = "evaluation_runs"

type evaluationRunRow struct {
	bun.BaseModel `bun:"table:pm_evaluation_runs,alias:r"`
	db.Owned
	ID           int64 `bun:"id,pk"`
	EvaluationID int64
	DatasetID    *int64
	LastRowID    int64
	Status       string
	Task         bool
	VersionTag   *string
	Provider     *string
	Model        *string
	Concurrency  int
	MaxCostUSD   *float64 `bun:"max_cost_usd"`
	Score        *float64
	Passed       *bool
	Results      *string
	Done         int
	Total        int
	CostUSD      float64 `bun:"cost_usd"`
	LeaseOwner   *string
	LeaseUntil   int64
	LeaseEpoch   int64
	ClaimedAt    *int64
	ClaimedDone  int
	CreatedAt    int64
	UpdatedAt    int64
	CompletedAt  *int64
}

// run gives the run as callers see it at a time.
func (r evaluationRunRow) run(now time.Time) (eval.Run, error) {
	run := eval.Run{
		ID: r.ID, EvaluationID: r.EvaluationID, DatasetID: r.DatasetID, Status: eval.RunStatus(r.Status),
		VersionTag: r.VersionTag, Provider: r.Provider, Model: r.Model, Concurrency: r.Concurrency, MaxCostUSD: r.MaxCostUSD,
		Score: r.Score, Passed: r.Passed, Done: r.Done, Total: r.Total, CostUSD: r.CostUSD, ETASeconds: r.eta(now),
		CreatedAt: wire(r.CreatedAt), UpdatedAt: wire(r.UpdatedAt), CompletedAt: wirePtr(r.CompletedAt), Workspace: r.WorkspaceID,
	}
	if r.Results != nil {
		run.Results = new(eval.RunResults)
		if err := json.Unmarshal([]byte(*r.Results), run.Results); err != nil {
			return run, fmt.Errorf("read the results of evaluation run %d: %w", r.ID, err)
		}
	}
	return run, nil
}

// eta goes by the pace since the last claim: a run may have lain still before.
func (r evaluationRunRow) eta(now time.Time) *float64 {
	done := r.Done - r.ClaimedDone
	if r.Status != string(eval.RunRunning) || r.ClaimedAt == nil || done <= 0 {
		return nil
	}
	took := max(0, now.Sub(db.Time(*r.ClaimedAt)).Seconds())
	eta := took / float64(done) * float64(r.Total-r.Done)
	return &eta
}

// EvaluationRuns keeps the runs of workspaces.
func (s *Store) EvaluationRuns(id workspace.ID, actor workspace.Actor) eval.RunStore {
	return evaluationRuns{s.db.Workspace(id, actor)}
}

type evaluationRuns struct{ db *db.Workspace }

// InsertRun stores a run of the dataset's rows as they are now.
func (r evaluationRuns) InsertRun(ctx context.Context, n eval.NewRun) (job eval.Job, err error) {
	err = r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// The counter comes first: while it is held the evaluation stays.
		id, at, err := claim(ctx, s.Tx(), s.Workspace().String(), countEvaluationRuns, 1)
		if err != nil {
			return err
		}
		evaluation, err := findEvaluation(ctx, s, n.EvaluationID)
		if err != nil {
			return err
		}
		row := evaluationRunRow{
			ID: id, EvaluationID: n.EvaluationID, DatasetID: n.DatasetID, Status: string(eval.RunRunning), Total: 1,
			VersionTag: n.VersionTag, Provider: n.Provider, Model: n.Model, Concurrency: n.Concurrency, MaxCostUSD: n.MaxCostUSD,
			CreatedAt: at, UpdatedAt: at,
		}
		if n.DatasetID != nil {
			if row.LastRowID, row.Total, err = extent(ctx, s, *n.DatasetID); err != nil {
				return err
			}
		}
		if n.Owner != "" {
			now := s.Now()
			claimed := db.Micros(now)
			row.Task, row.LeaseOwner, row.LeaseEpoch = true, &n.Owner, 1
			row.LeaseUntil, row.ClaimedAt = db.Micros(now.Add(n.Lease)), &claimed
		}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			return err
		}
		if job, err = row.job(s.Workspace(), evaluation, s.Now()); err != nil {
			return err
		}
		return audit(ctx, s, entry{
			action: "evaluation:run", prompt: job.Evaluation.PromptName, version: valueOf(n.VersionTag), target: itoa(id),
		})
	})
	return job, err
}

// job is the run with what it takes to execute it.
func (r evaluationRunRow) job(id workspace.ID, evaluation evaluationRow, now time.Time) (eval.Job, error) {
	run, err := r.run(now)
	if err != nil {
		return eval.Job{}, err
	}
	e, err := evaluation.evaluation()
	return eval.Job{
		Run: run, Workspace: id, Evaluation: e, LastRowID: r.LastRowID,
		Task: r.Task, Owner: valueOf(r.LeaseOwner), Epoch: r.LeaseEpoch,
	}, err
}

// Runs gives a page of runs, newest first.
func (r evaluationRuns) Runs(ctx context.Context, evaluationID int64, p page.Request) (out page.Of[eval.Run], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		if _, err := findEvaluation(ctx, s, evaluationID); err != nil {
			return err
		}
		query := func(model any) *bun.SelectQuery { return s.Select(model).Where("evaluation_id = ?", evaluationID) }
		var rows []evaluationRunRow
		next, err := newest(ctx, query(&rows), &rows, p, "evaluation_runs", func(r evaluationRunRow) [2]int64 { return [2]int64{r.CreatedAt, r.ID} })
		if err != nil {
			return err
		}
		total, bounded, err := count(ctx, s, query((*evaluationRunRow)(nil)))
		if err != nil {
			return err
		}
		runs := make([]eval.Run, len(rows))
		for i, row := range rows {
			if runs[i], err = row.run(s.Now()); err != nil {
				return err
			}
		}
		out = page.New(p, runs, total, next)
		out.TotalIsLowerBound = bounded
		return nil
	})
	return out, err
}

func findEvaluationRun(ctx context.Context, s *db.Scope, evaluationID, runID int64) (row evaluationRunRow, err error) {
	if _, err := findEvaluation(ctx, s, evaluationID); err != nil {
		return row, err
	}
	return row, missing(s.Select(&row).Where("id = ?", runID).Where("evaluation_id = ?", evaluationID).Scan(ctx), "Run")
}

// Run gives one run.
func (r evaluationRuns) Run(ctx context.Context, evaluationID, runID int64) (out eval.Run, err error) {
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findEvaluationRun(ctx, s, evaluationID, runID)
		if err != nil {
			return err
		}
		out, err = row.run(s.Now())
		return err
	})
	return out, err
}

// CancelRun ends a run unless it has ended.
func (r evaluationRuns) CancelRun(ctx context.Context, evaluationID, runID int64, reason string) (out eval.Run, err error) {
	err = r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		of, err := findEvaluation(ctx, s, evaluationID)
		if err != nil {
			return err
		}
		if _, err := findEvaluationRun(ctx, s, evaluationID, runID); err != nil {
			return err
		}
		now := db.Micros(s.Now())
		results, err := json.Marshal(eval.RunResults{Reason: reason})
		if err != nil {
			return fmt.Errorf("write the results of evaluation run %d: %w", runID, err)
		}
		done, err := s.Update((*evaluationRunRow)(nil)).Set("status = ?", string(eval.RunCancelled)).Set("results = ?", string(results)).
			Set("lease_owner = NULL").Set("completed_at = ?", now).Set("updated_at = ?", now).
			Where("id = ?", runID).Where("status = ?", string(eval.RunRunning)).Exec(ctx)
		if err != nil {
			return err
		}
		row, err := findEvaluationRun(ctx, s, evaluationID, runID)
		if err != nil {
			return err
		}
		if out, err = row.run(s.Now()); err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errUnchanged)
		}
		return audit(ctx, s, entry{action: "evaluation:run:cancel", prompt: of.PromptName, version: valueOf(row.VersionTag), target: itoa(runID)})
	})
	if errors.Is(err, errUnchanged) {
		return out, nil
	}
	return out, err
}

// runsAtOnce bounds how many runs one statement names.
const runsAtOnce = 1000

// deleteEvaluationRuns removes the runs of an evaluation with their rows. One
// that is under way ends, since nothing of it can be stored any more.
func deleteEvaluationRuns(ctx context.Context, s *db.Scope, evaluationID int64) error {
	if err := lock(ctx, s, countEvaluationRuns); err != nil {
		return err
	}
	var gone []evaluationRunRow
	if _, err := s.Delete(&gone).Where("evaluation_id = ?", evaluationID).Returning("id").Exec(ctx); err != nil && !db.IsNoRows(err) {
		return err
	}
	if len(gone) == 0 {
		return nil
	}
	ids := make([]int64, len(gone))
	for i, run := range gone {
		ids[i] = run.ID
	}
	// After the runs: what is being recorded holds its run until it is there.
	for some := range slices.Chunk(ids, runsAtOnce) {
		if _, err := s.Delete((*examinedRow)(nil)).Where("run_id IN (?)", bun.List(some)).Exec(ctx); err != nil {
			return err
		}
	}
	return recount(ctx, s.Tx(), s.Workspace().String(), countEvaluationRuns, -int64(len(gone)))
}
