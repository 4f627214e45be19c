package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// abTest is a test of greet as it is answered; rest follows its version_b.
func abTest(id int, status, rest string) string {
	return fmt.Sprintf(`{"id":%d,"prompt_name":"greet","version_a":"1.0.0","version_b":"1.1.0",%s,"status":%q,"created_at":"<time>","updated_at":"<time>","workspace_id":"default"`,
		id, rest, status)
}

const plainTest = `"dataset_id":null,"evaluation_id":null,"metric":"latency","mode":"fixed","planned_n":500,"share_b":0.5,"guardrails":[],"promoted_version":null`

func TestABTestsAreKept(t *testing.T) {
	t.Parallel()
	s := start(t)
	const path, required = "/v1/ab-tests", `"prompt_name":"greet","version_a":"1.0.0","version_b":"1.1.0"`
	s.send(t, worker, "POST", "/v1/evaluations", `{"name":"e","prompt_name":"greet"}`)
	s.send(t, worker, "POST", "/v1/datasets", `{"name":"d","rows":[]}`)
	everything := `"dataset_id":1,"evaluation_id":1,"metric":"score","mode":"sequential","planned_n":50,"share_b":0.25,"guardrails":[{"metric":"cost","margin":0.001}]`
	s.run(t, []scenario{
		{
			name: "create", key: worker, method: "POST", path: path, status: 201,
			body: `{` + required + `,"id":77,"workspace_id":"other","status":"promoted","promoted_version":"9","extra":[1]}`, json: abTest(1, "running", plainTest) + `}`,
		},
		{
			name: "with everything", key: worker, method: "POST", path: path, status: 201,
			body: `{` + required + `,` + everything + `}`, json: abTest(2, "running", everything+`,"promoted_version":null`) + `}`,
		},
		{
			name: "null is nothing", key: worker, method: "POST", path: path, status: 201,
			body: `{` + required + `,"dataset_id":null,"evaluation_id":null,"metric":null,"planned_n":null,"share_b":null,"guardrails":null}`, json: abTest(3, "running", plainTest) + `}`,
		},
		{
			name: "nothing at all", key: worker, method: "POST", path: path, status: 422, body: `{}`,
			fields: []string{
				"prompt_name is required and must be at most 128 characters", "version_a is required and must be at most 255 characters",
				"version_b is required and must be at most 255 characters",
			},
		},
		{
			name: "zero is no default", key: worker, method: "POST", path: path, status: 422, body: `{` + required + `,"planned_n":0,"share_b":0,"evaluation_id":0}`,
			fields: []string{"planned_n must be an integer from 2 to 10000000", "share_b must be above 0 and below 1", "evaluation_id must be a positive integer"},
		},
		{
			name: "wrong types", key: worker, method: "POST", path: path, status: 422,
			body: `{"prompt_name":1,"version_a":[],"version_b":{},"dataset_id":"1","evaluation_id":1.5,"metric":2,"planned_n":"x","share_b":true,"guardrails":[{"metric":1,"margin":"0"},3]}`,
			fields: []string{
				"prompt_name must be a string", "version_a must be a string", "version_b must be a string", "dataset_id must be an integer", "evaluation_id must be an integer",
				"metric must be a string", "planned_n must be an integer", "share_b must be a number",
				"guardrails[0].metric must be a string", "guardrails[0].margin must be a number", "guardrails[1] must be an object",
			},
		},
		{name: "an unknown metric", key: worker, method: "POST", path: path, status: 422, body: `{` + required + `,"metric":"speed"}`, fields: []string{"metric must be latency, cost, win_rate or score"}},
		{name: "a version of 256", key: worker, method: "POST", path: path, status: 422, body: `{"prompt_name":"greet","version_a":"1","version_b":"` + strings.Repeat("9", 256) + `"}`, fields: []string{"version_b is required and must be at most 255 characters"}},
		{name: "no such evaluation", key: worker, method: "POST", path: path, status: 404, body: `{` + required + `,"evaluation_id":9}`, message: "Evaluation not found"},
		{name: "no such dataset", key: worker, method: "POST", path: path, status: 404, body: `{` + required + `,"dataset_id":9}`, message: "Dataset not found"},
		{name: "no JSON", key: worker, method: "POST", path: path, status: 400, body: `{`, message: "Invalid JSON body"},
		{name: "no body", key: worker, method: "POST", path: path, status: 400, message: "Invalid JSON body"},
		{name: "another type", key: worker, method: "POST", path: path, status: 415, body: `{}`, headers: []string{"Content-Type: text/plain"}},
		{name: "a reader makes none", key: reader, method: "POST", path: path, status: 403, body: `{}`},
		{
			name: "list", key: reader, method: "GET", path: path, status: 200,
			json: `{"items":[` + abTest(3, "running", plainTest) + `},` + abTest(2, "running", everything+`,"promoted_version":null`) + `},` + abTest(1, "running", plainTest) + `}],"total":3,"page":1,"limit":50,"totalPages":1}`,
		},
		{name: "a page that cannot be", key: reader, method: "GET", path: path + "?limit=101", status: 422, fields: []string{"limit must be an integer from 1 to 100"}},
		{name: "get", key: reader, method: "GET", path: path + "/1", status: 200, json: abTest(1, "running", plainTest) + `,"latest_result":null}`},
		{name: "get of another workspace", key: other, method: "GET", path: path + "/1", status: 404, message: "A/B test not found"},
		{name: "get what is no number", key: reader, method: "GET", path: path + "/abc", status: 404, message: "A/B test not found"},
		{name: "get a number beyond all", key: reader, method: "GET", path: path + "/99999999999999999999", status: 404, message: "A/B test not found"},
		{name: "no results yet", key: reader, method: "GET", path: path + "/1/results", status: 200, json: `{"items":[],"total":0,"page":1,"limit":50,"totalPages":0}`},
		{name: "results of no test", key: reader, method: "GET", path: path + "/9/results", status: 404, message: "A/B test not found"},
		{name: "a reader deletes none", key: reader, method: "DELETE", path: path + "/1", status: 403},
		{name: "delete", key: worker, method: "DELETE", path: path + "/1", status: 204},
		{name: "delete again", key: worker, method: "DELETE", path: path + "/1", status: 404, message: "A/B test not found"},
		{name: "put there", key: worker, method: "PUT", path: path + "/2", status: 405, body: `{}`},
	})
}

func TestABTestsRun(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, body := range []string{`"metric":"score"`, `"metric":"win_rate"`, `"metric":"score","evaluation_id":1`, `"metric":"latency"`} {
		if strings.Contains(body, "evaluation") {
			s.send(t, worker, "POST", "/v1/evaluations", `{"name":"e","prompt_name":"greet"}`)
		}
		r := s.send(t, worker, "POST", "/v1/ab-tests", `{"prompt_name":"greet","version_a":"1.0.0","version_b":"1.1.0",`+body+`}`)
		require.Equal(t, 201, r.status, r.body)
	}
	const score, rate, evaluated, logged = "/v1/ab-tests/1/run", "/v1/ab-tests/2/run", "/v1/ab-tests/3/run", "/v1/ab-tests/4/run"
	s.run(t, []scenario{
		{
			name: "scores", key: worker, method: "POST", path: score, body: `{"scoresA":[1,2,3,4,5],"scoresB":[6,7,8,9,10],"extra":1}`, status: 200,
			after: func(t *testing.T, r reply) {
				var got map[string]any
				r.decode(t, &got)
				for name, want := range map[string]any{
					"id": 1.0, "ab_test_id": 1.0, "version_a_score": 3.0, "version_b_score": 8.0, "winner": "B", "source": "scores", "metric": "score", "mode": "fixed",
					"n_a": 5.0, "n_b": 5.0, "method": "welch", "ci_method": "bootstrap_percentile", "resamples": 10000.0, "workspace_id": "default", "sample_ratio_p": nil,
				} {
					require.Equal(t, want, got[name], name)
				}
				require.InEpsilon(t, 0.0010528257933, got["p_value"], 1e-9)
				require.InEpsilon(t, 1.5811388300841898, got["stddev_a"], 1e-12)
				require.InEpsilon(t, 1.5811388300841898, got["stddev_b"], 1e-12)
				require.Less(t, got["ci_lower"], 5.0)
				require.Greater(t, got["ci_upper"], 5.0)
				require.Less(t, got["seed"], float64(1<<53), "JavaScript would round it")
				require.True(t, kinds["<time>"](got["created_at"]))
				require.NotEmpty(t, got["warnings"])
				require.Contains(t, got, "sequential")
			},
		},
		{
			name: "it is the latest result, and the test has completed", key: reader, method: "GET", path: "/v1/ab-tests/1", status: 200,
			after: func(t *testing.T, r reply) {
				var got struct {
					Status string
					Latest struct {
						ID     int
						Winner string
					} `json:"latest_result"`
				}
				r.decode(t, &got)
				require.Equal(t, "completed", got.Status)
				require.Equal(t, 1, got.Latest.ID)
				require.Equal(t, "B", got.Latest.Winner)
			},
		},
		{
			name: "no test is possible", key: worker, method: "POST", path: score, body: `{"scoresA":[2,2],"scoresB":[2,2]}`, status: 200,
			after: func(t *testing.T, r reply) {
				var got map[string]json.RawMessage
				r.decode(t, &got)
				for name, want := range map[string]string{"p_value": "null", "winner": `"tie"`, "ci_lower": "null", "stddev_a": "0", "warnings": `["Both versions have constant scores: no test is possible."]`} {
					require.Equal(t, want, string(got[name]), name)
				}
			},
		},
		{name: "an empty list", key: worker, method: "POST", path: score, body: `{"scoresA":[],"scoresB":[1]}`, status: 422, fields: []string{"scoresA must not be empty"}},
		{name: "two empty lists", key: worker, method: "POST", path: score, body: `{"scoresA":[],"scoresB":[]}`, status: 422, fields: []string{"scoresA must not be empty", "scoresB must not be empty"}},
		{name: "one list", key: worker, method: "POST", path: score, body: `{"scoresB":[1,2]}`, status: 400, message: "scoresA and scoresB belong together: send both or neither"},
		{name: "one list and null", key: worker, method: "POST", path: score, body: `{"scoresA":[1,2],"scoresB":null}`, status: 400},
		{
			name: "no numbers", key: worker, method: "POST", path: score, body: `{"scoresA":[1,"2",null,true,[3]],"scoresB":[1e999,{}]}`, status: 422,
			fields: []string{
				"scoresA[1] must be a number", "scoresA[3] must be a number", "scoresA[4] must be a number",
				"scoresB[0] must be a number", "scoresB[1] must be a number",
			},
		},
		{name: "nulls", key: worker, method: "POST", path: score, body: `{"scoresA":[1,null],"scoresB":[null,2,null]}`, status: 422, fields: []string{"scoresA[1] must be a number", "scoresB[0] must be a number", "scoresB[2] must be a number"}},
		{name: "no lists", key: worker, method: "POST", path: score, body: `{"scoresA":"1,2","scoresB":{"0":1}}`, status: 422, fields: []string{"scoresA must be an array", "scoresB must be an array"}},
		{name: "a body that is a list", key: worker, method: "POST", path: score, body: `[1,2]`, status: 422, fields: []string{"body must be an object"}},
		{name: "numbers beyond bounds", key: worker, method: "POST", path: score, body: `{"scoresA":[1e301],"scoresB":[1]}`, status: 422, fields: []string{"scoresA[0] must be a number between -1e300 and 1e300"}},
		{name: "more than can be", key: worker, method: "POST", path: score, body: `{"scoresA":[` + strings.Repeat("1,", 100_000) + `1],"scoresB":[1]}`, status: 413},
		{name: "no JSON", key: worker, method: "POST", path: score, body: `{"scoresA":[NaN]}`, status: 400, message: "Invalid JSON body"},
		{name: "another type", key: worker, method: "POST", path: score, body: `scoresA=1`, status: 415, headers: []string{"Content-Type: application/x-www-form-urlencoded"}},
		{name: "rates are 0 or 1", key: worker, method: "POST", path: rate, body: `{"scoresA":[0,1],"scoresB":[1,0.5]}`, status: 422, fields: []string{"scoresB[1] must be 0 or 1"}},
		{name: "no such test", key: worker, method: "POST", path: "/v1/ab-tests/9/run", body: `{}`, status: 404, message: "A/B test not found"},
		{name: "a reader runs none", key: reader, method: "POST", path: score, body: `{}`, status: 403},
		{name: "scores for an evaluation", key: worker, method: "POST", path: evaluated, body: `{"scoresA":[1,2],"scoresB":[3,4]}`, status: 400, message: "The A/B test compares the results of evaluation 1: send no scores"},
		{
			name: "no results of the evaluation", key: worker, method: "POST", path: evaluated, status: 400,
			details: `{"version_a_log_count":0,"version_b_log_count":0,"scores_a_count":0,"scores_b_count":0}`,
		},
		{name: "a log", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":"greet","version_tag":"1.0.0","latency_ms":10}`, status: 202},
		{name: "a log that tells nothing", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":"greet","version_tag":"1.0.0","latency_ms":null}`, status: 202},
		{
			name: "too few logs", key: worker, method: "POST", path: logged, body: `{}`, status: 400, message: "Too few scores: each version needs at least 2",
			details: `{"version_a_log_count":2,"version_b_log_count":0,"scores_a_count":1,"scores_b_count":0}`,
		},
		{
			name: "results", key: reader, method: "GET", path: "/v1/ab-tests/1/results?limit=1", status: 200,
			after: func(t *testing.T, r reply) {
				var got struct {
					Items      []struct{ Winner string }
					Total      int
					NextCursor string
				}
				r.decode(t, &got)
				require.Equal(t, 2, got.Total)
				require.Len(t, got.Items, 1)
				require.Equal(t, "tie", got.Items[0].Winner)
				require.NotEmpty(t, got.NextCursor)
			},
		},
		{name: "what was refused has completed nothing", key: reader, method: "GET", path: "/v1/ab-tests/4", status: 200, json: strings.Replace(abTest(4, "running", plainTest), `"promoted_version":null`, `"promoted_version":null,"latest_result":null`, 1) + `}`},
	})
}

func TestABTestsPromoteAndAssign(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "greet", "1.0.0", "old")
	s.publish(t, "greet", "1.1.0", "new")
	s.publish(t, "other", "1.0.0", "x")
	s.send(t, worker, "POST", "/v1/ab-tests", `{"prompt_name":"greet","version_a":"1.0.0","version_b":"1.1.0","metric":"score"}`)
	s.send(t, worker, "POST", "/v1/ab-tests", `{"prompt_name":"greet","version_a":"1.0.0","version_b":"2.0.0","metric":"score"}`)
	const test = "/v1/ab-tests/1"
	better := func(a, b string) string { return `{"scoresA":` + a + `,"scoresB":` + b + `}` }
	low, high := `[1,2,3,4,5]`, `[6,7,8,9,10]`

	// Which unit gets which version is known from the hash; see package abtest.
	units := map[string]string{}
	for i := 0; len(units) < 2; i++ {
		unit := fmt.Sprint("user-", i)
		var got struct{ Variant, Version string }
		s.send(t, reader, "GET", test+"/assignment?unit="+unit, "").decode(t, &got)
		require.Equal(t, map[string]string{"A": "1.0.0", "B": "1.1.0"}[got.Variant], got.Version)
		units[got.Variant] = unit
	}
	fetched := func(content string) func(*testing.T, reply) {
		return func(t *testing.T, r reply) { require.Contains(t, r.body, `"content":"`+content+`"`) }
	}
	s.run(t, []scenario{
		{name: "assignment", key: reader, method: "GET", path: test + "/assignment?unit=" + units["B"], status: 200, json: `{"variant":"B","version":"1.1.0","prompt_name":"greet"}`},
		{name: "no unit", key: reader, method: "GET", path: test + "/assignment", status: 422, fields: []string{"unit is required"}},
		{name: "an empty unit", key: reader, method: "GET", path: test + "/assignment?unit=", status: 422, fields: []string{"unit is required"}},
		{name: "a long unit", key: reader, method: "GET", path: test + "/assignment?unit=" + strings.Repeat("u", 257), status: 422, fields: []string{"unit must be UTF-8 without NUL, of at most 256 characters"}},
		{name: "assignment of no test", key: reader, method: "GET", path: "/v1/ab-tests/9/assignment?unit=u", status: 404, message: "A/B test not found"},
		{name: "assignment in another workspace", key: other, method: "GET", path: test + "/assignment?unit=u", status: 404, message: "A/B test not found"},

		{name: "the prompt of A", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=1&unit=" + units["A"], status: 200, header: map[string]string{"X-Ab-Variant": "A"}, after: fetched("old")},
		{name: "the prompt of B", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=1&unit=" + units["B"], status: 200, header: map[string]string{"X-Ab-Variant": "B", "ETag": "*"}, after: fetched("new")},
		{name: "without a test nothing is assigned", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, header: map[string]string{"X-Ab-Variant": ""}},
		{name: "a test without a unit", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=1", status: 422, fields: []string{"unit is required and must be at most 256 characters"}},
		{name: "a unit without a test", key: reader, method: "GET", path: "/v1/prompts/greet?unit=u", status: 400, message: "unit belongs to ab_test: send both"},
		{name: "a test and a version", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=1&unit=u&version=1.0.0", status: 400, message: "ab_test chooses the version: send neither version nor label"},
		{name: "a test and a label", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=1&unit=u&label=production", status: 400},
		{name: "a test of another prompt", key: reader, method: "GET", path: "/v1/prompts/other?ab_test=1&unit=u", status: 400, message: "The A/B test is of another prompt", details: `{"prompt_name":"greet"}`},
		{name: "no such test", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=9&unit=u", status: 404, message: "A/B test not found"},
		{name: "no number", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=x&unit=u", status: 422, fields: []string{"ab_test must be an integer of at least 1"}},
		{name: "zero", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=0&unit=u", status: 422, fields: []string{"ab_test must be an integer of at least 1"}},

		{name: "promote before a run", key: worker, method: "POST", path: test + "/promote", status: 400, message: "The A/B test has no result yet: run it first"},
		{name: "a tie", key: worker, method: "POST", path: test + "/run", body: better(low, low), status: 200},
		{name: "promotes nothing", key: worker, method: "POST", path: test + "/promote", status: 200, json: `{"winner":"tie","version":null}`},
		{name: "and moves nothing", key: reader, method: "GET", path: "/v1/prompts/greet/labels/production", status: 404},
		{name: "A wins", key: worker, method: "POST", path: test + "/run", body: better(high, low), status: 200},
		{name: "a reader promotes nothing", key: reader, method: "POST", path: test + "/promote", status: 403},
		{name: "nor does another workspace", key: other, method: "POST", path: test + "/promote", status: 404, message: "A/B test not found"},
		{name: "A is promoted", key: worker, method: "POST", path: test + "/promote", body: `{}`, status: 200, json: `{"winner":"A","version":"1.0.0"}`},
		{name: "and served", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: fetched("old")},
		{name: "and labelled", key: reader, method: "GET", path: "/v1/prompts/greet?label=production", status: 200, after: fetched("old")},
		{name: "and assigned to all", key: reader, method: "GET", path: "/v1/prompts/greet?ab_test=1&unit=" + units["B"], status: 200, header: map[string]string{"X-Ab-Variant": "A"}, after: fetched("old")},
		{
			name: "and entered", key: admin, method: "GET", path: "/v1/audit-logs?action=promote_ab_test", status: 200,
			after: func(t *testing.T, r reply) {
				var got struct {
					Items []struct {
						PromptName string `json:"prompt_name"`
						VersionTag string `json:"version_tag"`
						TargetID   string `json:"target_id"`
					}
				}
				r.decode(t, &got)
				require.Len(t, got.Items, 1)
				require.Equal(t, []string{"greet", "1.0.0", "1"}, []string{got.Items[0].PromptName, got.Items[0].VersionTag, got.Items[0].TargetID})
			},
		},
		{name: "a version that is not there wins", key: worker, method: "POST", path: "/v1/ab-tests/2/run", body: better(low, high), status: 200},
		{name: "and cannot be promoted", key: worker, method: "POST", path: "/v1/ab-tests/2/promote", status: 400},
		{name: "B wins", key: worker, method: "POST", path: test + "/run", body: better(low, high), status: 200},
		{name: "the label is protected", key: admin, method: "PUT", path: "/v1/settings/protected-labels", body: `{"labels":["production"]}`, status: 200},
		{name: "a worker may not move it", key: worker, method: "POST", path: test + "/promote", status: 403, message: "Label production is protected: only an admin may change it"},
		{name: "and has moved nothing", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: fetched("old")},
		{name: "an admin may", key: admin, method: "POST", path: test + "/promote", status: 200, json: `{"winner":"B","version":"1.1.0"}`},
		{name: "it is served", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: fetched("new")},
	})
}
