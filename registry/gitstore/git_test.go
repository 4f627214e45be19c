package gitstore

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// git runs real git in a folder and gives what it prints.
func git(tb testing.TB, dir string, args ...string) string {
	tb.Helper()
	out, err := tryGit(tb, dir, "", args...)
	require.NoError(tb, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimRight(out, "\n")
}

// gitInput is git with something on its standard input.
func gitInput(tb testing.TB, dir, input string, args ...string) string {
	tb.Helper()
	out, err := tryGit(tb, dir, input, args...)
	require.NoError(tb, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimRight(out, "\n")
}

func tryGit(tb testing.TB, dir, input string, args ...string) (string, error) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin",
		"GIT_AUTHOR_NAME=Grace", "GIT_AUTHOR_EMAIL=grace@example.org",
		"GIT_COMMITTER_NAME=Grace", "GIT_COMMITTER_EMAIL=grace@example.org",
	}
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if err != nil {
		return out.String() + said.String(), err
	}
	return out.String(), nil
}

// fsck lets git examine everything and fails if it finds anything but objects
// that no commit leads to.
func fsck(tb testing.TB, dir string) {
	tb.Helper()
	out, err := tryGit(tb, dir, "", "fsck", "--full", "--strict", "--no-dangling", "--no-progress")
	require.NoError(tb, err, out)
	for line := range strings.Lines(out) {
		require.True(tb, strings.HasPrefix(line, "notice: ") || strings.HasPrefix(line, "unreachable "), out)
	}
}

// clone makes a working copy of a store's repository.
func clone(tb testing.TB, s *Store) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "clone")
	git(tb, s.dir, "clone", "-q", s.dir, dir)
	return dir
}

// inHead gives the hash of every file in the store's branch, by path.
func inHead(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	for line := range strings.Lines(git(tb, dir, "ls-tree", "-r", "HEAD")) {
		about, path, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		found[path] = strings.Fields(about)[2]
	}
	return found
}

// eventually waits for something that happens in the background.
func eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	p := newPoll(20 * time.Second)
	for !happened() {
		if !p.next() {
			tb.Fatalf("%s did not happen", what)
		}
	}
}
