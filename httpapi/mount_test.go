package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
)

// beside mounts the API on a mux with routes of the host's own.
func beside(mux *http.ServeMux, pm *promptmetrics.Client, o httpapi.Options) {
	own := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	mux.HandleFunc("/", own("home"))
	mux.HandleFunc("GET /v1/ours", own("ours"))
	mux.HandleFunc("/metrics", own("metrics"))
	httpapi.Mount(mux, pm, o)
}

func TestMountLeavesTheHostsRoutesAlone(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.mount = beside })
	for path, want := range map[string]string{"/": "home", "/anything": "home", "/v1/ours": "ours", "/metrics": "metrics", "/v1": "", "/webhooks/other": "home"} {
		r := s.send(t, nobody, "GET", path, "")
		if path == "/v1" { // the mux leads to our tree
			require.Contains(t, []int{301, 307, 308}, r.status)
			continue
		}
		require.Equal(t, 200, r.status)
		require.Equal(t, want, r.body)
		require.Empty(t, r.header.Get("X-Request-Id"), "not behind our door")
	}
	s.run(t, []scenario{
		{name: "prompts", key: worker, method: "POST", path: "/v1/prompts", body: welcome, status: 201},
		{name: "one prompt", key: reader, method: "GET", path: "/v1/prompts/welcome?render=false", status: 200},
		{name: "unknown", key: reader, method: "GET", path: "/v1/nothing", status: 404},
		{name: "wrong method", key: reader, method: "DELETE", path: "/v1/logs", status: 405},
		{name: "health", key: nobody, method: "GET", path: "/health", status: 200},
		{name: "deep health", key: nobody, method: "GET", path: "/health/deep", status: 200},
		{name: "wrong method on health", key: nobody, method: "POST", path: "/health", status: 405},
		{name: "document", key: nobody, method: "GET", path: "/openapi.json", status: 200},
		{name: "docs", key: nobody, method: "GET", path: "/docs", status: 200},
		{name: "a file of docs", key: nobody, method: "GET", path: "/docs/swagger-ui.css", status: 200},
		{name: "no file of docs", key: nobody, method: "GET", path: "/docs/embed.go", status: 404},
		{name: "webhook", key: nobody, method: "POST", path: "/webhooks/github", headers: []string{"X-GitHub-Event: ping", signature("")}, status: 200},
	})
}

func TestMountBelowAPrefix(t *testing.T) {
	t.Parallel()
	for name, mount := range map[string]func(*http.ServeMux, *promptmetrics.Client, httpapi.Options){"beside others": beside, "as a handler": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *setup) { s.mount, s.api.Prefix = mount, "/tools/prompts-api/" })
			const at = "/tools/prompts-api"
			s.run(t, []scenario{
				{name: "prompts", key: worker, method: "POST", path: at + "/v1/prompts", body: welcome, status: 201},
				{name: "one prompt", key: reader, method: "GET", path: at + "/v1/prompts/welcome?variables[age]=1", status: 200},
				{name: "slash at the end", key: reader, method: "GET", path: at + "/v1/prompts/", status: 200},
				{name: "unknown", key: reader, method: "GET", path: at + "/v1/nothing", status: 404},
				{name: "unknown to strangers", key: nobody, method: "GET", path: at + "/v1/nothing", status: 401},
				{name: "wrong method", key: reader, method: "DELETE", path: at + "/v1/logs", status: 405},
				{name: "health", key: nobody, method: "GET", path: at + "/health", status: 200},
				{name: "webhook", key: nobody, method: "POST", path: at + "/webhooks/github", headers: []string{"X-GitHub-Event: ping", signature("")}, status: 200},
				{name: "the document knows", key: nobody, method: "GET", path: at + "/openapi.json", status: 200, after: func(t *testing.T, r reply) {
					t.Helper()
					require.Contains(t, r.body, `"servers":[{"url":"/tools/prompts-api"}]`)
					require.Contains(t, r.body, `"/v1/prompts"`)
				}},
			})
			r := s.send(t, reader, "GET", "/v1/prompts", "")
			if mount == nil {
				scenario{status: 404}.check(t, r)
			} else {
				require.Equal(t, "home", r.body)
			}
		})
	}
}

func TestTwoAPIsLiveInOneProcess(t *testing.T) {
	t.Parallel()
	a, b := start(t), start(t)
	require.Equal(t, 201, a.send(t, worker, "POST", "/v1/prompts", welcome).status)
	require.Equal(t, 404, b.send(t, worker, "GET", "/v1/prompts/welcome?render=false", "").status)
	require.Equal(t, 401, do(t, request(t, b.url, a.keys[worker])).status)
}

func request(tb testing.TB, url, key string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url+"/v1/prompts", nil)
	require.NoError(tb, err)
	req.Header.Set("X-API-Key", key)
	return req
}

func TestOptionsThatCannotBePanic(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]httpapi.Options{
		"no slash in front": {Prefix: "api"}, "a name in braces": {Prefix: "/{x}"}, "a dot": {Prefix: "/../x"}, "two slashes": {Prefix: "/a//b"},
		"markup": {Prefix: `/"><script>`}, "negative body": {MaxBodyBytes: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				require.Contains(t, fmt.Sprint(recover()), "Options.")
			}()
			httpapi.Handler(nil, o)
		})
	}
}
