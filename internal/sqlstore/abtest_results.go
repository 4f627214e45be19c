package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// outcomeRow is one result of an A/B test.
type outcomeRow struct {
	bun.BaseModel `bun:"table:pm_ab_test_results,alias:o"`
	db.Owned
	ABTestID  int64 `bun:"ab_test_id,pk"`
	ID        int64 `bun:"id,pk"`
	Source    string
	Result    string
	CreatedAt int64
}

func (r outcomeRow) result() (out abtest.Result, err error) {
	if err := json.Unmarshal([]byte(r.Result), &out); err != nil {
		return out, fmt.Errorf("the stored result %d of A/B test %d is damaged: %w", r.ID, r.ABTestID, err)
	}
	out.ID, out.TestID, out.CreatedAt, out.Workspace = r.ID, r.ABTestID, wire(r.CreatedAt), r.WorkspaceID
	return out, nil
}

// latestOutcome gives the newest result of a test from a source, or from any
// with none; nil if there is no result.
func latestOutcome(ctx context.Context, s *db.Scope, test int64, source abtest.Source) (*abtest.Result, error) {
	var row outcomeRow
	q := s.Select(&row).Where("ab_test_id = ?", test)
	if source != "" {
		q = q.Where("source = ?", string(source))
	}
	err := q.OrderExpr("id DESC").Limit(1).Scan(ctx)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := row.result()
	return &out, err
}

// InsertResult keeps a result and completes its test.
func (e experimenter) InsertResult(
	ctx context.Context, r abtest.Result, settle func(r abtest.Result, before *abtest.Result) abtest.Result,
) (out abtest.Result, err error) {
	err = e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// The counter comes first: while it is held no other result is added, and
		// the test stays.
		id, at, err := claim(ctx, s.Tx(), s.Workspace().String(), countOutcomes, 1)
		if err != nil {
			return err
		}
		test, err := findTest(ctx, s, r.TestID)
		if err != nil {
			return err
		}
		before, err := latestOutcome(ctx, s, r.TestID, r.Source)
		if err != nil {
			return err
		}
		text, err := json.Marshal(settle(r, before))
		if err != nil {
			return fmt.Errorf("encode the result of an A/B test: %w", err)
		}
		row := outcomeRow{ABTestID: r.TestID, ID: id, Source: string(r.Source), Result: string(text), CreatedAt: at}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			return err
		}
		// A test that has promoted a version stays what it is.
		if _, err := s.Update((*testRow)(nil)).Set("status = ?", string(abtest.Completed)).Set("updated_at = ?", max(test.UpdatedAt, at)).
			Where("id = ?", r.TestID).Where("status = ?", string(abtest.Running)).Exec(ctx); err != nil {
			return err
		}
		if out, err = row.result(); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "run_ab_test", prompt: test.PromptName, target: itoa(r.TestID)})
	})
	out.Workspace = e.db.ID().String()
	return out, err
}

// Results gives a page of a test's results, newest first.
func (e experimenter) Results(ctx context.Context, test int64, p page.Request) (out page.Of[abtest.Result], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		if _, err := findTest(ctx, s, test); err != nil {
			return err
		}
		var rows []outcomeRow
		next, err := byID(ctx, s.Select(&rows).Where("ab_test_id = ?", test), &rows, p, "ab-test-results", true,
			func(o outcomeRow) int64 { return o.ID })
		if err != nil {
			return err
		}
		items := make([]abtest.Result, len(rows))
		for i, row := range rows {
			if items[i], err = row.result(); err != nil {
				return err
			}
		}
		total, bounded, err := count(ctx, s, s.Select((*outcomeRow)(nil)).Where("ab_test_id = ?", test))
		out = page.New(p, items, total, next)
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}
