package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogsAreRecorded(t *testing.T) {
	t.Parallel()
	s := start(t)
	bare := func(rest string) string {
		return `{"items":[{"id":"<id>","workspace_id":"default","created_at":"<time>","prompt_name":"p","version_tag":"1.0.0",` + rest + `}],
			"total":1,"page":1,"limit":50,"totalPages":1}`
	}
	s.run(t, []scenario{
		{
			name: "with everything", key: worker, method: "POST", path: "/v1/logs", status: 202, json: `{"id":"<id>","status":"accepted"}`,
			body: `{"prompt_name":"p","version_tag":"1.0.0","provider":"acme","model":"m","tokens_in":0,"tokens_out":2,"latency_ms":0,"cost_usd":0,
				"ollama_options":{"num_ctx":1},"ollama_keep_alive":"5m","ollama_format":"json","status":"error","error_code":"boom","http_status":503,
				"run_id":"r","trace_id":"t","metadata":{"user":"u","deep":{"list":[1,2]}},
				"id":"mine","created_at":"yesterday","workspace_id":7,"unknown":{"x":1}}`,
		},
		{
			name: "zero is zero and absent is null", key: reader, method: "GET", path: "/v1/logs", status: 200,
			json: bare(`"provider":"acme","model":"m","tokens_in":0,"tokens_out":2,"latency_ms":0,"cost_usd":0,"cost_source":"client",
				"ollama_options":{"num_ctx":1},"ollama_keep_alive":"5m","ollama_format":"json","status":"error","error_code":"boom","http_status":503,
				"run_id":"r","trace_id":"t","metadata":{"user":"u","deep":{"list":[1,2]}}`),
		},
		{
			name: "nulls are absent", key: other, method: "POST", path: "/v1/logs", status: 202,
			body: `{"prompt_name":"q","version_tag":"1.0.0","provider":null,"tokens_in":null,"status":null,"ollama_options":null,"ollama_format":null,"metadata":null}`,
		},
		{
			name: "and so they come back", key: other, method: "GET", path: "/v1/logs?prompt_name=q", status: 200,
			json: `{"items":[{"id":"<id>","workspace_id":"other","created_at":"<time>","prompt_name":"q","version_tag":"1.0.0",
				"provider":null,"model":null,"tokens_in":null,"tokens_out":null,"latency_ms":null,"cost_usd":null,"cost_source":null,
				"ollama_options":null,"ollama_keep_alive":null,"ollama_format":null,"status":"ok","error_code":null,"http_status":null,
				"run_id":null,"trace_id":null,"metadata":null}],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{
			name: "faults by name", key: worker, method: "POST", path: "/v1/logs", status: 422,
			body:   `{"prompt_name":"","version_tag":"1","tokens_in":-1,"status":"fine"}`,
			fields: []string{"prompt_name is required and must be at most 128 characters", "tokens_in must be an integer of at least 0", "status must be ok or error"},
		},
		{
			name: "wrong types by name", key: worker, method: "POST", path: "/v1/logs", status: 422,
			body:   `{"prompt_name":1,"version_tag":"1","tokens_in":1.5,"cost_usd":"free","metadata":[]}`,
			fields: []string{"prompt_name must be a string", "tokens_in must be an integer", "cost_usd must be a number", "metadata must be an object"},
		},
		{name: "an array", key: worker, method: "POST", path: "/v1/logs", body: `[]`, status: 422, fields: []string{"body must be an object"}},
		{name: "null", key: worker, method: "POST", path: "/v1/logs", body: `null`, status: 422, fields: []string{"body must be an object"}},
		{name: "no JSON", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":`, status: 400, message: "Invalid JSON body"},
		{name: "two documents", key: worker, method: "POST", path: "/v1/logs", body: `{} {}`, status: 400, message: "Invalid JSON body"},
		{name: "no UTF-8", key: worker, method: "POST", path: "/v1/logs", body: "{\"prompt_name\":\"\xff\"}", status: 400, message: "Invalid JSON body"},
		{name: "nothing", key: worker, method: "POST", path: "/v1/logs", status: 400, message: "Invalid JSON body"},
	})
}

func TestLogBatchesAreAllOrNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := `{"prompt_name":"p","version_tag":"1"}`
	s.run(t, []scenario{
		{
			name: "a batch", key: worker, method: "POST", path: "/v1/logs/batch", status: 202, body: `{"logs":[` + good + `,` + good + `]}`,
			json: `{"ids":["<id>","<id>"]}`,
		},
		{
			name: "one bad log", key: worker, method: "POST", path: "/v1/logs/batch", status: 422,
			body:   `{"logs":[` + good + `,{"prompt_name":"p","version_tag":"1","tokens_in":-1}]}`,
			fields: []string{"logs[1].tokens_in must be an integer of at least 0"},
		},
		{
			name: "one log of a wrong type", key: worker, method: "POST", path: "/v1/logs/batch", status: 422,
			body:   `{"logs":[` + good + `,{"prompt_name":"p","version_tag":"1","tokens_in":"x"}]}`,
			fields: []string{"logs[1].tokens_in must be an integer"},
		},
		{name: "no list", key: worker, method: "POST", path: "/v1/logs/batch", body: `{}`, status: 422, fields: []string{"logs must have 1 to 1000 items"}},
		{name: "an empty list", key: worker, method: "POST", path: "/v1/logs/batch", body: `{"logs":[]}`, status: 422, fields: []string{"logs must have 1 to 1000 items"}},
		{
			name: "too many", key: worker, method: "POST", path: "/v1/logs/batch", status: 422,
			body:   `{"logs":[` + strings.TrimSuffix(strings.Repeat(good+",", 1001), ",") + `]}`,
			fields: []string{"logs must have 1 to 1000 items"},
		},
		{
			name: "as many as may be", key: worker, method: "POST", path: "/v1/logs/batch", status: 202,
			body: `{"logs":[` + strings.TrimSuffix(strings.Repeat(good+",", 1000), ",") + `]}`,
		},
		{name: "what is there", key: reader, method: "GET", path: "/v1/logs?limit=1", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"total":1002`)
		}},
	})
}

func TestLogsAreRecordedOnceForAKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := `{"prompt_name":"p","version_tag":"1"}`
	first := s.send(t, worker, "POST", "/v1/logs", body, "Idempotency-Key: k")
	require.Equal(t, 202, first.status)
	s.run(t, []scenario{
		{name: "again", key: worker, method: "POST", path: "/v1/logs", body: body, headers: []string{"Idempotency-Key: k"}, status: 202, json: first.body},
		{name: "in another workspace it is new", key: other, method: "POST", path: "/v1/logs", body: body, headers: []string{"Idempotency-Key: k"}, status: 202},
		{name: "for something else", key: worker, method: "POST", path: "/v1/logs/batch", body: `{"logs":[` + body + `,` + body + `]}`, headers: []string{"Idempotency-Key: k"}, status: 409},
		{name: "too long", key: worker, method: "POST", path: "/v1/logs", body: body, headers: []string{"Idempotency-Key: " + strings.Repeat("k", 129)}, status: 422, fields: []string{"Idempotency-Key must be at most 128 characters"}},
		{name: "one log in all", key: reader, method: "GET", path: "/v1/logs", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"total":1,`)
		}},
	})
	batch := `{"logs":[` + body + `,` + body + `]}`
	ids := s.send(t, worker, "POST", "/v1/logs/batch", batch, "Idempotency-Key: b")
	require.Equal(t, 202, ids.status)
	require.JSONEq(t, ids.body, s.send(t, worker, "POST", "/v1/logs/batch", batch, "Idempotency-Key: b").body)
}

func TestLogsAreFiltered(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i, rest := range []string{
		`"version_tag":"1","provider":"a","model":"x","metadata":{"user":"ann","n":1,"b c":"d"}`,
		`"version_tag":"2","provider":"b","model":"y","status":"error","trace_id":"t1","metadata":{"user":"bob"}`,
		`"version_tag":"2","provider":"a","model":"x"`,
	} {
		r := s.send(t, worker, "POST", "/v1/logs", fmt.Sprintf(`{"prompt_name":"p%d",%s}`, i, rest))
		require.Equal(t, 202, r.status, r.body)
	}
	for query, want := range map[string][]string{
		"":                                   {"p2", "p1", "p0"},
		"prompt_name=p1":                     {"p1"},
		"version_tag=2":                      {"p2", "p1"},
		"provider=a":                         {"p2", "p0"},
		"model=y":                            {"p1"},
		"status=error":                       {"p1"},
		"status=ok&provider=a":               {"p2", "p0"},
		"status=":                            {"p2", "p1", "p0"},
		"trace_id=t1":                        {"p1"},
		"metadata[user]=ann":                 {"p0"},
		"metadata%5Buser%5D=bob":             {"p1"},
		"metadata[n]=1":                      {"p0"},
		"metadata%5Bb%20c%5D=d":              {"p0"},
		"metadata[user]=ann&metadata[n]=2":   {},
		"from=1&to=253402300799":             {"p2", "p1", "p0"},
		"from=253402300799":                  {},
		"to=1":                               {},
		"from=0":                             {"p2", "p1", "p0"},
		"limit=1&page=2":                     {"p1"},
		"unknown=1&metadata=5&metadatax[a]=": {"p2", "p1", "p0"},
	} {
		t.Run("by "+query, func(t *testing.T) {
			r := s.send(t, reader, "GET", "/v1/logs?"+query, "")
			require.Equal(t, 200, r.status, r.body)
			var p struct {
				Items []struct {
					Name string `json:"prompt_name"`
				}
			}
			r.decode(t, &p)
			got := []string{}
			for _, item := range p.Items {
				got = append(got, item.Name)
			}
			require.Equal(t, want, got)
		})
	}
	s.run(t, []scenario{
		{name: "a status that is none", key: reader, method: "GET", path: "/v1/logs?status=fine", status: 422, fields: []string{"status must be one of ok, error"}},
		{name: "a time that is none", key: reader, method: "GET", path: "/v1/logs?from=today&to=0", status: 422, fields: []string{
			"from must be an integer from 0 to 253402300799", "to must be an integer from 1 to 253402300799",
		}},
		{name: "metadata in depth", key: reader, method: "GET", path: "/v1/logs?metadata[a][b]=1", status: 422, fields: []string{"metadata[a] must be one text"}},
		{name: "metadata twice", key: reader, method: "GET", path: "/v1/logs?metadata[a]=1&metadata[a]=2", status: 422, fields: []string{"metadata[a] must be one text"}},
	})
}

func TestLogsAreExported(t *testing.T) {
	t.Parallel()
	s := start(t)
	var logs []string
	for i := range 1000 {
		logs = append(logs, fmt.Sprintf(`{"prompt_name":"p","version_tag":"1","tokens_in":%d,"cost_usd":0.25,"model":"=1+1","metadata":{"a":"x,\"y\""}}`, i))
	}
	batch := `{"logs":[` + strings.Join(logs, ",") + `]}`
	for range 3 {
		require.Equal(t, 202, s.send(t, worker, "POST", "/v1/logs/batch", batch).status)
	}
	require.Equal(t, 202, s.send(t, worker, "POST", "/v1/logs", `{"prompt_name":"single","version_tag":"1"}`).status)

	t.Run("as lines of JSON", func(t *testing.T) {
		r := s.send(t, reader, "GET", "/v1/logs/export?prompt_name=p", "")
		require.Equal(t, 200, r.status)
		require.Equal(t, "application/x-ndjson; charset=utf-8", r.header.Get("Content-Type"))
		seen := 0
		for line := range strings.Lines(r.body) {
			var l struct {
				ID       int64
				Metadata map[string]string
			}
			require.NoError(t, json.Unmarshal([]byte(line), &l))
			require.Equal(t, `x,"y"`, l.Metadata["a"])
			seen++
		}
		require.Equal(t, 3000, seen)
	})
	t.Run("as CSV that no spreadsheet runs", func(t *testing.T) {
		r := s.send(t, reader, "GET", "/v1/logs/export?format=csv&prompt_name=p", "")
		require.Equal(t, 200, r.status)
		require.Equal(t, "text/csv; charset=utf-8; header=present", r.header.Get("Content-Type"))
		lines := strings.Split(strings.TrimSpace(r.body), "\n")
		require.Len(t, lines, 3001)
		require.Equal(t, "id,workspace_id,created_at,prompt_name,version_tag,provider,model,tokens_in,tokens_out,latency_ms,cost_usd,cost_source,"+
			"status,error_code,http_status,run_id,trace_id,ollama_options,ollama_keep_alive,ollama_format,metadata", lines[0])
		require.Regexp(t, `^\d+,default,\d{10},p,1,,'=1\+1,\d+,,,0\.25,client,ok,,,,,,,,"\{""a"":""x,\\""y\\""""\}"$`, lines[1])
	})
	t.Run("of nothing", func(t *testing.T) {
		r := s.send(t, reader, "GET", "/v1/logs/export?prompt_name=nobody", "")
		require.Equal(t, 200, r.status)
		require.Empty(t, r.body)
		r = s.send(t, reader, "GET", "/v1/logs/export?prompt_name=nobody&format=csv", "")
		require.Equal(t, 1, strings.Count(r.body, "\n"))
	})
	s.run(t, []scenario{
		{name: "in a format that is none", key: reader, method: "GET", path: "/v1/logs/export?format=xml", status: 422, fields: []string{"format must be one of ndjson, csv"}},
		{name: "without the right to read", key: writer, method: "GET", path: "/v1/logs/export", status: 403},
		{name: "with too many members", key: reader, method: "GET", status: 422, path: "/v1/logs/export?" + manyMembers(), fields: []string{"metadata filters must be at most 10"}},
	})
}

func manyMembers() string {
	var b strings.Builder
	for i := range 11 {
		fmt.Fprintf(&b, "&metadata[k%d]=1", i)
	}
	return b.String()
}
