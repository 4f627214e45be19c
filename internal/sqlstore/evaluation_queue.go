package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// EvaluationQueue hands out the runs of all workspaces.
func (s *Store) EvaluationQueue() eval.RunQueue { return evaluationQueue{s.db} }

type evaluationQueue struct{ db *db.DB }

// open is the condition that the index pm_evaluation_runs_running has too.
const openRun = "status = 'running'"

// ClaimRuns takes runs that nobody holds.
func (q evaluationQueue) ClaimRuns(ctx context.Context, owner string, lease time.Duration, n int) (jobs []eval.Job, err error) {
	// Most looks find nothing: they only read.
	var free []struct {
		WorkspaceID string
		ID          int64
	}
	err = q.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.NewRaw("SELECT workspace_id, id FROM pm_evaluation_runs WHERE "+openRun+" AND lease_until < ? ORDER BY created_at, id LIMIT ?",
			db.Micros(tx.Now()), n).Scan(ctx, &free)
	})
	if err != nil {
		return nil, err
	}
	// One run that cannot be read does not hold up the others.
	var faults []error
	for _, f := range free {
		id, err := workspace.Parse(f.WorkspaceID)
		if err != nil {
			faults = append(faults, fmt.Errorf("read the workspace of evaluation run %d: %w", f.ID, err))
			continue
		}
		job, claimed, err := q.claim(ctx, id, f.ID, owner, lease)
		if err != nil {
			faults = append(faults, err)
		}
		if claimed {
			jobs = append(jobs, job)
		}
	}
	return jobs, errors.Join(faults...)
}

// claim takes one run, unless another was faster.
func (q evaluationQueue) claim(ctx context.Context, id workspace.ID, runID int64, owner string, lease time.Duration) (job eval.Job, claimed bool, err error) {
	err = q.db.Workspace(id, workspace.Actor{}).Update(ctx, func(ctx context.Context, s *db.Scope) error {
		now := s.Now()
		taken, err := s.Update((*evaluationRunRow)(nil)).Set("lease_owner = ?", owner).Set("lease_until = ?", db.Micros(now.Add(lease))).
			Set("lease_epoch = lease_epoch + 1").Set("claimed_at = ?", db.Micros(now)).Set("claimed_done = done").
			Where("id = ?", runID).Where(openRun).Where("lease_until < ?", db.Micros(now)).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := taken.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errUnchanged)
		}
		var row evaluationRunRow
		if err := s.Select(&row).Where("id = ?", runID).Scan(ctx); err != nil {
			return err
		}
		evaluation, err := findEvaluation(ctx, s, row.EvaluationID)
		if err != nil {
			return err
		}
		job, err = row.job(id, evaluation, now)
		return err
	})
	if errors.Is(err, errUnchanged) || errors.Is(err, pmerr.ErrNotFound) {
		return eval.Job{}, false, nil
	}
	return job, err == nil, err
}

// HeldRuns gives what an owner holds.
func (q evaluationQueue) HeldRuns(ctx context.Context, owner string) (held []eval.HeldRun, err error) {
	err = q.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		var rows []struct {
			WorkspaceID string
			ID          int64
			LeaseEpoch  int64
			Gone        bool
		}
		if err := tx.NewRaw(`SELECT r.workspace_id, r.id, r.lease_epoch, (r.dataset_id IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM pm_datasets AS d WHERE d.workspace_id = r.workspace_id AND d.id = r.dataset_id)) AS gone
FROM pm_evaluation_runs AS r WHERE r.`+openRun+` AND r.lease_owner = ?`, owner).Scan(ctx, &rows); err != nil {
			return err
		}
		for _, row := range rows {
			held = append(held, eval.HeldRun{Workspace: row.WorkspaceID, RunID: row.ID, Epoch: row.LeaseEpoch, DatasetGone: row.Gone})
		}
		return nil
	})
	return held, err
}

// RenewRuns moves the end of an owner's leases on.
func (q evaluationQueue) RenewRuns(ctx context.Context, owner string, held []eval.HeldRun, lease time.Duration) error {
	// In one order, so that two owners never wait for each other.
	held = slices.Clone(held)
	slices.SortFunc(held, func(a, b eval.HeldRun) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.RunID, b.RunID))
	})
	return q.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		until := db.Micros(tx.Now().Add(lease))
		for _, h := range held {
			if _, err := tx.Run(ctx, "UPDATE pm_evaluation_runs SET lease_until = ? WHERE workspace_id = ? AND id = ? AND "+openRun+
				" AND lease_owner = ? AND lease_epoch = ?", until, h.Workspace, h.RunID, owner, h.Epoch); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReleaseRuns ends an owner's leases.
func (q evaluationQueue) ReleaseRuns(ctx context.Context, owner string) error {
	return q.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Run(ctx, "UPDATE pm_evaluation_runs SET lease_until = 0, lease_owner = NULL WHERE "+openRun+" AND lease_owner = ?", owner)
		return err
	})
}

// update runs a writing function in the job's workspace.
func (q evaluationQueue) update(ctx context.Context, j eval.Job, fn func(ctx context.Context, s *db.Scope) error) error {
	return q.db.Workspace(j.Workspace, workspace.Actor{}).Update(ctx, fn)
}

const holdSQL = `UPDATE pm_evaluation_runs SET done = done + ?, cost_usd = cost_usd + ?, updated_at = ?
WHERE workspace_id = ? AND id = ? AND ` + openRun + ` AND lease_owner = ? AND lease_epoch = ?`

// hold locks the run of a job, or refuses if it is no longer the owner's. It
// comes first in a transaction: who cancels or deletes the run waits.
func hold(ctx context.Context, s *db.Scope, j eval.Job, rows int, usd float64) error {
	done, err := s.Tx().Run(ctx, holdSQL, rows, usd, db.Micros(s.Now()), s.Workspace().String(), j.Run.ID, j.Owner, j.Epoch)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, pmerr.New(pmerr.Conflict, "the evaluation run is no longer this owner's"))
	}
	return nil
}

// ResolveRun stores the version, provider and model of a run.
func (q evaluationQueue) ResolveRun(ctx context.Context, j eval.Job) error {
	return q.update(ctx, j, func(ctx context.Context, s *db.Scope) error {
		if err := hold(ctx, s, j, 0, 0); err != nil {
			return err
		}
		_, err := s.Update((*evaluationRunRow)(nil)).Set("version_tag = ?", j.Run.VersionTag).Set("provider = ?", j.Run.Provider).
			Set("model = ?", j.Run.Model).Where("id = ?", j.Run.ID).Exec(ctx)
		return err
	})
}

// PendingRows gives rows that have no result yet.
func (q evaluationQueue) PendingRows(ctx context.Context, j eval.Job, after int64, n int) (rows []eval.Row, err error) {
	err = q.db.Workspace(j.Workspace, workspace.Actor{}).View(ctx, func(ctx context.Context, s *db.Scope) error {
		done := s.Select((*examinedRow)(nil)).Column("row_id").Where("run_id = ?", j.Run.ID)
		if j.Run.DatasetID == nil {
			found, err := done.Exists(ctx)
			if err == nil && !found && after < 0 {
				rows = []eval.Row{{Input: json.RawMessage("{}")}}
			}
			return err
		}
		var pending []dataRow
		if err := s.Select(&pending).Where("dataset_id = ?", *j.Run.DatasetID).Where("id > ?", after).Where("id <= ?", j.LastRowID).
			Where("id NOT IN (?)", done.Where("row_id > ?", after)).OrderExpr("id ASC").Limit(int64(n)).Scan(ctx); err != nil {
			return err
		}
		for _, row := range pending {
			rows = append(rows, row.row())
		}
		return nil
	})
	return rows, err
}

const recordRowSQL = `INSERT INTO pm_evaluation_run_rows (workspace_id, run_id, row_id, source, output, score, passed,
	rules, error, latency_ms, tokens_in, tokens_out, cost_usd, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, run_id, row_id) DO NOTHING`

// RecordRow stores the result of a row.
func (q evaluationQueue) RecordRow(ctx context.Context, j eval.Job, r eval.RowResult) error {
	err := q.update(ctx, j, func(ctx context.Context, s *db.Scope) error {
		if err := hold(ctx, s, j, 1, r.Spent()); err != nil {
			return err
		}
		row, err := newExaminedRow(j.Run.ID, db.Micros(s.Now()), r)
		if err != nil {
			return err
		}
		done, err := s.Tx().Run(ctx, recordRowSQL, s.Workspace().String(), row.RunID, row.RowID, row.Source, row.Output, row.Score, row.Passed,
			row.Rules, row.Error, row.LatencyMS, row.TokensIn, row.TokensOut, row.CostUSD, row.CreatedAt)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			// An earlier attempt whose answer was lost has stored it.
			return errors.Join(err, errUnchanged)
		}
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// RecordedRows gives results of a run without the outputs.
func (q evaluationQueue) RecordedRows(ctx context.Context, j eval.Job, after int64, n int) (results []eval.RowResult, err error) {
	err = q.db.Workspace(j.Workspace, workspace.Actor{}).View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []examinedRow
		if err := s.Select(&rows).ExcludeColumn("output").Where("run_id = ?", j.Run.ID).Where("row_id > ?", after).
			OrderExpr("row_id ASC").Limit(int64(n)).Scan(ctx); err != nil {
			return err
		}
		results, err = rowResults(rows)
		return err
	})
	return results, err
}
