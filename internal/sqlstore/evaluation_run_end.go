package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// extent gives the newest row of a dataset and how many there are.
func extent(ctx context.Context, s *db.Scope, datasetID int64) (last int64, total int, err error) {
	if _, err := findDataset(ctx, s, datasetID); err != nil {
		return 0, 0, err
	}
	err = s.Select((*dataRow)(nil)).ColumnExpr("coalesce(max(id), 0), count(*)").Where("dataset_id = ?", datasetID).Scan(ctx, &last, &total)
	return last, total, err
}

// runReference is the run_id of the results that an evaluation run leaves.
const runReference = "evaluation-run:"

// EndRun stores how a run ended, and the results that it leaves.
func (q evaluationQueue) EndRun(ctx context.Context, j eval.Job, o eval.Outcome) error {
	results, err := json.Marshal(o.Results)
	if err != nil {
		return fmt.Errorf("write the results of evaluation run %d: %w", j.Run.ID, err)
	}
	return q.update(ctx, j, func(ctx context.Context, s *db.Scope) error {
		if err := hold(ctx, s, j, 0, 0); err != nil {
			return err
		}
		if o.Status == eval.RunCompleted && j.Run.DatasetID != nil {
			if _, err := findDataset(ctx, s, *j.Run.DatasetID); err != nil {
				return err
			}
		}
		now := db.Micros(s.Now())
		if _, err := s.Update((*evaluationRunRow)(nil)).Set("status = ?", string(o.Status)).Set("score = ?", o.Score).Set("passed = ?", o.Passed).
			Set("results = ?", string(results)).Set("lease_owner = NULL").Set("completed_at = ?", now).Set("updated_at = ?", now).
			Where("id = ?", j.Run.ID).Exec(ctx); err != nil {
			return err
		}
		if o.Status != eval.RunCompleted || o.Score == nil {
			return nil
		}
		return leaveResults(ctx, s, j.Run.ID)
	})
}

const resultWidth = 9

var resultInserts = insertTexts(
	"INSERT INTO pm_evaluation_results (workspace_id, evaluation_id, id, run_id, version_tag, score, row_id, metadata, created_at) VALUES ", resultWidth)

// leaveResults makes a result of every row of a run.
func leaveResults(ctx context.Context, s *db.Scope, runID int64) error {
	var run evaluationRunRow
	if err := s.Select(&run).Where("id = ?", runID).Scan(ctx); err != nil {
		return err
	}
	var rows []examinedRow
	if err := s.Select(&rows).Column("row_id", "score").Where("run_id = ?", runID).OrderExpr("row_id ASC").Scan(ctx); err != nil || len(rows) == 0 {
		return err
	}
	ws := s.Workspace().String()
	first, at, err := claim(ctx, s.Tx(), ws, countResults, int64(len(rows)))
	if err != nil {
		return err
	}
	w := rowWriter{tx: s.Tx(), texts: &resultInserts, width: resultWidth}
	low, high, total := rows[0].Score, rows[0].Score, 0.0
	for i, row := range rows {
		var of any
		metadata := fmt.Sprintf(`{"evaluation_run":%d}`, runID)
		if row.RowID != 0 {
			of, metadata = row.RowID, fmt.Sprintf(`{"evaluation_run":%d,"%s":%d}`, runID, eval.RowIDMember, row.RowID)
		}
		if err := w.add(ctx, []any{
			ws, run.EvaluationID, first + int64(i), runReference + itoa(runID), valueOf(run.VersionTag), row.Score, of, metadata, at,
		}); err != nil {
			return err
		}
		low, high, total = min(low, row.Score), max(high, row.Score), total+row.Score
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	return addResults(ctx, s.Tx(), ws, resultSum{run.EvaluationID, valueOf(run.VersionTag), at, len(rows), total, low, high})
}

// maxHumanScores bounds what is read to compare a judge with people.
const maxHumanScores = 100_000

// HumanScores gives the newest score that a person gave to each row.
func (q evaluationQueue) HumanScores(ctx context.Context, j eval.Job) (scores map[int64]float64, err error) {
	scores = map[int64]float64{}
	err = q.db.Workspace(j.Workspace, workspace.Actor{}).View(ctx, func(ctx context.Context, s *db.Scope) error {
		var run evaluationRunRow
		if err := s.Select(&run).Where("id = ?", j.Run.ID).Scan(ctx); err != nil {
			return err
		}
		var rows []resultRow
		if err := s.Select(&rows).Column("run_id", "row_id", "score").Where("evaluation_id = ?", j.Evaluation.ID).
			Where("version_tag = ?", valueOf(run.VersionTag)).Where("row_id IS NOT NULL").
			OrderExpr("id DESC").Limit(maxHumanScores).Scan(ctx); err != nil {
			return err
		}
		for _, row := range rows {
			if strings.HasPrefix(valueOf(row.RunID), runReference) {
				continue
			}
			if _, newer := scores[*row.RowID]; !newer {
				scores[*row.RowID] = row.Score
			}
		}
		return nil
	})
	return scores, err
}
