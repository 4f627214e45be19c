package httpapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otlp"
)

// otlpTraces is where exporters send traces: to the path v1/traces below the
// endpoint that they are given, which is then …/v1/otlp.
const otlpTraces = "/v1/otlp/v1/traces"

func (a *api) registerOTLP() {
	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "ExportTraceServiceRequest"}}
	answer := map[string]*huma.MediaType{
		string(otlp.Protobuf): {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "ExportTraceServiceResponse"}},
		string(otlp.JSON): {Schema: &huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: true, Description: "ExportTraceServiceResponse",
			Properties: map[string]*huma.Schema{"partialSuccess": {
				Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
					"rejectedSpans": {Type: huma.TypeString}, "errorMessage": {Type: huma.TypeString},
				},
			}},
		}},
	}
	op := operation{
		id: "exportTraces", method: http.MethodPost, path: otlpTraces, tag: "traces",
		summary: "Record spans that OpenTelemetry exporters send (OTLP over HTTP, gzip or not)", content: answer,
		faults: []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity},
	}
	register(a, op, &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		string(otlp.Protobuf): binary,
		string(otlp.JSON): {Schema: &huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: true, Description: "ExportTraceServiceRequest; ids in hexadecimal digits.",
		}},
	}}, answer, exportTraces)
}

func exportTraces(ctx context.Context, x *exchange, _ *struct{}) error {
	encoding, err := otlpEncoding(x.request.Header)
	if err != nil {
		return err
	}
	b := x.api.buffer()
	defer x.api.release(b)
	if err := x.readOTLP(b); err != nil {
		return err
	}
	request, err := otlp.Decode(encoding, b.Bytes())
	if err != nil {
		return err
	}
	converted := otlp.Convert(request)
	rejected, reason := converted.Rejected, converted.Reason
	if len(converted.Spans) > 0 {
		done, err := x.workspace.Telemetry.Ingest(ctx, converted.Ingestion)
		if err != nil {
			return err
		}
		rejected += len(done.Refused)
		if done.Reason != "" {
			reason = strings.TrimPrefix(reason+"; ", "; ") + done.Reason
		}
	}
	contentType := string(encoding)
	if encoding == otlp.JSON {
		contentType = jsonType
	}
	x.send(http.StatusOK, contentType, otlp.Answer(encoding, rejected, reason))
	return nil
}

// otlpEncoding tells how a body is written. None said is JSON, as everywhere.
func otlpEncoding(h http.Header) (otlp.Encoding, error) {
	media, parameters, err := mime.ParseMediaType(cmp.Or(h.Get("Content-Type"), string(otlp.JSON)))
	charset, given := parameters["charset"]
	switch {
	case err != nil:
	case media == string(otlp.Protobuf):
		return otlp.Protobuf, nil
	case media == string(otlp.JSON) && (!given || strings.EqualFold(charset, "utf-8")):
		return otlp.JSON, nil
	}
	return "", pmerr.New(pmerr.UnsupportedType, "Content-Type must be %s, or %s in UTF-8", otlp.Protobuf, otlp.JSON)
}

// unzippers are readers of gzip, which are large.
type unzippers struct{ pool sync.Pool }

// readOTLP takes a body that may be zipped. The limit is that of the body
// before and after.
func (x *exchange) readOTLP(b *buffer) error {
	switch coding := x.request.Header.Get("Content-Encoding"); {
	case coding == "" || strings.EqualFold(coding, "identity"):
		return x.read(b)
	case !strings.EqualFold(coding, "gzip"):
		return pmerr.New(pmerr.UnsupportedType, "Content-Encoding must be gzip or left out")
	}
	zipped := x.api.buffer()
	defer x.api.release(zipped)
	if err := x.read(zipped); err != nil {
		return err
	}
	reader, _ := x.api.unzippers.pool.Get().(*gzip.Reader)
	if reader == nil {
		reader = new(gzip.Reader)
	}
	defer x.api.unzippers.pool.Put(reader)
	if err := reader.Reset(bytes.NewReader(zipped.Bytes())); err != nil {
		return errNoGzip(err)
	}
	limit := x.api.options.MaxBodyBytes
	n, err := b.ReadFrom(io.LimitReader(reader, limit+1))
	switch {
	case n > limit:
		return errTooLarge(limit)
	case err != nil:
		return errNoGzip(err)
	}
	return nil
}

func errNoGzip(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return pmerr.New(pmerr.BadRequest, "The body is not what gzip makes").Because(err)
	}
	return pmerr.New(pmerr.BadRequest, "The body cannot be unzipped").Because(err)
}

// speaksProtobuf tells a request of an exporter that understands a
// google.rpc.Status and nothing else.
func (x *exchange) speaksProtobuf() bool {
	if x.request.Pattern == "" || !strings.HasSuffix(x.request.Pattern, otlpTraces) {
		return false
	}
	media, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	return err == nil && media == string(otlp.Protobuf)
}
