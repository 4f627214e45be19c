package httpapi_test

import (
	"strings"
	"testing"
)

func TestEvaluations(t *testing.T) {
	t.Parallel()
	s := start(t)
	full := `{"name":"tone","prompt_name":"greet","version_tag":"1.0.0","description":"How polite",
		"criteria":{"min_score":0.8,"rules":[{"type":"keyword","config":{"keywords":["please"],"mode":"all"},"weight":2}],"note":"kept"}}`
	kept := func(id string) string {
		return `{"id":` + id + `,"workspace_id":"default","created_at":"<time>",` + strings.TrimPrefix(full, "{")
	}
	bare := `{"id":2,"workspace_id":"default","created_at":"<time>","name":"e","prompt_name":"p","version_tag":null,"description":null,"criteria":null}`
	result := func(id, run, score, version, metadata string) string {
		return `{"id":` + id + `,"evaluation_id":1,"run_id":` + run + `,"score":` + score + `,"version_tag":` + version + `,"metadata":` + metadata + `,"created_at":"<time>"}`
	}
	list := func(total, items string) string {
		return `{"items":[` + items + `],"total":` + total + `,"page":1,"limit":50,"totalPages":1}`
	}
	const results = "/v1/evaluations/1/results"
	s.run(t, []scenario{
		{name: "create", key: worker, method: "POST", path: "/v1/evaluations", body: full, status: 201, json: kept("1")},
		{
			name: "only what is required, and fields that nobody knows", key: worker, method: "POST", path: "/v1/evaluations", status: 201,
			body: `{"name":"e","prompt_name":"p","id":77,"workspace_id":"other","extra":1}`, json: bare,
		},
		{name: "null is nothing", key: worker, method: "POST", path: "/v1/evaluations", status: 201, body: `{"name":"n","prompt_name":"p","criteria":null,"version_tag":null}`},
		{
			name: "nothing at all", key: worker, method: "POST", path: "/v1/evaluations", body: `{}`, status: 422,
			fields: []string{"name is required and must be at most 128 characters", "prompt_name is required and must be at most 128 characters"},
		},
		{
			name: "wrong types", key: worker, method: "POST", path: "/v1/evaluations", status: 422,
			body:   `{"name":5,"prompt_name":"p","criteria":{"min_score":"high","rules":[{"type":"length","weight":"2"},7]}}`,
			fields: []string{"name must be a string", "criteria.min_score must be a number", "criteria.rules[0].weight must be a number", "criteria.rules[1] must be an object"},
		},
		{
			name: "a pattern that Go does not know", key: worker, method: "POST", path: "/v1/evaluations", status: 422,
			body: `{"name":"e","prompt_name":"p","criteria":{"rules":[{"type":"length","config":{"min":1}},{"type":"regex","config":{"pattern":"(?=x)"}}]}}`,
		},
		{name: "criteria that are a list", key: worker, method: "POST", path: "/v1/evaluations", body: `{"name":"e","prompt_name":"p","criteria":[]}`, status: 422, fields: []string{"criteria must be an object"}},
		{name: "get", key: reader, method: "GET", path: "/v1/evaluations/1", status: 200, json: kept("1")},
		{name: "get of another workspace", key: other, method: "GET", path: "/v1/evaluations/1", status: 404, message: "Evaluation not found"},
		{name: "get what is no number", key: reader, method: "GET", path: "/v1/evaluations/abc", status: 404, message: "Evaluation not found"},
		{name: "get a number beyond all", key: reader, method: "GET", path: "/v1/evaluations/99999999999999999999", status: 404, message: "Evaluation not found"},

		{
			name: "a result", key: worker, method: "POST", path: results, status: 201,
			body: `{"score":0.75,"run_id":"case-1","metadata":{"row_id":3,"a":[1.50]}}`, json: result("1", `"case-1"`, "0.75", `"1.0.0"`, `{"row_id":3,"a":[1.50]}`),
		},
		{name: "zero is a score", key: worker, method: "POST", path: results, body: `{"score":0}`, status: 201, json: result("2", "null", "0", `"1.0.0"`, "null")},
		{name: "of another version", key: worker, method: "POST", path: results, body: `{"score":3,"version_tag":"2.0.0"}`, status: 201, json: result("3", "null", "3", `"2.0.0"`, "null")},
		{name: "no score", key: worker, method: "POST", path: results, body: `{}`, status: 422, fields: []string{"score is required and must be a number from 0 to 1000000000000"}},
		{name: "a score of null", key: worker, method: "POST", path: results, body: `{"score":null,"run_id":"x"}`, status: 422, fields: []string{"score is required and must be a number from 0 to 1000000000000"}},
		{name: "a score below zero", key: worker, method: "POST", path: results, body: `{"score":-0.1}`, status: 422},
		{name: "a score in words", key: worker, method: "POST", path: results, body: `{"score":"1"}`, status: 422, fields: []string{"score must be a number"}},
		{name: "a score beyond numbers", key: worker, method: "POST", path: results, body: `{"score":1e999}`, status: 422, fields: []string{"score must be a number"}},
		{name: "a result of no evaluation", key: worker, method: "POST", path: "/v1/evaluations/9/results", body: `{"score":1}`, status: 404, message: "Evaluation not found"},
		{name: "a result of what is no number", key: worker, method: "POST", path: "/v1/evaluations/x/results", body: `{"score":1}`, status: 404, message: "Evaluation not found"},
		{
			name: "results", key: reader, method: "GET", path: results, status: 200,
			json: list("3", result("3", "null", "3", `"2.0.0"`, "null")+","+result("2", "null", "0", `"1.0.0"`, "null")+","+result("1", `"case-1"`, "0.75", `"1.0.0"`, `{"row_id":3,"a":[1.50]}`)),
		},
		{name: "results of a version", key: reader, method: "GET", path: results + "?version_tag=2.0.0", status: 200, json: list("1", result("3", "null", "3", `"2.0.0"`, "null"))},
		{name: "results of no evaluation", key: reader, method: "GET", path: "/v1/evaluations/9/results", status: 404, message: "Evaluation not found"},
		{name: "a page that cannot be", key: reader, method: "GET", path: results + "?limit=0", status: 422, fields: []string{"limit must be an integer from 1 to 100"}},

		{name: "delete", key: worker, method: "DELETE", path: "/v1/evaluations/2", status: 204},
		{name: "delete again", key: worker, method: "DELETE", path: "/v1/evaluations/2", status: 404, message: "Evaluation not found"},
		{name: "a reader deletes nothing", key: reader, method: "DELETE", path: "/v1/evaluations/1", status: 403},
		{
			name: "list", key: reader, method: "GET", path: "/v1/evaluations", status: 200,
			json: list("2", strings.Replace(strings.Replace(bare, `"id":2`, `"id":3`, 1), `"e"`, `"n"`, 1)+","+kept("1")),
		},
	})
}
