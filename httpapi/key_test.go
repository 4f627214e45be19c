package httpapi_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestKeysAreMadeAndEnded(t *testing.T) {
	t.Parallel()
	s := start(t)
	var made struct {
		ID  int64
		Key string
	}
	s.run(t, []scenario{
		{
			name: "a key with defaults", key: admin, method: "POST", path: "/v1/api-keys", status: 201, body: `{"name":"ci"}`,
			json:   `{"id":"<id>","name":"ci","scopes":["read","write"],"workspace_id":"default","created_at":"<time>","expires_at":null,"last_used_at":null,"key":"<key>"}`,
			header: map[string]string{"Cache-Control": "no-store"},
			after: func(t *testing.T, r reply) {
				t.Helper()
				r.decode(t, &made)
				s.keys["ci"] = made.Key
			},
		},
		{name: "it works", key: "ci", method: "GET", path: "/v1/prompts", status: 200},
		{
			name: "scopes as a text", key: admin, method: "POST", path: "/v1/api-keys", status: 201, body: `{"name":"t","scopes":"read, admin","expires_in_days":1}`,
			json: `{"id":"<id>","name":"t","scopes":["read","admin"],"workspace_id":"default","created_at":"<time>","expires_at":"<time>","last_used_at":null,"key":"<key>"}`,
		},
		{
			name: "all faults at once", key: admin, method: "POST", path: "/v1/api-keys", status: 422, body: `{"name":"","expires_in_days":0}`,
			fields: []string{"name must be 1 to 128 characters and not blank", "expires_in_days must be an integer from 1 to 36500"},
		},
		{name: "an unknown scope", key: admin, method: "POST", path: "/v1/api-keys", status: 422, body: `{"name":"x","scopes":["root"]}`},
		{name: "another workspace", key: admin, method: "POST", path: "/v1/api-keys", status: 403, body: `{"name":"x","workspace_id":"other"}`},
		{name: "a scope that the maker lacks", key: boss, method: "POST", path: "/v1/api-keys", status: 403, body: `{"name":"x","scopes":["write"]}`},
		{
			name: "another workspace by a master", key: master, method: "POST", path: "/v1/api-keys", status: 201, body: `{"name":"x","workspace_id":"other"}`,
			json: `{"id":"<id>","name":"x","scopes":["read","write"],"workspace_id":"other","created_at":"<time>","expires_at":null,"last_used_at":null,"key":"<key>"}`,
		},
		{name: "a list without secrets", key: admin, method: "GET", path: "/v1/api-keys", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"name":"ci"`)
			require.NotContains(t, r.body, `"name":"other"`)
			require.NotContains(t, r.body, "pm_")
			require.NotContains(t, r.body, "hash")
		}},
		{name: "a master sees all", key: master, method: "GET", path: "/v1/api-keys", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"name":"other"`)
		}},
		{name: "an id that is none", key: admin, method: "DELETE", path: "/v1/api-keys/x", status: 404, message: "API key not found"},
		{name: "an unknown id", key: admin, method: "DELETE", path: "/v1/api-keys/9999", status: 404, message: "API key not found"},
	})
	path := "/v1/api-keys/" + strconv.FormatInt(made.ID, 10)
	s.run(t, []scenario{
		{name: "a key of another workspace is not there", key: other, method: "DELETE", path: path, status: 404, message: "API key not found"},
		{name: "end it", key: admin, method: "DELETE", path: path, status: 204},
		{name: "it ended at once", key: "ci", method: "GET", path: "/v1/prompts", status: 401, message: "API key is invalid"},
	})
}

// Handles are shared by all who act under one name: what a request may not use
// must stay there for the others.
func TestARequestTakesNothingAwayFromOthers(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, 200, s.send(t, worker, "GET", "/v1/prompts", "").status)
	same := s.pm.In(workspace.Default(), workspace.Actor{Name: worker, IP: "127.0.0.1"})
	require.NotNil(t, same.Keys)
	require.Equal(t, 200, s.send(t, worker, "GET", "/v1/prompts", "").status)
	require.NotNil(t, same.Keys)
}

func TestAuditLogTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.run(t, []scenario{
		{name: "something happens", key: worker, method: "POST", path: "/v1/prompts", body: welcome, status: 201},
		{name: "something is refused", key: reader, method: "POST", path: "/v1/prompts", body: welcome, status: 403},
		{name: "something fails", key: worker, method: "POST", path: "/v1/prompts", body: welcome, status: 400},
		{
			name: "one entry of it", key: boss, method: "GET", path: "/v1/audit-logs?action=create_prompt&api_key_name=worker&from=1", status: 200,
			json: `{"items":[{"id":"<id>","action":"create_prompt","prompt_name":"welcome","version_tag":"1.0.0","target_id":"welcome","api_key_name":"worker",
				"ip_address":"127.0.0.1","timestamp":"<time>","workspace_id":"default"}],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{name: "none in other workspaces", key: other, method: "GET", path: "/v1/audit-logs?action=create_prompt", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"total":0`)
		}},
		{name: "none for others", key: worker, method: "GET", path: "/v1/audit-logs", status: 403, message: "Missing scope: admin", details: `{"scope":"admin"}`},
		{name: "a page that is none", key: boss, method: "GET", path: "/v1/audit-logs?limit=0", status: 422},
	})
}
