package httpapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestCallersAreKnownByTheirKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	get := func(name, key string, status int, message string, headers ...string) scenario {
		return scenario{name: name, key: key, method: "GET", path: "/v1/prompts", headers: headers, status: status, message: message}
	}
	bearer := "Authorization: Bearer " + s.keys[reader]
	s.run(t, []scenario{
		get("no key", nobody, 401, "API key is missing"),
		get("a key", reader, 200, ""),
		get("a key that nobody has", nobody, 401, "API key is invalid", "X-API-Key: pm_"+strings.Repeat("0", 64)),
		get("no form of a key", nobody, 401, "API key is invalid", "X-API-Key: x"),
		get("a key in lower case", nobody, 200, "", "x-api-key: "+s.keys[reader]),
		get("a bearer token", nobody, 200, "", bearer),
		get("a bearer token, lower case", nobody, 200, "", "Authorization: bearer "+s.keys[reader]),
		get("a bearer token of somebody else", nobody, 401, "API key is missing", "Authorization: Bearer eyJhbGciOi"),
		get("basic authentication", nobody, 401, "API key is missing", "Authorization: Basic "+s.keys[reader]),
		get("the header goes before the token", nobody, 401, "API key is invalid", bearer, "X-API-Key: x"),
		get("a refusal tells how to ask", nobody, 401, ""),
	})
}

func TestWorkspacesAreIslands(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.newKey(t, "blue key", "blue", access.Read, access.Write)
	body := func(name string) string {
		return `{"name":"` + name + `","version":"1.0.0","messages":[{"role":"user","content":"x"}]}`
	}
	post := func(name, key, prompt string, headers ...string) scenario {
		return scenario{name: name, key: key, method: "POST", path: "/v1/prompts", body: body(prompt), headers: headers, status: 201}
	}
	list := func(name, key, only string, headers ...string) scenario {
		return scenario{name: name, key: key, method: "GET", path: "/v1/prompts", headers: headers, status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			var p struct{ Items []struct{ Name string } }
			r.decode(t, &p)
			require.Len(t, p.Items, 1)
			require.Equal(t, only, p.Items[0].Name)
		}}
	}
	refuse := func(name, key string, status int, message string, headers ...string) scenario {
		return scenario{
			name: name, key: key, method: "GET", path: "/v1/prompts", headers: headers, status: status, message: message,
			header: map[string]string{"RateLimit-Limit": "*", "RateLimit-Remaining": "*", "RateLimit-Reset": "*"},
		}
	}
	malformed := "X-Workspace-Id must be 1 to 128 letters, digits, '_' or '-'"
	s.run(t, []scenario{
		post("a key without the header works in its workspace", "blue key", "of-blue"),
		post("a key may name its workspace", worker, "of-default", "X-Workspace-Id: default"),
		post("a master without the header works in default", master, "of-default-2"),
		{name: "clean up", key: master, method: "DELETE", path: "/v1/prompts/of-default-2", status: 204},
		post("a master may name any", master, "of-green", "X-Workspace-Id: green"),
		list("default", reader, "of-default"),
		list("blue", "blue key", "of-blue"),
		list("blue by a master", master, "of-blue", "X-Workspace-Id: blue"),
		list("green by a master", master, "of-green", "X-Workspace-Id: green"),
		list("default by a master", master, "of-default"),
		refuse("a foreign workspace", worker, 401, "API key does not belong to this workspace", "X-Workspace-Id: blue"),
		refuse("default to a foreign key", "blue key", 401, "API key does not belong to this workspace", "X-Workspace-Id: default"),
		refuse("a star is no workspace", master, 400, malformed, "X-Workspace-Id: *"),
		refuse("an empty one", worker, 400, malformed, "X-Workspace-Id: "),
		refuse("a path", worker, 400, malformed, "X-Workspace-Id: ../default"),
		refuse("too long", worker, 400, malformed, "X-Workspace-Id: "+strings.Repeat("w", 129)),
		refuse("two of them", worker, 400, "X-Workspace-Id must be given once", "X-Workspace-Id: default", "X-Workspace-Id: default"),
		{name: "the longest", key: master, method: "GET", path: "/v1/prompts", headers: []string{"X-Workspace-Id: " + strings.Repeat("w", 128)}, status: 200},
		{name: "who is nobody learns nothing about workspaces", key: nobody, method: "GET", path: "/v1/prompts", headers: []string{"X-Workspace-Id: *"}, status: 401, message: "API key is missing"},
	})
}

func TestRateLimitIsPerKey(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := start(t, func(s *setup) {
		s.RateLimit = promptmetrics.RateLimit{Max: 5, Window: time.Hour}
		s.Now = func() time.Time { return now }
	})
	reset := strconv.FormatInt(now.Add(time.Hour).Unix()+1, 10)
	stand := func(remaining string) map[string]string {
		return map[string]string{"RateLimit-Limit": "5", "RateLimit-Remaining": remaining, "RateLimit-Reset": reset, "Retry-After": ""}
	}
	over := map[string]string{"RateLimit-Limit": "5", "RateLimit-Remaining": "0", "RateLimit-Reset": reset, "Retry-After": "*"}
	s.run(t, []scenario{
		{name: "one request, one unit", key: reader, method: "GET", path: "/v1/prompts", status: 200, header: stand("4")},
		{name: "a refused one as well", key: reader, method: "POST", path: "/v1/prompts", status: 403, header: stand("3")},
		{name: "an unknown route as well", key: reader, method: "GET", path: "/v1/nothing", status: 404, header: stand("2")},
		{name: "a foreign workspace as well", key: reader, method: "GET", path: "/v1/prompts", headers: []string{"X-Workspace-Id: x"}, status: 401, header: stand("1")},
		{name: "a preflight does not", key: reader, method: "OPTIONS", path: "/v1/prompts", status: 204},
		{name: "the last one", key: reader, method: "GET", path: "/v1/prompts/", status: 200, header: stand("0")},
		{name: "one too many", key: reader, method: "GET", path: "/v1/prompts", status: 429, message: "Rate limit exceeded", header: over},
		{name: "with an unknown route", key: reader, method: "GET", path: "/v1/nothing", status: 429, header: over},
		{name: "with a missing scope", key: reader, method: "POST", path: "/v1/prompts", status: 429, header: over},
		{name: "with a bad workspace", key: reader, method: "GET", path: "/v1/prompts", headers: []string{"X-Workspace-Id: *"}, status: 400},
		{name: "another key has its own", key: worker, method: "GET", path: "/v1/prompts", status: 200, header: stand("4")},
		{name: "health is exempt", key: reader, method: "GET", path: "/health", status: 200, header: map[string]string{"RateLimit-Limit": ""}},
		{name: "health is exempt, in depth", key: reader, method: "GET", path: "/health/deep", status: 200},
		{name: "so is the document", key: reader, method: "GET", path: "/openapi.json", status: 200},
	})
	wait, err := strconv.Atoi(s.send(t, reader, "GET", "/v1/prompts", "").header.Get("Retry-After"))
	require.NoError(t, err)
	require.Greater(t, wait, 0)
	require.LessOrEqual(t, wait, 3600)
}

func TestWithoutRateLimitNoHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.RateLimit.Max = -1 })
	r := s.send(t, reader, "GET", "/v1/prompts", "")
	require.Equal(t, 200, r.status)
	require.NotContains(t, r.header, http.CanonicalHeaderKey("RateLimit-Limit"))
}

// A host program with a login of its own.
func TestHostsBringTheirOwnLogin(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) {
		s.RateLimit.Max = 1000
		s.api.Authenticate = func(r *http.Request) (access.Identity, error) {
			user, _, ok := r.BasicAuth()
			if !ok {
				return access.Identity{}, pmerr.New(pmerr.Unauthorized, "Please log in")
			}
			return access.Identity{Name: user, Workspace: "team-" + user, Scopes: access.Scopes{access.Read, access.Write, access.Admin}}, nil
		}
	})
	ann, bob := "Authorization: Basic YW5uOng=", "Authorization: Basic Ym9iOng="
	s.run(t, []scenario{
		{name: "nobody", key: nobody, method: "GET", path: "/v1/prompts", status: 401, message: "Please log in"},
		{name: "a key is no login", key: master, method: "GET", path: "/v1/prompts", status: 401},
		{name: "ann", key: nobody, method: "POST", path: "/v1/prompts", body: welcome, headers: []string{ann}, status: 201, header: map[string]string{"RateLimit-Remaining": "999"}},
		{name: "bob sees nothing of it", key: nobody, method: "GET", path: "/v1/prompts/welcome", headers: []string{bob}, status: 404, header: map[string]string{"RateLimit-Remaining": "999"}},
		{name: "nor may he look", key: nobody, method: "GET", path: "/v1/prompts", headers: []string{bob, "X-Workspace-Id: team-ann"}, status: 401},
		{name: "her audit log names her", key: nobody, method: "GET", path: "/v1/audit-logs", headers: []string{ann}, status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"api_key_name":"ann"`)
		}},
		{name: "she makes a key for her workspace", key: nobody, method: "POST", path: "/v1/api-keys", body: `{"name":"k"}`, headers: []string{ann}, status: 201, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"workspace_id":"team-ann"`)
		}},
		{name: "but no master key", key: nobody, method: "POST", path: "/v1/api-keys", body: `{"name":"k","workspace_id":"*"}`, headers: []string{ann}, status: 403},
	})
}

func TestCallerAddressIsTheProxysWordOnlyIfTrusted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trust bool
		sent  []string
		want  string
	}{
		"not trusted":            {false, []string{"X-Forwarded-For: 203.0.113.9"}, "127.0.0.1"},
		"trusted":                {true, []string{"X-Forwarded-For: 203.0.113.9"}, "203.0.113.9"},
		"the last entry counts":  {true, []string{"X-Forwarded-For: 198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"the last header counts": {true, []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 2001:db8::1"}, "2001:db8::1"},
		"no address":             {true, []string{"X-Forwarded-For: 198.51.100.1, <script>"}, "127.0.0.1"},
		"none":                   {true, nil, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *setup) { s.api.TrustProxy = c.trust })
			require.Equal(t, 201, s.send(t, worker, "POST", "/v1/prompts", welcome, c.sent...).status)
			require.Contains(t, s.send(t, boss, "GET", "/v1/audit-logs?action=create_prompt", "").body, `"ip_address":"`+c.want+`"`)
		})
	}
}
