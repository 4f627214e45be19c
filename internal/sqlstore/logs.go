package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Telemetry keeps the telemetry of all workspaces.
func (s *Store) Telemetry() telemetry.StoreOf { return telemetryStore{s} }

type telemetryStore struct{ store *Store }

// Workspace binds the telemetry to a workspace and to who acts.
func (t telemetryStore) Workspace(id workspace.ID, actor workspace.Actor) telemetry.Store {
	return &recorder{
		db: t.store.db.Workspace(id, actor), whole: t.store.db, ingest: t.store.ingest, spans: t.store.spans, observer: t.store.observer,
	}
}

// recorder keeps the telemetry of one workspace.
type recorder struct {
	db       *db.Workspace
	whole    *db.DB
	ingest   *ingest
	spans    *convoy[*spanLoad]
	observer telemetry.Observer // nil if nobody listens
}

type logRow struct {
	bun.BaseModel `bun:"table:pm_logs,alias:l"`
	db.Owned
	CreatedAt       int64 `bun:"created_at,pk"`
	ID              int64 `bun:"id,pk"`
	PromptName      string
	VersionTag      string
	Provider        *string
	Model           *string
	TokensIn        *int64
	TokensOut       *int64
	LatencyMS       *int64   `bun:"latency_ms"`
	CostUSD         *float64 `bun:"cost_usd"`
	CostSource      *string
	Status          string
	ErrorCode       *string
	HTTPStatus      *int    `bun:"http_status"`
	RunID           *string `bun:"run_id"`
	TraceID         *string `bun:"trace_id"`
	OllamaOptions   *string
	OllamaKeepAlive *string
	OllamaFormat    *string
	Metadata        *string
}

// InsertLogs stores logs; see [telemetry.Store].
func (r *recorder) InsertLogs(ctx context.Context, how telemetry.Insertion, logs []telemetry.Log) (int64, error) {
	inserts := make([]logInsert, len(logs))
	for i := range logs {
		var err error
		if inserts[i], err = newLogInsert(&logs[i]); err != nil {
			return 0, err
		}
	}
	return r.ingest.deliver(ctx, &delivery{id: r.db.ID(), actor: r.db.Actor(), how: how, logs: inserts, heard: r.heard(how, logs, inserts)})
}

// maxScan bounds how many logs a page may read past. A filter on metadata that
// matches next to nothing then ends a page early, with a cursor to go on.
const maxScan = 50_000

// Logs gives a page of logs, newest first.
func (r *recorder) Logs(ctx context.Context, f telemetry.LogFilter, p page.Request) (out page.Of[telemetry.Log], err error) {
	if p, err = p.Normal(); err != nil {
		return out, err
	}
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []logRow
		var next string
		if len(f.Metadata) > 0 {
			rows, next, err = scanLogs(ctx, s, f, p)
		} else {
			rows, next, err = newestLogs(ctx, s, f, p)
		}
		if err != nil {
			return err
		}
		total, bounded := int64(len(rows)), false
		if whole := next == "" && p.Cursor == "" && p.Offset() == 0; totalled(f) || !whole {
			if total, bounded, err = logTotal(ctx, s, f); err != nil {
				return err
			}
		}
		out = page.Map(page.New(p, rows, total, next), logRow.log)
		out.TotalIsLowerBound = bounded
		return nil
	})
	return out, err
}

func logKey(l logRow) [2]int64 { return [2]int64{l.CreatedAt, l.ID} }

// logQuery has the filters that columns answer.
func logQuery(s *db.Scope, model any, f telemetry.LogFilter) *bun.SelectQuery {
	q := between(s.Select(model), stored(f.From), stored(f.To))
	for _, c := range []struct{ column, value string }{
		{"prompt_name", f.PromptName},
		{"version_tag", f.VersionTag},
		{"provider", f.Provider},
		{"model", f.Model},
		{"trace_id", f.TraceID},
	} {
		if c.value != "" {
			q = q.Where("? = ?", bun.Ident(c.column), c.value)
		}
	}
	if f.Status == telemetry.Failed {
		q = q.Where("status = 'error'") // in the words of the index pm_logs_failed
	} else if f.Status != "" {
		q = q.Where("status = ?", string(f.Status))
	}
	return q
}

// withMetadata adds the filters that no index answers.
func withMetadata(s *db.Scope, q *bun.SelectQuery, f telemetry.LogFilter) *bun.SelectQuery {
	for key, value := range f.Metadata {
		q = q.Where(s.Tx().MemberEquals("metadata"), key, value)
	}
	return q
}

// scanLogs answers a page with a filter on metadata out of the next maxScan
// logs that match everything else.
func scanLogs(ctx context.Context, s *db.Scope, f telemetry.LogFilter, p page.Request) (rows []logRow, next string, err error) {
	window := logQuery(s, (*logRow)(nil), f).OrderExpr("created_at DESC, id DESC").Limit(maxScan)
	if p.Cursor != "" {
		var at [2]int64
		if err := page.DecodeCursor("logs", p.Cursor, &at); err != nil {
			return nil, "", err
		}
		window = window.Where("(created_at, id) < (?, ?)", at[0], at[1])
	}
	q := withMetadata(s, s.Tx().NewSelect().Model(&rows).ModelTableExpr("(?) AS ?TableAlias", window), f).
		OrderExpr("created_at DESC, id DESC").Limit(int64(p.Limit + 1))
	if p.Cursor == "" {
		q = q.Offset(int64(p.Offset()))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", err
	}
	rows, next = cutPage(rows, p, "logs", func(l logRow) any { return logKey(l) })
	if next != "" {
		return rows, next, nil
	}
	// The window is used up: is there anything behind it?
	var last logRow
	err = s.Tx().NewSelect().Model(&last).ModelTableExpr("(?) AS ?TableAlias", window).
		OrderExpr("created_at DESC, id DESC").Offset(maxScan - 1).Limit(1).Scan(ctx)
	if db.IsNoRows(err) {
		return rows, "", nil
	}
	return rows, page.EncodeCursor("logs", logKey(last)), err
}

// totalled tells whether sums know how many logs a filter finds.
func totalled(f telemetry.LogFilter) bool {
	return f.TraceID == "" && f.From.IsZero() && f.To.IsZero() && len(f.Metadata) == 0
}

// logTotal counts logs without reading them where the totals know the answer.
func logTotal(ctx context.Context, s *db.Scope, f telemetry.LogFilter) (total int64, bounded bool, err error) {
	switch {
	case len(f.Metadata) > 0:
		window := logQuery(s, (*logRow)(nil), f).OrderExpr("created_at DESC, id DESC").Limit(maxScan)
		var read int64
		err = withMetadata(s, s.Tx().NewSelect().ColumnExpr("count(*)").TableExpr("(?) AS l", window), f).Scan(ctx, &total)
		if err == nil {
			read, _, err = count(ctx, s, logQuery(s, (*logRow)(nil), f))
		}
		return total, read >= maxScan, err
	case !totalled(f):
		return count(ctx, s, logQuery(s, (*logRow)(nil), f))
	case f.PromptName+f.VersionTag+f.Provider+f.Model+string(f.Status) == "":
		total, err = alive(ctx, s, countLogs)
		return total, false, err
	}
	q := s.Select((*logTotalRow)(nil)).ColumnExpr("coalesce(sum(alive), 0)")
	for _, c := range []struct{ column, value string }{
		{"prompt_name", f.PromptName},
		{"version_tag", f.VersionTag},
		{"provider", f.Provider},
		{"model", f.Model},
		{"status", string(f.Status)},
	} {
		if c.value != "" {
			q = q.Where("? = ?", bun.Ident(c.column), c.value)
		}
	}
	return total, false, q.Scan(ctx, &total)
}

type logTotalRow struct {
	bun.BaseModel `bun:"table:pm_log_totals,alias:t"`
	db.Owned
}

// ExportLogs streams logs, newest first. It reads in steps, so that a slow
// reader holds neither a connection nor a snapshot.
func (r *recorder) ExportLogs(ctx context.Context, f telemetry.LogFilter) iter.Seq2[telemetry.Log, error] {
	const step = 1000
	return func(yield func(telemetry.Log, error) bool) {
		var at *[2]int64
		for {
			var rows []logRow
			err := r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
				return reaching(s, f, at, func(since func(*bun.SelectQuery) *bun.SelectQuery) (bool, error) {
					rows = rows[:0]
					q := since(withMetadata(s, logQuery(s, &rows, f), f)).OrderExpr("created_at DESC, id DESC").Limit(step)
					if at != nil {
						q = q.Where("(created_at, id) < (?, ?)", at[0], at[1])
					}
					err := q.Scan(ctx)
					return len(rows) == step, err
				})
			})
			if err != nil {
				yield(telemetry.Log{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row.log(), nil) {
					return
				}
			}
			if len(rows) < step {
				return
			}
			key := logKey(rows[len(rows)-1])
			at = &key
		}
	}
}

func (l logRow) log() telemetry.Log {
	out := telemetry.Log{
		ID: l.ID, Workspace: l.WorkspaceID, CreatedAt: wire(l.CreatedAt), PromptName: l.PromptName, VersionTag: l.VersionTag,
		Provider: l.Provider, Model: l.Model, TokensIn: l.TokensIn, TokensOut: l.TokensOut, LatencyMS: l.LatencyMS,
		CostUSD: l.CostUSD, Status: telemetry.Status(l.Status), ErrorCode: l.ErrorCode, HTTPStatus: l.HTTPStatus,
		RunID: l.RunID, TraceID: l.TraceID, OllamaOptions: raw(l.OllamaOptions), OllamaKeepAlive: l.OllamaKeepAlive,
		OllamaFormat: raw(l.OllamaFormat), Metadata: members(l.Metadata),
	}
	if l.CostSource != nil {
		source := telemetry.CostSource(*l.CostSource)
		out.CostSource = &source
	}
	return out
}

func raw(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}

// members reads what jsonText wrote; a damaged text is shown as such.
func members(text *string) telemetry.Metadata {
	if text == nil {
		return nil
	}
	var m telemetry.Metadata
	if err := json.Unmarshal([]byte(*text), &m); err != nil {
		damaged, _ := json.Marshal(fmt.Sprintf("the stored metadata is damaged: %v", errors.Unwrap(err))) //nolint:errchkjson // a string always encodes.
		return telemetry.Metadata{"damaged": damaged}
	}
	return m
}
