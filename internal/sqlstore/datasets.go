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

type datasetRow struct {
	bun.BaseModel `bun:"table:pm_datasets,alias:d"`
	db.Owned
	ID         int64 `bun:"id,pk"`
	Name       string
	RowCount   int
	Bytes      int64
	SchemaJSON string `bun:"schema_json"`
	CreatedAt  int64
}

func (d datasetRow) dataset() eval.Dataset {
	return eval.Dataset{ID: d.ID, Name: d.Name, RowCount: d.RowCount, CreatedAt: wire(d.CreatedAt)}
}

// InsertDataset keeps a dataset with its rows.
func (e *evaluator) InsertDataset(ctx context.Context, name string, rows []eval.Row, size int64) (eval.Dataset, error) {
	schema, err := json.Marshal(eval.SchemaOf(rows))
	if err != nil {
		return eval.Dataset{}, fmt.Errorf("encode the schema: %w", err)
	}
	row := datasetRow{Name: name, RowCount: len(rows), Bytes: size, SchemaJSON: string(schema)}
	err = e.db.Update(ctx, func(ctx context.Context, s *db.Scope) (err error) {
		ws := s.Workspace().String()
		first, _, err := claim(ctx, s.Tx(), ws, countDatasetRows, int64(len(rows)))
		if err != nil {
			return err
		}
		if row.ID, row.CreatedAt, err = claim(ctx, s.Tx(), ws, countDatasets, 1); err != nil {
			return err
		}
		if _, err := s.Insert(&row).Exec(ctx); err != nil {
			return err
		}
		if err := insertDatasetRows(ctx, s, row.ID, first, rows); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "create_dataset", target: itoa(row.ID)})
	})
	return row.dataset(), err
}

// Datasets gives a page of datasets, newest first.
func (e *evaluator) Datasets(ctx context.Context, p page.Request) (out page.Of[eval.Dataset], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []datasetRow
		next, err := byID(ctx, s.Select(&rows).ExcludeColumn("schema_json"), &rows, p, "datasets", true, func(d datasetRow) int64 { return d.ID })
		if err != nil {
			return err
		}
		total, err := alive(ctx, s, countDatasets)
		out = page.Map(page.New(p, rows, total, next), datasetRow.dataset)
		return err
	})
	return out, err
}

func findDataset(ctx context.Context, s *db.Scope, id int64) (row datasetRow, err error) {
	return row, missing(s.Select(&row).Where("id = ?", id).Scan(ctx), "Dataset")
}

// preview is how many rows a dataset shows of itself.
const preview = 5

// Dataset gives one dataset with its schema and first rows.
func (e *evaluator) Dataset(ctx context.Context, id int64) (out eval.DatasetDetail, err error) {
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := findDataset(ctx, s, id)
		if err != nil {
			return err
		}
		var first []dataRow
		if err := s.Select(&first).Where("dataset_id = ?", id).OrderExpr("id").Limit(preview).Scan(ctx); err != nil {
			return err
		}
		out = eval.DatasetDetail{Dataset: row.dataset(), Schema: json.RawMessage(row.SchemaJSON), Preview: make([]eval.Row, len(first))}
		for i, r := range first {
			out.Preview[i] = r.row()
		}
		return nil
	})
	return out, err
}

// AppendRows adds rows behind the others.
func (e *evaluator) AppendRows(ctx context.Context, id int64, rows []eval.Row, size int64) error {
	added := eval.SchemaOf(rows)
	return e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		// The counter comes first: while it is held the dataset stays as it is.
		first, _, err := claim(ctx, s.Tx(), s.Workspace().String(), countDatasetRows, int64(len(rows)))
		if err != nil {
			return err
		}
		row, err := findDataset(ctx, s, id)
		switch {
		case err != nil:
			return err
		case row.RowCount+len(rows) > eval.MaxRows:
			return eval.ErrTooManyRows()
		case row.Bytes+size > eval.MaxDatasetBytes:
			return eval.ErrTooLarge()
		}
		var known eval.Schema
		if err := json.Unmarshal([]byte(row.SchemaJSON), &known); err != nil {
			return fmt.Errorf("the stored schema of dataset %d is damaged: %w", id, err)
		}
		schema, err := json.Marshal(known.Join(added))
		if err != nil {
			return fmt.Errorf("encode the schema: %w", err)
		}
		if _, err := s.Update((*datasetRow)(nil)).Set("row_count = ?", row.RowCount+len(rows)).Set("bytes = ?", row.Bytes+size).
			Set("schema_json = ?", string(schema)).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		if err := insertDatasetRows(ctx, s, id, first, rows); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "dataset:rows", target: itoa(id)})
	})
}

// DeleteDataset removes a dataset with its rows.
func (e *evaluator) DeleteDataset(ctx context.Context, id int64) error {
	return e.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := lock(ctx, s, countDatasetRows); err != nil {
			return err
		}
		row, err := findDataset(ctx, s, id)
		if err != nil {
			return err
		}
		if _, err := s.Delete((*dataRow)(nil)).Where("dataset_id = ?", id).Exec(ctx); err != nil {
			return err
		}
		if _, err := s.Delete((*datasetRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		ws := s.Workspace().String()
		if err := recount(ctx, s.Tx(), ws, countDatasetRows, -int64(row.RowCount)); err != nil {
			return err
		}
		if err := recount(ctx, s.Tx(), ws, countDatasets, -1); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "delete_dataset", target: itoa(id)})
	})
}
