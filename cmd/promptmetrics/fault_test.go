package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// TestExitStatuses pins what goes wrong to a status and a line.
func TestExitStatuses(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "welcome.json", welcome)
	u.write(t, "broken.json", "{")
	u.write(t, "faulty.yaml", "name: a b\nversion: 1.0\nmessages: []\n")
	u.must(t, "create-prompt", "--file", "welcome.json")

	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing to do", nil, 2, "promptmetrics: say what to do, for example: promptmetrics list-prompts\nSee: promptmetrics --help\n"},
		{"an unknown command", []string{"list-prompt"}, 2, "promptmetrics: unknown command \"list-prompt\" for \"promptmetrics\"\nSee: promptmetrics --help\n"},
		{"an unknown flag", []string{"list-prompts", "--all"}, 2, "promptmetrics: unknown flag: --all\nSee: promptmetrics list-prompts --help\n"},
		{"an argument too few", []string{"get-prompt"}, 2, "promptmetrics: accepts 1 arg(s), received 0\nSee: promptmetrics get-prompt --help\n"},
		{"a required flag missing", []string{"log", "--prompt-name", "x"}, 2, "promptmetrics: required flag(s) \"version\" not set\nSee: promptmetrics log --help\n"},
		{"a number that is none", []string{"log", "--prompt-name", "x", "--version", "1", "--tokens-in", "many"}, 2, "promptmetrics: invalid argument \"many\" for \"--tokens-in\" flag: strconv.ParseInt: parsing \"many\": invalid syntax\nSee: promptmetrics log --help\n"},
		{"a variable without value", []string{"get-prompt", "welcome", "--var", "name"}, 2, "promptmetrics: --var must be key=value\nSee: promptmetrics get-prompt --help\n"},
		{"a variable twice", []string{"get-prompt", "welcome", "--var", "a=1", "--var-json", "a=2"}, 2, "promptmetrics: --var-json gives \"a\" twice\nSee: promptmetrics get-prompt --help\n"},
		{"a variable that is no JSON", []string{"get-prompt", "welcome", "--var-json", "a=b"}, 2, "promptmetrics: --var-json a must be valid JSON; quote it for the shell, as in --var-json 'a=[1,2]'\nSee: promptmetrics get-prompt --help\n"},
		{"version and label", []string{"get-prompt", "welcome", "--version", "1", "--label", "x"}, 2, "promptmetrics: --version and --label exclude each other\nSee: promptmetrics get-prompt --help\n"},
		{"activate nothing", []string{"activate", "welcome"}, 2, "promptmetrics: give either a version or --unpin\nSee: promptmetrics activate --help\n"},
		{"a negative limit", []string{"list-logs", "--limit", "-1"}, 2, "promptmetrics: --limit must be at least 0\nSee: promptmetrics list-logs --help\n"},
		{"a wrong server", []string{"list-prompts", "--server", "localhost"}, 2, "promptmetrics: the server's address (--server, PROMPTMETRICS_URL) must begin with http:// or https:// and name a host\nSee: promptmetrics list-prompts --help\n"},
		{"a wrong workspace", []string{"list-prompts", "--workspace", "a b"}, 2, "promptmetrics: the workspace (--workspace, PROMPTMETRICS_WORKSPACE) must be 1 to 128 letters, digits, '_' or '-'\nSee: promptmetrics list-prompts --help\n"},

		{"a version that exists", []string{"create-prompt", "--file", "welcome.json"}, 1, "promptmetrics: Prompt already exists (name welcome, version 1.0.0)\n"},
		{"a file that is not there", []string{"create-prompt", "--file", "none.json"}, 1, "promptmetrics: open none.json: no such file or directory\n"},
		{"a file that is broken", []string{"create-prompt", "--file", "broken.json"}, 1, "promptmetrics: broken.json: Invalid JSON body: unexpected end of JSON input\n"},
		{"a file with faults", []string{"create-prompt", "--file", "faulty.yaml"}, 1, ""},
		{"no such prompt", []string{"get-prompt", "none"}, 1, "promptmetrics: Prompt not found\n"},
		{"no such version", []string{"get-prompt", "welcome", "--version", "9.9.9"}, 1, "promptmetrics: Prompt not found\n"},
		{"a variable missing", []string{"get-prompt", "welcome"}, 1, "promptmetrics: Missing required variables: name\n"},
		{"no such trace", []string{"get-trace", "none"}, 1, "promptmetrics: Trace not found\n"},
		{"a span that ends too early", []string{"add-span", "11111111-1111-4111-8111-111111111111", "--name", "x", "--start-time", "2", "--end-time", "1"}, 1, "promptmetrics: end_time must not be before start_time\n"},
		{"an unknown status", []string{"create-run", "--workflow", "w", "--status", "odd"}, 1, "promptmetrics: status must be one of running, completed, failed\n"},
		{"a label for no version", []string{"add-label", "welcome", "x", "--version", "3.0.0"}, 1, ""},
		{"an export into a file", []string{"export", "--out", "welcome.json"}, 1, ""},
		{"an import from nowhere", []string{"import", "--dir", "none"}, 1, "promptmetrics: none: no such file or directory\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := u.run(t, c.args...)
			require.Equal(t, c.code, r.Code, r.Err)
			if c.want != "" {
				require.Equal(t, c.want, r.Err)
			}
			require.Equal(t, c.code, strings.Count(r.Err, "\n"), "one line, and a hint for wrong usage: %s", r.Err)
			require.True(t, strings.HasPrefix(r.Err, "promptmetrics: "))
		})
	}
	t.Run("help and version are answers", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"--help"}, {"log", "--help"}, {"--version"}} {
			require.NotEmpty(t, u.must(t, args...))
		}
	})
}

func TestTheKeyIsNeverShown(t *testing.T) {
	t.Parallel()
	const key = "pm_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("you sent " + r.Header.Get("X-API-Key")))
	}))
	defer echo.Close()
	u := &user{Call: servertest.Call{Dir: t.TempDir()}}
	for _, call := range []struct{ args, env []string }{
		{args: []string{"list-prompts", "--api-key", key, "--server", echo.URL}},
		{args: []string{"list-prompts", "--server", echo.URL}, env: []string{"PROMPTMETRICS_API_KEY=" + key}},
		{args: []string{"list-prompts", "--server", "http://127.0.0.1:1"}, env: []string{"PROMPTMETRICS_API_KEY=" + key}},
		{args: []string{"list-prompts", "--api-key", key + "\x01"}},
		{args: []string{"init", "--api-key", key}},
		{args: []string{"list-prompts", "--help"}, env: []string{"PROMPTMETRICS_API_KEY=" + key}},
	} {
		u.Env = call.env
		r := u.run(t, call.args...)
		require.NotContains(t, r.Out+r.Err, key[:20], call.args)
	}
	for _, file := range []string{"api_key: [" + key + "]", key, "api_key: " + key + "\nserver: {a: " + key + "}", "api-key: " + key, "\t" + key} {
		u.write(t, "promptmetrics.yaml", file)
		r := u.run(t, "list-prompts")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "promptmetrics.yaml is not understood")
		require.NotContains(t, r.Err, key[:6])
	}
}

func TestFaultsOfTheServer(t *testing.T) {
	t.Parallel()

	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		u := &user{Call: servertest.Call{Dir: t.TempDir(), Env: []string{"PROMPTMETRICS_URL=http://127.0.0.1:1"}}}
		r := u.run(t, "get-prompt", "x")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics: the PromptMetrics server at 127.0.0.1:1 cannot be reached (GET /v1/prompts/x): dial tcp 127.0.0.1:1: connect: connection refused\n", r.Err)
	})
	t.Run("no key, a wrong key, a key without the scope", func(t *testing.T) {
		t.Parallel()
		s := programs.Start(t, t.TempDir())
		u := userOf(t, s, "--scopes", "read")
		u.write(t, "welcome.json", welcome)
		require.Equal(t, 1, u.run(t, "create-prompt", "--file", "welcome.json").Code)
		u.Env = []string{"PROMPTMETRICS_URL=" + s.URL}
		require.Equal(t, "promptmetrics: API key is missing; set PROMPTMETRICS_API_KEY, or api_key in promptmetrics.yaml\n", u.run(t, "list-prompts").Err)
		u.Env = append(u.Env, "PROMPTMETRICS_API_KEY=pm_wrong")
		require.Equal(t, "promptmetrics: API key is invalid; check PROMPTMETRICS_API_KEY, or api_key in promptmetrics.yaml, and the workspace\n", u.run(t, "list-prompts").Err)
	})
	t.Run("the rate limit says when to come back", func(t *testing.T) {
		t.Parallel()
		u := newUser(t, "RATE_LIMIT_MAX_REQUESTS=2")
		u.run(t, "list-prompts")
		u.run(t, "list-prompts")
		r := u.run(t, "list-prompts")
		require.Equal(t, 1, r.Code)
		require.Regexp(t, `^promptmetrics: .*; try again in \d+(m\d+)?s\n$`, r.Err)
	})
	t.Run("another program", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
		defer other.Close()
		u := &user{Call: servertest.Call{Dir: t.TempDir(), Env: []string{"PROMPTMETRICS_URL=" + other.URL}}}
		r := u.run(t, "list-prompts")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "is not what a PromptMetrics server sends")
		require.Equal(t, 1, strings.Count(r.Err, "\n"))
	})
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	for _, args := range [][]string{{"list-prompts"}, {"export", "--out", "out"}} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs.Folder(t), "promptmetrics"), args...) //nolint:gosec // under test.
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"PROMPTMETRICS_URL=" + silent.URL}
		var errs strings.Builder
		cmd.Stderr = &errs
		require.NoError(t, cmd.Start())
		<-asked
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			require.Error(t, err, "an exit status is an error to os/exec")
		case <-time.After(10 * time.Second):
			t.Fatal("an interrupt does not end it")
		}
		require.Equal(t, 130, cmd.ProcessState.ExitCode())
		require.Equal(t, "promptmetrics: interrupted\n", errs.String())
	}
}

// TestOnATerminal runs programs in a terminal, which script(1) plays.
func TestOnATerminal(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("script"); err != nil {
		testserver.Missing(t, "script(1)")
	}
	u := newUser(t)
	u.write(t, "in/welcome.json", welcome)
	u.write(t, "in/next.json", strings.Replace(welcome, "1.0.0", "1.1.0", 1))
	terminal := func(typed, command string) servertest.Result {
		call := u.Call
		call.In = typed
		return programs.Run(t, call, "script", "-qec", command, "/dev/null")
	}

	shown := terminal("", "promptmetrics import --dir in")
	require.Zero(t, shown.Code, shown.Out)
	require.Regexp(t, `Importing .*100%`, shown.Out, "progress is shown")
	require.Contains(t, shown.Out, "Imported 2 versions")
	require.NotContains(t, u.must(t, "import", "--dir", "in"), "%", "and nowhere else")

	no := terminal("n\n", "promptmetrics delete-prompt welcome")
	require.Equal(t, 1, no.Code)
	require.Contains(t, no.Out, "Delete welcome with all its versions? [y/N] ")
	require.Contains(t, no.Out, "promptmetrics: nothing was deleted")
	yes := terminal("y\n", "promptmetrics delete-prompt welcome --version 1.0.0")
	require.Zero(t, yes.Code, yes.Out)
	require.Contains(t, yes.Out, "Deleted welcome 1.0.0.")

	// An interrupt while it asks: typed once the question is there.
	cmd := exec.CommandContext(t.Context(), "script", "-qec", "promptmetrics delete-prompt welcome", "/dev/null")
	cmd.Dir, cmd.Env = u.Dir, append([]string{"PATH=" + programs.Folder(t) + ":" + os.Getenv("PATH")}, u.Env...)
	keyboard, err := cmd.StdinPipe()
	require.NoError(t, err)
	screen, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var seen strings.Builder
	for piece := make([]byte, 100); !strings.Contains(seen.String(), "[y/N] "); {
		n, err := screen.Read(piece)
		require.NoError(t, err, seen.String())
		seen.Write(piece[:n])
	}
	_, err = keyboard.Write([]byte{3})
	require.NoError(t, err)
	rest, err := io.ReadAll(screen)
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.Equal(t, 130, cmd.ProcessState.ExitCode(), string(rest))
	require.Contains(t, string(rest), "promptmetrics: interrupted")
	require.Contains(t, u.must(t, "list-prompts"), "1.1.0")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())
	key := s.Key(t)
	const wrong = "http://127.0.0.1:1"
	for _, c := range []struct {
		name, file string
		env, args  []string
		code       int
	}{
		{"the file", "server: " + s.URL + "\napi_key: " + key, nil, nil, 0},
		{"the file with blanks around a key", "server: \" " + s.URL + " \"\napi_key: \"" + key + "\\n\"", nil, nil, 0},
		{"the environment before the file", "server: " + wrong + "\napi_key: wrong", []string{"PROMPTMETRICS_URL=" + s.URL, "PROMPTMETRICS_API_KEY=" + key}, nil, 0},
		{"an empty variable is not set", "server: " + s.URL + "\napi_key: " + key, []string{"PROMPTMETRICS_URL=", "PROMPTMETRICS_API_KEY="}, nil, 0},
		{"flags before both", "server: " + wrong, []string{"PROMPTMETRICS_URL=" + wrong, "PROMPTMETRICS_API_KEY=wrong"}, []string{"--server", s.URL, "--api-key", key}, 0},
		{"each setting by itself", "server: " + s.URL, []string{"PROMPTMETRICS_API_KEY=" + key}, nil, 0},
		{"a slash at the end", "server: " + s.URL + "/\napi_key: " + key, nil, nil, 0},
		{"an unknown setting", "server: " + s.URL + "\nkey: " + key, nil, nil, 1},
		{"nothing but comments", "# nothing\n", []string{"PROMPTMETRICS_URL=" + s.URL, "PROMPTMETRICS_API_KEY=" + key}, nil, 0},
		{"a file that is too large", strings.Repeat("# x\n", 20_000), nil, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := &user{Call: servertest.Call{Dir: t.TempDir(), Env: c.env}}
			u.write(t, "promptmetrics.yaml", c.file)
			r := u.run(t, append([]string{"list-prompts"}, c.args...)...)
			require.Equal(t, c.code, r.Code, r.Err)
		})
	}
	t.Run("a file of a folder above is not asked", func(t *testing.T) {
		t.Parallel()
		u := &user{Call: servertest.Call{Dir: t.TempDir(), Env: []string{"PROMPTMETRICS_URL=" + s.URL}}}
		u.write(t, "promptmetrics.yaml", "api_key: "+key)
		u.write(t, "below/x", "")
		u.Dir += "/below"
		require.Equal(t, 1, u.run(t, "list-prompts").Code)
	})
}
