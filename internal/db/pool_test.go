package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// embedders opens the database of a program that embeds us, in the ways that
// such programs do it.
func embedders() map[string]func(t *testing.T) (db.Dialect, *sql.DB) {
	open := func(t *testing.T, driver, dsn string, connections int) *sql.DB {
		t.Helper()
		pool, err := sql.Open(driver, dsn)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pool.Close()) })
		pool.SetMaxOpenConns(connections)
		return pool
	}
	lite := func(query string, connections int) func(*testing.T) (db.Dialect, *sql.DB) {
		return func(t *testing.T) (db.Dialect, *sql.DB) {
			t.Helper()
			return db.SQLite, open(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+query, connections)
		}
	}
	postgres := func(connections int) func(*testing.T) (db.Dialect, *sql.DB) {
		return func(t *testing.T) (db.Dialect, *sql.DB) {
			t.Helper()
			return db.PostgreSQL, open(t, "pgx", dbtest.Engine{Dialect: db.PostgreSQL}.Empty(t).URL, connections)
		}
	}
	return map[string]func(*testing.T) (db.Dialect, *sql.DB){
		"SQLite as advised":              lite("?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)", 8),
		"SQLite with one connection":     lite("", 1),
		"PostgreSQL":                     postgres(8),
		"PostgreSQL with one connection": postgres(1),
		"SQLite in memory": func(t *testing.T) (db.Dialect, *sql.DB) {
			t.Helper()
			return db.SQLite, open(t, "sqlite", ":memory:", 1)
		},
	}
}

func TestEmbeddersPool(t *testing.T) {
	t.Parallel()
	for name, embedder := range embedders() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dialect, pool := embedder(t)
			_, err := pool.ExecContext(t.Context(), "CREATE TABLE orders (id BIGINT PRIMARY KEY, note TEXT)")
			require.NoError(t, err)
			d, err := db.Open(t.Context(), db.Config{Dialect: dialect, Pool: pool, Now: time.Now})
			require.NoError(t, err)

			// Both write at the same time.
			const each = 40
			var writers sync.WaitGroup
			for i := range each {
				writers.Go(func() {
					if err := home(d).Update(t.Context(), put(fmt.Sprint("row", i), "")); err != nil {
						t.Error(err)
					}
				})
				writers.Go(func() {
					if _, err := pool.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO orders (id, note) VALUES (%d, 'theirs')", i)); err != nil {
						t.Error(err)
					}
				})
				writers.Go(func() {
					if err := home(d).View(t.Context(), func(ctx context.Context, s *db.Scope) error {
						_, err := s.Select((*setting)(nil)).Count(ctx)
						return err
					}); err != nil {
						t.Error(err)
					}
				})
			}
			writers.Wait()
			require.Len(t, settings(t, home(d)), each)
			var orders int
			require.NoError(t, pool.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&orders))
			require.Equal(t, each, orders)

			// A call that fails or panics gives the connection back clean.
			require.ErrorIs(t, home(d).Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				_ = put("undone", "")(ctx, s)
				return errRefused
			}), errRefused)
			require.Panics(t, func() {
				_ = home(d).Update(t.Context(), func(context.Context, *db.Scope) error { panic("a bug") })
			})
			require.NoError(t, home(d).Update(t.Context(), put("after", "")))
			require.NotContains(t, settings(t, home(d)), "undone")

			// Close is not ours to do to a pool that we did not open.
			require.NoError(t, d.Close())
			require.NoError(t, pool.PingContext(t.Context()))
			again, err := db.Open(t.Context(), db.Config{Dialect: dialect, Pool: pool, Now: time.Now})
			require.NoError(t, err)
			require.Len(t, settings(t, home(again)), each+1)
			require.NoError(t, again.Close())
		})
	}

	t.Run("a pool without a dialect, or a closed one, is refused", func(t *testing.T) {
		t.Parallel()
		pool, err := sql.Open("sqlite", ":memory:")
		require.NoError(t, err)
		_, err = db.Open(t.Context(), db.Config{Pool: pool, Now: time.Now})
		require.ErrorContains(t, err, "Options.Dialect")
		require.NoError(t, pool.Close())
		_, err = db.Open(t.Context(), db.Config{Dialect: db.SQLite, Pool: pool, Now: time.Now})
		require.ErrorContains(t, err, "Options.DB cannot be reached")
	})

	t.Run("a pool that the program closes under us is unavailable", func(t *testing.T) {
		t.Parallel()
		pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db"))
		require.NoError(t, err)
		d, err := db.Open(t.Context(), db.Config{Dialect: db.SQLite, Pool: pool, Now: time.Now})
		require.NoError(t, err)
		require.NoError(t, pool.Close())
		require.ErrorIs(t, home(d).Update(t.Context(), put("late", "")), pmerr.ErrUnavailable)
		require.NoError(t, d.Close())
	})
}
