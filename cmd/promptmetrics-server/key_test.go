package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

func TestCreateKey(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())

	t.Run("prints the key alone, and the running server accepts it at once", func(t *testing.T) {
		t.Parallel()
		for range 5 {
			r := s.Run(t, "create-key", "--name", "ci")
			require.Zero(t, r.Code, r.Err)
			require.Regexp(t, `^pm_[0-9a-f]{64}\n$`, r.Out)
			require.Contains(t, r.Err, `Made the API key "ci" for the workspace default with the scopes read,write; it never expires.`)
			status, answer := s.Ask(t, r.Out[:len(r.Out)-1], "GET", "/v1/prompts", "")
			require.Equal(t, 200, status, answer)
		}
	})
	t.Run("with the scopes that were asked for, and no others", func(t *testing.T) {
		t.Parallel()
		key := s.Key(t, "--scopes", "read")
		status, _ := s.Ask(t, key, "GET", "/v1/prompts", "")
		require.Equal(t, 200, status)
		status, _ = s.Ask(t, key, "POST", "/v1/traces", "{}")
		require.Equal(t, 403, status)
	})
	t.Run("for a workspace, or as a master key for all", func(t *testing.T) {
		t.Parallel()
		in := func(key, workspace string) int {
			status, _ := get(t, s.URL+"/v1/prompts", "X-API-Key", key, "X-Workspace-Id", workspace)
			return status
		}
		one, master := s.Key(t, "--workspace", "team-a"), s.Key(t, "--workspace", "*")
		require.Equal(t, []int{200, 401, 200, 200}, []int{in(one, "team-a"), in(one, "default"), in(master, "team-a"), in(master, "default")})
	})
	t.Run("with an expiry, as the server shows it", func(t *testing.T) {
		t.Parallel()
		admin := s.Key(t, "--scopes", "read,admin", "--expires-in-days", "30", "--workspace", "keys")
		_, answer := get(t, s.URL+"/v1/api-keys", "X-API-Key", admin)
		var list struct {
			Items []struct {
				ExpiresAt int64 `json:"expires_at"`
			} `json:"items"`
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &list))
		require.Len(t, list.Items, 1)
		require.InDelta(t, time.Now().AddDate(0, 0, 30).Unix(), list.Items[0].ExpiresAt, 3700, "a day is 24 hours")
	})
	t.Run("makes the data folder when it comes before the first start", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		r := programs.Run(t, servertest.Call{Dir: dir}, "promptmetrics-server", "create-key", "--name", "early")
		require.Zero(t, r.Code, r.Err)
		late := programs.Start(t, dir)
		status, answer := late.Ask(t, r.Out[:len(r.Out)-1], "GET", "/v1/prompts", "")
		require.Equal(t, 200, status, answer)
		require.NotContains(t, late.Out(), "There is no API key yet")
	})
	t.Run("fails with the variable's name when the data cannot be opened", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), nil, 0o600))
		r := programs.Run(t, servertest.Call{Dir: dir}, "promptmetrics-server", "create-key", "--name", "x")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "promptmetrics-server: DATA_DIR: the data folder cannot be made")
	})
}

// get asks with headers, name after name and value.
func get(t *testing.T, url string, headers ...string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(data)
}

func TestTrustProxy(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"false": "127.0.0.1", "true": "192.0.2.7"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			s := programs.Start(t, t.TempDir(), "TRUST_PROXY="+value)
			key := s.Key(t, "--scopes", "read,write,admin")
			request, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/traces", strings.NewReader("{}"))
			require.NoError(t, err)
			request.Header.Set("X-API-Key", key)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("X-Forwarded-For", "203.0.113.9, 192.0.2.7")
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			_, answer := get(t, s.URL+"/v1/audit-logs?action=trace:create", "X-API-Key", key)
			require.Contains(t, answer, `"ip_address":"`+want+`"`)
		})
	}
}
