package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestSQLiteOutage(t *testing.T) {
	t.Parallel()

	t.Run("a file that another process holds is unavailable within the busy timeout, then works again", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		const patience = 200 * time.Millisecond
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Path: path, BusyTimeout: patience, Now: time.Now})
		require.NoError(t, home(d).Update(t.Context(), put("before", "1")))
		let := lockFile(t, path)

		start := time.Now()
		err := home(d).Update(t.Context(), put("during", "1"))
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.GreaterOrEqual(t, time.Since(start), patience)
		require.Less(t, time.Since(start), patience+5*time.Second)
		require.Equal(t, map[string]string{"before": "1"}, settings(t, home(d)), "reading goes on")

		let()
		require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
		require.Equal(t, map[string]string{"before": "1", "after": "1"}, settings(t, home(d)))
	})

	t.Run("a caller with a deadline does not wait for the busy timeout", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Path: path, BusyTimeout: 20 * time.Second, Now: time.Now})
		let := lockFile(t, path)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, home(d).Update(ctx, put("never", "1")), context.DeadlineExceeded)
		require.Less(t, time.Since(start), 10*time.Second)
		let()
		require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
		require.Equal(t, map[string]string{"after": "1"}, settings(t, home(d)))
	})

	t.Run("a writer that lets go in time costs nothing but time", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Path: path, BusyTimeout: 20 * time.Second, Now: time.Now})
		let := lockFile(t, path)
		time.AfterFunc(100*time.Millisecond, let)
		require.NoError(t, home(d).Update(t.Context(), put("patient", "1")))
	})

	t.Run("a full disk is unavailable, loses nothing acknowledged, and works again", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		c := db.Config{Dialect: db.SQLite, Path: path, Now: time.Now}
		d, err := db.Open(t.Context(), c)
		require.NoError(t, err)
		defer func() { require.NoError(t, d.Close()) }()
		var pages int
		require.NoError(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.RunRow(ctx, "PRAGMA page_count").Scan(&pages)
		}))
		limit := func(pages int) {
			require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				var now int
				return tx.RunRow(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&now)
			}))
		}
		limit(pages + 20)
		big := strings.Repeat("x", 3000)
		acknowledged := map[string]string{}
		for i := 0; ; i++ {
			require.Less(t, i, 100, "the limit was never reached")
			name := fmt.Sprint("row", i)
			err := home(d).Update(t.Context(), put(name, big))
			if err != nil {
				require.ErrorIs(t, err, pmerr.ErrUnavailable)
				break
			}
			acknowledged[name] = big
		}
		require.NotEmpty(t, acknowledged)
		// Also when several share the transaction that does not fit. The limit
		// belongs to a connection, and that one is gone.
		limit(1) // means: no page more
		big += strings.Repeat(big, 10)
		b := &busy{DB: d}
		gate := b.hold(t)
		one := b.queue(t, t.Context(), put("one", big))
		two := b.queue(t, t.Context(), put("two", big))
		close(gate)
		require.ErrorIs(t, <-one, pmerr.ErrUnavailable)
		require.ErrorIs(t, <-two, pmerr.ErrUnavailable)
		b.calls.Wait()

		require.Equal(t, acknowledged, settings(t, home(d)))
		limit(pages + 1000)
		require.NoError(t, home(d).Update(t.Context(), put("again", "1")))
		acknowledged["again"] = "1"
		require.Equal(t, acknowledged, settings(t, home(dbtest.OpenConfig(t, c))), "on disk too")
	})

	t.Run("a file that cannot be written is unavailable and can be read", func(t *testing.T) {
		t.Parallel()
		pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db"))
		require.NoError(t, err)
		defer func() { require.NoError(t, pool.Close()) }()
		pool.SetMaxOpenConns(1)
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Pool: pool, Now: time.Now})
		require.NoError(t, home(d).Update(t.Context(), put("before", "1")))
		pragma := func(on int) {
			_, err := pool.ExecContext(t.Context(), fmt.Sprintf("PRAGMA query_only = %d", on))
			require.NoError(t, err)
		}
		pragma(1)
		require.ErrorIs(t, home(d).Update(t.Context(), put("during", "1")), pmerr.ErrUnavailable)
		require.Equal(t, map[string]string{"before": "1"}, settings(t, home(d)))
		pragma(0)
		require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
	})

	t.Run("a file that was removed is unavailable, and is not made again", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Path: path, Now: time.Now})
		require.NoError(t, os.Remove(path))
		require.ErrorIs(t, home(d).Update(t.Context(), put("lost", "1")), pmerr.ErrUnavailable)
		err := home(d).View(t.Context(), func(ctx context.Context, s *db.Scope) error {
			_, err := s.Select((*setting)(nil)).Count(ctx)
			return err
		})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.NoFileExists(t, path)
	})

	t.Run("a file that was replaced is unavailable", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Path: path, Now: time.Now})
		require.NoError(t, home(d).Update(t.Context(), put("before", "1")))
		require.NoError(t, os.Rename(path, path+".old"))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.ErrorIs(t, home(d).Update(t.Context(), put("lost", "1")), pmerr.ErrUnavailable)
	})
}

// lockFile is another process that has begun to write; let ends it.
func lockFile(t *testing.T, path string) (let func()) {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	conn, err := pool.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	open := true
	let = func() {
		if !open {
			return
		}
		open = false
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		if err != nil {
			t.Errorf("let go of the file: %v", err)
		}
		_ = conn.Close()
		_ = pool.Close()
	}
	t.Cleanup(let)
	return let
}

func TestPostgreSQLOutage(t *testing.T) {
	t.Parallel()

	t.Run("a halted server is unavailable, and works again without a restart of ours", func(t *testing.T) {
		t.Parallel()
		_ = dbtest.Server(t) // skips, or fails, where there is no PostgreSQL
		server, err := pgserver.Start(t.Context(), pgserver.Options{})
		require.NoError(t, err)
		t.Cleanup(server.Stop)
		dsn, err := server.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.PostgreSQL, URL: dsn, Now: time.Now})
		require.NoError(t, home(d).Update(t.Context(), put("before", "1")))

		require.NoError(t, server.Halt(t.Context()))
		read := func() error {
			return home(d).View(t.Context(), func(ctx context.Context, s *db.Scope) error {
				_, err := s.Select((*setting)(nil)).Count(ctx)
				return err
			})
		}
		for range 3 {
			require.ErrorIs(t, home(d).Update(t.Context(), put("during", "1")), pmerr.ErrUnavailable)
			require.ErrorIs(t, read(), pmerr.ErrUnavailable)
		}
		require.NoError(t, server.Resume(t.Context()))
		require.Eventually(t, func() bool { return read() == nil }, 20*time.Second, 50*time.Millisecond)
		require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
		require.Equal(t, map[string]string{"before": "1", "after": "1"}, settings(t, home(d)))
	})

	t.Run("a read-only database is unavailable and can be read", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.PostgreSQL}.Open(t)
		require.NoError(t, home(d).Update(t.Context(), put("before", "1")))
		require.ErrorIs(t, home(d).Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
			if _, err := s.Tx().ExecContext(ctx, "SET TRANSACTION READ ONLY"); err != nil {
				return err
			}
			return put("during", "1")(ctx, s)
		}), pmerr.ErrUnavailable)
		require.Equal(t, map[string]string{"before": "1"}, settings(t, home(d)))
	})

	t.Run("a connection that the operator ends is unavailable once", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.PostgreSQL}.Open(t)
		err := home(d).Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
			_, err := s.Tx().ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
			return err
		})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
	})

	t.Run("the error of a server that cannot be reached says where, and no password", func(t *testing.T) {
		t.Parallel()
		_, err := db.Open(t.Context(), db.Config{
			Dialect: db.PostgreSQL, URL: "postgres://me:hunter2@127.0.0.1:1/prompts?connect_timeout=2", Now: time.Now,
		})
		require.ErrorContains(t, err, "127.0.0.1:1")
		require.ErrorContains(t, err, `"prompts"`)
		require.NotContains(t, err.Error(), "hunter2")
		_, err = db.Open(t.Context(), db.Config{Dialect: db.PostgreSQL, URL: "postgres://me:hunter2@[::1/prompts", Now: time.Now})
		require.ErrorContains(t, err, "it must look like postgres://")
		require.NotContains(t, err.Error(), "hunter2")
	})
}
