package githost

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Repository is a bare repository of a host.
type Repository struct {
	// Path of the repository on this machine's disk.
	Path string

	host *Host
	name string
}

// URL of the repository, without credentials.
func (r *Repository) URL() string { return r.host.URL + "/" + r.name + ".git" }

// Git runs git in the repository itself and gives what it prints.
func (r *Repository) Git(args ...string) string {
	r.host.tb.Helper()
	out, err := run(r.host.tb, r.Path, args...)
	require.NoError(r.host.tb, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimRight(out, "\n")
}

// Files gives the hash of every file of a branch, by path; none if there is no
// such branch.
func (r *Repository) Files(branch string) map[string]string {
	r.host.tb.Helper()
	found := map[string]string{}
	if _, err := run(r.host.tb, r.Path, "rev-parse", "-q", "--verify", "refs/heads/"+branch); err != nil {
		return found
	}
	for line := range strings.Lines(r.Git("ls-tree", "-r", "refs/heads/"+branch)) {
		about, path, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		found[path] = strings.Fields(about)[2]
	}
	return found
}

// Added counts in how many commits of a branch each path was added.
func (r *Repository) Added(branch string) map[string]int {
	r.host.tb.Helper()
	found := map[string]int{}
	for line := range strings.Lines(r.Git("log", "--format=", "--diff-filter=A", "--name-only", "-m", "--first-parent", "refs/heads/"+branch)) {
		if path := strings.TrimSpace(line); path != "" {
			found[path]++
		}
	}
	return found
}

// Person is somebody with a clone.
type Person struct {
	// Dir is the working copy.
	Dir string

	tb testing.TB
}

// Person clones the repository over HTTP.
func (r *Repository) Person() *Person {
	r.host.tb.Helper()
	p := &Person{tb: r.host.tb, Dir: filepath.Join(r.host.tb.TempDir(), "clone")}
	url := strings.Replace(r.URL(), "http://", "http://"+Username+":"+Token+"@", 1)
	out, err := run(p.tb, filepath.Dir(p.Dir), "clone", "-q", url, p.Dir)
	require.NoError(p.tb, err, out)
	return p
}

// Git runs git in the clone and gives what it prints.
func (p *Person) Git(args ...string) string {
	p.tb.Helper()
	out, err := run(p.tb, p.Dir, args...)
	require.NoError(p.tb, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimRight(out, "\n")
}

// Write puts a file into the clone.
func (p *Person) Write(path, text string) {
	p.tb.Helper()
	file := filepath.Join(p.Dir, filepath.FromSlash(path))
	require.NoError(p.tb, os.MkdirAll(filepath.Dir(file), 0o750))
	require.NoError(p.tb, os.WriteFile(file, []byte(text), 0o600))
}

// Commit commits whatever differs.
func (p *Person) Commit(message string) {
	p.tb.Helper()
	p.Git("add", "-A")
	p.Git("commit", "-q", "-m", message)
}

// Push pushes the clone's commits, on top of what others have pushed meanwhile.
func (p *Person) Push() {
	p.tb.Helper()
	require.NoError(p.tb, p.TryPush(200))
}

// TryPush is Push in that many attempts; others may be faster each time.
func (p *Person) TryPush(attempts int) error {
	branch := p.Git("branch", "--show-current")
	var err error
	for range attempts {
		if _, err = run(p.tb, p.Dir, "push", "-q", "origin", "HEAD:refs/heads/"+branch); err == nil {
			return nil
		}
		if _, pull := run(p.tb, p.Dir, "pull", "-q", "--rebase", "origin", branch); pull != nil {
			err = pull
		}
	}
	return err
}

// run runs git, apart from the user's configuration.
func run(tb testing.TB, dir string, args ...string) (string, error) {
	tb.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin",
		"GIT_TERMINAL_PROMPT=0", "HOME=" + dir,
		"GIT_AUTHOR_NAME=Grace", "GIT_AUTHOR_EMAIL=grace@example.org",
		"GIT_COMMITTER_NAME=Grace", "GIT_COMMITTER_EMAIL=grace@example.org",
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String() + said.String(), err
	}
	return out.String(), nil
}
