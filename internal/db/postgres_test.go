package db_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// with adds parameters to the URL of a database.
func with(t *testing.T, c db.Config, parameters ...string) db.Config {
	t.Helper()
	u, err := url.Parse(c.URL)
	require.NoError(t, err)
	query := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	u.RawQuery = query.Encode()
	c.URL = u.String()
	return c
}

// postgresEngines are PostgreSQL itself, and behind a pooler.
func postgresEngines(t *testing.T, test func(t *testing.T, e dbtest.Engine)) {
	t.Helper()
	for name, e := range map[string]dbtest.Engine{
		"direct":           {Dialect: db.PostgreSQL},
		"behind PgBouncer": {Dialect: db.PostgreSQL, Pooled: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func setting1(ctx context.Context, tx *db.Tx, name string) (value string, err error) {
	err = tx.RunRow(ctx, "SELECT current_setting(?)", name).Scan(&value)
	return value, err
}

// sleep is a statement that takes long.
func sleep(ctx context.Context, tx *db.Tx, seconds float64) error {
	_, err := tx.Run(ctx, "SELECT pg_sleep(CAST(? AS DOUBLE PRECISION))", seconds)
	return err
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	postgresEngines(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("transactions have those of ours, and those of the URL win", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			for _, test := range []struct {
				config              db.Config
				statement, lock, id string
			}{
				{c, "30s", "10s", "30s"},
				{with(t, c, "statement_timeout", "90000", "lock_timeout", "0"), "90s", "0", "30s"},
			} {
				d := dbtest.OpenConfig(t, test.config)
				require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
					for name, want := range map[string]string{
						"statement_timeout": test.statement, "lock_timeout": test.lock, "idle_in_transaction_session_timeout": test.id,
					} {
						got, err := setting1(ctx, tx, name)
						if err != nil {
							return err
						}
						require.Contains(t, []string{want, map[string]string{"90s": "1.5min"}[want]}, got, name)
					}
					return nil
				}))
			}
		})

		t.Run("a statement that runs away ends, and says when to come back", func(t *testing.T) {
			t.Parallel()
			d := dbtest.OpenConfig(t, with(t, e.Config(t), "statement_timeout", "100"))
			late := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, pmerr.ErrUnavailable)
				require.Equal(t, "the database took too long", pmerr.From(err).Message)
				require.Positive(t, pmerr.From(err).RetryAfter)
			}
			late(d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error { return sleep(ctx, tx, 600) }))
			if !e.Pooled {
				late(d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error { return sleep(ctx, tx, 600) }))
			}
			require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
		})

		t.Run("a reading call ends as a whole", func(t *testing.T) {
			t.Parallel()
			c := with(t, e.Config(t), "statement_timeout", "300")
			c.Patience = 200 * time.Millisecond
			d := dbtest.OpenConfig(t, c)
			err := d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				for {
					if err := sleep(ctx, tx, 0.01); err != nil {
						return err
					}
				}
			})
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
		})

		t.Run("a lock that nobody lets go of is given up on", func(t *testing.T) {
			t.Parallel()
			d := dbtest.OpenConfig(t, with(t, e.Config(t), "lock_timeout", "100"))
			require.NoError(t, home(d).Update(t.Context(), put("row", "1")))
			change := func(ctx context.Context, s *db.Scope) error {
				_, err := s.Update((*setting)(nil)).Set("value = '2'").Where("name = 'row'").Exec(ctx)
				return err
			}
			require.NoError(t, home(d).Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				if err := change(ctx, s); err != nil {
					return err
				}
				err := home(d).Update(context.WithoutCancel(ctx), change) // on a connection of its own
				require.ErrorIs(t, err, pmerr.ErrUnavailable)
				require.Equal(t, "the database is busy", pmerr.From(err).Message)
				require.Positive(t, pmerr.From(err).RetryAfter)
				return nil
			}))
			require.Equal(t, map[string]string{"row": "2"}, settings(t, home(d)))
		})

		t.Run("a transaction that does nothing loses its locks", func(t *testing.T) {
			t.Parallel()
			d := dbtest.OpenConfig(t, with(t, e.Config(t), "idle_in_transaction_session_timeout", "100"))
			other := dbtest.OpenConfig(t, e.Config(t))
			err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				var pid int64
				if err := tx.RunRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
					return err
				}
				require.Eventually(t, func() bool {
					var alive bool
					err := other.View(ctx, func(ctx context.Context, tx *db.Tx) error {
						return tx.RunRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = ?)", pid).Scan(&alive)
					})
					return err == nil && !alive
				}, time.Minute, 20*time.Millisecond)
				_, err := tx.Run(ctx, "SELECT 1 + ?", int64(1))
				return err
			})
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
		})

		t.Run("migrations and maintenance take as long as they take", func(t *testing.T) {
			t.Parallel()
			d := dbtest.OpenConfig(t, with(t, e.Config(t), "statement_timeout", "100", "idle_in_transaction_session_timeout", "100"))
			require.NoError(t, d.MigrateWith(t.Context(), "SELECT pg_sleep(0.5)"))
			long := func(ctx context.Context, tx *db.Tx) error { return sleep(ctx, tx, 0.5) }
			require.NoError(t, d.View(db.Unhurried(t.Context()), long))
			require.NoError(t, d.Update(db.Unhurried(t.Context()), long))
			require.ErrorIs(t, d.Update(t.Context(), long), pmerr.ErrUnavailable, "others do not")
		})
	})
}

func TestBehindAPooler(t *testing.T) {
	t.Parallel()

	t.Run("nothing is heard, and nothing breaks", func(t *testing.T) {
		t.Parallel()
		e := dbtest.Engine{Dialect: db.PostgreSQL, Pooled: true}
		d := dbtest.OpenConfig(t, e.Config(t))
		heard := listen(t, d)
		announce(t, d, "changes:a", nil)
		require.Empty(t, heard)
	})

	t.Run("more callers than connections of the server wait for each other", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.PostgreSQL, Pooled: true}.Open(t)
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() {
				if err := home(d).Update(context.Background(), put(fmt.Sprint("row", i), "1")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Len(t, settings(t, home(d)), 60)
	})

	t.Run("a mode in the URL wins", func(t *testing.T) {
		t.Parallel()
		e := dbtest.Engine{Dialect: db.PostgreSQL, Pooled: true}
		d := dbtest.OpenConfig(t, with(t, e.Config(t), "default_query_exec_mode", "simple_protocol"))
		require.NoError(t, home(d).Update(t.Context(), put("row", "1")))
		require.Equal(t, map[string]string{"row": "1"}, settings(t, home(d)))
	})
}

func TestAnotherNodeChangesTheSchema(t *testing.T) {
	t.Parallel()
	c := dbtest.Engine{Dialect: db.PostgreSQL}.Config(t)
	d, other := dbtest.OpenConfig(t, c), dbtest.OpenConfig(t, c)
	require.NoError(t, home(d).Update(t.Context(), put("row", "1")))
	read := func() (at float64, err error) {
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return tx.RunRow(ctx, "SELECT updated_at FROM pm_settings WHERE name = ?", "row").Scan(&at)
		})
		return at, err
	}
	// Every one of several connections gets its prepared statement.
	inside := make(chan struct{})
	var all sync.WaitGroup
	var together sync.WaitGroup
	together.Add(5)
	for range 5 {
		all.Go(func() {
			if err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				together.Done()
				<-inside
				var at float64
				return tx.RunRow(ctx, "SELECT updated_at FROM pm_settings WHERE name = ?", "row").Scan(&at)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	close(inside)
	all.Wait()
	require.NoError(t, other.MigrateWith(t.Context(), "ALTER TABLE pm_settings ALTER COLUMN updated_at TYPE DOUBLE PRECISION"))
	failed := 0
	for range 20 {
		if _, err := read(); err != nil {
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			require.Positive(t, pmerr.From(err).RetryAfter)
			failed++
		}
	}
	require.Equal(t, 1, failed, "the first says that all connections are stale")
	require.NoError(t, home(d).Update(t.Context(), put("after", "1")))
}
