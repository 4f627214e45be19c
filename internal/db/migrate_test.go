package db_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

// steps reads which migrations were applied.
func steps(tb testing.TB, d *db.DB) (numbers []int64) {
	tb.Helper()
	require.NoError(tb, d.View(tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.NewRaw("SELECT number FROM pm_migrations ORDER BY number").Scan(ctx, &numbers)
	}))
	return numbers
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("a fresh database gets the schema, a second opening changes nothing", func(t *testing.T) {
			t.Parallel()
			c := e.Empty(t)
			first := dbtest.OpenConfig(t, c)
			require.NoError(t, home(first).Update(t.Context(), put("kept", "1")))
			before := steps(t, first)
			require.NotEmpty(t, before)
			second := dbtest.OpenConfig(t, c)
			require.Equal(t, before, steps(t, second))
			require.Equal(t, map[string]string{"kept": "1"}, settings(t, home(second)))
		})

		t.Run("ten processes that start at once migrate once", func(t *testing.T) {
			t.Parallel()
			c := e.Empty(t)
			opened := make([]*db.DB, 10)
			errs := make([]error, len(opened))
			var starting sync.WaitGroup
			for i := range opened {
				starting.Go(func() { opened[i], errs[i] = db.Open(t.Context(), c) })
			}
			starting.Wait()
			for i, d := range opened {
				require.NoError(t, errs[i])
				defer func() { require.NoError(t, d.Close()) }()
			}
			require.NotEmpty(t, steps(t, opened[0]))
			for _, d := range opened {
				require.NoError(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
					var n int
					return tx.RunRow(ctx, "SELECT count(*) FROM pm_logs").Scan(&n)
				}))
			}
		})

		t.Run("a schema of a newer program is refused and left alone", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			d := dbtest.OpenConfig(t, c)
			require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Run(ctx, "INSERT INTO pm_migrations (number, name, applied_at) VALUES (?, ?, ?)", 9999, "9999_future.sql", 0)
				return err
			}))
			_, err := db.Open(t.Context(), c)
			require.ErrorContains(t, err, "the database has schema 9999")
			require.ErrorContains(t, err, "start a newer program, or restore a backup from before the upgrade")
			require.NotContains(t, err.Error(), "no transaction", "one sentence, not what came after")
		})

		t.Run("further steps are applied once and in order", func(t *testing.T) {
			t.Parallel()
			d := e.Open(t)
			before := steps(t, d)
			scripts := []string{"CREATE TABLE pm_more (a BIGINT NOT NULL)", "ALTER TABLE pm_more ADD COLUMN b BIGINT"}
			require.NoError(t, d.MigrateWith(t.Context(), scripts[0]))
			require.NoError(t, d.MigrateWith(t.Context(), scripts...))
			require.NoError(t, d.MigrateWith(t.Context(), scripts...))
			require.Len(t, steps(t, d), len(before)+2)
			require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Run(ctx, "INSERT INTO pm_more (a, b) VALUES (?, ?)", 1, 2)
				return err
			}))
		})

		t.Run("a step that fails takes the whole upgrade back and names itself", func(t *testing.T) {
			t.Parallel()
			d := e.Open(t)
			before := steps(t, d)
			err := d.MigrateWith(t.Context(), "CREATE TABLE pm_more (a BIGINT)", "CREATE TABLE pm_half (a BIGINT); CREATE NONSENSE")
			require.ErrorContains(t, err, "_test.sql")
			require.Equal(t, before, steps(t, d))
			require.NoError(t, d.MigrateWith(t.Context(), "CREATE TABLE pm_more (a BIGINT)", "CREATE TABLE pm_half (a BIGINT)"),
				"the tables of the failed upgrade are not there")
			require.NoError(t, home(d).Update(t.Context(), put("works", "1")))
		})
	})
}

func TestOpenSQLite(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, path string) error {
		t.Helper()
		d, err := db.Open(t.Context(), db.Config{Dialect: db.SQLite, Path: path, Now: time.Now})
		if err == nil {
			require.NoError(t, d.Close())
		}
		return err
	}

	t.Run("a file that is no database is refused and left alone", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "notes.txt")
		text := bytes.Repeat([]byte("these are notes\n"), 1000)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		err := open(t, path)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "check that the folder is writable and the file is a database")
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, kept)
	})

	t.Run("a folder is refused", func(t *testing.T) {
		t.Parallel()
		require.ErrorContains(t, open(t, t.TempDir()), "is a folder: name a file")
	})

	t.Run("a folder that does not exist is named", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "missing", "test.db")
		require.ErrorContains(t, open(t, path), path)
	})

	t.Run("a path with characters that mean something in an address works", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"a b?c#d%41&mode=memory.db", "ünï.db", "a+b;c.db"} {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, open(t, path))
			require.FileExists(t, path)
		}
	})

	t.Run("a file that is made is nobody else's to read", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		require.NoError(t, open(t, path))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	})

	t.Run("an unknown dialect is refused", func(t *testing.T) {
		t.Parallel()
		_, err := db.Open(t.Context(), db.Config{Dialect: "oracle", Now: time.Now})
		require.ErrorContains(t, err, `"oracle" is unknown`)
	})
}

func TestOpenSQLiteByRelativePath(t *testing.T) { //nolint:paralleltest // the working folder belongs to the process.
	folder := t.TempDir()
	t.Chdir(folder)
	d, err := db.Open(t.Context(), db.Config{Dialect: db.SQLite, Path: "test.db", Now: time.Now})
	require.NoError(t, err)
	require.NoError(t, home(d).Update(t.Context(), put("a", "1")))
	require.NoError(t, d.Close())
	require.FileExists(t, filepath.Join(folder, "test.db"))
}
