package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// image is what the Dockerfile's last stage makes, laid out in a folder: no
// container engine is needed to see whether the program can live in it.
type image struct {
	root   string
	env    []string
	user   uint32
	folder string
	health []string
	entry  []string
}

func layOut(t *testing.T) *image {
	t.Helper()
	if os.Geteuid() != 0 {
		testserver.Missing(t, "root, to run a program as in a container")
	}
	_, last, found := strings.Cut(read(t, "../Dockerfile"), "FROM scratch\n")
	require.True(t, found)
	word := func(pattern string) string {
		match := regexp.MustCompile(`(?m)^` + pattern + `$`).FindStringSubmatch(last)
		require.NotNil(t, match, pattern)
		return match[1]
	}
	list := func(pattern string) (words []string) {
		require.NoError(t, json.Unmarshal([]byte(word(pattern)), &words))
		return words
	}
	user, err := strconv.ParseUint(word(`USER (\d+):\d+`), 10, 32)
	require.NoError(t, err)
	i := &image{
		root: t.TempDir(), env: strings.Fields(word(`ENV (.*)`)), user: uint32(user),
		folder: word(`WORKDIR (.*)`), health: list(`HEALTHCHECK .* CMD (\[.*\])`), entry: list(`ENTRYPOINT (\[.*\])`),
	}
	require.NotZero(t, i.user, "root")
	require.Equal(t, i.folder, word(`VOLUME (.*)`))
	require.Contains(t, i.env, "DATA_DIR="+i.folder)
	programs := filepath.Join(i.root, "usr/local/bin")
	require.NoError(t, os.MkdirAll(programs, 0o755)) //nolint:gosec // as in an image.
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", programs+"/", "./cmd/promptmetrics-server", "./cmd/promptmetrics")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Chmod(i.root, 0o755)) //nolint:gosec // as in an image.
	for name, mode := range map[string]os.FileMode{"data": 0o755, "tmp": 0o777 | os.ModeSticky} {
		path := filepath.Join(i.root, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, os.Chown(path, int(user), int(user)))
	}
	return i
}

// command runs a program of the image, inside it and as its user.
func (i *image) command(ctx context.Context, env []string, words ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/usr/local/bin/"+words[0], words[1:]...) //nolint:gosec // the programs under test.
	cmd.Dir = i.folder
	cmd.Env = append(append([]string{}, i.env...), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: i.user, Gid: i.user}}
	return cmd
}

// The programs are all that the image holds, so they need nothing else: no
// shell, no git, no user database, no time zones.
func TestTheImageServes(t *testing.T) {
	t.Parallel()
	i := layOut(t)
	port, err := testserver.FreePort(t.Context())
	require.NoError(t, err)
	env := []string{"HOST=127.0.0.1", "PORT=" + strconv.Itoa(port)}

	serving := i.command(context.WithoutCancel(t.Context()), env, i.entry...)
	var said bytes.Buffer
	serving.Stdout, serving.Stderr = &said, &said
	require.NoError(t, serving.Start())
	ended := make(chan error, 1)
	go func() { ended <- serving.Wait() }()
	t.Cleanup(func() { _ = serving.Process.Kill() })

	require.Eventually(t, func() bool {
		out, err := i.command(t.Context(), env, i.health...).CombinedOutput()
		return err == nil && string(out) == "ok\n"
	}, time.Minute, 50*time.Millisecond, "never healthy")

	key, err := i.command(t.Context(), env, i.entry[0], "create-key", "--name", "me", "--scopes", "read,write").Output()
	require.NoError(t, err)
	remote := append(env, "PROMPTMETRICS_URL=http://127.0.0.1:"+strconv.Itoa(port), "PROMPTMETRICS_API_KEY="+strings.TrimSpace(string(key)))
	out, err := i.command(t.Context(), remote, "promptmetrics", "log", "--prompt-name", "greet", "--version", "1.0.0").CombinedOutput()
	require.NoError(t, err, "%s", out)

	require.NoError(t, serving.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-ended:
		require.NoError(t, err, "%s", said.String())
	case <-time.After(30 * time.Second):
		t.Fatal("the server does not stop")
	}
	for line := range strings.Lines(said.String()) {
		require.NotContains(t, line, i.root)
	}
}
