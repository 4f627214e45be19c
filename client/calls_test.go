package client

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func at(seconds int64) timestamp.Time { return timestamp.Of(time.Unix(seconds, 0)) }

// TestCalls holds what each method sends and how it reads the answer.
func TestCalls(t *testing.T) {
	t.Parallel()
	prompt := registry.Prompt{
		Name: "welcome", Version: "1.0.0", Messages: []registry.Message{{Role: registry.User, Content: "Hello"}},
		Extra: map[string]json.RawMessage{"owner": json.RawMessage(`"ops"`)},
	}
	by := registry.Signature{Author: "Ada <a@example.com>", Message: "Say hello & more"}
	const (
		tid = "0191f2c0-0000-4000-8000-000000000001"
		sid = "0191f2c0-0000-4000-8000-000000000002"
	)
	pageOf := func(item string) reply {
		return ok(`{"items":[` + item + `],"total":101,"page":2,"limit":25,"totalPages":5,"nextCursor":"c3"}`)
	}
	ask := page.Request{Page: 2, Limit: 25, Cursor: "c2"}
	const asked = "cursor=c2&limit=25&page=2"

	for name, tc := range map[string]struct {
		reply  reply
		call   func(ctx context.Context, c *Client) (any, error)
		method string
		path   string
		query  string
		body   string // JSON; empty for none
		want   any
	}{
		"Create": {
			reply:  reply{status: 201, body: `{"name":"welcome","version_tag":"1.0.0","created_at":1700000000,"commit_sha":"abc"}`},
			call:   func(ctx context.Context, c *Client) (any, error) { return c.Registry.Create(ctx, prompt, by) },
			method: "POST", path: "/v1/prompts",
			body: `{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"Hello"}],"owner":"ops","author":"Ada <a@example.com>","commit_message":"Say hello & more"}`,
			want: registry.Version{Name: "welcome", Version: "1.0.0", CreatedAt: at(1_700_000_000), Commit: "abc"},
		},
		"Create without a signature": {
			reply: reply{status: 201, body: `{"name":"welcome","version_tag":"1.0.0","created_at":1700000000}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.Create(ctx, prompt, registry.Signature{})
			},
			method: "POST", path: "/v1/prompts",
			body: `{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"Hello"}],"owner":"ops"}`,
			want: registry.Version{Name: "welcome", Version: "1.0.0", CreatedAt: at(1_700_000_000)},
		},
		"Get by range": {
			reply: ok(`{"content":{"name":"welcome","version":"1.2.0","messages":[{"role":"user","content":"Hello {{x}}"}]},"version":{"name":"welcome","version_tag":"1.2.0","created_at":5,"author":"Ada"}}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.Get(ctx, "welcome", registry.Query{Version: "^1.2", Variables: map[string]any{"x": "<y>"}})
			},
			method: "GET", path: "/v1/prompts/welcome", query: "render=false&version=%5E1.2",
			want: registry.Entry{
				Content: registry.Prompt{Name: "welcome", Version: "1.2.0", Messages: []registry.Message{{Role: registry.User, Content: "Hello <y>"}}},
				Version: registry.Version{Name: "welcome", Version: "1.2.0", CreatedAt: at(5), Author: "Ada"},
				Source:  registry.Fresh,
			},
		},
		"Get by label, raw": {
			reply: ok(`{"content":{"name":"welcome","version":"1.2.0","messages":[{"role":"user","content":"Hello {{x}}"}]},"version":{"name":"welcome","version_tag":"1.2.0","created_at":5}}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.Get(ctx, "welcome", registry.Query{Label: "production", Raw: true})
			},
			method: "GET", path: "/v1/prompts/welcome", query: "label=production&render=false",
			want: registry.Entry{
				Content: registry.Prompt{Name: "welcome", Version: "1.2.0", Messages: []registry.Message{{Role: registry.User, Content: "Hello {{x}}"}}},
				Version: registry.Version{Name: "welcome", Version: "1.2.0", CreatedAt: at(5)},
				Source:  registry.Fresh,
			},
		},
		"List": {
			reply: pageOf(`{"name":"welcome","latest_version":"1.0.0","tags":["a"],"labels":[],"updated_at":7}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.List(ctx, registry.Filter{Query: "wel", Tag: "a b", Label: "prod"}, ask)
			},
			method: "GET", path: "/v1/prompts", query: "cursor=c2&label=prod&limit=25&page=2&q=wel&tag=a+b",
			want: page.Of[registry.Summary]{
				Items: []registry.Summary{{Name: "welcome", LatestVersion: "1.0.0", Tags: []string{"a"}, Labels: []string{}, UpdatedAt: at(7)}},
				Total: 101, Page: 2, Limit: 25, TotalPages: 5, NextCursor: "c3",
			},
		},
		"Versions": {
			reply:  pageOf(`{"name":"welcome","version_tag":"1.0.0","created_at":7,"commit_sha":"s","author":"Ada","message":"m","labels":["production"],"active":true}`),
			call:   func(ctx context.Context, c *Client) (any, error) { return c.Registry.Versions(ctx, "welcome", ask) },
			method: "GET", path: "/v1/prompts/welcome/versions", query: asked,
			want: page.Of[registry.VersionItem]{
				Items: []registry.VersionItem{{
					Version: registry.Version{Name: "welcome", Version: "1.0.0", CreatedAt: at(7), Commit: "s", Author: "Ada", Message: "m"},
					Labels:  []string{"production"}, Active: true,
				}},
				Total: 101, Page: 2, Limit: 25, TotalPages: 5, NextCursor: "c3",
			},
		},
		"Diff": {
			reply: ok(`{"name":"welcome","from":"1.0.0","to":"2.0.0","messages":[{"index":0,"change":"changed","from_role":"user","to_role":"user","unified":"@@"}],"settings":[{"path":"model_config.model","from":"a","to":null}]}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.Diff(ctx, "welcome", "1.0.0", "2.0.0+b")
			},
			method: "GET", path: "/v1/prompts/welcome/diff", query: "from=1.0.0&to=2.0.0%2Bb",
			want: registry.Comparison{
				Name: "welcome", From: "1.0.0", To: "2.0.0",
				Messages: []registry.MessageDiff{{Change: "changed", FromRole: registry.User, ToRole: registry.User, Unified: "@@"}},
				Settings: []registry.SettingDiff{{Path: "model_config.model", From: "a"}},
			},
		},
		"History": {
			reply: ok(`{"items":[{"action":"publish","version_tag":"1.0.0","commit_sha":"s","created_at":7}],"total":1,"page":1,"limit":50,"totalPages":1}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.History(ctx, "welcome", page.Request{})
			},
			method: "GET", path: "/v1/prompts/welcome/history",
			want: page.Of[registry.HistoryItem]{
				Items: []registry.HistoryItem{{Action: "publish", Version: "1.0.0", Commit: "s", At: at(7)}}, Total: 1, Page: 1, Limit: 50, TotalPages: 1,
			},
		},
		"Activate": {
			reply: ok(`{}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return nil, c.Registry.Activate(ctx, "welcome", "1.0.0")
			},
			method: "POST", path: "/v1/prompts/welcome/active", body: `{"version_tag":"1.0.0"}`,
		},
		"Activate nothing": {
			reply:  ok(`{}`),
			call:   func(ctx context.Context, c *Client) (any, error) { return nil, c.Registry.Activate(ctx, "welcome", "") },
			method: "POST", path: "/v1/prompts/welcome/active", body: `{"version_tag":null}`,
		},
		"Delete": {
			reply:  reply{status: 204},
			call:   func(ctx context.Context, c *Client) (any, error) { return nil, c.Registry.Delete(ctx, "welcome", by) },
			method: "DELETE", path: "/v1/prompts/welcome", query: "author=Ada+%3Ca%40example.com%3E&commit_message=Say+hello+%26+more",
		},
		"DeleteVersion": {
			reply: reply{status: 204},
			call: func(ctx context.Context, c *Client) (any, error) {
				return nil, c.Registry.DeleteVersion(ctx, "welcome", "1.0.0+b", registry.Signature{})
			},
			method: "DELETE", path: "/v1/prompts/welcome/versions/1.0.0+b",
		},
		"SetLabel": {
			reply: reply{status: 201, body: `{"prompt_name":"welcome","name":"production","version_tag":"1.0.0","created_at":7,"updated_at":8}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.SetLabel(ctx, "welcome", "production", "1.0.0")
			},
			method: "POST", path: "/v1/prompts/welcome/labels", body: `{"name":"production","version_tag":"1.0.0"}`,
			want: registry.Label{PromptName: "welcome", Name: "production", Version: "1.0.0", CreatedAt: at(7), UpdatedAt: at(8)},
		},
		"SetLabel on the latest": {
			reply: reply{status: 201, body: `{"prompt_name":"welcome","name":"production","version_tag":"1.0.0"}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.SetLabel(ctx, "welcome", "production", "")
			},
			method: "POST", path: "/v1/prompts/welcome/labels", body: `{"name":"production"}`,
			want: registry.Label{PromptName: "welcome", Name: "production", Version: "1.0.0"},
		},
		"Label": {
			reply: ok(`{"prompt_name":"welcome","name":"a.b","version_tag":"1.0.0","created_at":7,"updated_at":8,"protected":true}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.Label(ctx, "welcome", "a.b")
			},
			method: "GET", path: "/v1/prompts/welcome/labels/a.b",
			want: registry.Label{PromptName: "welcome", Name: "a.b", Version: "1.0.0", CreatedAt: at(7), UpdatedAt: at(8), Protected: true},
		},
		"Labels": {
			reply: ok(`{"items":null,"total":0,"page":1,"limit":50,"totalPages":0}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Registry.Labels(ctx, "welcome", page.Request{})
			},
			method: "GET", path: "/v1/prompts/welcome/labels",
			want: page.Of[registry.Label]{Items: []registry.Label{}, Page: 1, Limit: 50},
		},
		"DeleteLabel": {
			reply: reply{status: 204},
			call: func(ctx context.Context, c *Client) (any, error) {
				return nil, c.Registry.DeleteLabel(ctx, "welcome", "x")
			},
			method: "DELETE", path: "/v1/prompts/welcome/labels/x",
		},
		"Log": {
			reply: reply{status: 202, body: `{"id":12,"status":"accepted"}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.Log(ctx, telemetry.Log{
					ID: 99, Workspace: "forged", CreatedAt: at(1), CostSource: new(telemetry.CostFromTable),
					PromptName: "welcome", VersionTag: "1.0.0", Provider: new("openai"), Model: new("gpt-4o"),
					TokensIn: new(int64(0)), TokensOut: new(int64(20)), LatencyMS: new(int64(500)), CostUSD: new(0.001),
					Status: telemetry.Failed, ErrorCode: new("boom"), HTTPStatus: new(500), RunID: new("r"), TraceID: new("t"),
					OllamaOptions: json.RawMessage(`{"a":1}`), OllamaKeepAlive: new("5m"), OllamaFormat: json.RawMessage(`"json"`),
					Metadata: telemetry.Metadata{"k": json.RawMessage(`[1]`)},
				})
			},
			method: "POST", path: "/v1/logs",
			body: `{"prompt_name":"welcome","version_tag":"1.0.0","provider":"openai","model":"gpt-4o","tokens_in":0,"tokens_out":20,"latency_ms":500,"cost_usd":0.001,` +
				`"status":"error","error_code":"boom","http_status":500,"run_id":"r","trace_id":"t","ollama_options":{"a":1},"ollama_keep_alive":"5m","ollama_format":"json","metadata":{"k":[1]}}`,
			want: int64(12),
		},
		"LogBatch": {
			reply: reply{status: 202, body: `{"ids":[3,4]}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.LogBatch(ctx, []telemetry.Log{{PromptName: "a", VersionTag: "1"}, {PromptName: "b", VersionTag: "2"}})
			},
			method: "POST", path: "/v1/logs/batch",
			body: `{"logs":[{"prompt_name":"a","version_tag":"1"},{"prompt_name":"b","version_tag":"2"}]}`,
			want: []int64{3, 4},
		},
		"Logs": {
			reply: ok(`{"items":[{"id":1,"workspace_id":"default","created_at":7,"prompt_name":"p","version_tag":"1","tokens_in":0,"cost_usd":null,"status":"ok","ollama_options":null,"ollama_format":null,"metadata":{"k":null}}],"total":1,"page":1,"limit":50,"totalPages":1}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.Logs(ctx, telemetry.LogFilter{
					PromptName: "p", VersionTag: "1", Provider: "x", Model: "m", Status: telemetry.OK, TraceID: "t",
					From: at(10), To: at(20), Metadata: map[string]string{"user": "a&b", "empty": ""},
				}, page.Request{})
			},
			method: "GET", path: "/v1/logs",
			query: url.Values{
				"prompt_name": {"p"}, "version_tag": {"1"}, "provider": {"x"}, "model": {"m"}, "status": {"ok"}, "trace_id": {"t"},
				"from": {"10"}, "to": {"20"}, "metadata[user]": {"a&b"}, "metadata[empty]": {""},
			}.Encode(),
			want: page.Of[telemetry.Log]{
				Items: []telemetry.Log{{
					ID: 1, Workspace: "default", CreatedAt: at(7), PromptName: "p", VersionTag: "1", TokensIn: new(int64(0)),
					Status: telemetry.OK, Metadata: telemetry.Metadata{"k": json.RawMessage("null")},
				}}, Total: 1, Page: 1, Limit: 50, TotalPages: 1,
			},
		},
		"CreateTrace": {
			reply: reply{status: 201, body: `{"trace_id":"` + tid + `","prompt_name":"p","version_tag":null,"status":"created","created_at":9,"metadata":{"a":1}}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.CreateTrace(ctx, telemetry.Trace{ID: tid, PromptName: new("p"), Metadata: telemetry.Metadata{"a": json.RawMessage("1")}})
			},
			method: "POST", path: "/v1/traces", body: `{"trace_id":"` + tid + `","prompt_name":"p","metadata":{"a":1}}`,
			want: telemetry.Trace{ID: tid, PromptName: new("p"), CreatedAt: at(9), Metadata: telemetry.Metadata{"a": json.RawMessage("1")}},
		},
		"AddSpans": {
			reply: reply{status: 201, body: `{"spans":[{"trace_id":"` + tid + `","span_id":"` + sid + `","parent_id":null,"name":"s","status":"unset","start_time":1,"end_time":null,"metadata":null,"created_at":9}]}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.AddSpans(ctx, tid, []telemetry.Span{{ID: sid, Name: "s", StartTime: new(int64(1))}})
			},
			method: "POST", path: "/v1/traces/" + tid + "/spans/batch", body: `{"spans":[{"span_id":"` + sid + `","name":"s","start_time":1}]}`,
			want: []telemetry.Span{{TraceID: tid, ID: sid, Name: "s", Status: telemetry.SpanUnset, StartTime: new(int64(1)), CreatedAt: at(9)}},
		},
		"UpdateSpan": {
			reply: ok(`{"trace_id":"` + tid + `","span_id":"` + sid + `","name":"s","status":"ok","end_time":5,"created_at":9}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.UpdateSpan(ctx, tid, sid, telemetry.SpanUpdate{Status: new(telemetry.SpanOK), EndTime: new(int64(5))})
			},
			method: "PATCH", path: "/v1/traces/" + tid + "/spans/" + sid, body: `{"status":"ok","end_time":5}`,
			want: telemetry.Span{TraceID: tid, ID: sid, Name: "s", Status: telemetry.SpanOK, EndTime: new(int64(5)), CreatedAt: at(9)},
		},
		"Traces": {
			reply: ok(`{"items":[{"trace_id":"` + tid + `","created_at":9}],"total":1,"page":1,"limit":50,"totalPages":1}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.Traces(ctx, telemetry.TraceFilter{PromptName: "p", From: at(1), To: at(2)}, page.Request{})
			},
			method: "GET", path: "/v1/traces", query: "from=1&prompt_name=p&to=2",
			want: page.Of[telemetry.Trace]{Items: []telemetry.Trace{{ID: tid, CreatedAt: at(9)}}, Total: 1, Page: 1, Limit: 50, TotalPages: 1},
		},
		"Trace": {
			reply:  ok(`{"trace_id":"` + tid + `","created_at":9,"spans":[]}`),
			call:   func(ctx context.Context, c *Client) (any, error) { return c.Telemetry.Trace(ctx, tid) },
			method: "GET", path: "/v1/traces/" + tid,
			want: telemetry.Trace{ID: tid, CreatedAt: at(9), Spans: []telemetry.Span{}},
		},
		"Span": {
			reply:  ok(`{"trace_id":"` + tid + `","span_id":"` + sid + `","name":"s","status":"running","created_at":9}`),
			call:   func(ctx context.Context, c *Client) (any, error) { return c.Telemetry.Span(ctx, tid, sid) },
			method: "GET", path: "/v1/traces/" + tid + "/spans/" + sid,
			want: telemetry.Span{TraceID: tid, ID: sid, Name: "s", Status: telemetry.SpanRunning, CreatedAt: at(9)},
		},
		"DeleteTrace": {
			reply:  reply{status: 204},
			call:   func(ctx context.Context, c *Client) (any, error) { return nil, c.Telemetry.DeleteTrace(ctx, tid) },
			method: "DELETE", path: "/v1/traces/" + tid,
		},
		"CreateRun": {
			reply: reply{status: 201, body: `{"run_id":"` + tid + `","workflow_name":"w","status":"running","output":null,"created_at":9,"updated_at":9}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.CreateRun(ctx, telemetry.Run{ID: tid, WorkflowName: "w", Input: json.RawMessage(`{"a":1}`)})
			},
			method: "POST", path: "/v1/runs", body: `{"run_id":"` + tid + `","workflow_name":"w","input":{"a":1}}`,
			want: telemetry.Run{ID: tid, WorkflowName: "w", Status: telemetry.RunRunning, Input: json.RawMessage(`{"a":1}`), CreatedAt: at(9), UpdatedAt: at(9)},
		},
		"UpdateRun": {
			reply: ok(`{"run_id":"` + tid + `","status":"updated"}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.UpdateRun(ctx, tid, telemetry.RunUpdate{Status: new(telemetry.RunCompleted), Output: json.RawMessage(`{}`)})
			},
			method: "PATCH", path: "/v1/runs/" + tid, body: `{"status":"completed","output":{}}`, want: true,
		},
		"UpdateRun with nothing to change": {
			reply: ok(`{"run_id":"` + tid + `","status":"unchanged"}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.UpdateRun(ctx, tid, telemetry.RunUpdate{})
			},
			method: "PATCH", path: "/v1/runs/" + tid, body: `{}`, want: false,
		},
		"Runs": {
			reply: ok(emptyPage),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Telemetry.Runs(ctx, telemetry.RunFilter{Status: telemetry.RunFailed, WorkflowName: "w"}, page.Request{})
			},
			method: "GET", path: "/v1/runs", query: "status=failed&workflow_name=w",
			want: page.Of[telemetry.Run]{Items: []telemetry.Run{}, Page: 1, Limit: 50},
		},
		"Run": {
			reply:  ok(`{"run_id":"` + tid + `","workflow_name":"w","status":"failed","input":null,"output":{"a":1},"trace_id":null,"metadata":null,"created_at":9,"updated_at":10}`),
			call:   func(ctx context.Context, c *Client) (any, error) { return c.Telemetry.Run(ctx, tid) },
			method: "GET", path: "/v1/runs/" + tid,
			want: telemetry.Run{ID: tid, WorkflowName: "w", Status: telemetry.RunFailed, Output: json.RawMessage(`{"a":1}`), CreatedAt: at(9), UpdatedAt: at(10)},
		},
		"DeleteRun": {
			reply:  reply{status: 204},
			call:   func(ctx context.Context, c *Client) (any, error) { return nil, c.Telemetry.DeleteRun(ctx, tid) },
			method: "DELETE", path: "/v1/runs/" + tid,
		},
		"Keys.Create": {
			reply: reply{status: 201, body: `{"id":3,"name":"ci","scopes":["read"],"workspace_id":"default","expires_at":99,"created_at":9,"key":"pm_x"}`},
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Keys.Create(ctx, access.KeySpec{Name: "ci", Scopes: access.Scopes{access.Read}, ExpiresInDays: new(int64(3))})
			},
			method: "POST", path: "/v1/api-keys", body: `{"name":"ci","scopes":["read"],"expires_in_days":3}`,
			want: access.NewKey{Key: access.Key{ID: 3, Name: "ci", Scopes: access.Scopes{access.Read}, Workspace: "default", CreatedAt: at(9), ExpiresAt: new(at(99))}, Secret: "pm_x"},
		},
		"Keys.List": {
			reply:  ok(emptyPage),
			call:   func(ctx context.Context, c *Client) (any, error) { return c.Keys.List(ctx, ask) },
			method: "GET", path: "/v1/api-keys", query: asked,
			want: page.Of[access.Key]{Items: []access.Key{}, Page: 1, Limit: 50},
		},
		"Keys.Revoke": {
			reply:  reply{status: 204},
			call:   func(ctx context.Context, c *Client) (any, error) { return nil, c.Keys.Revoke(ctx, 3) },
			method: "DELETE", path: "/v1/api-keys/3",
		},
		"Audit.Entries": {
			reply: ok(`{"items":[{"id":1,"action":"create_prompt","prompt_name":"p","version_tag":"1","target_id":null,"api_key_name":"ci","ip_address":"::1","timestamp":9,"workspace_id":"default"}],"total":1,"page":1,"limit":50,"totalPages":1}`),
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Audit.Entries(ctx, access.AuditFilter{Action: "create_prompt", APIKeyName: "ci", From: at(1), To: at(2)}, page.Request{})
			},
			method: "GET", path: "/v1/audit-logs", query: "action=create_prompt&api_key_name=ci&from=1&to=2",
			want: page.Of[access.AuditEntry]{
				Items: []access.AuditEntry{{
					ID: 1, Action: "create_prompt", PromptName: new("p"), VersionTag: new("1"), APIKeyName: new("ci"), IPAddress: new("::1"),
					Timestamp: at(9), Workspace: "default",
				}}, Total: 1, Page: 1, Limit: 50, TotalPages: 1,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(tc.reply))
			c, _ := setup(t, s.url, Options{})
			got, err := tc.call(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, 1, s.count())
			r := s.all()[0]
			require.Equal(t, tc.method, r.method)
			require.Equal(t, tc.path, r.path)
			require.Equal(t, tc.query, r.query.Encode())
			if tc.body == "" {
				require.Empty(t, r.body)
			} else {
				require.JSONEq(t, tc.body, r.body)
			}
		})
	}
}
