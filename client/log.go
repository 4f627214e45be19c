package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// sentLog is a log as it is sent: without what the server sets, and without
// members that were not given.
type sentLog struct {
	PromptName      string             `json:"prompt_name"`
	VersionTag      string             `json:"version_tag"`
	Provider        *string            `json:"provider,omitempty"`
	Model           *string            `json:"model,omitempty"`
	TokensIn        *int64             `json:"tokens_in,omitempty"`
	TokensOut       *int64             `json:"tokens_out,omitempty"`
	LatencyMS       *int64             `json:"latency_ms,omitempty"`
	CostUSD         *float64           `json:"cost_usd,omitempty"`
	Status          telemetry.Status   `json:"status,omitempty"`
	ErrorCode       *string            `json:"error_code,omitempty"`
	HTTPStatus      *int               `json:"http_status,omitempty"`
	RunID           *string            `json:"run_id,omitempty"`
	TraceID         *string            `json:"trace_id,omitempty"`
	OllamaOptions   json.RawMessage    `json:"ollama_options,omitempty"`
	OllamaKeepAlive *string            `json:"ollama_keep_alive,omitempty"`
	OllamaFormat    json.RawMessage    `json:"ollama_format,omitempty"`
	Metadata        telemetry.Metadata `json:"metadata,omitzero"`
}

func toSent(l telemetry.Log) sentLog {
	return sentLog{
		PromptName: l.PromptName, VersionTag: l.VersionTag,
		Provider: l.Provider, Model: l.Model,
		TokensIn: l.TokensIn, TokensOut: l.TokensOut, LatencyMS: l.LatencyMS, CostUSD: l.CostUSD,
		Status: l.Status, ErrorCode: l.ErrorCode, HTTPStatus: l.HTTPStatus,
		RunID: l.RunID, TraceID: l.TraceID,
		OllamaOptions: l.OllamaOptions, OllamaKeepAlive: l.OllamaKeepAlive, OllamaFormat: l.OllamaFormat,
		Metadata: l.Metadata,
	}
}

// Log implements [telemetry.Recorder].
func (t *Telemetry) Log(ctx context.Context, l telemetry.Log) (int64, error) {
	q, err := post(http.MethodPost, "/v1/logs", toSent(l))
	if err != nil {
		return 0, err
	}
	q.key = idempotencyKeyOf(ctx)
	v, err := read[struct {
		ID int64 `json:"id"`
	}](ctx, t.link, q)
	return v.ID, err
}

// LogBatch implements [telemetry.Recorder].
func (t *Telemetry) LogBatch(ctx context.Context, logs []telemetry.Log) ([]int64, error) {
	sent := make([]sentLog, len(logs))
	for i, l := range logs {
		sent[i] = toSent(l)
	}
	q, err := post(http.MethodPost, "/v1/logs/batch", map[string]any{"logs": sent})
	if err != nil {
		return nil, atFault(sent, err)
	}
	q.key = idempotencyKeyOf(ctx)
	v, err := read[struct {
		IDs []int64 `json:"ids"`
	}](ctx, t.link, q)
	if err != nil {
		return nil, err
	}
	if len(v.IDs) != len(logs) {
		return nil, pmerr.New(pmerr.Unavailable, "the server answered %d logs with %d ids", len(logs), len(v.IDs)).Because(errForeign)
	}
	return v.IDs, nil
}

// atFault names the logs that cannot be encoded, as the server would.
func atFault(sent []sentLog, err error) error {
	var faults []string
	for i, l := range sent {
		if _, err := encode(l); err != nil {
			for _, fault := range pmerr.From(err).Fields {
				faults = append(faults, fmt.Sprintf("logs[%d].%s", i, fault))
			}
		}
	}
	return pmerr.Invalid(faults...).Because(err)
}

// Logs implements [telemetry.Reader].
func (t *Telemetry) Logs(ctx context.Context, f telemetry.LogFilter, r page.Request) (page.Of[telemetry.Log], error) {
	p, err := readPage[telemetry.Log](ctx, t.link, "/v1/logs", logQuery(f), r)
	for i := range p.Items {
		absent(&p.Items[i].OllamaOptions, &p.Items[i].OllamaFormat)
	}
	return p, err
}

func logQuery(f telemetry.LogFilter) parameters {
	q := parameters{}
	q.text("prompt_name", f.PromptName)
	q.text("version_tag", f.VersionTag)
	q.text("provider", f.Provider)
	q.text("model", f.Model)
	q.text("status", string(f.Status))
	q.text("trace_id", f.TraceID)
	q.time("from", f.From)
	q.time("to", f.To)
	for key, value := range f.Metadata {
		// Also an empty value is one to look for.
		url.Values(q).Set("metadata["+key+"]", value)
	}
	return q
}
