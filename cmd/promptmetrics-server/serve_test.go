package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

const welcome = `{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"Hello {{name}}!"}]}`

func TestFirstStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := programs.Start(t, dir)

	t.Run("says where it listens, where its data and the salt are", func(t *testing.T) {
		first, _, _ := strings.Cut(s.Out(), "\n")
		require.Equal(t, "PromptMetrics listens on "+s.URL+"; data in "+filepath.Join(dir, "data"), first)
		require.Contains(t, s.Out(), "salt of the API keys is in "+filepath.Join(dir, "data", "api_key_salt"))
		info, err := os.Stat(filepath.Join(dir, "data", "api_key_salt"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	})
	t.Run("says how to make a key, and the command works when it is pasted into another shell", func(t *testing.T) {
		_, command, found := strings.Cut(s.Out(), "Make one in another terminal:\n")
		require.True(t, found, s.Out())
		made := programs.Run(t, servertest.Call{Dir: t.TempDir()}, "sh", "-c", command)
		require.Zero(t, made.Code, made.Err)
		require.Regexp(t, `^pm_[0-9a-f]{64}\n$`, made.Out)
		status, answer := s.Ask(t, strings.TrimSpace(made.Out), "GET", "/v1/prompts", "")
		require.Equal(t, 200, status, answer)
	})
	t.Run("the next start asks for no key", func(t *testing.T) {
		s.Stop(t)
		require.NotContains(t, programs.Start(t, dir).Out(), "create-key")
	})
}

func TestFirstStartWithPlacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := programs.Start(t, dir, "DATA_DIR=my data", "SQLITE_PATH=elsewhere.db", "PROMPTS_PATH=p.git", "API_KEY_SALT=sixteen characters!")
	require.Contains(t, s.Out(), fmt.Sprintf("; data in %s, database in %s, prompts in %s\n",
		filepath.Join(dir, "my data"), filepath.Join(dir, "elsewhere.db"), filepath.Join(dir, "p.git")))
	require.NotContains(t, s.Out()+s.Err(), "sixteen characters!", "the salt is a secret")
	_, command, found := strings.Cut(s.Out(), "Make one in another terminal, with the same API_KEY_SALT in the environment:\n")
	require.True(t, found, s.Out())
	made := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: []string{"API_KEY_SALT=sixteen characters!"}}, "sh", "-c", command)
	require.Zero(t, made.Code, made.Err)
	status, answer := s.Ask(t, strings.TrimSpace(made.Out), "GET", "/v1/prompts", "")
	require.Equal(t, 200, status, answer)
}

func TestTwoServersOnOneDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := programs.Start(t, dir), programs.Start(t, dir)
	key := one.Key(t)

	for i := range 20 {
		at, other := one, two
		if i%2 == 1 {
			at, other = two, one
		}
		version := fmt.Sprintf("1.%d.0", i)
		status, answer := at.Ask(t, key, "POST", "/v1/prompts", strings.Replace(welcome, "1.0.0", version, 1))
		require.Equal(t, 201, status, answer)
		status, answer = at.Ask(t, key, "POST", "/v1/prompts/welcome/labels", `{"name":"production","version_tag":"`+version+`"}`)
		require.Equal(t, 201, status, answer)
		require.Eventually(t, func() bool {
			_, answer := other.Ask(t, key, "GET", "/v1/prompts/welcome?label=production&render=false", "")
			return strings.Contains(answer, `"version":"`+version+`"`)
		}, 10*time.Second, 10*time.Millisecond, "the other server still serves an older version")
	}
	one.Stop(t)
	two.Stop(t)
	require.Zero(t, programs.Run(t, servertest.Call{Dir: dir}, "git", "--git-dir=data/prompts.git", "fsck", "--full", "--strict").Code)
}

func TestSIGTERM(t *testing.T) {
	t.Parallel()

	t.Run("finishes the request under way, refuses new ones, and exits with 0", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := programs.Start(t, dir)
		key := s.Key(t)
		conn, answers := begin(t, s, key, "/v1/prompts", len(welcome))

		s.Signal(t, syscall.SIGTERM)
		require.Eventually(t, func() bool {
			other, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				return true
			}
			return other.Close() != nil
		}, 10*time.Second, 10*time.Millisecond, "new connections are still accepted")
		_, err := io.WriteString(conn, welcome)
		require.NoError(t, err)
		response, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 201, response.StatusCode)
		require.Zero(t, s.Wait(t, 30*time.Second))
		status, answer := programs.Start(t, dir).Ask(t, key, "GET", "/v1/prompts/welcome", "")
		require.Equal(t, 200, status, answer)
	})

	t.Run("a second one ends it at once", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir())
		key := s.Key(t)
		begin(t, s, key, "/v1/logs", 100)

		s.Signal(t, syscall.SIGTERM)
		require.Eventually(t, func() bool { return strings.Contains(s.Err(), "stopping") }, 10*time.Second, time.Millisecond)
		s.Signal(t, syscall.SIGTERM)
		require.Equal(t, -1, s.Wait(t, 5*time.Second), "the signal itself ends it")
	})

	t.Run("SIGINT is the same", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir())
		s.Signal(t, os.Interrupt)
		require.Zero(t, s.Wait(t, 30*time.Second))
	})
}

// begin sends the head of a request and waits until its handler asks for the
// body.
func begin(t *testing.T, s *servertest.Server, key, path string, length int) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", path, key, length)
	require.NoError(t, err)
	answers := bufio.NewReader(conn)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		line, err := answers.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want, line)
	}
	return conn, answers
}

func TestListenFailure(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)

	for _, at := range []struct{ name, host, port, want string }{
		{"names PORT when it is taken", "127.0.0.1", port, "PORT " + port + " on HOST 127.0.0.1 cannot be listened on: address already in use; set PORT or HOST to something else\n"},
		{"names HOST when it is no address of this machine", "192.0.2.1", "0", "PORT 0 on HOST 192.0.2.1 cannot be listened on: cannot assign requested address; set PORT or HOST to something else\n"},
	} {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := programs.Run(t, servertest.Call{Dir: dir, Env: []string{"HOST=" + at.host, "PORT=" + at.port}}, "promptmetrics-server")
			require.Equal(t, 1, r.Code)
			require.Equal(t, "promptmetrics-server: "+at.want, r.Err)
			require.NoDirExists(t, filepath.Join(dir, "data"), "a server that cannot listen touches no data")
		})
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	t.Run("as JSON, every request at the level debug, no key in them", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "LOG_FORMAT=json", "LOG_LEVEL=debug")
		key := s.Key(t)
		s.Ask(t, key, "GET", "/v1/prompts?q=needle", "")
		s.Stop(t)
		for line := range strings.Lines(s.Err()) {
			require.True(t, strings.HasPrefix(line, `{"time":`), line)
		}
		require.Contains(t, s.Err(), "/v1/prompts")
		require.NotContains(t, s.Err()+s.Out(), key)
	})
	t.Run("as text, nothing below the level", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir(), "LOG_LEVEL=ERROR")
		s.Ask(t, s.Key(t), "GET", "/v1/prompts", "")
		s.Stop(t)
		require.Empty(t, s.Err())
	})
}

func TestBodiesHaveADeadlineAndExportsHaveNone(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())
	key := s.Key(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	// Two requests on one connection: the deadline of the first body is gone
	// when the second request comes.
	for range 2 {
		_, err = fmt.Fprintf(conn, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", key)
		require.NoError(t, err)
		response, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 201, response.StatusCode)
	}
}
