package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// CreateDataset implements [eval.Datasets].
func (e *Evals) CreateDataset(ctx context.Context, name string, rows []eval.Row) (eval.Dataset, error) {
	if rows == nil {
		rows = []eval.Row{} // null would be no list
	}
	q, err := post(http.MethodPost, datasetsPath, struct {
		Name string     `json:"name"`
		Rows []eval.Row `json:"rows"`
	}{name, rows})
	if err != nil {
		return eval.Dataset{}, rowsAtFault(rows, err)
	}
	q.once = true
	return read[eval.Dataset](ctx, e.link, q)
}

// rowsAtFault names the rows that cannot be encoded, as the server would.
func rowsAtFault(rows []eval.Row, err error) error {
	var faults []string
	for i, r := range rows {
		if _, err := encode(r.Input); err != nil {
			faults = append(faults, fmt.Sprintf("rows[%d].input must be valid JSON", i))
		}
		if _, err := encode(r.ExpectedOutput); err != nil {
			faults = append(faults, fmt.Sprintf("rows[%d].expectedOutput must be valid JSON", i))
		}
	}
	return pmerr.Invalid(faults...).Because(err)
}

// Datasets implements [eval.Datasets].
func (e *Evals) Datasets(ctx context.Context, r page.Request) (page.Of[eval.Dataset], error) {
	return readPage[eval.Dataset](ctx, e.link, datasetsPath, parameters{}, r)
}

// Dataset implements [eval.Datasets].
func (e *Evals) Dataset(ctx context.Context, id int64) (eval.DatasetDetail, error) {
	if id <= 0 {
		return eval.DatasetDetail{}, pmerr.Missing("Dataset")
	}
	return read[eval.DatasetDetail](ctx, e.link, request{method: http.MethodGet, path: numbered(datasetsPath, id, "")})
}

// DatasetRows implements [eval.Datasets].
func (e *Evals) DatasetRows(ctx context.Context, id int64, r page.Request) (page.Of[eval.Row], error) {
	if id <= 0 {
		return page.Of[eval.Row]{}, pmerr.Missing("Dataset")
	}
	return readPage[eval.Row](ctx, e.link, numbered(datasetsPath, id, "/rows"), parameters{}, r)
}

// DeleteDataset implements [eval.Datasets].
func (e *Evals) DeleteDataset(ctx context.Context, id int64) error {
	if id <= 0 {
		return pmerr.Missing("Dataset")
	}
	return e.link.remove(ctx, numbered(datasetsPath, id, ""), nil)
}

// AddRowsFromRuns implements [eval.Datasets].
func (e *Evals) AddRowsFromRuns(ctx context.Context, id int64, s eval.RunSelection) (int, error) {
	if id <= 0 {
		return 0, pmerr.Missing("Dataset")
	}
	q, err := post(http.MethodPost, numbered(datasetsPath, id, "/rows/from-traces"), s)
	if err != nil {
		return 0, err
	}
	q.once = true
	v, err := read[struct {
		Added int `json:"added"`
	}](ctx, e.link, q)
	return v.Added, err
}

// maxImport is the largest file that is sent; the server takes no more.
const maxImport = 10 << 20

// ImportDataset implements [eval.Files].
func (e *Evals) ImportDataset(ctx context.Context, name string, f eval.Format, r io.Reader) (eval.Dataset, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxImport+1))
	if err != nil {
		return eval.Dataset{}, fmt.Errorf("read the file: %w", err)
	}
	if len(data) > maxImport {
		return eval.Dataset{}, eval.ErrTooLarge()
	}
	if data == nil {
		data = []byte{}
	}
	content := "application/x-ndjson"
	if f == eval.CSV {
		content = "text/csv"
	}
	return read[eval.Dataset](ctx, e.link, request{
		method: http.MethodPost, path: datasetsPath + "/import", once: true, body: data, content: content,
		query: url.Values{"name": {name}, "format": {string(f)}},
	})
}

// ExportDataset implements [eval.Files].
func (e *Evals) ExportDataset(ctx context.Context, id int64, f eval.Format, w io.Writer) error {
	if id <= 0 {
		return pmerr.Missing("Dataset")
	}
	return e.link.download(ctx, request{
		method: http.MethodGet, path: numbered(datasetsPath, id, "/export"), query: url.Values{"format": {string(f)}},
	}, w)
}

// download copies an answer of any length. What breaks before its first byte
// is repeated; later the copy ends with the error.
func (l link) download(ctx context.Context, r request, w io.Writer) error {
	s, err := l.stream(ctx, r)
	if err != nil {
		return err
	}
	defer s.close()
	part := make([]byte, 32<<10)
	for {
		s.watch.Reset(s.patience)
		n, err := s.lines.Read(part)
		s.watch.Stop() // a slow writer is not a silent server
		if n > 0 {
			if _, err := w.Write(part[:n]); err != nil {
				return fmt.Errorf("write the file: %w", err)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.wire.broken(s.ctx, s.own, s.request, err).err
		}
	}
}
