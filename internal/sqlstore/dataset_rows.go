package sqlstore

import (
	"context"
	"iter"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// dataRow is a row of a dataset.
type dataRow struct {
	bun.BaseModel `bun:"table:pm_dataset_rows,alias:r"`
	db.Owned
	DatasetID      int64 `bun:"dataset_id,pk"`
	ID             int64 `bun:"id,pk"`
	Input          string
	ExpectedOutput *string
	Output         *string
}

func (r dataRow) row() eval.Row {
	return eval.Row{ID: r.ID, Input: raw(&r.Input), ExpectedOutput: raw(r.ExpectedOutput), Output: r.Output}
}

const dataRowWidth = 6

var dataRowInserts = insertTexts("INSERT INTO pm_dataset_rows (workspace_id, dataset_id, id, input, expected_output, output) VALUES ", dataRowWidth)

// insertDatasetRows writes rows with ids that were claimed.
func insertDatasetRows(ctx context.Context, s *db.Scope, datasetID, first int64, rows []eval.Row) error {
	w := rowWriter{tx: s.Tx(), texts: &dataRowInserts, width: dataRowWidth}
	ws := s.Workspace().String()
	for i, r := range rows {
		if err := w.add(ctx, []any{ws, datasetID, first + int64(i), string(r.Input), rawText(r.ExpectedOutput), value(r.Output)}); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// DatasetRows gives a page of rows in their order.
func (e *evaluator) DatasetRows(ctx context.Context, id int64, p page.Request) (out page.Of[eval.Row], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		of, err := findDataset(ctx, s, id)
		if err != nil {
			return err
		}
		var rows []dataRow
		next, err := byID(ctx, s.Select(&rows).Where("dataset_id = ?", id), &rows, p, "dataset_rows", false, func(r dataRow) int64 { return r.ID })
		out = page.Map(page.New(p, rows, int64(of.RowCount), next), dataRow.row)
		return err
	})
	return out, err
}

// EachRow streams all rows in their order. It reads in steps, so that a slow
// reader holds neither a connection nor a snapshot.
func (e *evaluator) EachRow(ctx context.Context, id int64) iter.Seq2[eval.Row, error] {
	const step = 500
	return func(yield func(eval.Row, error) bool) {
		last := int64(0)
		for {
			var rows []dataRow
			err := e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
				if _, err := findDataset(ctx, s, id); err != nil {
					return err
				}
				return s.Select(&rows).Where("dataset_id = ?", id).Where("id > ?", last).OrderExpr("id").Limit(step).Scan(ctx)
			})
			if err != nil {
				yield(eval.Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row.row(), nil) {
					return
				}
			}
			if len(rows) < step {
				return
			}
			last = rows[len(rows)-1].ID
		}
	}
}
