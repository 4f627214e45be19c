package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// programs are built once for all tests.
var programs servertest.Programs

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// user is somebody at a shell, with a key for a server.
type user struct {
	servertest.Call
	server *servertest.Server
	key    string
}

// newUser gives a user with a server of its own.
func newUser(t *testing.T, env ...string) *user {
	t.Helper()
	return userOf(t, programs.Start(t, t.TempDir(), env...))
}

func userOf(t *testing.T, s *servertest.Server, scopes ...string) *user {
	t.Helper()
	key := s.Key(t, scopes...)
	return &user{
		Call:   servertest.Call{Dir: t.TempDir(), Env: []string{"PROMPTMETRICS_URL=" + s.URL, "PROMPTMETRICS_API_KEY=" + key, "TZ=UTC"}},
		server: s, key: key,
	}
}

// run runs promptmetrics.
func (u *user) run(t *testing.T, args ...string) servertest.Result {
	t.Helper()
	return programs.Run(t, u.Call, "promptmetrics", args...)
}

// must runs promptmetrics and wants it to work, silently.
func (u *user) must(t *testing.T, args ...string) string {
	t.Helper()
	r := u.run(t, args...)
	require.Equal(t, servertest.Result{Out: r.Out}, r, "promptmetrics %v", args)
	return r.Out
}

// write makes a file in the user's folder.
func (u *user) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(u.Dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

const welcome = `{
"name": "welcome",
"version": "1.0.0",
"messages": [
{ "role": "system", "content": "You are a helpful assistant." },
{ "role": "user", "content": "Hello {{name}}!" }
],
"variables": { "name": { "type": "string", "required": true } }
}
`
