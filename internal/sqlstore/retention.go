package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// expireStep is how many rows one transaction removes: writers wait for it.
const expireStep = 500

// Expire removes logs, traces with their spans, and runs that were made before
// a time, in small steps between which writers get their turn. Daily sums and
// the audit log stay. It returns how many rows went.
func (s *Store) Expire(ctx context.Context, before time.Time) (removed int64, err error) {
	for _, step := range []func(context.Context, *db.Tx, int64) (int64, error){expireLogs, expireTraces, expireRuns} {
		for {
			var n int64
			err := s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				n, err = step(ctx, tx, db.Micros(before))
				return err
			})
			if err != nil {
				return removed, err
			}
			if removed += n; n == 0 {
				break
			}
		}
	}
	return removed, nil
}

// workspacesOf lists the workspaces that have things of a kind.
func workspacesOf(ctx context.Context, tx *db.Tx, kind string) (names []string, err error) {
	return names, tx.NewRaw("SELECT workspace_id FROM pm_counters WHERE kind = ? AND alive > 0", kind).Scan(ctx, &names)
}

func expireLogs(ctx context.Context, tx *db.Tx, before int64) (int64, error) {
	names, err := workspacesOf(ctx, tx, countLogs)
	if err != nil {
		return 0, err
	}
	for _, ws := range names {
		var rows []logRow
		if err := tx.NewSelect().Model(&rows).Column("created_at", "id", "prompt_name", "version_tag", "provider", "model", "status").
			Where("workspace_id = ? AND created_at < ?", ws, before).OrderExpr("created_at, id").Limit(expireStep).Scan(ctx); err != nil {
			return 0, err
		}
		if len(rows) == 0 {
			continue
		}
		last := rows[len(rows)-1]
		if _, err := tx.NewDelete().Model((*logRow)(nil)).
			Where("workspace_id = ? AND (created_at, id) <= (?, ?)", ws, last.CreatedAt, last.ID).Exec(ctx); err != nil {
			return 0, err
		}
		totals := map[totalKey]int64{}
		for _, row := range rows {
			totals[totalKey{row.PromptName, row.VersionTag, valueOf(row.Provider), valueOf(row.Model), row.Status}]--
		}
		for key, n := range totals {
			if _, err := tx.Run(ctx, totalSQL, ws, key.prompt, key.version, key.provider, key.model, key.status, n); err != nil {
				return 0, err
			}
		}
		if _, err := tx.Run(ctx, "DELETE FROM pm_log_totals WHERE workspace_id = ? AND alive <= 0", ws); err != nil {
			return 0, err
		}
		return int64(len(rows)), recount(ctx, tx, ws, countLogs, -int64(len(rows)))
	}
	return 0, nil
}

func expireTraces(ctx context.Context, tx *db.Tx, before int64) (int64, error) {
	names, err := workspacesOf(ctx, tx, countTraces)
	if err != nil {
		return 0, err
	}
	for _, ws := range names {
		// One trace may have many spans, so traces go one by one.
		var trace traceRow
		err := tx.NewSelect().Model(&trace).Where("workspace_id = ? AND created_at < ?", ws, before).
			OrderExpr("created_at, id").Limit(1).Scan(ctx)
		if db.IsNoRows(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		result, err := tx.NewDelete().Model((*spanRow)(nil)).Where("workspace_id = ? AND trace_id = ?", ws, trace.TraceID).Exec(ctx)
		if err != nil {
			return 0, err
		}
		spans, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		if _, err := tx.NewUpdate().Model((*runRow)(nil)).Set("trace_id = NULL").
			Where("workspace_id = ? AND trace_id = ?", ws, trace.TraceID).Exec(ctx); err != nil {
			return 0, err
		}
		if _, err := tx.NewDelete().Model((*traceRow)(nil)).Where("workspace_id = ? AND trace_id = ?", ws, trace.TraceID).Exec(ctx); err != nil {
			return 0, err
		}
		if err := recount(ctx, tx, ws, countSpans, -spans); err != nil {
			return 0, err
		}
		return 1 + spans, recount(ctx, tx, ws, countTraces, -1)
	}
	return 0, nil
}

func expireRuns(ctx context.Context, tx *db.Tx, before int64) (int64, error) {
	names, err := workspacesOf(ctx, tx, countRuns)
	if err != nil {
		return 0, err
	}
	for _, ws := range names {
		old := tx.NewSelect().Model((*runRow)(nil)).Column("run_id").
			Where("workspace_id = ? AND created_at < ?", ws, before).OrderExpr("created_at, id").Limit(expireStep)
		result, err := tx.NewDelete().Model((*runRow)(nil)).Where("workspace_id = ? AND run_id IN (?)", ws, old).Exec(ctx)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		if n > 0 {
			return n, recount(ctx, tx, ws, countRuns, -n)
		}
	}
	return 0, nil
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
