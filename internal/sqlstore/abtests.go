package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// ABTests gives the A/B tests of workspaces.
func (s *Store) ABTests() abtest.StoreOf { return experiments{s} }

type experiments struct{ store *Store }

func (e experiments) Workspace(id workspace.ID, actor workspace.Actor) abtest.Store {
	return experimenter{e.store.db.Workspace(id, actor)}
}

// experimenter keeps the A/B tests of one workspace.
type experimenter struct{ db *db.Workspace }

type testRow struct {
	bun.BaseModel `bun:"table:pm_ab_tests,alias:t"`
	db.Owned
	ID              int64 `bun:"id,pk"`
	PromptName      string
	Status          string
	Spec            string
	PromotedVersion *string
	CreatedAt       int64
	UpdatedAt       int64
}

func (r testRow) test() (abtest.Test, error) {
	t := abtest.Test{
		ID: r.ID, Status: abtest.Status(r.Status), PromotedVersion: r.PromotedVersion,
		CreatedAt: wire(r.CreatedAt), UpdatedAt: wire(r.UpdatedAt), Workspace: r.WorkspaceID,
	}
	if err := json.Unmarshal([]byte(r.Spec), &t.Spec); err != nil {
		return t, fmt.Errorf("the stored A/B test %d is damaged: %w", r.ID, err)
	}
	return t, nil
}

// InsertTest keeps a test.
func (e experimenter) InsertTest(ctx context.Context, spec abtest.Spec) (out abtest.Test, err error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return out, fmt.Errorf("encode the A/B test: %w", err)
	}
	err = e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		id, at, err := claim(ctx, s.Tx(), s.Workspace().String(), countTests, 1)
		if err != nil {
			return err
		}
		row := testRow{ID: id, PromptName: spec.PromptName, Status: string(abtest.Running), Spec: string(text), CreatedAt: at, UpdatedAt: at}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			return err
		}
		if out, err = row.test(); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "create_ab_test", prompt: spec.PromptName, target: itoa(id)})
	})
	out.Workspace = e.db.ID().String()
	return out, err
}

// Tests gives a page of tests, newest first.
func (e experimenter) Tests(ctx context.Context, p page.Request) (out page.Of[abtest.Test], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []testRow
		next, err := byID(ctx, s.Select(&rows), &rows, p, "ab-tests", true, func(t testRow) int64 { return t.ID })
		if err != nil {
			return err
		}
		items := make([]abtest.Test, len(rows))
		for i, row := range rows {
			if items[i], err = row.test(); err != nil {
				return err
			}
		}
		total, err := alive(ctx, s, countTests)
		out = page.New(p, items, total, next)
		return err
	})
	return out, err
}

func findTest(ctx context.Context, s *db.Scope, id int64) (row testRow, err error) {
	return row, missing(s.Select(&row).Where("id = ?", id).Scan(ctx), "A/B test")
}

// Test gives a test without its latest result.
func (e experimenter) Test(ctx context.Context, id int64) (out abtest.Test, err error) {
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findTest(ctx, s, id)
		if err != nil {
			return err
		}
		out, err = row.test()
		return err
	})
	return out, err
}

// TestWithResult gives a test with its latest result.
func (e experimenter) TestWithResult(ctx context.Context, id int64) (out abtest.Test, err error) {
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findTest(ctx, s, id)
		if err != nil {
			return err
		}
		if out, err = row.test(); err != nil {
			return err
		}
		if out.LatestResult, err = latestOutcome(ctx, s, id, ""); err != nil {
			return err
		}
		// Between the two queries somebody else may have written.
		switch ran := out.LatestResult != nil; {
		case ran && out.Status == abtest.Running:
			out.Status = abtest.Completed
		case !ran && out.Status != abtest.Running:
			return pmerr.Missing("A/B test")
		}
		return nil
	})
	return out, err
}

// DeleteTest removes a test with its results.
func (e experimenter) DeleteTest(ctx context.Context, id int64) error {
	return e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// While the counter is held no result can be added.
		if err := lock(ctx, s, countOutcomes); err != nil {
			return err
		}
		row, err := findTest(ctx, s, id)
		if err != nil {
			return err
		}
		result, err := s.Delete((*outcomeRow)(nil)).Where("ab_test_id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		gone, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if _, err := s.Delete((*testRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		ws := s.Workspace().String()
		if err := recount(ctx, s.Tx(), ws, countOutcomes, -gone); err != nil {
			return err
		}
		if err := recount(ctx, s.Tx(), ws, countTests, -1); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "delete_ab_test", prompt: row.PromptName, target: itoa(id)})
	})
}

// Promote pins a version, moves the label to it and marks the test.
func (e experimenter) Promote(ctx context.Context, id int64, version, label string) error {
	return e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		// While the counter is held the test stays.
		if err := lock(ctx, s, countOutcomes); err != nil {
			return err
		}
		row, err := findTest(ctx, s, id)
		if err != nil {
			return err
		}
		if err := pin(ctx, s, row.PromptName, version); err != nil {
			return err
		}
		if _, err := pointLabel(ctx, s, row.PromptName, label, version); err != nil {
			return err
		}
		if _, err := s.Update((*testRow)(nil)).Set("status = ?", string(abtest.Promoted)).Set("promoted_version = ?", version).
			Set("updated_at = ?", max(row.UpdatedAt, db.Micros(s.Now()))).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "promote_ab_test", prompt: row.PromptName, version: version, target: itoa(id)})
	})
}
