package backup_test

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // as the library does

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/backup"
)

func git(tb testing.TB, dir string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "git", args...) //nolint:gosec // a test.
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=T",
		"GIT_COMMITTER_EMAIL=t@example.com", "GIT_CONFIG_NOSYSTEM=1", "HOME="+os.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// source makes a database and a repository with a commit.
func source(tb testing.TB) backup.Source {
	tb.Helper()
	dir := tb.TempDir()
	s := backup.Source{
		Database: filepath.Join(dir, "a b%20c?.db"), Repository: filepath.Join(dir, "prompts.git"),
		Program: "test", Now: time.Unix(1_700_000_000, 0),
	}
	db := open(tb, s.Database)
	_, err := db.ExecContext(tb.Context(), "PRAGMA journal_mode=wal; CREATE TABLE t (n INTEGER, pad TEXT); CREATE TABLE twice (n INTEGER, pad TEXT)")
	require.NoError(tb, err)
	git(tb, dir, "init", "-q", "--bare", "prompts.git")
	commit(tb, s.Repository, 0)
	return s
}

func open(tb testing.TB, file string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3f", " ", "%20").Replace(file)+"?_pragma=busy_timeout(10000)")
	require.NoError(tb, err)
	db.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// commit adds a commit to a bare repository, as loose objects.
func commit(tb testing.TB, repository string, n int) {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "f")
	require.NoError(tb, os.WriteFile(file, fmt.Appendf(nil, "content %d", n), 0o600))
	blob := git(tb, repository, "hash-object", "-w", file)
	cmd := exec.CommandContext(tb.Context(), "git", "mktree")
	cmd.Dir, cmd.Stdin = repository, strings.NewReader(fmt.Sprintf("100644 blob %s\tf%d.json\n", blob, n))
	tree, err := cmd.Output()
	require.NoError(tb, err)
	args := []string{"commit-tree", strings.TrimSpace(string(tree)), "-m", fmt.Sprint(n)}
	branch := git(tb, repository, "symbolic-ref", "HEAD")
	if exec.CommandContext(tb.Context(), "git", "--git-dir="+repository, "rev-parse", "-q", "--verify", branch).Run() == nil { //nolint:gosec // a test.
		args = append(args, "-p", branch)
	}
	git(tb, repository, "update-ref", branch, git(tb, repository, args...))
}

// unpack unpacks with the tar and the git that every operator has.
func unpack(tb testing.TB, file string) string {
	tb.Helper()
	dir := tb.TempDir()
	out, err := exec.CommandContext(tb.Context(), "tar", "-xpf", file, "-C", dir).CombinedOutput() //nolint:gosec // a test.
	require.NoError(tb, err, string(out))
	git(tb, dir, "clone", "-q", "--mirror", "prompts.bundle", "prompts.git")
	return dir
}

func TestWhileOthersWriteAndRepack(t *testing.T) {
	t.Parallel()
	s := source(t)
	db := open(t, s.Database)
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() { // each transaction writes the same into two tables
		for n := 0; ctx.Err() == nil; n++ {
			tx, err := db.BeginTx(t.Context(), nil)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), "INSERT INTO t VALUES (?, hex(zeroblob(2000))); INSERT INTO twice VALUES (?, hex(zeroblob(2000)))", n, n)
				err = errors.Join(err, tx.Commit())
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	others.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			commit(t, s.Repository, n)
			if n%3 == 0 {
				git(t, s.Repository, "repack", "-q", "-d", "--no-write-bitmap-index") // loose objects into a pack
			}
			if n%10 == 0 {
				git(t, s.Repository, "repack", "-q", "-a", "-d") // all packs into one
				git(t, s.Repository, "pack-refs", "--all")
			}
		}
	})
	target := t.TempDir()
	var heads []string
	for n := range 8 {
		heads = append(heads, git(t, s.Repository, "rev-parse", "HEAD"))
		_, err := backup.Write(t.Context(), filepath.Join(target, fmt.Sprint(n)), s)
		require.NoError(t, err)
	}
	stop()
	others.Wait()

	for n, head := range heads {
		dir := unpack(t, filepath.Join(target, fmt.Sprint(n)))
		git(t, dir, "--git-dir=prompts.git", "fsck", "--full", "--strict")
		git(t, dir, "--git-dir=prompts.git", "merge-base", "--is-ancestor", head, "HEAD")
		db := open(t, filepath.Join(dir, "promptmetrics.db"))
		var check string
		require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check))
		require.Equal(t, "ok", check)
		var one, two int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM twice)").Scan(&one, &two))
		require.Equal(t, one, two, "half a transaction was copied")
	}
}

func TestWhatIsCopied(t *testing.T) {
	t.Parallel()
	s := source(t)
	s.Salt = filepath.Join(t.TempDir(), "salt")
	require.NoError(t, os.WriteFile(s.Salt, []byte("secret\n"), 0o600))
	git(t, s.Repository, "branch", "tmp_looks/odd.lock-not")
	git(t, s.Repository, "tag", "v1")
	git(t, s.Repository, "pack-refs", "--all")
	git(t, s.Repository, "update-ref", "refs/heads/later", "HEAD")
	for _, passing := range []string{"HEAD.lock", "refs/heads/x.lock", "tmp_promptmetrics_1", "gc.pid", "promptmetrics/lock"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(s.Repository, passing)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(s.Repository, passing), nil, 0o600))
	}

	file := filepath.Join(t.TempDir(), "b.tar")
	done, err := backup.Write(t.Context(), file, s)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, info.Size(), done.Size)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	dir := unpack(t, file)
	about, err := os.ReadFile(filepath.Join(dir, "backup.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"format":2,"created_at":1700000000,"program":"test"}`, string(about))
	var m backup.Manifest
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &m))
	require.Equal(t, done.Manifest, m)
	require.Equal(t, backup.Prompts{Head: git(t, s.Repository, "symbolic-ref", "HEAD"), Refs: 4, Objects: 3}, *m.Prompts)
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
		data, err := os.ReadFile(filepath.Join(dir, f.Name))
		require.NoError(t, err)
		require.Equal(t, f, backup.File{Name: f.Name, Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))})
		info, err := os.Stat(filepath.Join(dir, f.Name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name)
	}
	require.Equal(t, []string{"backup.json", "RESTORE.txt", "promptmetrics.db", "api_key_salt", "prompts.bundle"}, names)
	require.Equal(t, git(t, s.Repository, "for-each-ref"), git(t, filepath.Join(dir, "prompts.git"), "for-each-ref"))
}

// TestWhatAKilledBackupLeft is removed by the next one, unless its owner lives.
func TestWhatAKilledBackupLeft(t *testing.T) {
	t.Parallel()
	s := source(t)
	folder := t.TempDir()
	dead := filepath.Join(folder, ".promptmetrics-backup-dead")
	require.NoError(t, os.Mkdir(dead, 0o700))
	for _, name := range []string{"lock", "promptmetrics.db"} {
		require.NoError(t, os.WriteFile(filepath.Join(dead, name), []byte("half"), 0o600))
	}
	fresh := filepath.Join(folder, ".promptmetrics-backup-fresh") // its owner is about to lock it
	require.NoError(t, os.Mkdir(fresh, 0o700))
	_, err := backup.Write(t.Context(), filepath.Join(folder, "b.tar"), s)
	require.NoError(t, err)
	require.NoDirExists(t, dead)
	require.DirExists(t, fresh)
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		spoil func(t *testing.T, s *backup.Source)
		want  string
	}{
		{"a repository that borrows objects", nil, func(t *testing.T, s *backup.Source) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(s.Repository, "objects", "info", "alternates"), []byte("/x\n"), 0o600))
		}, "borrows objects from another repository"},
		{"no repository", nil, func(_ *testing.T, s *backup.Source) { s.Repository += "x" }, "it is no git repository: check DATA_DIR and PROMPTS_PATH"},
		{"no database", nil, func(_ *testing.T, s *backup.Source) { s.Database += "x" }, "there is no database at"},
		{"a file that is no database", nil, func(_ *testing.T, s *backup.Source) { s.Database = filepath.Join(s.Repository, "HEAD") }, "file is not a database"},
		{"a salt that is gone", nil, func(_ *testing.T, s *backup.Source) { s.Salt = "/nowhere" }, "the API key salt cannot be copied"},
		{"an interrupted copy", cancelled, func(*testing.T, *backup.Source) {}, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := source(t)
			c.spoil(t, &s)
			if c.ctx == nil {
				c.ctx = t.Context()
			}
			folder := t.TempDir()
			_, err := backup.Write(c.ctx, filepath.Join(folder, "b.tar"), s)
			require.ErrorContains(t, err, c.want)
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Empty(t, left, "a failed backup leaves nothing behind")
		})
	}
}

func TestTwoAtOnceIntoOneFile(t *testing.T) {
	t.Parallel()
	s := source(t)
	file := filepath.Join(t.TempDir(), "b.tar")
	outcomes := make(chan error, 4)
	for range cap(outcomes) {
		go func() {
			_, err := backup.Write(t.Context(), file, s)
			outcomes <- err
		}()
	}
	won := 0
	for range cap(outcomes) {
		if err := <-outcomes; err == nil {
			won++
		} else {
			require.ErrorContains(t, err, "exists already")
		}
	}
	require.Equal(t, 1, won)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	for r := tar.NewReader(f); ; {
		if _, err = r.Next(); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, io.EOF, "the file is whole")
}
