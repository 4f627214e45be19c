package backup

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// saboteur is an archive's file: at its nth write something happens to the
// repository.
type saboteur struct {
	bytes.Buffer
	at, n int
	do    func()
}

func (s *saboteur) Write(p []byte) (int, error) {
	if s.n == s.at {
		s.do()
	}
	s.n++
	return s.Buffer.Write(p)
}

// TestChangesAtEveryMoment makes what others may do to a repository happen at
// every single moment of a copy: a new commit, refs packed, loose objects moved
// into a pack, packs merged.
func TestChangesAtEveryMoment(t *testing.T) {
	t.Parallel()
	script := func(t *testing.T, dir, text string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", text) //nolint:gosec // a test.
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=T",
			"GIT_COMMITTER_EMAIL=t@example.com", "GIT_CONFIG_NOSYSTEM=1", "HOME="+os.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	const commit = `
		blob=$(echo "content $N" | git hash-object -w --stdin)
		tree=$(printf '100644 blob %s\tf%s.json\n' "$blob" "$N" | git mktree)
		parent=$(git rev-parse -q --verify HEAD && true) || parent=
		git update-ref HEAD $(git commit-tree $tree -m "$N" ${parent:+-p $parent})
	`
	template := filepath.Join(t.TempDir(), "template.git")
	require.NoError(t, os.Mkdir(template, 0o700))
	script(t, template, "git init -q --bare --template= . && mkdir -p objects/info")
	for n := range 3 { // two packs, and loose objects
		script(t, template, fmt.Sprintf("N=%d\n%s", n, commit))
		if n < 2 {
			script(t, template, "git repack -q -d")
		}
	}
	for _, change := range []struct{ name, script string }{
		{"a commit", "N=new\n" + commit},
		{"loose objects become a pack", "git repack -q -d"},
		{"everything becomes one pack and refs are packed", "N=new\n" + commit + "git repack -q -a -d; git pack-refs --all"},
	} {
		t.Run(change.name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				dir := t.TempDir()
				repository := filepath.Join(dir, "live.git")
				require.NoError(t, os.CopyFS(repository, os.DirFS(template)))
				hit := false
				out := &saboteur{at: at, do: func() { hit = true; script(t, repository, change.script) }}
				a := &archive{ctx: t.Context(), tar: tar.NewWriter(out), at: time.Unix(0, 0)}
				require.NoError(t, a.repository("copy.git", repository))
				require.NoError(t, a.tar.Close())
				if !hit {
					require.Greater(t, at, 15, "a copy takes that many writes")
					return
				}
				extract(t, dir, &out.Buffer)
				script(t, filepath.Join(dir, "copy.git"), "git fsck --full --strict && git merge-base --is-ancestor "+head(t, template)+" HEAD")
			}
		})
	}
}

func head(t *testing.T, repository string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD")
	cmd.Dir = repository
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func extract(t *testing.T, dir string, data io.Reader) {
	t.Helper()
	for r := tar.NewReader(data); ; {
		entry, err := r.Next()
		if err == io.EOF { //nolint:errorlint // Next returns it bare.
			return
		}
		require.NoError(t, err)
		where := filepath.Join(dir, filepath.Clean(entry.Name)) //nolint:gosec // written by us.
		if entry.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(where, 0o700))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(where), 0o700))            // as tar does
		f, err := os.OpenFile(where, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // as above.
		require.NoError(t, err, "nothing is in the archive twice")
		_, err = io.Copy(f, r) //nolint:gosec // as above.
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
}
