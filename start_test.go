package promptmetrics_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver of an embedding program

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Each of these starts fails with a sentence that says what to do.
func TestNewSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(t *testing.T, folder string, o *promptmetrics.Options)
		want    string
	}{
		"data folder is a file": {
			func(t *testing.T, _ string, o *promptmetrics.Options) { o.DataDir = file(t, "x") },
			"choose another with Options.DataDir",
		},
		"database is a folder": {
			func(_ *testing.T, folder string, o *promptmetrics.Options) { o.SQLitePath = folder },
			"is a folder: name a file",
		},
		"database is something else": {
			func(t *testing.T, _ string, o *promptmetrics.Options) {
				o.SQLitePath = file(t, "This is a long text, and surely no database of any kind, whatever it is called.")
			},
			"not a database",
		},
		"repository is a file": {
			func(t *testing.T, _ string, o *promptmetrics.Options) { o.PromptsPath = file(t, "x") },
			"",
		},
		"repository is a folder of something else": {
			func(t *testing.T, _ string, o *promptmetrics.Options) {
				o.PromptsPath = filepath.Dir(file(t, "x"))
			},
			"",
		},
		"schema is newer": {
			func(t *testing.T, folder string, o *promptmetrics.Options) {
				pm, err := promptmetrics.New(*o)
				require.NoError(t, err)
				require.NoError(t, pm.Close())
				exec(t, filepath.Join(folder, "promptmetrics.db"), "INSERT INTO pm_migrations VALUES (999, 'future', 0)")
			},
			"start a newer program",
		},
		"PostgreSQL does not answer": {
			func(_ *testing.T, _ string, o *promptmetrics.Options) {
				o.DatabaseURL = "postgres://nobody:secret-password@127.0.0.1:1/none"
			},
			`PostgreSQL at 127.0.0.1:1, database "none", cannot be used`,
		},
		"URL of something else": {
			func(_ *testing.T, _ string, o *promptmetrics.Options) {
				o.DatabaseURL = "mysql://x:secret-password@y/z"
			},
			"must start with postgres://",
		},
		"salt is short": {
			func(_ *testing.T, _ string, o *promptmetrics.Options) { o.APIKeySalt = "secret-password" },
			"at least 16 characters",
		},
		"database without dialect": {
			func(t *testing.T, folder string, o *promptmetrics.Options) {
				o.DB = pool(t, filepath.Join(folder, "own.db"))
			},
			"Options.Dialect must be",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			o := promptmetrics.Options{DataDir: folder}
			c.prepare(t, folder, &o)
			pm, err := promptmetrics.New(o)
			require.Nil(t, pm)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret-password")
		})
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func pool(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func exec(t *testing.T, path, statement string) {
	t.Helper()
	_, err := pool(t, path).ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func hello(name, version string) registry.Prompt {
	return registry.Prompt{
		Name: name, Version: version,
		Messages: []registry.Message{{Role: registry.User, Content: "Hello from " + version}},
	}
}

func TestTwoInstancesInOneProcessDoNotTouchEachOther(t *testing.T) {
	t.Parallel()
	a, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	b, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	_, err = a.Registry.Create(t.Context(), hello("greeting", "1.0.0"), registry.Signature{})
	require.NoError(t, err)
	_, err = b.Registry.Get(t.Context(), "greeting", registry.Query{})
	require.ErrorIs(t, err, promptmetrics.ErrNotFound)
	_, err = b.Registry.Create(t.Context(), hello("greeting", "2.0.0"), registry.Signature{})
	require.NoError(t, err)
	require.NoError(t, b.Close())
	entry, err := a.Registry.Get(t.Context(), "greeting", registry.Query{})
	require.NoError(t, err)
	require.Equal(t, "1.0.0", entry.Version.Version)
	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "closing twice is no fault")
}

func TestTwoInstancesOnOneFolderSeeEachOthersWrites(t *testing.T) {
	t.Parallel()
	o := promptmetrics.Options{DataDir: t.TempDir()}
	a, err := promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	b, err := promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	for _, version := range []string{"1.0.0", "1.1.0"} {
		_, err = a.Registry.Create(t.Context(), hello("greeting", version), registry.Signature{})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			entry, err := b.Registry.Get(t.Context(), "greeting", registry.Query{})
			return err == nil && entry.Version.Version == version
		}, 5*time.Second, 20*time.Millisecond)
	}
}

func TestAHostsOwnDatabaseIsSharedAndLeftOpen(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	own := pool(t, filepath.Join(folder, "shop.db"))
	own.SetMaxOpenConns(1) // the hardest case: nothing may hold a connection
	_, err := own.ExecContext(t.Context(), "CREATE TABLE prompts (shop TEXT)")
	require.NoError(t, err)
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder, DB: own, Dialect: promptmetrics.SQLite})
	require.NoError(t, err)
	_, err = pm.Registry.Create(t.Context(), hello("greeting", "1.0.0"), registry.Signature{})
	require.NoError(t, err)
	_, err = own.ExecContext(t.Context(), "INSERT INTO prompts VALUES ('ours')")
	require.NoError(t, err)
	require.NoError(t, pm.Close())
	require.NoError(t, own.PingContext(t.Context()))
}

func TestALockedDatabaseIsUnavailableAndRecovers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder, BusyTimeout: 100 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	other, err := pool(t, filepath.Join(folder, "promptmetrics.db")).Conn(t.Context())
	require.NoError(t, err)
	_, err = other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	_, err = pm.Registry.Create(t.Context(), hello("greeting", "1.0.0"), registry.Signature{})
	require.ErrorIs(t, err, promptmetrics.ErrUnavailable)
	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, other.Close())
	// What was never acknowledged can be tried again.
	_, err = pm.Registry.Create(t.Context(), hello("greeting", "1.0.0"), registry.Signature{})
	require.NoError(t, err)
}

func TestHealthTellsWhatIsDown(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder, Now: clock, ReconcileInterval: -1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = pm.Close() }) // its files are gone
	require.Equal(t, "ok", pm.Health(t.Context()).Status)
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "prompts.git")))
	require.NoError(t, os.Remove(filepath.Join(folder, "promptmetrics.db")))
	require.Equal(t, "ok", pm.Health(t.Context()).Status, "a check is good for 5 s")
	ahead.Store(int64(6 * time.Second))
	h := pm.Health(context.Background())
	require.Equal(t, "degraded", h.Status)
	require.False(t, h.DBConnected)
	require.Equal(t, map[string]string{"sqlite": "error", "driver": "error"}, h.Checks)
	_, err = pm.Registry.Create(t.Context(), hello("greeting", "1.0.0"), registry.Signature{})
	require.ErrorIs(t, err, promptmetrics.ErrUnavailable)
}
