package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// byHand unpacks a backup as RESTORE.txt says, with tar and git alone.
func byHand(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	for _, command := range []string{
		"tar -xpf " + file + " -C data",
		"git clone -q --mirror data/prompts.bundle data/prompts.git",
		"git --git-dir=data/prompts.git remote remove origin",
		"git --git-dir=data/prompts.git symbolic-ref HEAD refs/heads/main",
		"git --git-dir=data/prompts.git fsck --full --strict",
	} {
		words := strings.Fields(command)
		r := programs.Run(t, servertest.Call{Dir: dir}, words[0], words[1:]...)
		require.Zero(t, r.Code, r.Err)
	}
	return dir
}

// restore makes a data folder of a backup, with the command.
func restore(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := programs.Run(t, servertest.Call{Dir: dir}, "promptmetrics-server", "restore", file)
	require.Zero(t, r.Code, r.Err)
	return dir
}

// asOf is the ledger of a moment: what was acknowledged then, and everything
// that was attempted until now.
func (l *ledger) asOf(then *ledger) *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := newLedger()
	for kind, things := range l.things {
		for name := range things {
			out.things[kind][name] = &thing{}
			if one := then.things[kind][name]; one != nil {
				*out.things[kind][name] = *one
			}
		}
	}
	return out
}

// moment copies the ledger as it is now.
func (l *ledger) moment() *ledger { return l.asOf(l.acknowledgedOnly()) }

func (l *ledger) acknowledgedOnly() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := newLedger()
	for kind, things := range l.things {
		for name, one := range things {
			if one.acknowledged {
				out.things[kind][name] = &thing{acknowledged: true, id: one.id}
			}
		}
	}
	return out
}

// TestBackupUnderLoad makes backups while prompts, labels, logs, traces, runs
// and keys are written, and restores them: what was acknowledged before a backup
// began is there, and nothing is there by half.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := programs.Start(t, dir, "PROMPT_RECONCILE_INTERVAL_MS=3600000")
	key := s.Key(t, "--scopes", "read,write,admin")
	book := newLedger()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	for w := range crashWriters {
		writers.Go(func() {
			v := &crashWriter{send: with(s, key), book: book, name: fmt.Sprintf("w%d", w)}
			for n := w; ctx.Err() == nil && v.step(ctx, n); n++ {
			}
		})
	}
	var mu sync.Mutex
	var keys []string
	writers.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			status, answer, err := s.Try(ctx, key, "POST", "/v1/api-keys", fmt.Sprintf(`{"name":"k%d","scopes":["read"]}`, n))
			var made struct {
				Secret string `json:"key"`
			}
			if err != nil || status != 201 || json.Unmarshal([]byte(answer), &made) != nil {
				return
			}
			mu.Lock()
			keys = append(keys, made.Secret)
			mu.Unlock()
		}
	})
	type copied struct {
		file   string
		before *ledger
		keys   []string
	}
	var copies []copied
	for i := range 2 {
		want := (i + 1) * 300
		require.Eventually(t, func() bool { return book.acknowledged() > want }, 60*time.Second, time.Millisecond)
		mu.Lock()
		c := copied{filepath.Join(dir, fmt.Sprintf("backup-%d.tar", i)), book.moment(), slices.Clone(keys)}
		mu.Unlock()
		begun := book.acknowledged()
		r := s.Run(t, "backup", c.file)
		require.Zero(t, r.Code, r.Err)
		t.Logf("%d changes were acknowledged while backup %d was made", book.acknowledged()-begun, i)
		info, err := os.Stat(c.file)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("Wrote %s, %d bytes\n", c.file, info.Size()), r.Out)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		copies = append(copies, c)
	}
	stop()
	writers.Wait()
	left, err := filepath.Glob(filepath.Join(dir, ".promptmetrics-backup-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	// Calls whose answer nobody waited for may still be carried out.
	s.Stop(t)

	for i, c := range copies {
		again := restore(t, c.file)
		if i == 0 {
			again = byHand(t, c.file)
		}
		fsck := programs.Run(t, servertest.Call{Dir: again}, "git", "--git-dir=data/prompts.git", "fsck", "--full", "--strict")
		require.Zero(t, fsck.Code, fsck.Err)
		restored := programs.Start(t, again)
		require.NotContains(t, restored.Out(), "There is no API key yet")
		awaitSync(t, restored)
		book.asOf(c.before).check(t, restored, key)
		require.NotEmpty(t, c.keys)
		parallel(t, c.keys, func(secret string) error {
			status, answer, err := restored.Try(t.Context(), secret, "GET", "/v1/prompts?limit=1", "")
			if err == nil && status != 200 {
				err = fmt.Errorf("a key that was acknowledged answers %d: %s", status, answer)
			}
			return err
		})
		publish(t, restored, key, "1.0.0")
		restored.Stop(t)
	}
}

// TestKilledBackupsAndRestores ends both commands with kill -9 at any moment:
// their result is there as a whole, or not at all, and the next attempt clears
// away what is left.
func TestKilledBackupsAndRestores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := programs.Start(t, dir)
	key := s.Key(t)
	publish(t, s, key, "1.0.0")
	pad := strings.Repeat("x", 1000)
	for n := range 20 { // 4 MB
		logs := strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"prompt_name":"welcome","version_tag":"1.0.0","metadata":{"n":%d,"a":%q,"b":%q}},`, n, pad, pad), 100), ",")
		status, answer := s.Ask(t, key, "POST", "/v1/logs/batch", `{"logs":[`+logs+`]}`)
		require.Equal(t, 202, status, answer)
	}
	began := time.Now()
	r := s.Run(t, "backup", "whole.tar")
	require.Zero(t, r.Code, r.Err)
	took := time.Since(began)
	whole := filepath.Join(dir, "whole.tar")
	check := func(t *testing.T, data string) {
		t.Helper()
		again := programs.Start(t, dir, "DATA_DIR="+data)
		defer again.Kill()
		_, answer := again.Ask(t, key, "GET", "/v1/logs?limit=1", "")
		require.Contains(t, answer, `"total":2000`)
		status, answer := again.Ask(t, key, "GET", "/v1/prompts/welcome?variables[name]=Ada", "")
		require.Equal(t, 200, status, answer)
	}
	attempt := func(t *testing.T, round, rounds int, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs.Folder(t), "promptmetrics-server"), args...) //nolint:gosec // the program under test.
		cmd.Dir = dir
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = cmd.Wait()
		}()
		select {
		case <-time.After(took * time.Duration(round) / time.Duration(rounds)):
			_ = cmd.Process.Kill()
			<-ended
		case <-ended:
		}
	}
	const rounds = 12
	t.Run("backup", func(t *testing.T) {
		folder := t.TempDir()
		for round := range rounds {
			file := filepath.Join(folder, fmt.Sprint(round))
			attempt(t, round, rounds, "backup", file)
			if _, err := os.Stat(file); err == nil {
				r := programs.Run(t, servertest.Call{Dir: folder}, "promptmetrics-server", "restore", file, "--into", fmt.Sprint("data-", round))
				require.Zero(t, r.Code, r.Err)
			}
		}
		r := s.Run(t, "backup", filepath.Join(folder, "last"))
		require.Zero(t, r.Code, r.Err)
		left, err := filepath.Glob(filepath.Join(folder, ".promptmetrics-*"))
		require.NoError(t, err)
		require.LessOrEqual(t, len(left), 1, "at most one that was killed before it took its lock, in the last minute")
	})
	t.Run("restore", func(t *testing.T) {
		folder := t.TempDir()
		for round := range rounds {
			data := filepath.Join(folder, fmt.Sprint(round))
			attempt(t, round, rounds, "restore", whole, "--into", data)
			if _, err := os.Stat(data); os.IsNotExist(err) {
				r := programs.Run(t, servertest.Call{Dir: folder}, "promptmetrics-server", "restore", whole, "--into", data)
				require.Zero(t, r.Code, r.Err)
			}
			check(t, data)
		}
		left, err := filepath.Glob(filepath.Join(folder, ".promptmetrics-*"))
		require.NoError(t, err)
		require.LessOrEqual(t, len(left), 1)
	})
}

func TestBackup(t *testing.T) {
	t.Parallel()
	data := func(t *testing.T, env ...string) *servertest.Server {
		t.Helper()
		s := programs.Start(t, t.TempDir(), env...)
		publish(t, s, s.Key(t), "1.0.0")
		return s
	}

	t.Run("of a stopped server is the same, and changes nothing of it", func(t *testing.T) {
		t.Parallel()
		s := data(t)
		s.Stop(t)
		r := s.Run(t, "backup", "b.tar")
		require.Zero(t, r.Code, r.Err)
		listed := programs.Run(t, s.Call, "tar", "-tf", "b.tar")
		require.Equal(t, "backup.json\nRESTORE.txt\npromptmetrics.db\napi_key_salt\nprompts.bundle\nmanifest.json\n", listed.Out)
		again := programs.Start(t, restore(t, filepath.Join(s.Call.Dir, "b.tar")))
		_, answer := again.Ask(t, again.Key(t), "GET", "/v1/prompts/welcome?variables[name]=Ada", "")
		require.Contains(t, answer, "Hello Ada!")
	})
	t.Run("does not overwrite", func(t *testing.T) {
		t.Parallel()
		s := data(t)
		require.NoError(t, os.WriteFile(filepath.Join(s.Call.Dir, "b.tar"), []byte("precious"), 0o600))
		r := s.Run(t, "backup", "b.tar")
		require.Equal(t, servertest.Result{Code: 1, Err: "promptmetrics-server: b.tar exists already: name another file, backups are never overwritten\n"}, r)
		kept, err := os.ReadFile(filepath.Join(s.Call.Dir, "b.tar"))
		require.NoError(t, err)
		require.Equal(t, "precious", string(kept))
	})
	t.Run("leaves a salt of the environment out, and says so", func(t *testing.T) {
		t.Parallel()
		s := data(t, "API_KEY_SALT=sixteen characters!")
		r := s.Run(t, "backup", "b.tar")
		require.Zero(t, r.Code, r.Err)
		require.Contains(t, r.Err, "comes from API_KEY_SALT and is not in the backup")
		require.NotContains(t, programs.Run(t, s.Call, "tar", "-tf", "b.tar").Out, "api_key_salt")
		require.NotZero(t, programs.Run(t, s.Call, "grep", "-c", "sixteen characters!", "b.tar").Code)
	})
	t.Run("makes no data where there is none", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		r := programs.Run(t, servertest.Call{Dir: dir}, "promptmetrics-server", "backup", "b.tar")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "promptmetrics-server: there is no database at data/promptmetrics.db: check DATA_DIR and SQLITE_PATH\n")
		empty, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, empty)
	})
	t.Run("needs a folder that exists", func(t *testing.T) {
		t.Parallel()
		r := data(t).Run(t, "backup", "none/b.tar")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "promptmetrics-server: the backup cannot be written beside none/b.tar")
	})
	t.Run("is for SQLite", func(t *testing.T) {
		t.Parallel()
		r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: []string{"DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x"}}, "promptmetrics-server", "backup", "b.tar")
		require.Equal(t, servertest.Result{Code: 1, Err: "promptmetrics-server: backup copies SQLite, and DATABASE_URL names a PostgreSQL database: " +
			"run \"pg_dump --format=custom --file=promptmetrics.dump \\\"$DATABASE_URL\\\"\" first, and \"promptmetrics-server backup --prompts-only FILE\" after it; " +
			"\"pg_restore --clean --if-exists --dbname=\\\"$DATABASE_URL\\\" promptmetrics.dump\" brings it back\n"}, r)
	})
}

func TestRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := programs.Start(t, dir)
	key := s.Key(t)
	publish(t, s, key, "1.0.0")
	r := s.Run(t, "backup", "b.tar")
	require.Zero(t, r.Code, r.Err)
	file := filepath.Join(dir, "b.tar")

	t.Run("says what there is and how to start, in words that work", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		r := programs.Run(t, servertest.Call{Dir: dir}, "promptmetrics-server", "restore", file, "--into", "it's here")
		require.Zero(t, r.Code, r.Err)
		require.Empty(t, r.Err)
		require.Regexp(t, `^Restored /.*/it's here: the database \(\d+ bytes, checked\), the prompt repository \(5 objects, checked; refs/heads/main\), the salt of the API keys\.
The backup is of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, by version ".+"\.
Start the server on it:
  DATA_DIR='/.*/it'\\''s here' promptmetrics-server
$`, r.Out)
		command := strings.TrimSpace(r.Out[strings.LastIndex(strings.TrimSpace(r.Out), "\n"):])
		created := programs.Run(t, servertest.Call{Dir: t.TempDir()}, "sh", "-c", command+" create-key --name again")
		require.Zero(t, created.Code, created.Err)
		again := programs.Start(t, dir, "DATA_DIR=it's here")
		for _, key := range []string{key, strings.TrimSpace(created.Out)} {
			status, answer := again.Ask(t, key, "GET", "/v1/prompts/welcome?variables[name]=Ada", "")
			require.Equal(t, 200, status, answer)
		}
	})
	t.Run("through a pipe", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		r := programs.Run(t, servertest.Call{Dir: dir}, "sh", "-c", "cat "+file+" | promptmetrics-server restore -")
		require.Zero(t, r.Code, r.Err)
		piped := s.Run(t, "backup", "-")
		require.Zero(t, piped.Code, piped.Err)
		require.Equal(t, fmt.Sprintf("Wrote %d bytes\n", len(piped.Out)), piped.Err)
		r = programs.Run(t, servertest.Call{Dir: dir, In: piped.Out}, "promptmetrics-server", "restore", "-", "--into", "second")
		require.Zero(t, r.Code, r.Err)
	})
	t.Run("names what is missing and what leads elsewhere", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		r := s.Run(t, "backup", "--prompts-only", filepath.Join(dir, "p.tar"))
		require.Zero(t, r.Code, r.Err)
		r = programs.Run(t, servertest.Call{Dir: dir, Env: []string{"SQLITE_PATH=/elsewhere/x.db"}}, "promptmetrics-server", "restore", "p.tar")
		require.Zero(t, r.Code, r.Err)
		require.Equal(t, "There is no database in the backup: bring back PostgreSQL's with pg_restore, and set DATABASE_URL.\n"+
			"SQLITE_PATH is set and leads elsewhere: unset it, or move the restored file there.\n", r.Err)
	})
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"a folder that is in use":  {[]string{"restore", file}, "promptmetrics-server: the folder " + filepath.Join(dir, "data") + " is not empty, there is ", 1},
		"a file that is not there": {[]string{"restore", "none.tar"}, "promptmetrics-server: the backup none.tar cannot be read: no such file or directory\n", 1},
		"a file that is no backup": {[]string{"restore", "data/api_key_salt", "--into", "x"}, "promptmetrics-server: the backup cannot be used: it is no backup of promptmetrics-server\n", 1},
		"no file":                  {[]string{"restore"}, "promptmetrics-server: accepts 1 arg(s), received 0\nSee: promptmetrics-server restore --help\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.Run(t, c.args...)
			require.Equal(t, c.code, r.Code)
			require.True(t, strings.HasPrefix(r.Err, c.want), r.Err)
			require.NoDirExists(t, filepath.Join(dir, "x"))
		})
	}
}

func TestSignalsEndCommands(t *testing.T) {
	t.Parallel()
	// A server that is asked to stop while it starts stops as well.
	for range 5 {
		s := programs.Start(t, t.TempDir())
		s.Signal(t, syscall.SIGTERM)
		require.Zero(t, s.Wait(t, 30*time.Second))
	}
}
