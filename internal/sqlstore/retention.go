package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// expireStep is how many rows one transaction removes: writers wait for it.
const expireStep = 500

// Expire removes logs, traces with their spans, runs, and compliance scores
// that were made before a time, in small steps between which writers get their turn. Daily sums and
// the audit log stay. It returns how many rows went.
func (s *Store) Expire(ctx context.Context, before time.Time) (removed int64, err error) {
	for _, kind := range []struct {
		name string
		step func(ctx context.Context, s *db.Scope, before int64) (int64, error)
	}{{countLogs, expireLogs}, {countTraces, expireTraces}, {countRuns, expireRuns}, {countScores, expireScores}} {
		ids, err := s.workspacesOf(ctx, kind.name)
		if err != nil {
			return removed, err
		}
		for _, id := range ids {
			n, err := s.expire(ctx, id, before, kind.step)
			removed += n
			if err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

// expire takes steps in one workspace until nothing is left to remove.
func (s *Store) expire(
	ctx context.Context, id workspace.ID, before time.Time, step func(context.Context, *db.Scope, int64) (int64, error),
) (removed int64, err error) {
	for {
		var n int64
		if err := s.db.Workspace(id, workspace.Actor{}).Update(ctx, func(ctx context.Context, s *db.Scope) (err error) {
			n, err = step(ctx, s, db.Micros(before))
			return err
		}); err != nil || n == 0 {
			return removed, err
		}
		removed += n
	}
}

// workspacesOf lists the workspaces that have things of a kind.
func (s *Store) workspacesOf(ctx context.Context, kind string) (ids []workspace.ID, err error) {
	var names []string
	if err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.NewRaw("SELECT workspace_id FROM pm_counters WHERE kind = ? AND alive > 0", kind).Scan(ctx, &names)
	}); err != nil {
		return nil, err
	}
	for _, name := range names {
		id, err := workspace.Parse(name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func expireLogs(ctx context.Context, s *db.Scope, before int64) (int64, error) {
	if err := lock(ctx, s, countLogs); err != nil {
		return 0, err
	}
	var rows []logRow
	if err := s.Select(&rows).Column("created_at", "id", "prompt_name", "version_tag", "provider", "model", "status").
		Where("created_at < ?", before).OrderExpr("created_at, id").Limit(expireStep).Scan(ctx); err != nil || len(rows) == 0 {
		return 0, err
	}
	last := rows[len(rows)-1]
	if _, err := s.Delete((*logRow)(nil)).Where("(created_at, id) <= (?, ?)", last.CreatedAt, last.ID).Exec(ctx); err != nil {
		return 0, err
	}
	ws := s.Workspace().String()
	totals := map[totalKey]int64{}
	for _, row := range rows {
		totals[totalKey{row.PromptName, row.VersionTag, valueOf(row.Provider), valueOf(row.Model), row.Status}]--
	}
	for key, n := range totals {
		if _, err := s.Tx().Run(ctx, totalSQL, ws, key.prompt, key.version, key.provider, key.model, key.status, n); err != nil {
			return 0, err
		}
	}
	if _, err := s.Delete((*logTotalRow)(nil)).Where("alive <= 0").Exec(ctx); err != nil {
		return 0, err
	}
	return int64(len(rows)), recount(ctx, s.Tx(), ws, countLogs, -int64(len(rows)))
}

// expireTraces removes one trace: it may have many spans.
func expireTraces(ctx context.Context, s *db.Scope, before int64) (int64, error) {
	if err := lock(ctx, s, countSpans); err != nil {
		return 0, err
	}
	if err := lock(ctx, s, countRuns); err != nil {
		return 0, err
	}
	var trace traceRow
	err := s.Select(&trace).Where("created_at < ?", before).OrderExpr("created_at, id").Limit(1).Scan(ctx)
	if db.IsNoRows(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	spans, err := removeTrace(ctx, s, trace.TraceID)
	return spans + 1, err
}

func expireRuns(ctx context.Context, s *db.Scope, before int64) (int64, error) {
	if err := lock(ctx, s, countRuns); err != nil {
		return 0, err
	}
	old := s.Select((*runRow)(nil)).Column("run_id").Where("created_at < ?", before).OrderExpr("created_at, id").Limit(expireStep)
	result, err := s.Delete((*runRow)(nil)).Where("run_id IN (?)", old).Exec(ctx)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	return n, recount(ctx, s.Tx(), s.Workspace().String(), countRuns, -n)
}

// Check writes and reads back, for the health report.
func (s *Store) Check(ctx context.Context, mark int64) error {
	const name = "health:check"
	if err := s.setState(ctx, name, itoa(mark)); err != nil {
		return err
	}
	got, err := s.state(ctx, name)
	if err == nil && got == "" {
		err = pmerr.Down(fmt.Errorf("%s is missing", name), "the database does not return what was written")
	}
	return err
}
