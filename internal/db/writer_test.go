package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// busy is a database whose writer is held in a transaction, so that whatever
// comes queues up behind it and shares the next one.
type busy struct {
	*db.DB
	path    string
	release func()
	calls   sync.WaitGroup
}

func holdWriter(t *testing.T) *busy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	b := &busy{DB: dbtest.OpenConfig(t, db.Config{Dialect: db.SQLite, Path: path, Now: time.Now}), path: path}
	gate := b.hold(t)
	b.release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(func() { b.release(); b.calls.Wait() })
	return b
}

// hold occupies the writer until the channel is closed.
func (b *busy) hold(t *testing.T) chan struct{} {
	t.Helper()
	started, gate := make(chan struct{}), make(chan struct{})
	b.calls.Go(func() {
		_ = home(b.DB).Update(context.Background(), func(context.Context, *db.Scope) error {
			close(started)
			<-gate
			return nil
		})
	})
	<-started
	return gate
}

// queue starts an Update and waits until it stands in the queue.
func (b *busy) queue(t *testing.T, ctx context.Context, fn func(context.Context, *db.Scope) error) <-chan error {
	t.Helper()
	before := b.Queued()
	result := make(chan error, 1)
	b.calls.Go(func() { result <- home(b.DB).Update(ctx, fn) })
	require.Eventually(t, func() bool { return b.Queued() == before+1 }, 10*time.Second, time.Millisecond)
	return result
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()

	t.Run("many callers share one transaction", func(t *testing.T) {
		t.Parallel()
		b := holdWriter(t)
		outside, err := sql.Open("sqlite", "file:"+b.path)
		require.NoError(t, err)
		defer func() { require.NoError(t, outside.Close()) }()
		const many = 50
		var results []<-chan error
		for i := range many {
			results = append(results, b.queue(t, t.Context(), func(ctx context.Context, s *db.Scope) error {
				// What another connection sees is what was committed.
				var committed int
				if err := outside.QueryRowContext(ctx, "SELECT count(*) FROM pm_settings").Scan(&committed); err != nil {
					return err
				}
				if committed != 0 {
					return fmt.Errorf("%d rows were committed before call %d", committed, i)
				}
				return put(fmt.Sprint("row", i), "")(ctx, s)
			}))
		}
		b.release()
		for _, result := range results {
			require.NoError(t, <-result)
		}
		require.Len(t, settings(t, home(b.DB)), many)
	})

	t.Run("a row is durable and visible when its caller returns", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		var callers sync.WaitGroup
		for i := range 64 {
			callers.Go(func() {
				name := fmt.Sprint("row", i)
				if err := home(d).Update(t.Context(), put(name, "x")); err != nil {
					t.Error(err)
					return
				}
				if settings(t, home(d))[name] != "x" {
					t.Errorf("%s is not visible to its own caller", name)
				}
			})
		}
		callers.Wait()
		require.Len(t, settings(t, home(d)), 64)
	})

	t.Run("a failing call is undone and leaves the others' work", func(t *testing.T) {
		t.Parallel()
		b := holdWriter(t)
		before := b.queue(t, t.Context(), put("before", "1"))
		failing := b.queue(t, t.Context(), func(ctx context.Context, s *db.Scope) error {
			if err := put("undone", "1")(ctx, s); err != nil {
				return err
			}
			return errRefused
		})
		clash := b.queue(t, t.Context(), put("before", "again"))
		after := b.queue(t, t.Context(), put("after", "1"))
		b.release()
		require.NoError(t, <-before)
		require.ErrorIs(t, <-failing, errRefused)
		require.True(t, db.IsDuplicate(<-clash), "the database's own refusal")
		require.NoError(t, <-after)
		require.Equal(t, map[string]string{"before": "1", "after": "1"}, settings(t, home(b.DB)))
	})

	t.Run("a panic reaches its caller only", func(t *testing.T) {
		t.Parallel()
		b := holdWriter(t)
		before := b.queue(t, t.Context(), put("before", "1"))
		panicked := make(chan any, 1)
		queued := b.Queued()
		b.calls.Go(func() {
			defer func() { panicked <- recover() }()
			_ = home(b.DB).Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				_ = put("undone", "1")(ctx, s)
				panic("a bug in a store")
			})
		})
		require.Eventually(t, func() bool { return b.Queued() == queued+1 }, 10*time.Second, time.Millisecond)
		after := b.queue(t, t.Context(), put("after", "1"))
		b.release()
		require.NoError(t, <-before)
		require.Equal(t, "a bug in a store", <-panicked)
		require.NoError(t, <-after)
		require.Equal(t, map[string]string{"before": "1", "after": "1"}, settings(t, home(b.DB)))
	})

	t.Run("a panic of a call that is alone is undone too", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		require.PanicsWithValue(t, "a bug", func() {
			_ = home(d).Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				_ = put("undone", "1")(ctx, s)
				panic("a bug")
			})
		})
		require.NoError(t, home(d).Update(t.Context(), put("next", "1")))
		require.Equal(t, map[string]string{"next": "1"}, settings(t, home(d)))
	})

	t.Run("a caller who gives up while waiting returns at once and nothing runs", func(t *testing.T) {
		t.Parallel()
		b := holdWriter(t)
		ctx, cancel := context.WithCancel(t.Context())
		left := b.queue(t, ctx, put("never", "1"))
		stays := b.queue(t, t.Context(), put("stays", "1"))
		cancel()
		require.ErrorIs(t, <-left, context.Canceled) // the writer is still held
		b.release()
		require.NoError(t, <-stays)
		require.Equal(t, map[string]string{"stays": "1"}, settings(t, home(b.DB)))
	})

	t.Run("a caller whose context ended before is refused", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, home(d).Update(ctx, put("never", "1")), context.Canceled)
		require.Empty(t, settings(t, home(d)))
	})

	t.Run("a context that ends while its call runs undoes nothing", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, home(d).Update(ctx, func(ctx context.Context, s *db.Scope) error {
			cancel()
			return put("kept", "1")(ctx, s)
		}))
		require.Equal(t, map[string]string{"kept": "1"}, settings(t, home(d)))
	})

	t.Run("a commit that fails fails all, but for those with an error of their own", func(t *testing.T) {
		t.Parallel()
		b := holdWriter(t)
		one := b.queue(t, t.Context(), put("one", "1"))
		two := b.queue(t, t.Context(), put("two", "1"))
		own := b.queue(t, t.Context(), func(context.Context, *db.Scope) error { return errRefused })
		require.NoError(t, os.Rename(b.path, b.path+".away"))
		b.release()
		require.ErrorIs(t, <-one, pmerr.ErrUnavailable)
		require.ErrorIs(t, <-two, pmerr.ErrUnavailable)
		err := <-own
		require.ErrorIs(t, err, errRefused)
		require.NotErrorIs(t, err, pmerr.ErrUnavailable)
		require.NoError(t, os.Rename(b.path+".away", b.path))
		require.NoError(t, home(b.DB).Update(t.Context(), put("later", "1")))
		require.Equal(t, map[string]string{"later": "1"}, settings(t, home(b.DB)), "nothing of what failed is left")
	})

	t.Run("what was accepted before Close is written, what comes later is unavailable", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		c := db.Config{Dialect: db.SQLite, Path: path, Now: time.Now}
		d, err := db.Open(t.Context(), c)
		require.NoError(t, err)
		var callers sync.WaitGroup
		var mu sync.Mutex
		acknowledged := 0
		for i := range 200 {
			callers.Go(func() {
				err := home(d).Update(context.Background(), put(fmt.Sprint("row", i), ""))
				if err == nil {
					mu.Lock()
					acknowledged++
					mu.Unlock()
				} else if !errors.Is(err, pmerr.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		require.NoError(t, d.Close())
		callers.Wait()
		require.ErrorIs(t, home(d).Update(t.Context(), put("late", "")), pmerr.ErrUnavailable)
		require.ErrorIs(t, home(d).View(t.Context(), func(ctx context.Context, s *db.Scope) error {
			return s.Select(&setting{}).Scan(ctx)
		}), pmerr.ErrUnavailable)
		require.NoError(t, d.Close(), "closing again does nothing")
		require.Len(t, settings(t, home(dbtest.OpenConfig(t, c))), acknowledged)
	})
}
