package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// tape is a SQLite database that writes down the statements it is given.
type tape struct {
	*sql.DB
	mu         sync.Mutex
	statements []string
}

func newTape(tb testing.TB) *tape {
	tb.Helper()
	dsn := "file:" + filepath.Join(tb.TempDir(), "tape.db")
	plain, err := sql.Open("sqlite", dsn)
	require.NoError(tb, err)
	require.NoError(tb, plain.Close())
	t := &tape{}
	t.DB = sql.OpenDB(connector{driver: plain.Driver(), dsn: dsn, tape: t})
	t.SetMaxOpenConns(1)
	tb.Cleanup(func() { require.NoError(tb, t.Close()) })
	return t
}

func (t *tape) add(statement string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statements = append(t.statements, statement)
}

// during gives the statements of a call that read, change or delete rows.
func (t *tape) during(do func()) (seen []string) {
	t.mu.Lock()
	t.statements = nil
	t.mu.Unlock()
	do()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.statements {
		verb, _, _ := strings.Cut(s, " ")
		if slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT"}, strings.ToUpper(verb)) {
			seen = append(seen, s)
		}
	}
	return seen
}

// plan is how SQLite would run a statement, a step a line.
func (t *tape) plan(tb testing.TB, statement string) []string {
	tb.Helper()
	args := make([]any, strings.Count(statement, "?"))
	rows, err := t.QueryContext(tb.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	require.NoError(tb, err, statement)
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(tb, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	require.NoError(tb, rows.Err())
	return steps
}

// connector opens connections of a driver that write on the tape.
type connector struct {
	driver driver.Driver
	dsn    string
	tape   *tape
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &taped{sqliteConn: conn.(sqliteConn), tape: c.tape}, nil
}

// sqliteConn is what the driver's connections can do and database/sql asks for.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
}

type taped struct {
	sqliteConn
	tape *tape
}

func (c *taped) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.tape.add(query)
	return c.sqliteConn.PrepareContext(ctx, query)
}

func (c *taped) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.tape.add(query)
	return c.sqliteConn.ExecContext(ctx, query, args)
}

func (c *taped) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.tape.add(query)
	return c.sqliteConn.QueryContext(ctx, query, args)
}
