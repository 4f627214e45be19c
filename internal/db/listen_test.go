package db_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
)

// listen gives what a node hears, until the test ends.
func listen(t *testing.T, d *db.DB) <-chan string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	heard := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Listen(ctx, func(counter string) { heard <- counter })
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return heard
}

// next waits for the next thing heard.
func next(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case counter := <-heard:
		return counter
	case <-time.After(time.Minute):
		t.Error("nothing was heard")
		return ""
	}
}

func announce(t *testing.T, d *db.DB, counter string, then error) {
	t.Helper()
	err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := tx.Announce(ctx, counter); err != nil {
			return err
		}
		return then
	})
	require.ErrorIs(t, err, then)
}

func TestListen(t *testing.T) {
	t.Parallel()

	t.Run("a node hears what any node has committed, and nothing else", func(t *testing.T) {
		t.Parallel()
		c := dbtest.Engine{Dialect: db.PostgreSQL}.Config(t)
		one, two := dbtest.OpenConfig(t, c), dbtest.OpenConfig(t, c)
		heard := listen(t, one)
		require.Empty(t, next(t, heard), "whatever happened before")
		announce(t, two, "refused", errRefused)
		announce(t, two, "changes:a", nil)
		require.Equal(t, "changes:a", next(t, heard))
		announce(t, one, "changes:b", nil)
		require.Equal(t, "changes:b", next(t, heard))
	})

	t.Run("a node that lost the server listens again, and looks after what it missed", func(t *testing.T) {
		t.Parallel()
		_ = dbtest.Server(t) // skips, or fails, where there is no PostgreSQL
		server, err := pgserver.Start(t.Context(), pgserver.Options{})
		require.NoError(t, err)
		t.Cleanup(server.Stop)
		dsn, err := server.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.PostgreSQL, URL: dsn, Now: time.Now})
		heard := listen(t, d)
		require.Empty(t, next(t, heard))
		require.NoError(t, server.Restart(t.Context()))
		require.Empty(t, next(t, heard))
		require.Eventually(t, func() bool {
			return d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error { return tx.Announce(ctx, "changes:a") }) == nil
		}, time.Minute, 20*time.Millisecond)
		require.Equal(t, "changes:a", next(t, heard))
	})

	t.Run("a node with the pool of its program needs no connection of that pool", func(t *testing.T) {
		t.Parallel()
		c := dbtest.Engine{Dialect: db.PostgreSQL}.Config(t)
		pool, err := sql.Open("pgx", c.URL)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pool.Close()) })
		pool.SetMaxOpenConns(1)
		d := dbtest.OpenConfig(t, db.Config{Dialect: db.PostgreSQL, Pool: pool, Now: time.Now})
		heard := listen(t, d)
		require.Empty(t, next(t, heard))
		announce(t, d, "changes:a", nil)
		require.Equal(t, "changes:a", next(t, heard))
	})

	t.Run("on SQLite nothing is heard and the call ends with its context", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		heard := listen(t, d)
		announce(t, d, "changes:a", nil)
		require.Empty(t, heard)
	})
}

// What a transaction has announced is told after its commit, and only then.
func TestAnnouncementsAreToldAfterTheCommit(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		c := e.Config(t)
		told := make(chan string, 100)
		c.Moved = func(counter string) { told <- counter }
		d, err := db.Open(t.Context(), c)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		broken := errors.New("broken")
		for _, fails := range []bool{false, true} {
			err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := errors.Join(tx.Announce(ctx, "a"), tx.Announce(ctx, "b")); err != nil {
					return err
				}
				if len(told) > 0 {
					return errors.New("told before the commit")
				}
				if fails {
					return broken
				}
				return nil
			})
			if fails {
				require.ErrorIs(t, err, broken)
				require.Empty(t, told)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b"}, []string{<-told, <-told})
		}
		// Writers that share a commit do not share what they announce.
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				_ = d.Update(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *db.Tx) error {
					if i%2 == 1 {
						return errors.Join(tx.Announce(ctx, "never"), broken)
					}
					return tx.Announce(ctx, "once")
				})
			})
		}
		all.Wait()
		require.Len(t, told, 20)
		for range 20 {
			require.Equal(t, "once", <-told)
		}
	})
}
