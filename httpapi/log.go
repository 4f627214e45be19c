package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func (a *api) registerLogs() {
	posted(a, operation{
		id: "createLog", method: http.MethodPost, path: "/v1/logs", tag: "logs",
		summary: "Record a model call; it is durable when this is answered", status: http.StatusAccepted,
		faults: []int{http.StatusConflict},
	}, createLog)
	posted(a, operation{
		id: "createLogs", method: http.MethodPost, path: "/v1/logs/batch", tag: "logs",
		summary: "Record up to 1000 model calls, all or none", status: http.StatusAccepted,
		faults: []int{http.StatusConflict}, batch: "logs",
	}, createLogs)
	scoped(a, operation{
		id: "listLogs", method: http.MethodGet, path: "/v1/logs", tag: "logs",
		summary: "List logs, newest first", parameters: []*huma.Param{metadataParameter()},
	}, listLogs)
	scoped(a, operation{
		id: "exportLogs", method: http.MethodGet, path: "/v1/logs/export", tag: "logs",
		summary: "Stream all logs of a filter", parameters: []*huma.Param{metadataParameter()},
		content: exportContent(a),
	}, exportLogs)
}

// logBody is a log as a client may send it. What the server sets is not in it:
// a client that sends such a field, of whatever type, is not refused for it.
type logBody struct {
	PromptName      string             `json:"prompt_name" minLength:"1" maxLength:"128"`
	VersionTag      string             `json:"version_tag" minLength:"1" maxLength:"64"`
	Provider        *string            `json:"provider,omitempty" maxLength:"64"`
	Model           *string            `json:"model,omitempty" maxLength:"128"`
	TokensIn        *int64             `json:"tokens_in,omitempty" minimum:"0"`
	TokensOut       *int64             `json:"tokens_out,omitempty" minimum:"0"`
	LatencyMS       *int64             `json:"latency_ms,omitempty" minimum:"0"`
	CostUSD         *float64           `json:"cost_usd,omitempty" minimum:"0" doc:"Default: computed, if the price table knows the model."`
	Status          telemetry.Status   `json:"status,omitempty" enum:"ok,error"`
	ErrorCode       *string            `json:"error_code,omitempty" maxLength:"256"`
	HTTPStatus      *int               `json:"http_status,omitempty" minimum:"0" maximum:"999"`
	RunID           *string            `json:"run_id,omitempty" maxLength:"128"`
	TraceID         *string            `json:"trace_id,omitempty" maxLength:"128"`
	OllamaOptions   json.RawMessage    `json:"ollama_options,omitempty" doc:"An object."`
	OllamaKeepAlive *string            `json:"ollama_keep_alive,omitempty" maxLength:"16"`
	OllamaFormat    json.RawMessage    `json:"ollama_format,omitempty" doc:"A string or an object."`
	Metadata        telemetry.Metadata `json:"metadata,omitempty" maxProperties:"50"`
}

func (b *logBody) log() telemetry.Log {
	return telemetry.Log{
		PromptName: b.PromptName, VersionTag: b.VersionTag, Provider: b.Provider, Model: b.Model,
		TokensIn: b.TokensIn, TokensOut: b.TokensOut, LatencyMS: b.LatencyMS, CostUSD: b.CostUSD,
		Status: b.Status, ErrorCode: b.ErrorCode, HTTPStatus: b.HTTPStatus, RunID: b.RunID, TraceID: b.TraceID,
		OllamaOptions: given(b.OllamaOptions), OllamaKeepAlive: b.OllamaKeepAlive, OllamaFormat: given(b.OllamaFormat),
		Metadata: b.Metadata,
	}
}

// given takes the JSON null of an optional member for what it means: none.
func given(raw json.RawMessage) json.RawMessage {
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return raw
}

type idempotent struct {
	Key string `header:"Idempotency-Key" doc:"At most 128 characters. The same key again, within a day, records nothing and gets the same answer."`
}

type logReceipt struct {
	ID     int64  `json:"id"`
	Status string `json:"status" enum:"accepted"`
}

func createLog(ctx context.Context, ws *promptmetrics.Workspace, in *idempotent, b logBody) (logReceipt, error) {
	id, err := ws.Telemetry.Record(ctx, in.Key, b.log())
	return logReceipt{ID: id, Status: "accepted"}, err
}

type logBatchBody struct {
	Logs []logBody `json:"logs" minItems:"1" maxItems:"1000"`
}

type logBatchReceipt struct {
	IDs []int64 `json:"ids"`
}

func createLogs(ctx context.Context, ws *promptmetrics.Workspace, in *idempotent, b logBatchBody) (logBatchReceipt, error) {
	logs := make([]telemetry.Log, len(b.Logs))
	for i := range b.Logs {
		logs[i] = b.Logs[i].log()
	}
	ids, err := ws.Telemetry.RecordBatch(ctx, in.Key, logs)
	return logBatchReceipt{IDs: ids}, err
}

func metadataParameter() *huma.Param {
	explode := true
	return &huma.Param{
		Name: "metadata", In: "query", Style: "deepObject", Explode: &explode,
		Description: "Top-level members of the metadata, metadata[key]=value; at most 10.",
		Schema:      &huma.Schema{Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString}},
	}
}

type logListing struct {
	query.LogFilter
	query.Listing
}

func listLogs(ctx context.Context, ws *promptmetrics.Workspace, in *logListing) (page.Of[telemetry.Log], error) {
	filter, err := in.Filter(exchangeOf(ctx).request.URL.RawQuery)
	if err != nil {
		return page.Of[telemetry.Log]{}, err
	}
	return ws.Telemetry.Logs(ctx, filter, in.Request())
}
