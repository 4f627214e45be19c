package dbtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// cluster is the PostgreSQL server of a test process.
type cluster struct {
	// ready is set by Main: whoever starts a server must also end it.
	ready    bool
	once     sync.Once
	server   *pgserver.Server
	template string
	err      error

	pooling   sync.Once
	pooler    *pgserver.Pooler
	poolerErr error
}

// shared is the one cluster of the process: starting a server for each test
// would take a second each.
var shared cluster

// startLimit bounds the start of the server and the making of the template.
const startLimit = time.Minute

// Main runs the tests of a package, ends the PostgreSQL server that they have
// started, if any, and exits the process. It is all that TestMain does.
func Main(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	shared.ready = true
	defer func() {
		if shared.pooler != nil {
			shared.pooler.Kill()
		}
		if shared.server != nil {
			shared.server.Stop()
		}
	}()
	return m.Run()
}

// Server gives the PostgreSQL server of the test process, for tests that halt
// it, or need a database of a special kind. A test that halts it must start
// one of its own instead: others share this one.
func Server(tb testing.TB) *pgserver.Server {
	tb.Helper()
	return postgres(tb).server
}

// postgres gives the cluster, which the first caller starts.
func postgres(tb testing.TB) *cluster {
	tb.Helper()
	if !shared.ready {
		tb.Fatal("the package needs func TestMain(m *testing.M) { dbtest.Main(m) }")
	}
	shared.once.Do(func() { shared.err = shared.start() })
	if errors.Is(shared.err, pgserver.ErrNotInstalled) {
		testserver.Missing(tb, "PostgreSQL")
	}
	require.NoError(tb, shared.err)
	return &shared
}

// pooled gives the URL of a database, by that of the server itself, through
// the PgBouncer of the process, which the first caller starts.
func (c *cluster) pooled(tb testing.TB, dsn string) string {
	tb.Helper()
	c.pooling.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		c.pooler, c.poolerErr = c.server.StartPooler(ctx)
	})
	if errors.Is(c.poolerErr, pgserver.ErrNoPooler) {
		testserver.Missing(tb, "PgBouncer")
	}
	require.NoError(tb, c.poolerErr)
	dsn, err := c.pooler.DSN(dsn)
	require.NoError(tb, err)
	return dsn
}

// start brings the server up and migrates the template.
func (c *cluster) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Options{Settings: map[string]string{"max_connections": "400"}})
	if err != nil {
		return err
	}
	c.server = server
	if c.template, err = server.CreateDatabase(ctx, ""); err != nil {
		return err
	}
	migrated, err := db.Open(ctx, db.Config{Dialect: db.PostgreSQL, URL: c.template, Now: time.Now})
	if err != nil {
		return err
	}
	return migrated.Close() // nobody may be connected to a template
}

func (c *cluster) copyOfTemplate(tb testing.TB) string {
	tb.Helper()
	return c.create(tb, c.template)
}

func (c *cluster) empty(tb testing.TB) string {
	tb.Helper()
	return c.create(tb, "")
}

// create makes a database that is dropped when the test ends.
func (c *cluster) create(tb testing.TB, template string) string {
	tb.Helper()
	dsn, err := c.server.CreateDatabase(tb.Context(), template)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		if err := c.server.DropDatabase(ctx, dsn); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return dsn
}
