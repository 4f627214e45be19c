package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Of one transaction of retention, since writers wait for it.
const (
	expireStep   = 500 // rows
	expireTraced = 100 // traces, with spans that are not more than a step before the last one
)

// within keeps rows of an era.
func within(q *bun.SelectQuery, e era) *bun.SelectQuery {
	if e.from != keepsAll {
		q = q.Where("created_at >= ?", e.from)
	}
	return q.Where("created_at < ?", e.to)
}

// dueOf looks for rows of a table that has an index by age.
func dueOf(model any) func(context.Context, *db.Scope, era) (bool, error) {
	return func(ctx context.Context, s *db.Scope, e era) (bool, error) {
		return within(s.Select(model), e).Exists(ctx)
	}
}

func expireLogs(ctx context.Context, s *db.Scope, e era) (int64, error) {
	if err := lock(ctx, s, countLogs); err != nil {
		return 0, err
	}
	var rows []logRow
	if err := within(s.Select(&rows), e).Column("created_at", "id", "prompt_name", "version_tag", "provider", "model", "status").
		OrderExpr("created_at, id").Limit(expireStep).Scan(ctx); err != nil || len(rows) == 0 {
		return 0, err
	}
	first, last := rows[0], rows[len(rows)-1]
	if _, err := s.Delete((*logRow)(nil)).Where("created_at >= ? AND created_at <= ?", first.CreatedAt, last.CreatedAt).
		Where("(created_at, id) <= (?, ?)", last.CreatedAt, last.ID).Exec(ctx); err != nil {
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

// expireTraces removes a few traces with their spans.
func expireTraces(ctx context.Context, s *db.Scope, e era) (gone int64, err error) {
	if err := lock(ctx, s, countSpans); err != nil {
		return 0, err
	}
	if err := lock(ctx, s, countRuns); err != nil {
		return 0, err
	}
	var traces []traceRow
	if err := within(s.Select(&traces), e).Column("trace_id", "created_at").OrderExpr("created_at, id").Limit(expireTraced).Scan(ctx); err != nil {
		return 0, err
	}
	for _, trace := range traces {
		spans, err := removeTrace(ctx, s, trace)
		if err != nil {
			return 0, err
		}
		if gone += spans + 1; gone >= expireStep {
			break
		}
	}
	return gone, nil
}

// expireBareTraces removes traces whose spans go with their slice.
func expireBareTraces(ctx context.Context, s *db.Scope, e era) (int64, error) {
	if err := lock(ctx, s, countSpans); err != nil { // no span is added meanwhile
		return 0, err
	}
	if err := lock(ctx, s, countRuns); err != nil {
		return 0, err
	}
	var traces []traceRow
	if err := within(s.Select(&traces), e).Column("trace_id").OrderExpr("created_at, id").Limit(expireStep).Scan(ctx); err != nil || len(traces) == 0 {
		return 0, err
	}
	ids := make([]string, len(traces))
	for i, trace := range traces {
		ids[i] = trace.TraceID
	}
	if _, err := s.Update((*runRow)(nil)).Set("trace_id = NULL").Where("trace_id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
		return 0, err
	}
	if _, err := s.Delete((*traceRow)(nil)).Where("trace_id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
		return 0, err
	}
	return int64(len(ids)), recount(ctx, s.Tx(), s.Workspace().String(), countTraces, -int64(len(ids)))
}

func expireRuns(ctx context.Context, s *db.Scope, e era) (int64, error) {
	if err := lock(ctx, s, countRuns); err != nil {
		return 0, err
	}
	old := within(s.Select((*runRow)(nil)), e).Column("run_id").OrderExpr("created_at, id").Limit(expireStep)
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

// endedRuns finds evaluation runs of an era that have ended, oldest first.
func endedRuns(s *db.Scope, model any, e era) *bun.SelectQuery {
	return within(s.Select(model), e).Column("id").Where("status <> ?", string(eval.RunRunning)).OrderExpr("id").Limit(1)
}

func dueEvaluationRuns(ctx context.Context, s *db.Scope, e era) (bool, error) {
	var row evaluationRunRow
	err := endedRuns(s, &row, e).Scan(ctx)
	if db.IsNoRows(err) {
		return false, nil
	}
	return err == nil, err
}

// expireEvaluationRuns removes rows of the oldest run, and the run when it has
// none. The scores that it left to its evaluation stay.
func expireEvaluationRuns(ctx context.Context, s *db.Scope, e era) (int64, error) {
	if err := lock(ctx, s, countEvaluationRuns); err != nil {
		return 0, err
	}
	var run evaluationRunRow
	if err := endedRuns(s, &run, e).Scan(ctx); err != nil {
		if db.IsNoRows(err) {
			return 0, nil
		}
		return 0, err
	}
	some := s.Select((*examinedRow)(nil)).Column("row_id").Where("run_id = ?", run.ID).OrderExpr("row_id").Limit(expireStep)
	result, err := s.Delete((*examinedRow)(nil)).Where("run_id = ?", run.ID).Where("row_id IN (?)", some).Exec(ctx)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil || n > 0 {
		return n, err
	}
	if _, err := s.Delete((*evaluationRunRow)(nil)).Where("id = ?", run.ID).Exec(ctx); err != nil {
		return 0, err
	}
	return 1, recount(ctx, s.Tx(), s.Workspace().String(), countEvaluationRuns, -1)
}

// expireKeys forgets the answers to idempotency keys whose time is up. A
// workspace that records does so by itself ([openKeys]); this is for the others.
func (s *Store) expireKeys(ctx context.Context, now time.Time) (removed int64, err error) {
	before := db.Micros(now.Add(-keyLife))
	var names []string
	if err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.NewRaw(`SELECT c.workspace_id FROM pm_counters AS c WHERE c.kind = ? AND EXISTS (
	SELECT 1 FROM pm_idempotency AS i WHERE i.workspace_id = c.workspace_id AND i.created_at < ?)`, countLogs, before).Scan(ctx, &names)
	}); err != nil {
		return 0, err
	}
	for _, name := range names {
		for n := int64(expireStep); n == expireStep; removed += n {
			if err := s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				result, err := tx.Run(ctx, `DELETE FROM pm_idempotency WHERE workspace_id = ? AND name IN (
	SELECT name FROM pm_idempotency WHERE workspace_id = ? AND created_at < ? ORDER BY created_at LIMIT ?)`, name, name, before, expireStep)
				if err == nil {
					n, err = result.RowsAffected()
				}
				return err
			}); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}
