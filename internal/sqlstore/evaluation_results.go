package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

type resultRow struct {
	bun.BaseModel `bun:"table:pm_evaluation_results,alias:r"`
	db.Owned
	EvaluationID int64 `bun:"evaluation_id,pk"`
	ID           int64 `bun:"id,pk"`
	RunID        *string
	VersionTag   string // empty is none
	Score        float64
	RowID        *int64
	Metadata     *string
	CreatedAt    int64
}

func (r resultRow) result() eval.Result {
	out := eval.Result{
		ID: r.ID, EvaluationID: r.EvaluationID, RunID: r.RunID, Score: r.Score,
		Metadata: members(r.Metadata), CreatedAt: wire(r.CreatedAt),
	}
	if r.VersionTag != "" {
		out.VersionTag = &r.VersionTag
	}
	return out
}

// evaluationDayRow sums up a day of an evaluation.
type evaluationDayRow struct {
	bun.BaseModel `bun:"table:pm_evaluation_days,alias:d"`
	db.Owned
}

// evaluationVersionRow counts the results of a version.
type evaluationVersionRow struct {
	bun.BaseModel `bun:"table:pm_evaluation_versions,alias:v"`
	db.Owned
}

const evaluationVersionSQL = `INSERT INTO pm_evaluation_versions (workspace_id, evaluation_id, version_tag, results)
VALUES (?, ?, ?, ?) ON CONFLICT (workspace_id, evaluation_id, version_tag) DO UPDATE SET
	results = pm_evaluation_versions.results + excluded.results`

const evaluationDaySQL = `INSERT INTO pm_evaluation_days (workspace_id, evaluation_id, day, results, score_sum, score_min, score_max)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, evaluation_id, day) DO UPDATE SET
	results = pm_evaluation_days.results + excluded.results,
	score_sum = pm_evaluation_days.score_sum + excluded.score_sum,
	score_min = CASE WHEN excluded.score_min < pm_evaluation_days.score_min THEN excluded.score_min ELSE pm_evaluation_days.score_min END,
	score_max = CASE WHEN excluded.score_max > pm_evaluation_days.score_max THEN excluded.score_max ELSE pm_evaluation_days.score_max END`

// resultSum is what results of one version and one moment add up to.
type resultSum struct {
	evaluation       int64
	version          string
	at               int64
	results          int
	total, low, high float64
}

// addResults adds to the sums that lists and metrics read. The counter of
// results is held.
func addResults(ctx context.Context, tx *db.Tx, ws string, r resultSum) error {
	if _, err := tx.Run(ctx, evaluationVersionSQL, ws, r.evaluation, r.version, r.results); err != nil {
		return err
	}
	_, err := tx.Run(ctx, evaluationDaySQL, ws, r.evaluation, r.at/microsPerDay, r.results, r.total, r.low, r.high)
	return err
}

// InsertResult records a score.
func (e *evaluator) InsertResult(ctx context.Context, in eval.Result, rowID *int64) (eval.Result, error) {
	metadata, err := storedMembers(telemetry.Metadata(in.Metadata))
	if err != nil {
		return in, err
	}
	row := resultRow{
		EvaluationID: in.EvaluationID, RunID: in.RunID, VersionTag: valueOf(in.VersionTag),
		Score: in.Score, RowID: rowID, Metadata: metadata,
	}
	err = e.db.Update(ctx, func(ctx context.Context, s *db.Scope) (err error) {
		// The counter comes first: while it is held the evaluation cannot go away.
		if row.ID, row.CreatedAt, err = claim(ctx, s.Tx(), s.Workspace().String(), countResults, 1); err != nil {
			return err
		}
		of, err := findEvaluation(ctx, s, in.EvaluationID)
		if err != nil {
			return err
		}
		if in.VersionTag == nil {
			row.VersionTag = valueOf(of.VersionTag)
		}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			return err
		}
		if err := addResults(ctx, s.Tx(), s.Workspace().String(), resultSum{row.EvaluationID, row.VersionTag, row.CreatedAt, 1, row.Score, row.Score, row.Score}); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "evaluation:result", prompt: of.PromptName, version: row.VersionTag, target: itoa(row.ID)})
	})
	return row.result(), err
}

// Results gives a page of results, newest first.
func (e *evaluator) Results(ctx context.Context, evaluationID int64, f eval.ResultFilter, p page.Request) (out page.Of[eval.Result], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		if _, err := findEvaluation(ctx, s, evaluationID); err != nil {
			return err
		}
		var rows []resultRow
		q := s.Select(&rows).Where("evaluation_id = ?", evaluationID)
		total := s.Select((*evaluationVersionRow)(nil)).ColumnExpr("coalesce(sum(results), 0)").Where("evaluation_id = ?", evaluationID)
		if f.VersionTag != "" {
			q, total = q.Where("version_tag = ?", f.VersionTag), total.Where("version_tag = ?", f.VersionTag)
		}
		next, err := byID(ctx, q, &rows, p, "results", true, func(r resultRow) int64 { return r.ID })
		if err != nil {
			return err
		}
		var n int64
		err = total.Scan(ctx, &n)
		out = page.Map(page.New(p, rows, n, next), resultRow.result)
		return err
	})
	return out, err
}

// Scores gives the newest scores of a version, newest first.
func (e *evaluator) Scores(ctx context.Context, evaluationID int64, versionTag string, limit int) (scores []eval.Score, err error) {
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		if _, err := findEvaluation(ctx, s, evaluationID); err != nil {
			return err
		}
		var rows []resultRow
		err := s.Select(&rows).Column("run_id", "row_id", "score").Where("evaluation_id = ?", evaluationID).
			Where("version_tag = ?", versionTag).OrderExpr("id DESC").Limit(int64(limit)).Scan(ctx)
		scores = make([]eval.Score, len(rows))
		for i, row := range rows {
			scores[i] = eval.Score{RunID: row.RunID, RowID: row.RowID, Score: row.Score}
		}
		return err
	})
	return scores, err
}
