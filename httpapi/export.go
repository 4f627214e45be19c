package httpapi

import (
	"context"
	"iter"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// exportContent documents both formats.
func exportContent(a *api) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: a.schemaOf(reflect.TypeFor[telemetry.Log]())},
		"text/csv":             {Schema: &huma.Schema{Type: huma.TypeString}},
	}
}

type logExportChoice struct {
	query.LogFilter
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"One JSON object a line, or CSV with a header. In CSV a text that a spreadsheet would run as a formula is led by an apostrophe."`
}

func exportLogs(ctx context.Context, ws *promptmetrics.Workspace, in *logExportChoice) (logExport, error) {
	filter, err := in.Filter(exchangeOf(ctx).request.URL.RawQuery)
	if err != nil {
		return logExport{}, err
	}
	return logExport{logs: ws.Telemetry.ExportLogs(ctx, filter), csv: in.Format == "csv"}, nil
}

// logExport streams logs as they come out of the database.
type logExport struct {
	logs iter.Seq2[telemetry.Log, error]
	csv  bool
}

// answer implements [answer]. A failure before the first log is an ordinary
// error. Later there is no status left to say it with: the stream says it in a
// last line where it can, and is cut off, so that nobody takes it for whole.
func (e logExport) answer(x *exchange) error {
	var out *logStream
	if x.request.Method == http.MethodHead { // nobody would see the logs
		e.logs = func(func(telemetry.Log, error) bool) {}
	}
	for l, err := range e.logs {
		if err != nil {
			if out != nil {
				out.fail(err)
			}
			return err
		}
		if out == nil {
			out = newLogStream(x, e.csv)
		}
		if !out.write(&l) {
			return nil // the caller went away
		}
	}
	if out == nil { // no log at all
		out = newLogStream(x, e.csv)
	}
	out.flush()
	return nil
}
