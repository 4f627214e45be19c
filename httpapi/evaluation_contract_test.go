package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// ended waits for a run and gives what the API says of it.
func (s *server) ended(tb testing.TB, path string) reply {
	tb.Helper()
	var r reply
	require.Eventually(tb, func() bool {
		r = s.send(tb, reader, "GET", path, "")
		var run struct{ Status string }
		r.decode(tb, &run)
		return r.status == 200 && run.Status != "running"
	}, 30*time.Second, 20*time.Millisecond)
	return r
}

func TestWhatEvaluationRunsAnswer(t *testing.T) {
	t.Parallel()
	s := start(t)
	const evaluations, runs = "/v1/evaluations", "/v1/evaluations/1/run"
	prompt := `{"name":"greet","version":"1.0.0","messages":[{"role":"user","content":"Hi {{q}}"}]}`
	run := func(id, dataset, version, total string) string {
		return `{"id":` + id + `,"evaluation_id":1,"dataset_id":` + dataset + `,"status":"running","version_tag":` + version + `,"provider":null,"model":null,
			"concurrency":4,"max_cost_usd":null,"score":null,"passed":null,"results_json":null,"done":0,"total":` + total + `,"cost_usd":0,"eta_seconds":null,
			"created_at":"<time>","updated_at":"<time>","completed_at":null,"workspace_id":"default"}`
	}
	s.run(t, []scenario{
		{name: "a prompt", key: worker, method: "POST", path: "/v1/prompts", body: prompt, status: 201},
		{name: "an evaluation", key: worker, method: "POST", path: evaluations, status: 201, body: `{"name":"e","prompt_name":"greet","criteria":{"min_score":0.5,"rules":[{"type":"keyword","config":{"keywords":["please"]}}]}}`},
		{name: "rows", key: worker, method: "POST", path: "/v1/datasets", body: `{"name":"d","rows":[{"input":{"q":"a"}},{"input":{"q":"b"},"output":"no"}]}`, status: 201},
		{name: "a run", key: worker, method: "POST", path: runs, body: `{"dataset_id":1,"later":true}`, status: 201, json: run("1", "1", `"1.0.0"`, "2")},
		{name: "a run without a body", key: worker, method: "POST", path: runs, status: 201, json: run("2", "null", `"1.0.0"`, "1")},
		{name: "null is nothing", key: worker, method: "POST", path: runs, body: `{"dataset_id":null,"provider":null,"concurrency":null,"max_cost_usd":null}`, status: 201, json: run("3", "null", `"1.0.0"`, "1")},
		{name: "a version that is not there", key: worker, method: "POST", path: runs, body: `{"version_tag":"9.9.9"}`, status: 201, json: run("4", "null", `"9.9.9"`, "1")},
	})

	t.Run("nothing that was measured is left out, also where it is 0", func(t *testing.T) {
		var of struct {
			Status  string
			Score   float64
			Results map[string]any `json:"results_json"`
		}
		s.ended(t, runs+"/1").decode(t, &of)
		require.Equal(t, "completed", of.Status)
		require.Zero(t, of.Score)
		for _, zero := range []string{"passed", "errors", "mean", "pass_rate", "tokens_in", "tokens_out", "cost_usd"} {
			require.Contains(t, of.Results, zero)
			require.Zero(t, of.Results[zero], zero)
		}
		require.InDelta(t, 2, of.Results["rows"], 0)
	})
	t.Run("a failure has its reason, and a failed row its error", func(t *testing.T) {
		r := s.ended(t, runs+"/4")
		var of struct {
			Status  string
			Score   *float64
			Results map[string]any `json:"results_json"`
		}
		r.decode(t, &of)
		require.Equal(t, "failed", of.Status)
		require.Nil(t, of.Score)
		require.Equal(t, map[string]any{"reason": "the prompt greet in version 9.9.9 was not found"}, of.Results)
	})

	s.run(t, []scenario{
		{name: "a budget of nothing", key: admin, method: "PUT", path: "/v1/budget", body: `{"budget_usd":0}`, status: 200},
		{name: "no run starts over it", key: worker, method: "POST", path: runs, body: `{"dataset_id":1}`, status: 400, details: `{"code":"BUDGET_EXCEEDED","spend":0,"budget":0}`},
		{name: "an unknown dataset is unknown, whatever the budget", key: worker, method: "POST", path: runs, body: `{"dataset_id":9}`, status: 404, message: "Dataset not found"},
		{name: "so is an unknown evaluation", key: worker, method: "POST", path: evaluations + "/9/run", body: `{}`, status: 404, message: "Evaluation not found"},
	})
}

func TestAThingHasOneAddress(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.run(t, []scenario{
		{name: "an evaluation", key: worker, method: "POST", path: "/v1/evaluations", body: `{"name":"e","prompt_name":"p"}`, status: 201},
		{name: "a dataset", key: worker, method: "POST", path: "/v1/datasets", body: `{"name":"d","rows":[{"input":{},"output":"x"}]}`, status: 201},
		{name: "a run", key: worker, method: "POST", path: "/v1/evaluations/1/run", body: `{"dataset_id":1}`, status: 201},
		{name: "an A/B test", key: worker, method: "POST", path: "/v1/ab-tests", body: `{"prompt_name":"p","version_a":"1","version_b":"2"}`, status: 201},
	})
	var all []scenario
	for _, id := range []string{"0", "-1", "+1", "01", "1.0", "1e0", "0x1", "abc", "%20", "1%2F", "１", "99999999999999999999"} {
		for path, thing := range map[string]string{
			"GET /v1/evaluations/%s": "Evaluation", "GET /v1/evaluations/%s/run": "Evaluation", "GET /v1/evaluations/%s/results": "Evaluation",
			"DELETE /v1/evaluations/%s": "Evaluation", "GET /v1/evaluations/1/run/%s": "Run", "POST /v1/evaluations/1/run/%s/cancel": "Run",
			"GET /v1/datasets/%s": "Dataset", "GET /v1/datasets/%s/rows": "Dataset", "GET /v1/datasets/%s/export": "Dataset", "DELETE /v1/datasets/%s": "Dataset",
			"GET /v1/ab-tests/%s": "A/B test", "POST /v1/ab-tests/%s/run": "A/B test", "POST /v1/ab-tests/%s/promote": "A/B test",
			"DELETE /v1/ab-tests/%s": "A/B test", "GET /v1/ab-tests/%s/assignment?unit=u": "A/B test", "DELETE /v1/api-keys/%s": "API key",
		} {
			method, form, _ := strings.Cut(path, " ")
			all = append(all, scenario{
				name: path + " of " + id, key: admin, method: method, path: fmt.Sprintf(form, id), status: 404, message: thing + " not found",
			})
		}
	}
	s.run(t, all)
}

// TestTheAuditLogOfEvaluations checks the names that clients know, that each
// change has one entry, and that a refused request has none.
func TestTheAuditLogOfEvaluations(t *testing.T) {
	t.Parallel()
	s := start(t)
	prompt := func(version string) string {
		return `{"name":"greet","version":"` + version + `","messages":[{"role":"user","content":"Hi"}]}`
	}
	zeros, ones := strings.Repeat("0,", 20)+"0", strings.Repeat("1,", 20)+"1"
	for _, c := range []struct {
		method, path, body string
		status             int
		// action, prompt, version and target of the entry; none if empty.
		entry string
	}{
		{"POST", "/v1/prompts", prompt("1.0.0"), 201, "create_prompt greet 1.0.0 greet"},
		{"POST", "/v1/prompts", prompt("1.1.0"), 201, "create_prompt greet 1.1.0 greet"},

		{"POST", "/v1/datasets", `{"name":"d","rows":[{"input":{},"output":"x"}]}`, 201, "create_dataset - - 1"},
		{"POST", "/v1/datasets", `{"name":"d","rows":[{}]}`, 422, ""},
		{"POST", "/v1/datasets", `{"name":"d","rows":[` + strings.Repeat(`{"input":{}},`, 10_000) + `{"input":{}}]}`, 400, ""},
		{"POST", "/v1/runs", `{"workflow_name":"w","input":{"q":1}}`, 201, "run:create - - *"},
		{"POST", "/v1/datasets/1/rows/from-traces", `{"workflow_name":"w"}`, 201, "dataset:rows - - 1"},
		{"POST", "/v1/datasets/1/rows/from-traces", `{}`, 422, ""},
		{"GET", "/v1/datasets/1/export", "", 200, ""},

		{"POST", "/v1/evaluations", `{"name":"e","prompt_name":"greet","version_tag":"1.0.0"}`, 201, "evaluation:create greet 1.0.0 1"},
		{"POST", "/v1/evaluations", `{"name":"e","prompt_name":"greet","criteria":{"rules":[{"type":"none"}]}}`, 422, ""},
		{"POST", "/v1/evaluations/1/results", `{"score":1}`, 201, "evaluation:result greet 1.0.0 1"},
		{"POST", "/v1/evaluations/1/results", `{"score":0,"version_tag":"1.1.0"}`, 201, "evaluation:result greet 1.1.0 2"},
		{"POST", "/v1/evaluations/1/results", `{"score":-1}`, 422, ""},
		{"POST", "/v1/evaluations/9/results", `{"score":1}`, 404, ""},
		{"POST", "/v1/evaluations/1/run", `{"dataset_id":1,"version_tag":"1.1.0"}`, 201, "evaluation:run greet 1.1.0 1"},
		{"POST", "/v1/evaluations/1/run", `{"dataset_id":9}`, 404, ""},
		{"POST", "/v1/evaluations/1/run", `{"provider":"none","model":"m"}`, 400, ""},
		{"POST", "/v1/evaluations/1/run/9/cancel", "", 404, ""},

		{"PUT", "/v1/budget", `{"budget_usd":5}`, 200, "budget:set - - monthly-budget-usd"},
		{"PUT", "/v1/budget", `{"budget_usd":-5}`, 422, ""},

		{"POST", "/v1/ab-tests", `{"prompt_name":"greet","version_a":"1.0.0","version_b":"1.1.0","metric":"win_rate"}`, 201, "create_ab_test greet - 1"},
		{"POST", "/v1/ab-tests", `{"prompt_name":"greet","version_a":"1.0.0","version_b":"1.0.0"}`, 422, ""},
		{"POST", "/v1/ab-tests/1/promote", "", 400, ""},
		{"POST", "/v1/ab-tests/1/run", `{"scoresA":[1]}`, 400, ""},
		{"POST", "/v1/ab-tests/1/run", "", 400, ""},
		{"POST", "/v1/ab-tests/1/run", `{"scoresA":[0,1],"scoresB":[0,1]}`, 200, "run_ab_test greet - 1"},
		{"POST", "/v1/ab-tests/1/promote", "", 200, ""}, // a tie: nothing moves
		{"POST", "/v1/ab-tests/1/run", `{"scoresA":[` + zeros + `],"scoresB":[` + ones + `]}`, 200, "run_ab_test greet - 1"},
		{"POST", "/v1/ab-tests/1/promote", "", 200, "promote_ab_test greet 1.1.0 1"},
		{"DELETE", "/v1/ab-tests/1", "", 204, "delete_ab_test greet - 1"},
		{"DELETE", "/v1/ab-tests/1", "", 404, ""},

		{"DELETE", "/v1/datasets/1", "", 204, "delete_dataset - - 1"},
		{"DELETE", "/v1/datasets/1", "", 404, ""},
		{"DELETE", "/v1/evaluations/1", "", 204, "evaluation:delete greet 1.0.0 1"},
		{"DELETE", "/v1/evaluations/1", "", 404, ""},
	} {
		before := s.entries(t)
		r := s.send(t, admin, c.method, c.path, c.body)
		require.Equal(t, c.status, r.status, "%s %s: %s", c.method, c.path, r.body)
		added := s.entries(t)[len(before):]
		if c.entry == "" {
			require.Empty(t, added, "%s %s %s", c.method, c.path, c.body)
			continue
		}
		require.Len(t, added, 1, "%s %s", c.method, c.path)
		want := strings.Fields(c.entry)
		if want[3] == "*" {
			want[3] = strings.Fields(added[0])[3]
		}
		require.Equal(t, strings.Join(want, " "), added[0], "%s %s", c.method, c.path)
		if strings.HasSuffix(c.path, "/1/run") && strings.HasPrefix(c.path, "/v1/evaluations") {
			s.ended(t, "/v1/evaluations/1/run/1") // what a run leaves is no change of a client
		}
	}
}

// entries are those of the key admin, oldest first.
func (s *server) entries(tb testing.TB) (all []string) {
	tb.Helper()
	orDash := func(p *string) string {
		if p == nil {
			return "-"
		}
		return *p
	}
	var got page.Of[access.AuditEntry]
	s.send(tb, admin, "GET", "/v1/audit-logs?limit=100&api_key_name=admin", "").decode(tb, &got)
	for i := len(got.Items) - 1; i >= 0; i-- {
		e := got.Items[i]
		all = append(all, strings.Join([]string{e.Action, orDash(e.PromptName), orDash(e.VersionTag), orDash(e.TargetID)}, " "))
	}
	return all
}

// TestWhatMayBeNullIsDocumentedSo covers members that are objects of their own:
// a generated client fails on a null that it was not told of.
func TestWhatMayBeNullIsDocumentedSo(t *testing.T) {
	t.Parallel()
	r := start(t).send(t, nobody, "GET", "/openapi.json", "")
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					AnyOf []struct{ Type string }
				}
			}
		}
	}
	r.decode(t, &document)
	for _, member := range []string{"Run.results_json", "Evaluation.criteria", "AbTestDetail.latest_result"} {
		of, name, _ := strings.Cut(member, ".")
		found := 0
		for title, s := range document.Components.Schemas {
			p, there := s.Properties[name]
			if !there || !strings.HasSuffix(title, of) {
				continue
			}
			found++
			require.Len(t, p.AnyOf, 2, "%s of %s", name, title)
			require.Equal(t, "null", p.AnyOf[1].Type)
		}
		require.NotZero(t, found, member)
	}
}
