package dbtest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Engine makes databases of one kind, each for one test.
type Engine struct {
	// Dialect of the databases.
	Dialect db.Dialect
	// Pooled puts a PgBouncer in transaction mode in front of PostgreSQL.
	Pooled bool
}

// Each runs a test on every engine, as parallel subtests named after them.
func Each(t *testing.T, test func(t *testing.T, e Engine)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.SQLite, db.PostgreSQL} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			test(t, Engine{Dialect: dialect})
		})
	}
}

// Every is Each, and once more on PostgreSQL behind a PgBouncer in transaction
// mode: for the suites of the stores.
func Every(t *testing.T, test func(t *testing.T, e Engine)) {
	t.Helper()
	Each(t, test)
	t.Run("postgresql behind pgbouncer", func(t *testing.T) {
		t.Parallel()
		test(t, Engine{Dialect: db.PostgreSQL, Pooled: true})
	})
}

// Open opens a fresh, migrated database that is closed when the test ends.
func (e Engine) Open(tb testing.TB) *db.DB {
	tb.Helper()
	return OpenConfig(tb, e.Config(tb))
}

// OpenConfig opens a database that is closed when the test ends.
func OpenConfig(tb testing.TB, c db.Config) *db.DB {
	tb.Helper()
	d, err := db.Open(tb.Context(), c)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("close the database: %v", err)
		}
	})
	return d
}

// Config says where a fresh database is that may be opened several times. On
// PostgreSQL it has been migrated already.
func (e Engine) Config(tb testing.TB) db.Config {
	tb.Helper()
	if e.Dialect == db.PostgreSQL {
		return e.config(e.reach(tb, postgres(tb).copyOfTemplate(tb)))
	}
	return e.config(filepath.Join(tb.TempDir(), "test.db"))
}

// Empty says where a fresh database is that holds nothing at all.
func (e Engine) Empty(tb testing.TB) db.Config {
	tb.Helper()
	if e.Dialect == db.PostgreSQL {
		return e.config(e.reach(tb, postgres(tb).empty(tb)))
	}
	return e.Config(tb)
}

// reach is how the engine's database is reached.
func (e Engine) reach(tb testing.TB, dsn string) string {
	tb.Helper()
	if e.Pooled {
		return postgres(tb).pooled(tb, dsn)
	}
	return dsn
}

// config names a database by its file or URL. Waiting for a busy one is
// generous: a test machine may run many tests at once.
func (e Engine) config(at string) db.Config {
	c := db.Config{Dialect: e.Dialect, BusyTimeout: 20 * time.Second, Now: time.Now}
	if e.Dialect == db.PostgreSQL {
		c.URL = at
	} else {
		c.Path = at
	}
	return c
}
