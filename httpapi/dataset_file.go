package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	csvType   = "text/csv"
	jsonlType = "application/x-ndjson"
)

func (a *api) registerDatasetFiles() {
	content := map[string]*huma.MediaType{
		jsonlType: {Schema: a.schemaOf(reflect.TypeFor[eval.Row]())},
		csvType:   {Schema: &huma.Schema{Type: huma.TypeString}},
	}
	importing := operation{
		id: "importDataset", method: http.MethodPost, path: "/v1/datasets/import", tag: "datasets",
		summary: "Keep the rows of a JSONL or CSV file as a dataset, all or nothing", status: http.StatusCreated,
		faults: []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}
	register(a, importing, &huma.RequestBody{Required: true, Content: content}, resultOf[eval.Dataset](a, importing), importDataset)
	scoped(a, operation{
		id: "exportDataset", method: http.MethodGet, path: "/v1/datasets/{id}/export", tag: "datasets",
		summary: "Stream a dataset as a JSONL or CSV file", faults: []int{http.StatusNotFound}, content: content,
	}, exportDataset)
}

type datasetImport struct {
	Name   string `query:"name" required:"true" maxLength:"128"`
	Format string `query:"format" enum:"jsonl,csv" doc:"Default: by Content-Type, else jsonl. CSV has the columns input.x, expected.x, expected and output; any other name is a member of input; a name that ends in :json marks cells of JSON."`
}

func importDataset(ctx context.Context, x *exchange, in *datasetImport) error {
	format, err := formatOf(x.request.Header, eval.Format(in.Format))
	if err != nil {
		return err
	}
	b := x.api.buffer()
	defer x.api.release(b)
	if err := x.read(b); err != nil {
		return err
	}
	d, err := x.workspace.Evals.ImportDataset(ctx, in.Name, format, bytes.NewReader(b.Bytes()))
	if err != nil {
		return err
	}
	return x.reply(http.StatusCreated, d)
}

// formatOf tells the format of a file that was sent. What is named goes before
// the content type, which programs often guess.
func formatOf(h http.Header, named eval.Format) (eval.Format, error) {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return "", pmerr.New(pmerr.UnsupportedType, "Content-Encoding must be left out")
	}
	format := eval.JSONL
	if text := h.Get("Content-Type"); text != "" {
		media, parameters, err := mime.ParseMediaType(text)
		charset, given := parameters["charset"]
		switch media {
		case csvType:
			format = eval.CSV
		case jsonlType, "application/jsonl", "application/ndjson", "text/plain", "application/octet-stream":
		default:
			err = mime.ErrInvalidMediaParameter
		}
		if err != nil || given && !strings.EqualFold(charset, "utf-8") {
			return "", pmerr.New(pmerr.UnsupportedType, "Content-Type must be %s or %s in UTF-8", jsonlType, csvType)
		}
	}
	if named != "" {
		format = named
	}
	return format, nil
}

type datasetExportChoice struct {
	ID     string `path:"id" doc:"Id of the dataset."`
	Format string `query:"format" enum:"jsonl,csv" default:"jsonl" doc:"In CSV a text that a spreadsheet would run as a formula is led by an apostrophe."`
}

func exportDataset(ctx context.Context, ws *promptmetrics.Workspace, in *datasetExportChoice) (datasetExport, error) {
	id, err := numbered(in.ID, "Dataset")
	if err != nil {
		return datasetExport{}, err
	}
	if _, err := ws.Evals.Dataset(ctx, id); err != nil {
		return datasetExport{}, err
	}
	format := eval.JSONL
	if in.Format != "" {
		format = eval.Format(in.Format)
	}
	return datasetExport{evals: ws.Evals, id: id, format: format}, nil
}

// datasetExport streams a dataset as it comes out of the database.
type datasetExport struct {
	evals  *eval.Service
	id     int64
	format eval.Format
}

// answer implements [answer]. A failure before the first part is an ordinary
// error; later the answer is cut off, so that nobody takes it for whole.
func (e datasetExport) answer(x *exchange) error {
	media := jsonlType
	if e.format == eval.CSV {
		media = csvType + "; header=present"
	}
	d := &download{exchange: x, media: media + "; charset=utf-8", file: "dataset-" + strconv.FormatInt(e.id, 10) + "." + string(e.format)}
	if x.request.Method == http.MethodHead { // nobody would see the rows
		d.begin()
		return nil
	}
	out := bufio.NewWriterSize(d, flushSize)
	err := e.evals.ExportDataset(x.request.Context(), e.id, e.format, out)
	if err == nil {
		err = out.Flush()
	}
	if d.gone {
		return nil
	}
	if err == nil {
		d.begin() // no row at all
	}
	return err
}

// download is a file that is sent in parts.
type download struct {
	exchange    *exchange
	media, file string
	begun, gone bool
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	d.exchange.Header().Set("Content-Type", d.media)
	d.exchange.Header().Set("Content-Disposition", `attachment; filename="`+d.file+`"`)
	d.exchange.WriteHeader(http.StatusOK)
}

// Write sends a part at once.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	d.exchange.extendDeadline()
	n, err := d.exchange.Write(p)
	if err == nil {
		// A writer that a host has wrapped may gather by itself.
		if err = http.NewResponseController(d.exchange).Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	d.gone = d.gone || err != nil
	return n, err
}
