package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// CreateDataset keeps a dataset with its rows; see [Datasets].
func (s *Service) CreateDataset(ctx context.Context, name string, rows []Row) (Dataset, error) {
	own, size, err := prepareRows(rows)
	return s.insertDataset(ctx, name, own, size, err)
}

// ImportDataset keeps the rows of a file; see [Files].
func (s *Service) ImportDataset(ctx context.Context, name string, f Format, r io.Reader) (Dataset, error) {
	if err := f.check(); err != nil {
		return Dataset{}, err
	}
	var rows []Row
	var size int64
	for row, err := range ReadRows(r, f) {
		if err != nil {
			return s.insertDataset(ctx, name, nil, 0, err)
		}
		size += row.size()
		rows = append(rows, row)
	}
	return s.insertDataset(ctx, name, rows, size, nil)
}

// insertDataset names the faults of the name together with those of the rows.
func (s *Service) insertDataset(ctx context.Context, name string, rows []Row, size int64, wrong error) (Dataset, error) {
	var f faults
	f.text("name", name, 1, maxName)
	if err := f.add(wrong); err != nil {
		return Dataset{}, err
	}
	if err := f.err(); err != nil {
		return Dataset{}, err
	}
	return s.store.InsertDataset(ctx, name, rows, size)
}

// prepareRows checks rows and brings them into the form in which they are
// kept. The caller's rows stay as they are.
func prepareRows(rows []Row) (own []Row, size int64, err error) {
	if len(rows) > MaxRows {
		return nil, 0, ErrTooManyRows()
	}
	own = make([]Row, len(rows))
	copy(own, rows)
	var f faults
	for i := range own {
		f.prefix = fmt.Sprintf("rows[%d].", i)
		f.row(&own[i])
		if size += own[i].size(); size > MaxDatasetBytes {
			return nil, 0, ErrTooLarge()
		}
		if len(f.list) >= maxFaults {
			break
		}
	}
	return own, size, f.err()
}

// row checks a row and compacts its JSON.
func (f *faults) row(r *Row) {
	r.ID = 0
	switch {
	case jsontext.Absent(r.Input):
		f.check(false, "input is required and must be an object")
	default:
		f.object("input", r.Input)
	}
	if jsontext.Absent(r.ExpectedOutput) {
		r.ExpectedOutput = nil
	} else {
		f.object("expectedOutput", r.ExpectedOutput)
	}
	if r.Output != nil {
		f.check(storable(*r.Output), "output must be UTF-8 without NUL")
	}
	r.Input, r.ExpectedOutput = compact(r.Input), compact(r.ExpectedOutput)
}

func compact(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw // a fault that was named already
	}
	return b.Bytes()
}

// rowFrame is what the names of a row's members take as JSON, about.
const rowFrame = 40

// size is how many bytes a row takes as JSON, within a few.
func (r Row) size() int64 {
	n := rowFrame + len(r.Input) + len(r.ExpectedOutput)
	if r.Output != nil {
		n += len(*r.Output)
	}
	return int64(n)
}

// ErrTooManyRows is the error for a dataset of more than [MaxRows].
func ErrTooManyRows() error {
	return pmerr.New(pmerr.BadRequest, "A dataset has at most %d rows; make several", MaxRows).With("max_rows", MaxRows)
}

// ErrTooLarge is the error for a dataset of more than [MaxDatasetBytes].
func ErrTooLarge() error {
	return pmerr.New(pmerr.BadRequest, "A dataset has at most %d bytes of JSON; make several", MaxDatasetBytes).With("max_bytes", MaxDatasetBytes)
}

// Datasets gives a page of datasets, newest first; see [Datasets].
func (s *Service) Datasets(ctx context.Context, r page.Request) (page.Of[Dataset], error) {
	return s.store.Datasets(ctx, r)
}

// Dataset gives a dataset with schema and preview; see [Datasets].
func (s *Service) Dataset(ctx context.Context, id int64) (DatasetDetail, error) {
	if id <= 0 {
		return DatasetDetail{}, errNoDataset()
	}
	return s.store.Dataset(ctx, id)
}

// DatasetRows gives a page of rows in their order; see [Datasets].
func (s *Service) DatasetRows(ctx context.Context, id int64, r page.Request) (page.Of[Row], error) {
	if id <= 0 {
		return page.Of[Row]{}, errNoDataset()
	}
	return s.store.DatasetRows(ctx, id, r)
}

// DeleteDataset removes a dataset; see [Datasets].
func (s *Service) DeleteDataset(ctx context.Context, id int64) error {
	if id <= 0 {
		return errNoDataset()
	}
	return s.store.DeleteDataset(ctx, id)
}

// ExportDataset writes a dataset as a file; see [Files].
func (s *Service) ExportDataset(ctx context.Context, id int64, f Format, w io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	if id <= 0 {
		return errNoDataset()
	}
	return WriteRows(w, f, s.store.EachRow(ctx, id))
}

func errNoDataset() error { return pmerr.Missing("Dataset") }

// MaxSelection is how many runs or traces a selection names, and how many rows
// it adds, at most.
const MaxSelection = 1_000

// AddRowsFromRuns appends rows made of logged runs; see [Datasets].
func (s *Service) AddRowsFromRuns(ctx context.Context, id int64, sel RunSelection) (int, error) {
	if err := sel.check(); err != nil {
		return 0, err
	}
	if id <= 0 {
		return 0, errNoDataset()
	}
	if _, err := s.store.Dataset(ctx, id); err != nil {
		return 0, err
	}
	runs, err := s.selected(ctx, sel)
	if err != nil {
		return 0, err
	}
	var rows []Row
	for _, run := range runs {
		if !jsontext.Absent(run.Input) {
			rows = append(rows, Row{Input: run.Input, ExpectedOutput: run.Output})
		}
	}
	rows, size, err := prepareRows(rows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return len(rows), s.store.AppendRows(ctx, id, rows, size)
}

func (sel RunSelection) check() error {
	var f faults
	f.check(len(sel.RunIDs)+len(sel.TraceIDs) > 0 || sel.WorkflowName != "", "run_ids, trace_ids or workflow_name is required")
	f.text("workflow_name", sel.WorkflowName, 0, maxName)
	f.check(sel.Limit >= 0 && sel.Limit <= MaxSelection, "limit must be an integer from 1 to %d", MaxSelection)
	for field, ids := range map[string][]string{"run_ids": sel.RunIDs, "trace_ids": sel.TraceIDs} {
		if len(ids) > MaxSelection {
			f.check(false, "%s must be at most %d", field, MaxSelection)
			continue
		}
		for i, id := range ids {
			f.check(len(id) == 36 && uuid.Validate(id) == nil, "%s[%d] must be a UUID", field, i)
			if len(f.list) >= maxFaults {
				break
			}
		}
	}
	slices.Sort(f.list)
	return f.err()
}

// selected finds the runs of a selection, each once: those that are named, then
// those of traces.
func (s *Service) selected(ctx context.Context, sel RunSelection) (runs []LoggedRun, err error) {
	limit := sel.Limit
	if limit == 0 {
		limit = MaxSelection
	}
	if len(sel.RunIDs)+len(sel.TraceIDs) == 0 {
		return s.logged.LoggedRuns(ctx, "", sel.WorkflowName, limit)
	}
	seen := map[string]bool{}
	for _, id := range sel.RunIDs {
		run, err := s.logged.LoggedRun(ctx, id)
		if err != nil {
			return nil, named(err, "Run", "run_id", id)
		}
		if !seen[run.ID] {
			seen[run.ID] = true
			runs = append(runs, run)
		}
	}
	for _, id := range sel.TraceIDs {
		of, err := s.logged.LoggedRuns(ctx, id, "", limit)
		if err != nil {
			return nil, named(err, "Trace", "trace_id", id)
		}
		for _, run := range of {
			if !seen[run.ID] {
				seen[run.ID] = true
				runs = append(runs, run)
			}
		}
	}
	return runs[:min(len(runs), limit)], nil
}

// named tells which of many was not found.
func named(err error, thing, key, id string) error {
	if errors.Is(err, pmerr.ErrNotFound) {
		return pmerr.Missing(thing).With(key, id).Because(err)
	}
	return err
}
