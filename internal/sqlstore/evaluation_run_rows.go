package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// examinedRow is what became of a row of a dataset in a run.
type examinedRow struct {
	bun.BaseModel `bun:"table:pm_evaluation_run_rows,alias:x"`
	db.Owned
	RunID     int64 `bun:"run_id,pk"`
	RowID     int64 `bun:"row_id,pk"`
	Source    string
	Output    string
	Score     float64
	Passed    bool
	Rules     string
	Error     *string
	LatencyMS *int64 `bun:"latency_ms"`
	TokensIn  *int64
	TokensOut *int64
	CostUSD   *float64 `bun:"cost_usd"`
	CreatedAt int64
}

func newExaminedRow(runID, at int64, r eval.RowResult) (examinedRow, error) {
	rules, err := json.Marshal(r.Rules)
	if err != nil {
		return examinedRow{}, fmt.Errorf("write the verdicts of row %d: %w", r.RowID, err)
	}
	row := examinedRow{
		RunID: runID, RowID: r.RowID, Source: string(r.Source), Output: r.Output, Score: r.Score, Passed: r.Passed, Rules: string(rules),
		LatencyMS: r.LatencyMS, TokensIn: r.TokensIn, TokensOut: r.TokensOut, CostUSD: r.CostUSD, CreatedAt: at,
	}
	if r.Error != "" {
		row.Error = &r.Error
	}
	return row, nil
}

func (x examinedRow) result() (eval.RowResult, error) {
	r := eval.RowResult{
		RowID: x.RowID, Source: eval.Source(x.Source), Output: x.Output, Score: x.Score, Passed: x.Passed, Error: valueOf(x.Error),
		LatencyMS: x.LatencyMS, TokensIn: x.TokensIn, TokensOut: x.TokensOut, CostUSD: x.CostUSD, CreatedAt: wire(x.CreatedAt),
	}
	if err := json.Unmarshal([]byte(x.Rules), &r.Rules); err != nil {
		return r, fmt.Errorf("read the verdicts of row %d: %w", x.RowID, err)
	}
	return r, nil
}

func rowResults(rows []examinedRow) ([]eval.RowResult, error) {
	results := make([]eval.RowResult, len(rows))
	for i, row := range rows {
		var err error
		if results[i], err = row.result(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// byRow orders a query by the rows of the dataset and reads one page of it.
func byRow[T any](ctx context.Context, q *bun.SelectQuery, rows *[]T, p page.Request, kind string, key func(T) int64) (next string, err error) {
	q = q.OrderExpr("row_id ASC").Limit(int64(p.Limit + 1))
	if p.Cursor != "" {
		var at int64
		if err := page.DecodeCursor(kind, p.Cursor, &at); err != nil {
			return "", err
		}
		q = q.Where("row_id > ?", at)
	} else {
		q = q.Offset(int64(p.Offset()))
	}
	if err := q.Scan(ctx); err != nil {
		return "", err
	}
	*rows, next = cutPage(*rows, p, kind, func(row T) any { return key(row) })
	return next, nil
}

func rowID(x examinedRow) int64 { return x.RowID }

// RunRows gives a page of what became of the rows.
func (r evaluationRuns) RunRows(ctx context.Context, evaluationID, runID int64, p page.Request) (out page.Of[eval.RowResult], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		run, err := findEvaluationRun(ctx, s, evaluationID, runID)
		if err != nil {
			return err
		}
		var rows []examinedRow
		next, err := byRow(ctx, s.Select(&rows).Where("run_id = ?", runID), &rows, p, "evaluation_run_rows", rowID)
		if err != nil {
			return err
		}
		results, err := rowResults(rows)
		out = page.New(p, results, int64(run.Done), next)
		return err
	})
	return out, err
}

const pairedSQL = `FROM pm_evaluation_run_rows AS a JOIN pm_evaluation_run_rows AS b
ON b.workspace_id = a.workspace_id AND b.run_id = ? AND b.row_id = a.row_id
WHERE a.workspace_id = ? AND a.run_id = ?`

// PairedScores gives the scores of the rows that both runs have.
func (r evaluationRuns) PairedScores(ctx context.Context, a, b int64) (pairs []eval.ScorePair, err error) {
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []struct{ A, B float64 }
		if err := s.Tx().NewRaw("SELECT a.score AS a, b.score AS b "+pairedSQL+" ORDER BY a.row_id", b, s.Workspace().String(), a).Scan(ctx, &rows); err != nil {
			return err
		}
		pairs = make([]eval.ScorePair, len(rows))
		for i, row := range rows {
			pairs[i] = eval.ScorePair(row)
		}
		return nil
	})
	return pairs, err
}

// PairedRows gives a page of the rows that both runs have.
func (r evaluationRuns) PairedRows(ctx context.Context, a, b int64, p page.Request) (out page.Of[eval.RowPair], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var total int64
		if err := s.Tx().NewRaw("SELECT count(*) "+pairedSQL, b, s.Workspace().String(), a).Scan(ctx, &total); err != nil {
			return err
		}
		var left, right []examinedRow
		common := s.Select((*examinedRow)(nil)).Column("row_id").Where("run_id = ?", b)
		next, err := byRow(ctx, s.Select(&left).Where("run_id = ?", a).Where("row_id IN (?)", common), &left, p, "evaluation_run_pairs", rowID)
		if err != nil || len(left) == 0 {
			out = page.New(p, []eval.RowPair(nil), total, "")
			return err
		}
		ids := make([]int64, len(left))
		for i, row := range left {
			ids[i] = row.RowID
		}
		if err := s.Select(&right).Where("run_id = ?", b).Where("row_id IN (?)", bun.List(ids)).OrderExpr("row_id ASC").Scan(ctx); err != nil {
			return err
		}
		pairs, err := pairUp(left, right)
		out = page.New(p, pairs, total, next)
		return err
	})
	return out, err
}

// pairUp joins rows of the same ids in the same order.
func pairUp(left, right []examinedRow) ([]eval.RowPair, error) {
	if len(left) != len(right) {
		return nil, fmt.Errorf("%d rows of one run meet %d of another", len(left), len(right))
	}
	a, err := rowResults(left)
	if err != nil {
		return nil, err
	}
	b, err := rowResults(right)
	if err != nil {
		return nil, err
	}
	pairs := make([]eval.RowPair, len(a))
	for i := range pairs {
		pairs[i] = eval.RowPair{A: a[i], B: b[i]}
	}
	return pairs, nil
}
