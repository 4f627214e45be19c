package httpapi_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// document is the OpenAPI document as a client reads it.
type document struct {
	OpenAPI    string
	Info       struct{ Title, Version string }
	Paths      map[string]map[string]documented
	Components struct {
		SecuritySchemes map[string]any
		Schemas         map[string]any
	}
	Security []map[string][]string

	raw any
}

type documented struct {
	OperationID string
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Parameters  []struct {
		Ref      string `json:"$ref"`
		Name, In string
		Required bool
		Schema   map[string]any
	}
	RequestBody *struct {
		Required bool
		Content  map[string]struct{ Schema map[string]any }
	}
	Responses map[string]struct {
		Ref         string `json:"$ref"`
		Description string
		Content     map[string]struct{ Schema map[string]any }
	}

	method, path string
}

func readDocument(tb testing.TB, s *server) document {
	tb.Helper()
	r := s.send(tb, nobody, "GET", "/openapi.json", "")
	require.Equal(tb, 200, r.status)
	require.Equal(tb, "application/json; charset=utf-8", r.header.Get("Content-Type"))
	var d document
	r.decode(tb, &d)
	r.decode(tb, &d.raw)
	return d
}

// operations gives all operations by path and method.
func (d document) operations() (all []documented) {
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			op := d.Paths[path][method]
			op.method, op.path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	return all
}

// isOpen tells that an operation needs no key.
func (o documented) isOpen() bool { return len(o.Security) == 1 && len(o.Security[0]) == 0 }

// example is the path with the names filled in.
func (o documented) example() string {
	return strings.NewReplacer("{trace_id}", traceA, "{span_id}", spanA, "{run_id}", runA, "{id}", "999", "{name}", "nobody",
		"{label}", "nothing", "{version}", "1.0.0").Replace(o.path)
}

// neededScope is what the contract says, not what the document does.
func neededScope(method, path string) string {
	switch {
	case strings.HasPrefix(path, "/v1/api-keys"), strings.HasPrefix(path, "/v1/audit-logs"),
		path == "/v1/playground/models/refresh", method == "PUT": // every setting
		return "admin"
	case method == "GET":
		return "read"
	}
	return "write"
}

// Every operation that exists, also one that is added later, is locked and
// documented.
func TestEveryOperationIsLockedAndDocumented(t *testing.T) {
	t.Parallel()
	s := start(t)
	scopes := map[string]string{reader: "read", writer: "write", boss: "admin"}
	for _, op := range readDocument(t, s).operations() {
		t.Run(op.OperationID, func(t *testing.T) {
			require.Regexp(t, `^[a-z][A-Za-z]+$`, op.OperationID)
			require.NotEmpty(t, op.Summary)
			require.NotEmpty(t, op.Tags)
			body := ""
			if op.RequestBody != nil {
				body = "{}"
			}
			send := func(key string) reply {
				r := s.send(t, key, op.method, op.example(), body)
				require.Contains(t, op.Responses, strconv.Itoa(r.status), "an answer that is not in the document: %s", r.body)
				return r
			}
			if op.isOpen() {
				require.False(t, strings.HasPrefix(op.path, "/v1/"), "only what is outside of /v1 may be open")
				if op.method == "GET" {
					require.Equal(t, 200, send(nobody).status)
				}
				return
			}
			require.True(t, strings.HasPrefix(op.path, "/v1/"))
			for _, status := range []string{"400", "401", "403", "429", "500", "503"} {
				require.Contains(t, op.Responses, status)
			}
			if op.RequestBody != nil {
				for _, status := range []string{"413", "415", "422"} {
					require.Contains(t, op.Responses, status)
				}
			}
			scenario{status: 401}.check(t, send(nobody))
			needed := neededScope(op.method, op.path)
			for key, scope := range scopes {
				r := send(key)
				if scope == needed {
					require.NotContains(t, []int{401, 403, 500, 503}, r.status, r.body)
					require.NotEmpty(t, r.header.Get("RateLimit-Limit"))
					continue
				}
				scenario{status: 403, message: "Missing scope: " + needed}.check(t, r)
			}
		})
	}
}

func TestDocumentHoldsTogether(t *testing.T) {
	t.Parallel()
	d := readDocument(t, start(t))
	require.Equal(t, "3.1.0", d.OpenAPI)
	require.NotEmpty(t, d.Info.Title)
	require.NotEmpty(t, d.Info.Version)
	require.NotEmpty(t, d.Security)
	for _, alternative := range d.Security {
		for name := range alternative {
			require.Contains(t, d.Components.SecuritySchemes, name)
		}
	}
	seen := map[string]string{}
	for _, op := range d.operations() {
		at := op.method + " " + op.path
		require.NotContains(t, seen, op.OperationID, at)
		seen[op.OperationID] = at
		documentedNames := map[string]bool{}
		for _, p := range op.Parameters {
			if p.Ref != "" {
				continue
			}
			require.NotEmpty(t, p.Schema, "%s %s", at, p.Name)
			require.False(t, documentedNames[p.In+p.Name], "%s documents %s twice", at, p.Name)
			documentedNames[p.In+p.Name] = true
			if p.In == "path" {
				require.True(t, p.Required)
				require.Contains(t, op.path, "{"+p.Name+"}")
			}
		}
		for _, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(op.path, -1) {
			require.True(t, documentedNames["path"+name[1]], "%s does not document %s", at, name[1])
		}
		for status, r := range op.Responses {
			require.Regexp(t, `^[1-5]\d\d$`, status, at)
			require.True(t, r.Ref != "" || r.Description != "", "%s %s", at, status)
		}
		if op.RequestBody != nil {
			if op.path != "/v1/datasets/import" { // the one that takes files
				require.Contains(t, op.RequestBody.Content, "application/json", at)
			}
			for media, content := range op.RequestBody.Content {
				require.NotEmpty(t, content.Schema, "%s %s", at, media)
			}
		}
	}
	refs := 0
	walk(d.raw, func(object map[string]any) {
		if ref, ok := object["$ref"].(string); ok {
			refs++
			require.NotNil(t, resolve(d.raw, ref), "%s leads nowhere", ref)
		}
		require.NotContains(t, object, "$schema")
	})
	require.Greater(t, refs, 100)
	used := usedSchemas(d.raw)
	for name := range d.Components.Schemas {
		require.True(t, used[name], "nothing uses the schema %s", name)
	}
}

// walk calls fn for every object of a document.
func walk(v any, fn func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		fn(v)
		for _, member := range v {
			walk(member, fn)
		}
	case []any:
		for _, item := range v {
			walk(item, fn)
		}
	}
}

func resolve(document any, ref string) any {
	at := document
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	for part := range strings.SplitSeq(path, "/") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[part]
	}
	return at
}

func usedSchemas(document any) map[string]bool {
	used := map[string]bool{}
	walk(document, func(object map[string]any) {
		if ref, ok := object["$ref"].(string); ok {
			if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); ok {
				used[name] = true
			}
		}
	})
	return used
}

// What is answered fits what is documented: members and their types.
func TestAnswersFitTheirSchemas(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := readDocument(t, s)
	s.send(t, worker, "POST", "/v1/prompts", welcome)
	s.send(t, worker, "POST", "/v1/prompts/welcome/labels", `{"name":"production"}`)
	s.send(t, worker, "POST", "/v1/logs", `{"prompt_name":"p","version_tag":"1"}`)
	s.send(t, worker, "POST", "/v1/traces", `{"trace_id":"`+traceA+`"}`)
	s.send(t, worker, "POST", "/v1/traces/"+traceA+"/spans", `{"name":"x","span_id":"`+spanA+`"}`)
	s.send(t, worker, "POST", "/v1/runs", `{"workflow_name":"w","run_id":"`+runA+`"}`)
	s.send(t, worker, "POST", "/v1/evaluations", `{"name":"e","prompt_name":"p","criteria":{"min_score":1,"rules":[{"type":"length","config":{"min":1},"weight":2}]}}`)
	s.send(t, worker, "POST", "/v1/evaluations/1/results", `{"score":0,"run_id":"r","metadata":{"row_id":1}}`)
	s.send(t, worker, "POST", "/v1/ab-tests", `{"prompt_name":"p","version_a":"1.0.0","version_b":"2.0.0","guardrails":[{"metric":"cost","margin":1}]}`)
	s.send(t, worker, "POST", "/v1/ab-tests/1/run", `{"scoresA":[1,2,3],"scoresB":[2,3,5]}`)
	s.send(t, worker, "POST", "/v1/datasets", `{"name":"d","rows":[{"input":{"a":[1]},"expectedOutput":{"b":null},"output":"c"}]}`)
	s.send(t, worker, "POST", "/v1/compliance/scan", `{"text":"hello"}`)
	s.send(t, worker, "POST", "/v1/compliance/rules", `{"name":"ids","pattern":"ID-\\d+","must_match":["ID-1"]}`)
	s.send(t, worker, "POST", "/v1/compliance/allow-list", `{"kind":"exact","value":"ID-7"}`)
	s.send(t, worker, "POST", "/v1/evaluations/1/run", `{"dataset_id":1}`)
	checked := 0
	for _, op := range d.operations() {
		if op.method != "GET" {
			continue
		}
		path := strings.NewReplacer("nobody", "welcome", "nothing", "production", "999", "1").Replace(op.example())
		switch op.OperationID {
		case "getPrompt":
			path += "?variables[age]=1"
		case "getEvaluationRun":
			path = "/v1/evaluations/1/run/1"
		case "compareEvaluationRuns":
			path = "/v1/evaluations/1/run/1/compare?with=1"
		case "diffVersions":
			path += "?from=1.0.0&to=1.0.0"
		case "assignABTest":
			path += "?unit=u"
		case "exportLogs", "exportDataset", "getDocs", "getDocument":
			continue
		}
		r := s.send(t, admin, "GET", path, "")
		require.Equal(t, 200, r.status, "%s: %s", path, r.body)
		var answer any
		r.decode(t, &answer)
		schema := op.Responses["200"].Content["application/json"].Schema
		require.NotEmpty(t, schema, op.OperationID)
		require.NoError(t, fits(d.raw, op.OperationID, schema, answer))
		checked++
	}
	require.Greater(t, checked, 15)
}

// fits checks a value against the parts of JSON Schema that our document uses.
func fits(document any, at string, schema map[string]any, v any) error {
	if ref, ok := schema["$ref"].(string); ok {
		schema, _ = resolve(document, ref).(map[string]any)
	}
	if either, ok := schema["anyOf"].([]any); ok {
		var err error
		for _, one := range either {
			if err = fits(document, at, one.(map[string]any), v); err == nil {
				return nil
			}
		}
		return err
	}
	if kinds := typesOf(schema); len(kinds) > 0 && !slices.ContainsFunc(kinds, func(kind string) bool { return isOf(kind, v) }) {
		return fmt.Errorf("%s: %v is not of %v", at, v, kinds)
	}
	switch v := v.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				return fmt.Errorf("%s: %s is missing", at, name)
			}
		}
		open, _ := schema["additionalProperties"].(map[string]any)
		for name, member := range v {
			p, known := properties[name].(map[string]any)
			if !known {
				p = open
			}
			if !known && properties != nil && !strings.HasPrefix(at, "getPrompt.content") {
				return fmt.Errorf("%s: %s is not documented", at, name)
			}
			if err := fits(document, at+"."+name, p, member); err != nil {
				return err
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, item := range v {
			if err := fits(document, at+"[]", items, item); err != nil {
				return err
			}
		}
	}
	return nil
}

func typesOf(schema map[string]any) (kinds []string) {
	switch t := schema["type"].(type) {
	case string:
		return []string{t}
	case []any:
		for _, kind := range t {
			kinds = append(kinds, kind.(string))
		}
	}
	return kinds
}

func isOf(kind string, v any) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int64(v))
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

func TestOperationsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, op := range readDocument(t, start(t)).operations() {
		scope := "-"
		if !op.isOpen() {
			scope = neededScope(op.method, op.path)
		}
		statuses := slices.Sorted(maps.Keys(op.Responses))
		fmt.Fprintf(&b, "%-6s %-45s %-20s %-5s %s\n", op.method, op.path, op.OperationID, scope, strings.Join(statuses, " "))
	}
	const golden = "testdata/operations.txt"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "run go test -run Golden -update if this is meant")
}

func TestDocumentOfAHostWithItsOwnLoginNamesNoKey(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.api.Authenticate, s.api.Version = refuseAll, "7.1" })
	d := readDocument(t, s)
	require.Empty(t, d.Security)
	require.Empty(t, d.Components.SecuritySchemes)
	require.Equal(t, "7.1", d.Info.Version)
	_, err := json.Marshal(d.raw)
	require.NoError(t, err)
}
