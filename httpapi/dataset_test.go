package httpapi_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	rowA = `{"input":{"question":"2+2?","n":9007199254740993},"expectedOutput":{"answer":"4"},"output":"=4"}`
	rowB = `{"input":{"question":"Grüße"}}`
)

// withID gives a row its number.
func withID(id, row string) string { return `{"id":` + id + "," + strings.TrimPrefix(row, "{") }

func TestDatasets(t *testing.T) {
	t.Parallel()
	s := start(t)
	dataset := func(id, name, rows string) string {
		return `{"id":` + id + `,"name":"` + name + `","row_count":` + rows + `,"created_at":"<time>"}`
	}
	const path = "/v1/datasets"
	csvHeader := []string{"Content-Type: text/csv; charset=utf-8"}
	s.run(t, []scenario{
		{name: "create", key: worker, method: "POST", path: path, body: `{"name":"d","rows":[` + rowA + "," + rowB + `],"extra":1}`, status: 201, json: dataset("1", "d", "2")},
		{
			name: "get", key: reader, method: "GET", path: path + "/1", status: 200,
			json: strings.TrimSuffix(dataset("1", "d", "2"), "}") + `,
				"schema":{"input":{"question":["string"],"n":["number"]},"expectedOutput":{"answer":["string"]}},
				"preview":[` + withID("1", rowA) + "," + withID("2", rowB) + `]}`,
		},
		{
			name: "rows", key: reader, method: "GET", path: path + "/1/rows?limit=1&page=2", status: 200,
			json: `{"items":[` + withID("2", rowB) + `],"total":2,"page":2,"limit":1,"totalPages":2}`,
		},
		{name: "nothing at all", key: worker, method: "POST", path: path, body: `{}`, status: 422, fields: []string{"name is required and must be at most 128 characters", "rows is required and must be an array"}},
		{
			name: "faults are named by row", key: worker, method: "POST", path: path, status: 422,
			body:   `{"name":"d","rows":[{"input":{}},{"input":[1]},{"input":{},"expectedOutput":"x"},{}]}`,
			fields: []string{"rows[1].input must be an object", "rows[2].expectedOutput must be an object", "rows[3].input is required and must be an object"},
		},
		{name: "an output that is no text", key: worker, method: "POST", path: path, body: `{"name":"d","rows":[{"input":{},"output":5}]}`, status: 422, fields: []string{"rows[0].output must be a string"}},
		{
			name: "too many rows", key: worker, method: "POST", path: path, status: 400, details: `{"max_rows":10000}`,
			body: `{"name":"d","rows":[` + strings.TrimSuffix(strings.Repeat(`{"input":{}},`, 10_001), ",") + `]}`,
		},
		{
			name: "far too many rows", key: worker, method: "POST", path: path, status: 400, details: `{"max_rows":10000}`,
			body: `{"name":"d","rows":[` + strings.TrimSuffix(strings.Repeat(`{},`, 200_000), ",") + `]}`,
		},
		{name: "too large", key: worker, method: "POST", path: path, body: `{"name":"d","rows":[{"input":{"a":"` + strings.Repeat("x", 10<<20) + `"}}]}`, status: 413},
		{name: "nothing of that was kept", key: reader, method: "GET", path: path, status: 200, json: `{"items":[` + dataset("1", "d", "2") + `],"total":1,"page":1,"limit":50,"totalPages":1}`},

		{name: "import CSV", key: worker, method: "POST", path: path + "/import?name=table", headers: csvHeader, body: "question,expected\n2+2?,4\n", status: 201, json: dataset("2", "table", "1")},
		{
			name: "its rows", key: reader, method: "GET", path: path + "/2/rows", status: 200,
			json: `{"items":[{"id":3,"input":{"question":"2+2?"},"expectedOutput":{"output":"4"}}],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{name: "import lines", key: worker, method: "POST", path: path + "/import?name=lines", headers: []string{"Content-Type: application/x-ndjson"}, body: rowA + "\n" + rowB, status: 201, json: dataset("3", "lines", "2")},
		{name: "what is named goes before the type", key: worker, method: "POST", path: path + "/import?name=t&format=csv", headers: []string{"Content-Type: text/plain"}, body: "a\nb\n", status: 201, json: dataset("4", "t", "1")},
		{name: "a file with faults", key: worker, method: "POST", path: path + "/import?name=t", headers: csvHeader, body: "a,b\n1\n", status: 422, fields: []string{"line 2: has 1 cells, the header has 2"}},
		{name: "a file without a name", key: worker, method: "POST", path: path + "/import", headers: csvHeader, body: "a\n1\n", status: 422, fields: []string{"name is required"}},
		{name: "a format that is none", key: worker, method: "POST", path: path + "/import?name=t&format=xlsx", headers: csvHeader, body: "a", status: 422, fields: []string{"format must be one of jsonl, csv"}},
		{name: "JSON is no file", key: worker, method: "POST", path: path + "/import?name=t", headers: []string{"Content-Type: application/json"}, body: `{}`, status: 415},
		{name: "a file of another alphabet", key: worker, method: "POST", path: path + "/import?name=t", headers: []string{"Content-Type: text/csv; charset=latin1"}, body: "a\n", status: 415},
		{name: "a packed file", key: worker, method: "POST", path: path + "/import?name=t", headers: append(csvHeader, "Content-Encoding: gzip"), body: "a\n", status: 415},
		{name: "a file that is too large", key: worker, method: "POST", path: path + "/import?name=t", headers: csvHeader, body: strings.Repeat("a\n", 6<<20), status: 413},
		{name: "a file of too many rows", key: worker, method: "POST", path: path + "/import?name=t", headers: csvHeader, body: strings.Repeat("a\n", 10_002), status: 400},

		{
			name: "export lines", key: reader, method: "GET", path: path + "/1/export", status: 200,
			header: map[string]string{"Content-Type": "application/x-ndjson; charset=utf-8", "Content-Disposition": `attachment; filename="dataset-1.jsonl"`},
			after: func(t *testing.T, r reply) {
				lines := strings.Split(strings.TrimSuffix(r.body, "\n"), "\n")
				require.Len(t, lines, 2)
				matchJSON(t, withID("1", rowA), lines[0])
				matchJSON(t, withID("2", rowB), lines[1])
			},
		},
		{
			name: "export CSV", key: reader, method: "GET", path: path + "/1/export?format=csv", status: 200,
			header: map[string]string{"Content-Type": "text/csv; header=present; charset=utf-8", "Content-Disposition": `attachment; filename="dataset-1.csv"`},
			after: func(t *testing.T, r reply) {
				records, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
				require.NoError(t, err)
				require.Equal(t, [][]string{
					{"input.n:json", "input.question", "expected.answer", "output"},
					{"9007199254740993", "2+2?", "4", "'=4"},
					{"", "Grüße", "", ""},
				}, records)
			},
		},
		{name: "the head of an export", key: reader, method: "HEAD", path: path + "/1/export?format=csv", status: 200, header: map[string]string{"Content-Type": "text/csv; header=present; charset=utf-8"}},
		{name: "export of nothing", key: reader, method: "GET", path: path + "/9/export", status: 404, message: "Dataset not found"},
		{name: "export in no format", key: reader, method: "GET", path: path + "/1/export?format=xlsx", status: 422, fields: []string{"format must be one of jsonl, csv"}},
		{name: "export of another workspace", key: other, method: "GET", path: path + "/1/export", status: 404, message: "Dataset not found"},

		{name: "a run to learn from", key: worker, method: "POST", path: "/v1/runs", body: `{"run_id":"` + runA + `","workflow_name":"w","input":{"q":1},"output":{"a":2}}`, status: 201},
		{name: "rows from runs", key: worker, method: "POST", path: path + "/1/rows/from-traces", body: `{"run_ids":["` + runA + `"]}`, status: 201, json: `{"dataset_id":1,"added":1}`},
		{name: "the row", key: reader, method: "GET", path: path + "/1/rows?page=3&limit=1", status: 200, json: `{"items":[{"id":7,"input":{"q":1},"expectedOutput":{"a":2}}],"total":3,"page":3,"limit":1,"totalPages":3}`},
		{name: "rows from no run", key: worker, method: "POST", path: path + "/1/rows/from-traces", body: `{"run_ids":["` + traceB + `"]}`, status: 404, message: "Run not found", details: `{"run_id":"` + traceB + `"}`},
		{name: "rows from nothing", key: worker, method: "POST", path: path + "/1/rows/from-traces", body: `{}`, status: 422, fields: []string{"run_ids, trace_ids or workflow_name is required"}},
		{name: "rows of no dataset", key: worker, method: "POST", path: path + "/9/rows/from-traces", body: `{"workflow_name":"w"}`, status: 404, message: "Dataset not found"},

		{name: "delete", key: worker, method: "DELETE", path: path + "/1", status: 204},
		{name: "delete again", key: worker, method: "DELETE", path: path + "/1", status: 404, message: "Dataset not found"},
		{name: "get what is gone", key: reader, method: "GET", path: path + "/1", status: 404, message: "Dataset not found"},
		{name: "get what is no number", key: reader, method: "GET", path: path + "/1.5", status: 404, message: "Dataset not found"},
	})
}
