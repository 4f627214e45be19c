package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestVersionsArePromotedBetweenBranches(t *testing.T) {
	t.Parallel()
	staging, err := workspace.Parse("staging")
	require.NoError(t, err)
	s := start(t, func(s *setup) { s.GitBranches = map[workspace.ID]string{staging: "next"} })
	at, err := s.pm.Workspace("staging")
	require.NoError(t, err)
	publish := func(version, text string) {
		_, err := at.Registry.Create(t.Context(), registry.Prompt{
			Name: "greet", Version: version, Messages: []registry.Message{{Role: registry.User, Content: text}},
			Extra: map[string]json.RawMessage{"note": json.RawMessage(`"<b> & ☃"`)},
		}, registry.Signature{})
		require.NoError(t, err)
	}
	publish("1.0.0", "one")
	publish("1.1.0", "two")
	publish("2.0.0", "three")
	_, err = at.Registry.SetLabel(t.Context(), "greet", "candidate", "1.1.0")
	require.NoError(t, err)
	s.publish(t, "greet", "2.0.0", "another")
	const path = "/v1/prompts/greet/promote"
	answer := func(version, existed string) string {
		return `{"name":"greet","version_tag":"` + version + `","created_at":"<time>","commit_sha":"<sha>","author":"master",
			"message":"Promote greet ` + version + ` from staging to default","from":"staging","to":"default","existed":` + existed + `}`
	}
	promoted := func(version, existed string) func(*testing.T, reply) {
		return func(t *testing.T, r reply) {
			t.Helper()
			var done registry.Promoted
			r.decode(t, &done)
			require.Len(t, done.Commit, 40)
			matchJSON(t, strings.Replace(answer(version, existed), "<sha>", done.Commit, 1), r.body)
		}
	}
	s.run(t, []scenario{
		{name: "by label and branches", key: master, method: "POST", path: path, status: 200, body: `{"from":"next","to":"main","label":"candidate"}`, after: promoted("1.1.0", "false")},
		{name: "again is no fault", key: master, method: "POST", path: path, status: 200, body: `{"from":"staging","version":"~1.1"}`, after: promoted("1.1.0", "true")},
		{
			name: "other content", key: master, method: "POST", path: path, status: 409, body: `{"from":"staging","to":"default"}`,
			message: "greet 2.0.0 exists in the workspace default with other content, and a version cannot be changed: publish a new one",
		},
		{name: "no such version", key: master, method: "POST", path: path, status: 404, body: `{"from":"staging","version":"9.0.0"}`},
		{name: "no such prompt", key: master, method: "POST", path: "/v1/prompts/nobody/promote", status: 404, body: `{"from":"staging"}`},
		{name: "version and label", key: master, method: "POST", path: path, status: 400, body: `{"from":"staging","version":"1.0.0","label":"candidate"}`},
		{name: "to itself", key: master, method: "POST", path: path, status: 400, body: `{"from":"main"}`, message: "A version is promoted from one workspace to another: default is both"},
		{name: "from nowhere", key: master, method: "POST", path: path, status: 422, body: `{}`, fields: []string{"from must name the workspace, or the branch, that has the version"}},
		{
			name: "from a path", key: master, method: "POST", path: path, status: 422, body: `{"from":"../x"}`,
			fields: []string{"from must be 1 to 128 letters, digits, '_' or '-', or the name of a branch that a workspace follows"},
		},
		{name: "a key of the target alone", key: admin, method: "POST", path: path, status: 403, body: `{"from":"staging"}`, message: "API key does not belong to the workspace in from: promoting needs a master key"},
		{name: "a key of another", key: other, method: "POST", path: path, status: 403, body: `{"from":"other","to":"main"}`},
		{name: "a reader", key: reader, method: "POST", path: path, status: 403, body: `{"from":"staging"}`},
	})
	want, err := at.Registry.Get(t.Context(), "greet", registry.Query{Version: "1.1.0", Raw: true})
	require.NoError(t, err)
	have, err := s.pm.Registry.Get(t.Context(), "greet", registry.Query{Version: "1.1.0", Raw: true})
	require.NoError(t, err)
	require.Equal(t, want.Content, have.Content)
	entries, err := s.pm.Audit.Entries(t.Context(), access.AuditFilter{Action: "prompt:promote"}, page.Request{})
	require.NoError(t, err)
	require.Len(t, entries.Items, 1, "what is repeated, or refused, leaves none")
	require.Equal(t, "master", *entries.Items[0].APIKeyName)
}
