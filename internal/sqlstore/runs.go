package sqlstore

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

type runRow struct {
	bun.BaseModel `bun:"table:pm_runs,alias:r"`
	db.Owned
	RunID        string `bun:"run_id,pk"`
	ID           int64
	WorkflowName string
	Status       string
	Input        *string
	Output       *string
	TraceID      *string
	Metadata     *string
	CreatedAt    int64
	UpdatedAt    int64
}

func (r runRow) run() telemetry.Run {
	return telemetry.Run{
		ID: r.RunID, WorkflowName: r.WorkflowName, Status: telemetry.RunStatus(r.Status), Input: raw(r.Input), Output: raw(r.Output),
		TraceID: r.TraceID, Metadata: members(r.Metadata), CreatedAt: wire(r.CreatedAt), UpdatedAt: wire(r.UpdatedAt),
	}
}

// InsertRun opens a workflow run.
func (r *recorder) InsertRun(ctx context.Context, run telemetry.Run) (telemetry.Run, error) {
	metadata, err := storedMembers(run.Metadata)
	if err != nil {
		return run, err
	}
	err = r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// The counter comes first: while it is held the trace cannot go away.
		id, at, err := claim(ctx, s.Tx(), s.Workspace().String(), countRuns, 1)
		if err != nil {
			return err
		}
		if run.TraceID != nil {
			if _, err := findTrace(ctx, s, *run.TraceID); err != nil {
				return err
			}
		}
		row := runRow{
			RunID: run.ID, ID: id, WorkflowName: run.WorkflowName, Status: string(run.Status), Input: rawPtr(run.Input),
			Output: rawPtr(run.Output), TraceID: run.TraceID, Metadata: metadata, CreatedAt: at, UpdatedAt: at,
		}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			if db.IsDuplicate(err) {
				return pmerr.New(pmerr.Conflict, "Run already exists").With("run_id", run.ID)
			}
			return err
		}
		run.CreatedAt, run.UpdatedAt = wire(at), wire(at)
		if err := tally(ctx, s, at, activity{runs: 1, failedRuns: failedRun(row.Status)}); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "run:create", target: run.ID})
	})
	return run, err
}

// Runs gives a page of runs, newest first.
func (r *recorder) Runs(ctx context.Context, f telemetry.RunFilter, p page.Request) (out page.Of[telemetry.Run], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		query := func(model any) *bun.SelectQuery {
			q := s.Select(model)
			if f.Status != "" {
				q = q.Where("status = ?", string(f.Status))
			}
			if f.WorkflowName != "" {
				q = q.Where("workflow_name = ?", f.WorkflowName)
			}
			if f.TraceID != "" {
				q = q.Where("trace_id = ?", f.TraceID)
			}
			return q
		}
		var rows []runRow
		next, err := newest(ctx, query(&rows), &rows, p, "runs", func(r runRow) [2]int64 { return [2]int64{r.CreatedAt, r.ID} })
		if err != nil {
			return err
		}
		var total int64
		bounded := false
		if f == (telemetry.RunFilter{}) {
			total, err = alive(ctx, s, countRuns)
		} else {
			total, bounded, err = count(ctx, s, query((*runRow)(nil)))
		}
		out = page.Map(page.New(p, rows, total, next), runRow.run)
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}

func findRun(ctx context.Context, s *db.Scope, runID string) (row runRow, err error) {
	return row, missing(s.Select(&row).Where("run_id = ?", runID).Scan(ctx), "Run")
}

// Run gives one run.
func (r *recorder) Run(ctx context.Context, runID string) (out telemetry.Run, err error) {
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findRun(ctx, s, runID)
		out = row.run()
		return err
	})
	return out, err
}

// errUnchanged ends a transaction that has nothing to write.
var errUnchanged = errors.New("unchanged")

// UpdateRun applies a change to a run.
func (r *recorder) UpdateRun(ctx context.Context, runID string, change func(*telemetry.Run) bool) (changed bool, err error) {
	err = r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := lock(ctx, s, countRuns); err != nil {
			return err
		}
		row, err := findRun(ctx, s, runID)
		if err != nil {
			return err
		}
		run := row.run()
		if changed = change(&run); !changed {
			return errUnchanged
		}
		metadata, err := storedMembers(run.Metadata)
		if err != nil {
			return err
		}
		if _, err := s.Update((*runRow)(nil)).Set("status = ?", string(run.Status)).Set("output = ?", rawPtr(run.Output)).
			Set("metadata = ?", metadata).Set("updated_at = ?", max(row.UpdatedAt, db.Micros(s.Now()))).
			Where("run_id = ?", runID).Exec(ctx); err != nil {
			return err
		}
		if err := tally(ctx, s, row.CreatedAt, activity{failedRuns: failedRun(string(run.Status)) - failedRun(row.Status)}); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "run:update", target: runID})
	})
	if errors.Is(err, errUnchanged) {
		return false, nil
	}
	return changed && err == nil, err
}

// DeleteRun deletes a run.
func (r *recorder) DeleteRun(ctx context.Context, runID string) error {
	return r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// Locked before it is read: the sums must lose what is deleted, not what
		// was read.
		if err := lock(ctx, s, countRuns); err != nil {
			return err
		}
		row, err := findRun(ctx, s, runID)
		if err != nil {
			return err
		}
		if err := tally(ctx, s, row.CreatedAt, activity{runs: -1, failedRuns: -failedRun(row.Status)}); err != nil {
			return err
		}
		if _, err := s.Delete((*runRow)(nil)).Where("run_id = ?", runID).Exec(ctx); err != nil {
			return err
		}
		if err := recount(ctx, s.Tx(), s.Workspace().String(), countRuns, -1); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "delete_run", target: runID})
	})
}

func rawPtr(data []byte) *string {
	if len(data) == 0 {
		return nil
	}
	text := string(data)
	return &text
}
