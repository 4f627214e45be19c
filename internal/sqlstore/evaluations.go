package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Evaluations keeps the evaluations and datasets of all workspaces.
func (s *Store) Evaluations() eval.StoreOf { return evaluationStore{s.db} }

type evaluationStore struct{ db *db.DB }

// Workspace binds the evaluations to a workspace and to who acts.
func (e evaluationStore) Workspace(id workspace.ID, actor workspace.Actor) eval.Store {
	return &evaluator{e.db.Workspace(id, actor)}
}

// evaluator keeps the evaluations and datasets of one workspace.
type evaluator struct{ db *db.Workspace }

type evaluationRow struct {
	bun.BaseModel `bun:"table:pm_evaluations,alias:e"`
	db.Owned
	ID          int64 `bun:"id,pk"`
	Name        string
	PromptName  string
	VersionTag  *string
	Description *string
	Criteria    *string
	CreatedAt   int64
}

func (e evaluationRow) evaluation() (eval.Evaluation, error) {
	out := eval.Evaluation{
		ID: e.ID, Workspace: e.WorkspaceID, CreatedAt: wire(e.CreatedAt),
		Name: e.Name, PromptName: e.PromptName, VersionTag: e.VersionTag, Description: e.Description,
	}
	if e.Criteria != nil {
		if err := json.Unmarshal([]byte(*e.Criteria), &out.Criteria); err != nil {
			return out, fmt.Errorf("the stored criteria of evaluation %d are damaged: %w", e.ID, err)
		}
	}
	return out, nil
}

// InsertEvaluation keeps an evaluation.
func (e *evaluator) InsertEvaluation(ctx context.Context, in eval.Evaluation) (eval.Evaluation, error) {
	row := evaluationRow{Name: in.Name, PromptName: in.PromptName, VersionTag: in.VersionTag, Description: in.Description}
	if in.Criteria != nil {
		var text bytes.Buffer
		if err := decode.EncodePlain(&text, in.Criteria); err != nil {
			return in, fmt.Errorf("encode the criteria: %w", err)
		}
		row.Criteria = rawPtr(text.Bytes())
	}
	err := e.db.Update(ctx, func(ctx context.Context, s *db.Scope) (err error) {
		if row.ID, row.CreatedAt, err = claim(ctx, s.Tx(), s.Workspace().String(), countEvaluations, 1); err != nil {
			return err
		}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			return err
		}
		if err := tally(ctx, s, row.CreatedAt, activity{evaluations: 1}); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "evaluation:create", prompt: in.PromptName, version: valueOf(in.VersionTag), target: itoa(row.ID)})
	})
	in.ID, in.Workspace, in.CreatedAt = row.ID, e.db.ID().String(), wire(row.CreatedAt)
	return in, err
}

// Evaluations gives a page of evaluations, newest first.
func (e *evaluator) Evaluations(ctx context.Context, p page.Request) (out page.Of[eval.Evaluation], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []evaluationRow
		next, err := byID(ctx, s.Select(&rows), &rows, p, "evaluations", true, func(e evaluationRow) int64 { return e.ID })
		if err != nil {
			return err
		}
		items := make([]eval.Evaluation, len(rows))
		for i, row := range rows {
			if items[i], err = row.evaluation(); err != nil {
				return err
			}
		}
		total, err := alive(ctx, s, countEvaluations)
		out = page.New(p, items, total, next)
		return err
	})
	return out, err
}

func findEvaluation(ctx context.Context, s *db.Scope, id int64) (row evaluationRow, err error) {
	return row, missing(s.Select(&row).Where("id = ?", id).Scan(ctx), "Evaluation")
}

// Evaluation gives one evaluation.
func (e *evaluator) Evaluation(ctx context.Context, id int64) (out eval.Evaluation, err error) {
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findEvaluation(ctx, s, id)
		if err != nil {
			return err
		}
		out, err = row.evaluation()
		return err
	})
	return out, err
}

// DeleteEvaluation removes an evaluation with its runs, results and daily sums.
func (e *evaluator) DeleteEvaluation(ctx context.Context, id int64) error {
	return e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// A run locks itself before the results that it leaves: so do we.
		if err := deleteEvaluationRuns(ctx, s, id); err != nil {
			return err
		}
		// While the counter is held no result can be added.
		if err := lock(ctx, s, countResults); err != nil {
			return err
		}
		row, err := findEvaluation(ctx, s, id)
		if err != nil {
			return err
		}
		result, err := s.Delete((*resultRow)(nil)).Where("evaluation_id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		gone, err := result.RowsAffected()
		if err != nil {
			return err
		}
		ws := s.Workspace().String()
		if err := recount(ctx, s.Tx(), ws, countResults, -gone); err != nil {
			return err
		}
		for _, sums := range []any{(*evaluationDayRow)(nil), (*evaluationVersionRow)(nil)} {
			if _, err := s.Delete(sums).Where("evaluation_id = ?", id).Exec(ctx); err != nil {
				return err
			}
		}
		if _, err := s.Delete((*evaluationRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		if err := recount(ctx, s.Tx(), ws, countEvaluations, -1); err != nil {
			return err
		}
		if err := tally(ctx, s, row.CreatedAt, activity{evaluations: -1}); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "evaluation:delete", prompt: row.PromptName, version: valueOf(row.VersionTag), target: itoa(id)})
	})
}
