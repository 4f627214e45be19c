package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// fuzzed is an API that is asked without a network.
type fuzzed struct {
	handler http.Handler
	master  string
}

func newFuzzed(f *testing.F) fuzzed {
	f.Helper()
	pm, err := promptmetrics.New(promptmetrics.Options{
		DataDir: f.TempDir(), ReconcileInterval: -1, RateLimit: promptmetrics.RateLimit{Max: -1},
	})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, pm.Close()) })
	_, err = pm.Registry.Create(f.Context(), registry.Prompt{
		Name: "greet", Version: "1.0.0",
		Messages:  []registry.Message{{Role: registry.User, Content: "{{a}}{{#list}}{{.}}{{/list}}{{deep.er}}"}},
		Variables: map[string]registry.Variable{"n": {Type: registry.Number}, "list": {Type: registry.Array}},
	}, registry.Signature{})
	require.NoError(f, err)
	key, err := pm.Keys.Create(f.Context(), access.KeySpec{Name: "fuzz", Workspace: access.Master})
	require.NoError(f, err)
	return fuzzed{handler: httpapi.Handler(pm, httpapi.Options{}), master: key.Secret}
}

// ask sends a request and checks what holds for every answer.
func (f fuzzed) ask(t *testing.T, path, rawQuery, header, value string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.URL = &url.URL{Path: path, RawQuery: rawQuery}
	r.Header.Set("X-Api-Key", f.master)
	if header != "" {
		r.Header[header] = []string{value}
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	require.Less(t, w.Code, 500, w.Body.String())
	require.True(t, json.Valid(w.Body.Bytes()))
	id := w.Header().Get("X-Request-Id")
	require.NotEmpty(t, id)
	require.LessOrEqual(t, len(id), 128)
	for _, c := range []byte(id) {
		require.True(t, c >= ' ' && c <= '~')
	}
	return w
}

func FuzzQueryVariables(f *testing.F) {
	api := newFuzzed(f)
	for _, seed := range []string{
		"variables[a]=1", "variables%5Ba%5D=%3Cb%3E", "variables[deep][er]=x&variables[deep][er]=y", "variables[list][]=1&variables[list][]=2",
		"variables[a", "variables[]=", "variables[][]=", "variables[a]]=", "variables[a]b=1", "variables[a]=1&variables[a][b]=2",
		"variables[n]=1e400", "variables[n]=nope", "variables[list]=[1,2]", "variables[%ff]=%00", "variables[a]=%zz", "variables%5b%5d%5b%5d",
		"render=false&variables[a]=1", "label=x&version=1.0.0", "version=%5E1", "&&&=&=;variables;", "variables[a][b][c][d][e][f]=deep",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { api.ask(t, "/v1/prompts/greet", raw, "", "") })
}

func FuzzWorkspaceHeader(f *testing.F) {
	api := newFuzzed(f)
	for _, seed := range []string{"default", "", "*", "a b", "../x", "é", "\x00", "a\r\nb", "default "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		w := api.ask(t, "/v1/prompts", "", "X-Workspace-Id", name)
		want := http.StatusBadRequest
		if workspace.Valid(name) {
			want = http.StatusOK
		}
		require.Equal(t, want, w.Code)
	})
}

func FuzzRequestID(f *testing.F) {
	api := newFuzzed(f)
	for _, seed := range []string{"", "abc", "a b", "\x7f", "é", "a\nb", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		w := api.ask(t, "/v1/prompts/nobody", "", "X-Request-Id", id)
		var e struct{ RequestID string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &e))
		require.Equal(t, w.Header().Get("X-Request-Id"), e.RequestID)
	})
}

func FuzzPath(f *testing.F) {
	api := newFuzzed(f)
	for _, seed := range []string{"/", "/v1/prompts/greet", "/v1/prompts/", "//", "/v1/../x", "/v1/prompts/\xff", "/docs/../docs", "", "*", "/v1/traces/\x00/spans/x", "/docs/x", "0/.00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: path}
		r.Header.Set("X-Api-Key", api.master)
		w := httptest.NewRecorder()
		api.handler.ServeHTTP(w, r)
		require.Less(t, w.Code, 500, w.Body.String())
		require.NotEqual(t, http.StatusMovedPermanently, w.Code)
		require.NotEqual(t, http.StatusTemporaryRedirect, w.Code)
	})
}
