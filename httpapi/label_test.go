package httpapi_test

import "testing"

func TestLabelsMove(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "greet", "1.0.0", "x")
	s.publish(t, "greet", "1.1.0", "x")
	label := func(version string) string {
		return `{"prompt_name":"greet","name":"production","version_tag":"` + version + `","created_at":"<time>","updated_at":"<time>","protected":false}`
	}
	s.run(t, []scenario{
		{
			name: "without a version it is the latest", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 201,
			body: `{"name":"production"}`, json: label("1.1.0"),
		},
		{
			name: "the same label again moves", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 201,
			body: `{"name":"production","version_tag":"1.0.0"}`, json: label("1.0.0"),
		},
		{name: "read one", key: reader, method: "GET", path: "/v1/prompts/greet/labels/production", status: 200, json: label("1.0.0")},
		{
			name: "read all", key: reader, method: "GET", path: "/v1/prompts/greet/labels", status: 200,
			json: `{"items":[` + label("1.0.0") + `],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{
			name: "unknown version", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 400,
			body: `{"name":"production","version_tag":"7.0.0"}`,
		},
		{name: "unknown prompt", key: worker, method: "POST", path: "/v1/prompts/nobody/labels", status: 404, body: `{"name":"production"}`, message: "Prompt not found"},
		{
			name: "bad name", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 422,
			body: `{"name":"a b"}`, fields: []string{"name must be 1 to 128 letters, digits, '_', '.' or '-'"},
		},
		{
			name: "wrong types", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 422,
			body: `{"name":1,"version_tag":[]}`, fields: []string{"name must be a string", "version_tag must be a string"},
		},
		{name: "no body", key: worker, method: "POST", path: "/v1/prompts/greet/labels", status: 400, message: "Invalid JSON body"},
		{name: "unknown label", key: reader, method: "GET", path: "/v1/prompts/greet/labels/nope", status: 404, message: "Label not found"},
		{name: "delete", key: worker, method: "DELETE", path: "/v1/prompts/greet/labels/production", status: 204},
		{name: "delete again", key: worker, method: "DELETE", path: "/v1/prompts/greet/labels/production", status: 404, message: "Label not found"},
	})
}

func TestProtectedLabelsAreForAdmins(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "greet", "1.0.0", "x")
	const setting = "/v1/settings/protected-labels"
	s.run(t, []scenario{
		{name: "none at first", key: reader, method: "GET", path: setting, status: 200, json: `{"labels":[]}`},
		{name: "not for workers", key: worker, method: "PUT", path: setting, body: `{"labels":["production"]}`, status: 403},
		{name: "for admins", key: boss, method: "PUT", path: setting, body: `{"labels":["production"]}`, status: 200, json: `{"labels":["production"]}`},
		{name: "read back", key: reader, method: "GET", path: setting, status: 200, json: `{"labels":["production"]}`},
		{name: "not in other workspaces", key: other, method: "GET", path: setting, status: 200, json: `{"labels":[]}`},
		{name: "a worker cannot set it", key: worker, method: "POST", path: "/v1/prompts/greet/labels", body: `{"name":"production"}`, status: 403},
		{name: "an admin can", key: admin, method: "POST", path: "/v1/prompts/greet/labels", body: `{"name":"production"}`, status: 201},
		{name: "a worker cannot delete it", key: worker, method: "DELETE", path: "/v1/prompts/greet/labels/production", status: 403},
		{name: "forgetting the list lifts nothing", key: admin, method: "PUT", path: setting, body: `{}`, status: 422, fields: []string{"labels must be an array of label names"}},
		{name: "a bad name", key: admin, method: "PUT", path: setting, body: `{"labels":["ok","a b"]}`, status: 422},
		{name: "wrong types", key: admin, method: "PUT", path: setting, body: `{"labels":"production"}`, status: 422, fields: []string{"labels must be an array"}},
		{name: "lift it", key: admin, method: "PUT", path: setting, body: `{"labels":[]}`, status: 200, json: `{"labels":[]}`},
		{name: "now a worker can delete it", key: worker, method: "DELETE", path: "/v1/prompts/greet/labels/production", status: 204},
	})
}
