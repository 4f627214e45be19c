package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const welcome = `{"name":"welcome","version":"1.0.0","messages":[
	{"role":"system","content":"You serve {{company}} & <friends>."},
	{"role":"assistant","content":"Never {{touched}}"},
	{"role":"user","content":"I am {{user.name}}, {{age}}"}],
	"variables":{"company":{"type":"string","default":"ACME"},"age":{"type":"number","required":true}},
	"model_config":{"model":"gpt-4o","temperature":0,"seed":7},"tags":["a","b"],"team":"growth",
	"author":"Ada <ada@example.com>","commit_message":"first words"}`

func TestPromptsArePublished(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.run(t, []scenario{
		{
			name: "a new version", key: worker, method: "POST", path: "/v1/prompts", body: welcome, status: 201,
			json: `{"name":"welcome","version_tag":"1.0.0","created_at":"<time>","commit_sha":"<commit>"}`,
		},
		{
			name: "the same version again", key: worker, method: "POST", path: "/v1/prompts", body: welcome, status: 400,
			message: "Prompt already exists", details: `{"name":"welcome","version":"1.0.0"}`,
		},
		{
			name: "unknown fields are kept and the signature is not", key: reader, method: "GET", path: "/v1/prompts/welcome?render=false", status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				var e struct {
					Content map[string]any
					Version map[string]any
				}
				r.decode(t, &e)
				require.Equal(t, "growth", e.Content["team"])
				require.Equal(t, map[string]any{"model": "gpt-4o", "temperature": 0.0, "seed": 7.0}, e.Content["model_config"])
				require.NotContains(t, e.Content, "author")
				require.NotContains(t, e.Content, "commit_message")
				require.Equal(t, "first words", e.Version["message"])
				require.Equal(t, "Ada <ada@example.com>", e.Version["author"])
			},
		},
		{
			name: "without a signature it is the key's", key: worker, method: "POST", path: "/v1/prompts", status: 201,
			body: `{"name":"plain","version":"0.1.0","messages":[{"role":"user","content":"x"}]}`,
			after: func(t *testing.T, _ reply) {
				t.Helper()
				r := s.send(t, reader, "GET", "/v1/prompts/plain/versions", "")
				matchJSON(t, `{"items":[{"name":"plain","version_tag":"0.1.0","created_at":"<time>","commit_sha":"<commit>",
					"author":"worker","message":"Create plain 0.1.0","labels":[],"active":false}],"total":1,"page":1,"limit":50,"totalPages":1}`, r.body)
			},
		},
		{
			name: "all faults at once", key: worker, method: "POST", path: "/v1/prompts", status: 422,
			body: `{"name":"no spaces","version":"one","messages":[]}`,
			fields: []string{
				"name must be 1 to 128 letters, digits, '_' or '-'",
				"version must be semantic (e.g. 1.0.0) and at most 64 characters",
				"messages must have at least one message",
			},
		},
		{
			name: "all wrong types at once", key: worker, method: "POST", path: "/v1/prompts", status: 422,
			body:   `{"name":7,"version":"1.0.0","messages":{},"author":[],"tags":[1]}`,
			fields: []string{"name must be a string", "messages must be an array", "tags[0] must be a string", "author must be a string"},
		},
		{
			name: "a malformed template", key: worker, method: "POST", path: "/v1/prompts", status: 422,
			body: `{"name":"x","version":"1.0.0","messages":[{"role":"user","content":"{{#open}}"}]}`,
		},
	})
}

func TestPromptsAreRendered(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, 201, s.send(t, worker, "POST", "/v1/prompts", welcome).status)
	rendered := func(system, user string) string {
		return `{"content":{"name":"welcome","version":"1.0.0","messages":[
			{"role":"system","content":"` + system + `"},{"role":"assistant","content":"Never {{touched}}"},{"role":"user","content":"` + user + `"}],
			"variables":{"company":{"type":"string","default":"ACME"},"age":{"type":"number","required":true}},
			"model_config":{"model":"gpt-4o","temperature":0,"seed":7},"tags":["a","b"],"team":"growth"},
			"version":{"name":"welcome","version_tag":"1.0.0","created_at":"<time>","commit_sha":"<commit>","author":"Ada <ada@example.com>","message":"first words"}}`
	}
	s.run(t, []scenario{
		{
			name: "over plain brackets", key: reader, method: "GET", status: 200,
			path: "/v1/prompts/welcome?variables[age]=36&variables[user][name]=Bob&variables[company]=%3CX%20%26%20Y%3E",
			json: rendered("You serve <X & Y> & <friends>.", "I am Bob, 36"),
		},
		{
			name: "over encoded brackets and defaults", key: reader, method: "GET", status: 200,
			path: "/v1/prompts/welcome?variables%5Bage%5D=36&variables%5Buser%5D%5Bname%5D=B%2Bb",
			json: rendered("You serve ACME & <friends>.", "I am B+b, 36"),
		},
		{
			name: "a value is not rendered again", key: reader, method: "GET", status: 200,
			path: "/v1/prompts/welcome?variables[age]=1&variables[user][name]={{company}}",
			json: rendered("You serve ACME & <friends>.", "I am {{company}}, 1"),
		},
		{
			name: "a required variable is missing", key: reader, method: "GET", path: "/v1/prompts/welcome", status: 400,
			message: "Missing required variables: age",
		},
		{
			name: "a value of the wrong type", key: reader, method: "GET", path: "/v1/prompts/welcome?variables[age]=old", status: 422,
			fields: []string{"variables.age must be a number"},
		},
		{
			name: "a key that is value and object", key: reader, method: "GET", status: 422,
			path:   "/v1/prompts/welcome?variables[user]=x&variables[user][name]=y",
			fields: []string{"variables[user][name] is given both as a value and as an object"},
		},
		{
			name: "brackets that do not close", key: reader, method: "GET", path: "/v1/prompts/welcome?variables[age=1", status: 422,
			fields: []string{"variables must be given as variables[key]=value"},
		},
		{
			name: "render is neither true nor false", key: reader, method: "GET", path: "/v1/prompts/welcome?render=maybe", status: 422,
			fields: []string{"render must be true or false"},
		},
		{
			name: "over JSON values", key: worker, method: "POST", path: "/v1/prompts/welcome/render", status: 200,
			body: `{"variables":{"age":12345678901234567890,"user":{"name":"Cleo"},"company":"Z"}}`,
			json: rendered("You serve Z & <friends>.", "I am Cleo, 12345678901234567890"),
		},
		{
			name: "JSON values of another kind", key: worker, method: "POST", path: "/v1/prompts/welcome/render", status: 422,
			body: `{"variables":[1],"version":7}`, fields: []string{"variables must be an object", "version must be a string"},
		},
		{
			name: "without a body", key: worker, method: "POST", path: "/v1/prompts/welcome/render", status: 400,
			message: "Invalid JSON body",
		},
		{
			name: "rendering by POST needs write", key: reader, method: "POST", path: "/v1/prompts/welcome/render", body: `{}`, status: 403,
		},
	})
}

func TestPromptVersionsAreChosen(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, v := range []string{"1.9.0", "1.10.0", "2.0.0-rc.1"} {
		s.publish(t, "greet", v, v)
	}
	served := func(want string) func(*testing.T, reply) {
		return func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"version_tag":"`+want+`"`)
			require.Contains(t, r.body, `"content":"`+want+`"`)
		}
	}
	s.run(t, []scenario{
		{name: "the latest stable one", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: served("1.10.0")},
		{name: "an exact one", key: reader, method: "GET", path: "/v1/prompts/greet?version=1.9.0", status: 200, after: served("1.9.0")},
		{name: "the highest of a range", key: reader, method: "GET", path: "/v1/prompts/greet?version=%5E1.2", status: 200, after: served("1.10.0")},
		{name: "an unknown version", key: reader, method: "GET", path: "/v1/prompts/greet?version=3.0.0", status: 404, message: "Prompt not found"},
		{name: "no version and no range", key: reader, method: "GET", path: "/v1/prompts/greet?version=newest", status: 422},
		{name: "an unknown prompt", key: reader, method: "GET", path: "/v1/prompts/nobody", status: 404, message: "Prompt not found"},
		{name: "a name that no prompt can have", key: reader, method: "GET", path: "/v1/prompts/a%2Fb", status: 404, message: "Prompt not found"},
		{
			name: "label it", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 201,
			body: `{"name":"production","version_tag":"1.9.0"}`,
		},
		{name: "a label", key: reader, method: "GET", path: "/v1/prompts/greet?label=production", status: 200, after: served("1.9.0")},
		{name: "no such label is no fall-back", key: reader, method: "GET", path: "/v1/prompts/greet?label=staging", status: 404, message: "Label not found"},
		{name: "both version and label", key: reader, method: "GET", path: "/v1/prompts/greet?label=production&version=1.9.0", status: 400},
		{
			name: "pin one", key: worker, method: "POST", path: "/v1/prompts/greet/active", body: `{"version_tag":"2.0.0-rc.1"}`, status: 200,
			json: `{"name":"greet","active_version":"2.0.0-rc.1"}`,
		},
		{name: "the pinned one", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: served("2.0.0-rc.1")},
		{
			name: "unpin", key: worker, method: "POST", path: "/v1/prompts/greet/active", body: `{"version_tag":null}`, status: 200,
			json: `{"name":"greet","active_version":null}`,
		},
		{name: "the latest again", key: reader, method: "GET", path: "/v1/prompts/greet", status: 200, after: served("1.10.0")},
		{
			name: "a forgotten pin does not unpin", key: worker, method: "POST", path: "/v1/prompts/greet/active", body: `{}`, status: 422,
			fields: []string{"version_tag must be a version, or null to unpin"},
		},
		{
			name: "an empty pin does not unpin", key: worker, method: "POST", path: "/v1/prompts/greet/active", body: `{"version_tag":""}`, status: 422,
			fields: []string{"version_tag must be a version, or null to unpin"},
		},
		{
			name: "a pin of the wrong type", key: worker, method: "POST", path: "/v1/prompts/greet/active", body: `{"version_tag":1}`, status: 422,
			fields: []string{"version_tag must be a string"},
		},
		{name: "pin an unknown version", key: worker, method: "POST", path: "/v1/prompts/greet/active", body: `{"version_tag":"9.9.9"}`, status: 400},
		{name: "pin an unknown prompt", key: worker, method: "POST", path: "/v1/prompts/nobody/active", body: `{"version_tag":"9.9.9"}`, status: 404},
	})
}

func TestPromptListsArePaged(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "alpha", "1.0.0", "x", "red")
	s.publish(t, "beta", "1.0.0", "x", "blue")
	s.publish(t, "gamma", "1.0.0", "x", "red")
	item := func(name, tag string) string {
		return `{"name":"` + name + `","latest_version":"1.0.0","tags":["` + tag + `"],"labels":[],"updated_at":"<time>"}`
	}
	s.run(t, []scenario{
		{
			name: "all", key: reader, method: "GET", path: "/v1/prompts", status: 200,
			json: `{"items":[` + item("alpha", "red") + `,` + item("beta", "blue") + `,` + item("gamma", "red") + `],"total":3,"page":1,"limit":50,"totalPages":1}`,
		},
		{
			name: "by part of a name", key: reader, method: "GET", path: "/v1/prompts?q=ET", status: 200,
			json: `{"items":[` + item("beta", "blue") + `],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{
			name: "search is the same list", key: reader, method: "GET", path: "/v1/prompts/search?q=ET", status: 200,
			json: `{"items":[` + item("beta", "blue") + `],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{
			name: "by tag, a page and a cursor", key: reader, method: "GET", path: "/v1/prompts?tag=red&limit=1", status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				var p struct {
					Items      []struct{ Name string }
					Total      int
					TotalPages int
					NextCursor string
				}
				r.decode(t, &p)
				require.Equal(t, "alpha", p.Items[0].Name)
				require.Equal(t, 2, p.Total)
				require.Equal(t, 2, p.TotalPages)
				for _, next := range []string{"cursor=" + p.NextCursor, "page=2"} {
					r = s.send(t, reader, "GET", "/v1/prompts?tag=red&limit=1&"+next, "")
					r.decode(t, &p)
					require.Equal(t, "gamma", p.Items[0].Name)
				}
			},
		},
		{name: "a name without a value is empty", key: reader, method: "GET", path: "/v1/prompts?limit=1&q", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"total":3`)
		}},
		{name: "page zero", key: reader, method: "GET", path: "/v1/prompts?page=0", status: 422, fields: []string{"page must be an integer of at least 1"}},
		{name: "page too far", key: reader, method: "GET", path: "/v1/prompts?page=9223372036854775807", status: 422, fields: []string{"page must be an integer of at least 1"}},
		{name: "page beyond numbers", key: reader, method: "GET", path: "/v1/prompts?page=99999999999999999999", status: 422},
		{name: "limit too high", key: reader, method: "GET", path: "/v1/prompts?limit=101", status: 422, fields: []string{"limit must be an integer from 1 to 100"}},
		{
			name: "both wrong, and no value is repeated", key: reader, method: "GET", path: "/v1/prompts?page=-1&limit=secret", status: 422,
			fields: []string{"page must be an integer of at least 1", "limit must be an integer from 1 to 100"},
		},
		{name: "limit empty", key: reader, method: "GET", path: "/v1/prompts?limit=", status: 422, fields: []string{"limit must be an integer from 1 to 100"}},
		{name: "limit with a sign", key: reader, method: "GET", path: "/v1/prompts?limit=%2B5", status: 422},
		{name: "limit given twice, once wrong", key: reader, method: "GET", path: "/v1/prompts?limit=5&limit=x", status: 422},
		{name: "limit of another shape", key: reader, method: "GET", path: "/v1/prompts?limit=1e1", status: 422},
		{name: "a cursor that is none", key: reader, method: "GET", path: "/v1/prompts?cursor=zzz", status: 400},
		{name: "bytes that are no text", key: reader, method: "GET", path: "/v1/prompts?q=%ff", status: 422, fields: []string{"q must be UTF-8 without NUL, of at most 128 characters"}},
		{name: "NUL", key: reader, method: "GET", path: "/v1/prompts?tag=%00", status: 422},
		{name: "a broken escape", key: reader, method: "GET", path: "/v1/prompts?q=%zz", status: 422, fields: []string{"q must be percent-encoded correctly"}},
		{
			name: "versions of nobody", key: reader, method: "GET", path: "/v1/prompts/nobody/versions", status: 200,
			json: `{"items":[],"total":0,"page":1,"limit":50,"totalPages":0}`,
		},
	})
}

func TestPromptHistoryOutlivesThePrompt(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "greet", "1.0.0", "hello\nworld")
	s.publish(t, "greet", "1.1.0", "hello\nmoon")
	s.run(t, []scenario{
		{
			name: "two versions differ", key: reader, method: "GET", path: "/v1/prompts/greet/diff?from=1.0.0&to=1.1.0", status: 200,
			json: `{"name":"greet","from":"1.0.0","to":"1.1.0","settings":[],"messages":[{"index":0,"change":"changed","from_role":"system","to_role":"system",
				"unified":"--- 1.0.0/messages[0]\n+++ 1.1.0/messages[0]\n@@ -1,2 +1,2 @@\n hello\n-world\n+moon\n"}]}`,
		},
		{
			name: "a diff needs both ends", key: reader, method: "GET", path: "/v1/prompts/greet/diff?from=", status: 422,
			fields: []string{"from is required", "to is required"},
		},
		{name: "a diff with an unknown version", key: reader, method: "GET", path: "/v1/prompts/greet/diff?from=1.0.0&to=3.0.0", status: 404},
		{
			name: "protect a label", key: admin, method: "PUT", path: "/v1/settings/protected-labels", body: `{"labels":["production"]}`, status: 200,
			json: `{"labels":["production"]}`,
		},
		{name: "set it", key: admin, method: "POST", path: "/v1/prompts/greet/labels", body: `{"name":"production","version_tag":"1.0.0"}`, status: 201},
		{name: "its version stays", key: worker, method: "DELETE", path: "/v1/prompts/greet/versions/1.0.0", status: 409},
		{name: "and the prompt", key: worker, method: "DELETE", path: "/v1/prompts/greet", status: 409},
		{name: "the other version goes", key: worker, method: "DELETE", path: "/v1/prompts/greet/versions/1.1.0?author=Bob&commit_message=no%20moon", status: 204},
		{name: "only once", key: worker, method: "DELETE", path: "/v1/prompts/greet/versions/1.1.0", status: 404},
		{name: "lift the label", key: admin, method: "DELETE", path: "/v1/prompts/greet/labels/production", status: 204},
		{name: "everything goes", key: worker, method: "DELETE", path: "/v1/prompts/greet", status: 204},
		{name: "it is gone", key: reader, method: "GET", path: "/v1/prompts/greet", status: 404},
		{name: "and cannot go again", key: worker, method: "DELETE", path: "/v1/prompts/greet", status: 404},
		{
			name: "history keeps all of it", key: reader, method: "GET", path: "/v1/prompts/greet/history", status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				var p struct {
					Items []struct{ Action, Version, Author, Message string }
				}
				r.decode(t, &p)
				require.Len(t, p.Items, 4)
				require.Equal(t, "delete", p.Items[1].Action)
				require.Equal(t, "Bob", p.Items[1].Author)
				require.Equal(t, "no moon", p.Items[1].Message)
			},
		},
	})
}

func TestPromptAnswersAreTagged(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "greet", "1.0.0", "Hi {{name}}")
	first := s.send(t, reader, "GET", "/v1/prompts/greet?variables[name]=A", "")
	tag := first.header.Get("ETag")
	require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, tag)
	require.Equal(t, "private, no-cache", first.header.Get("Cache-Control"))
	require.Equal(t, tag, s.send(t, reader, "GET", "/v1/prompts/greet?variables[name]=A", "").header.Get("ETag"))
	require.NotEqual(t, tag, s.send(t, reader, "GET", "/v1/prompts/greet?variables[name]=B", "").header.Get("ETag"))

	path := "/v1/prompts/greet?variables[name]=A"
	held := map[string]string{"ETag": tag, "Cache-Control": "private, no-cache", "RateLimit-Remaining": "*"}
	s.run(t, []scenario{
		{name: "the same tag", key: reader, method: "GET", path: path, headers: []string{"If-None-Match: " + tag}, status: 304, header: held},
		{name: "a weakened tag", key: reader, method: "GET", path: path, headers: []string{"If-None-Match: W/" + tag}, status: 304, header: held},
		{name: "a list with it", key: reader, method: "GET", path: path, headers: []string{`If-None-Match: "x", ` + tag}, status: 304, header: held},
		{name: "a second header with it", key: reader, method: "GET", path: path, headers: []string{`If-None-Match: "x"`, "If-None-Match: " + tag}, status: 304, header: held},
		{name: "any", key: reader, method: "GET", path: path, headers: []string{"If-None-Match: *"}, status: 304, header: held},
		{name: "another tag", key: reader, method: "GET", path: path, headers: []string{`If-None-Match: "x"`}, status: 200, header: held},
		{name: "an error is not tagged", key: reader, method: "GET", path: "/v1/prompts/nobody", headers: []string{"If-None-Match: *"}, status: 404, header: map[string]string{"ETag": "", "Cache-Control": "no-store"}},
	})

	head := s.send(t, reader, http.MethodHead, path, "")
	require.Equal(t, 200, head.status)
	require.Empty(t, head.body)
	require.Equal(t, tag, head.header.Get("ETag"))

	s.publish(t, "greet", "1.1.0", strings.Repeat("new ", 3))
	require.Equal(t, 200, s.send(t, reader, "GET", path, "", "If-None-Match: "+tag).status)
}
