package main_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// restore unpacks a backup as RESTORE.txt says, into a folder of its own.
func restore(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	r := programs.Run(t, servertest.Call{Dir: dir}, "tar", "-xpf", file, "-C", "data")
	require.Zero(t, r.Code, r.Err)
	return dir
}

func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := programs.Start(t, dir, "PROMPT_RECONCILE_INTERVAL_MS=3600000")
	key := s.Key(t)

	// Writers note what was acknowledged before the backup begins.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	var published, logged [4]atomic.Int64
	for w := range published {
		writers.Go(func() {
			for n := int64(1); ctx.Err() == nil; n++ {
				prompt := fmt.Sprintf(`{"name":"w%d","version":"1.0.%d","messages":[{"role":"user","content":"Number {{n}}"}]}`, w, n)
				if status, _, err := s.Try(ctx, key, "POST", "/v1/prompts", prompt); err == nil && status == 201 {
					published[w].Store(n)
				}
				log := fmt.Sprintf(`{"prompt_name":"w%d","version_tag":"1.0.%d","tokens_in":%d}`, w, n, n)
				if status, _, err := s.Try(ctx, key, "POST", "/v1/logs", log); err == nil && status == 202 {
					logged[w].Store(n)
				}
			}
		})
	}
	var files []string
	var before [][2]int64
	for i := range 3 {
		require.Eventually(t, func() bool { return logged[0].Load() > int64(20*(i+1)) }, 30*time.Second, time.Millisecond)
		for w := range published {
			before = append(before, [2]int64{published[w].Load(), logged[w].Load()})
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("backup-%d.tar", i)))
		r := s.Run(t, "backup", files[i])
		require.Zero(t, r.Code, r.Err)
		info, err := os.Stat(files[i])
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("Wrote %s, %d bytes\n", files[i], info.Size()), r.Out)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	stop()
	writers.Wait()
	left, err := filepath.Glob(filepath.Join(dir, ".promptmetrics-backup-*"))
	require.NoError(t, err)
	require.Empty(t, left)

	for i, file := range files {
		again := restore(t, file)
		db, err := sql.Open("sqlite", filepath.Join(again, "data", "promptmetrics.db"))
		require.NoError(t, err)
		var check string
		require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check))
		require.Equal(t, "ok", check)
		require.NoError(t, db.Close())
		fsck := programs.Run(t, servertest.Call{Dir: again}, "git", "--git-dir=data/prompts.git", "fsck", "--full", "--strict")
		require.Zero(t, fsck.Code, fsck.Err)
		require.NotContains(t, fsck.Err, "dangling")

		restored := programs.Start(t, again)
		require.NotContains(t, restored.Out(), "There is no API key yet")
		for w := range published {
			acknowledged := before[len(published)*i+w]
			var list struct {
				Items []struct {
					Version string `json:"version_tag"`
				} `json:"items"`
				Total int64 `json:"total"`
			}
			status, answer := restored.Ask(t, key, "GET", fmt.Sprintf("/v1/logs?prompt_name=w%d&limit=1", w), "")
			require.Equal(t, 200, status, "the salt came along: %s", answer)
			require.NoError(t, json.Unmarshal([]byte(answer), &list))
			require.GreaterOrEqual(t, list.Total, acknowledged[1])

			_, answer = restored.Ask(t, key, "GET", fmt.Sprintf("/v1/prompts/w%d/versions?limit=100", w), "")
			require.NoError(t, json.Unmarshal([]byte(answer), &list))
			require.GreaterOrEqual(t, list.Total, acknowledged[0])
			for _, v := range list.Items {
				status, answer = restored.Ask(t, key, "GET", fmt.Sprintf("/v1/prompts/w%d?version=%s&variables[n]=7", w, v.Version), "")
				require.Equal(t, 200, status, answer)
				require.Contains(t, answer, "Number 7")
			}
		}
		publish(t, restored, key, "1.0.0")
		restored.Stop(t)
	}
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
		for _, part := range []string{"backup.json", "RESTORE.txt", "promptmetrics.db", "api_key_salt", "prompts.git/HEAD"} {
			require.Contains(t, strings.Split(listed.Out, "\n"), part)
		}
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
			"run pg_dump first, and copy the prompt repository (PROMPTS_PATH) after it\n"}, r)
	})
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
