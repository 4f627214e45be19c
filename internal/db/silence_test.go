package db_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgproxy"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// patience is short, so that the tests of silence are. A busy machine may take
// its time too: tests that need an answer try again.
const patience = 500 * time.Millisecond

// own gives a server that may be halted and frozen, and a database on it.
func own(t *testing.T) (*pgserver.Server, db.Config) {
	t.Helper()
	_ = dbtest.Server(t) // skips, or fails, where there is no PostgreSQL
	server, err := pgserver.Start(t.Context(), pgserver.Options{Settings: map[string]string{"synchronous_commit": "on"}})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	dsn, err := server.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	return server, db.Config{Dialect: db.PostgreSQL, URL: dsn, Now: time.Now}
}

func read(t *testing.T, d *db.DB) error {
	t.Helper()
	return home(d).View(t.Context(), func(ctx context.Context, s *db.Scope) error {
		_, err := s.Select((*setting)(nil)).Count(ctx)
		return err
	})
}

// A caller that brings no deadline of its own must get an answer all the same:
// these tests end because of that.
func TestSilence(t *testing.T) {
	t.Parallel()

	silent := func(t *testing.T, d *db.DB, stop, goOn func()) {
		t.Helper()
		require.NoError(t, home(d).Update(t.Context(), put("before", "1")))
		// One call is under way when the silence begins, and holds a connection.
		begun, silence := make(chan struct{}), make(chan struct{})
		underWay := make(chan error, 1)
		go func() {
			underWay <- home(d).Update(context.WithoutCancel(t.Context()), func(ctx context.Context, s *db.Scope) error {
				close(begun)
				<-silence
				return put("cut off", "1")(ctx, s)
			})
		}()
		<-begun
		stop()
		close(silence)
		require.ErrorIs(t, <-underWay, pmerr.ErrUnavailable)
		var all sync.WaitGroup
		for i := range 40 { // more than there are connections
			all.Go(func() {
				err := home(d).Update(context.WithoutCancel(t.Context()), put(fmt.Sprint("silent", i), "1"))
				if e := pmerr.From(err); e.Code != pmerr.Unavailable || e.RetryAfter <= 0 {
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		require.ErrorIs(t, read(t, d), pmerr.ErrUnavailable)
		all.Wait()

		goOn()
		require.Eventually(t, func() bool { return read(t, d) == nil }, time.Minute, 20*time.Millisecond)
		require.Eventually(t, func() bool { return home(d).Update(t.Context(), put("after", "1")) == nil }, time.Minute, 20*time.Millisecond)
		kept := settings(t, home(d))
		require.Contains(t, kept, "before")
		require.Contains(t, kept, "after")
		require.NotContains(t, kept, "cut off", "it could not be committed")
	}

	t.Run("a server that is frozen is unavailable, and works again without a restart of ours", func(t *testing.T) {
		t.Parallel()
		server, c := own(t)
		c.Patience = patience
		d := dbtest.OpenConfig(t, c)
		t.Cleanup(func() { _ = server.Thaw() })
		silent(t, d, func() { require.NoError(t, server.Freeze()) }, func() { require.NoError(t, server.Thaw()) })
	})

	t.Run("a network that swallows everything does the same", func(t *testing.T) {
		t.Parallel()
		c, proxy := dbtest.Proxied(t)
		c.Patience = patience
		d := dbtest.OpenConfig(t, c)
		silent(t, d, proxy.Freeze, func() {
			proxy.Cut() // those connections do not come back
			proxy.Thaw()
		})
	})
}

func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	server, c := own(t)
	d := dbtest.OpenConfig(t, c)
	const writers, each = 8, 40
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	half := make(chan struct{})
	for i := range writers {
		all.Go(func() {
			for j := range each {
				name := fmt.Sprintf("row%d.%d", i, j)
				for {
					err := home(d).Update(context.WithoutCancel(t.Context()), func(ctx context.Context, s *db.Scope) error {
						_, err := s.Insert(&setting{Name: name, Value: "1"}).On("CONFLICT DO NOTHING").Exec(ctx)
						return err
					})
					if err == nil {
						break
					}
					if e := pmerr.From(err); e.Code != pmerr.Unavailable || e.RetryAfter <= 0 {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
				if acknowledged.Add(1) == writers*each/4 {
					close(half)
				}
			}
		})
	}
	<-half
	require.NoError(t, server.Restart(t.Context()))
	all.Wait()
	require.Len(t, settings(t, home(d)), writers*each, "nothing that was acknowledged is lost")
}

func TestAConnectionCutAtACommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at     pgproxy.Moment
		stored bool
	}{
		"before the server has it":        {pgproxy.BeforeCommit, false},
		"before the server's answer came": {pgproxy.AfterCommit, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := dbtest.Proxied(t)
			d := dbtest.OpenConfig(t, c)
			proxy.CutCommits(test.at)
			err := home(d).Update(t.Context(), put("row", "1"))
			require.ErrorIs(t, err, pmerr.ErrUnavailable, "nobody can know")
			require.Positive(t, pmerr.From(err).RetryAfter)
			_, stored := settings(t, home(d))["row"]
			require.Equal(t, test.stored, stored)
			require.NoError(t, home(d).Update(t.Context(), put("next", "1")))
		})
	}

	t.Run("and all connections at once", func(t *testing.T) {
		t.Parallel()
		c, proxy := dbtest.Proxied(t)
		d := dbtest.OpenConfig(t, c)
		var all sync.WaitGroup
		for i := range 10 { // so that there are several connections
			all.Go(func() {
				if err := home(d).Update(context.WithoutCancel(t.Context()), put(fmt.Sprint("row", i), "1")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		proxy.Cut()
		require.NoError(t, home(d).Update(t.Context(), put("after", "1")), "a transaction that has not begun takes the next connection")
		require.Eventually(t, func() bool { return read(t, d) == nil }, time.Minute, 10*time.Millisecond)
	})
}
