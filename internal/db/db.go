// Package db is the only door to the database: it opens SQLite or PostgreSQL,
// migrates the schema, translates errors, and hands out transactions that are
// bound to a workspace.
//
// Stores write one SQL for both engines. What really differs between them is a
// named function here.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Dialect names a database engine.
type Dialect string

// The engines.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgresql"
)

// Config says which database to open.
type Config struct {
	Dialect Dialect
	// Path of the SQLite file, or URL the PostgreSQL connection URL.
	Path, URL string
	// Pool is a database that the embedding program opened and will close. It
	// replaces Path and URL.
	Pool *sql.DB
	// BusyTimeout bounds how long a write waits for another process; 5 s if 0.
	BusyTimeout time.Duration
	// Patience is how long a call of PostgreSQL may take before the server is
	// asked for a sign of life, and how long that may take; 5 s if 0.
	Patience time.Duration
	// Moved is called after the commit of each transaction that announced
	// change counters, with each of them. It must not block. May be nil.
	Moved func(counter string)
	// Logger hears of what the operator waits for. Default: silence.
	Logger *slog.Logger
	Now    func() time.Time
}

// DB is an open, migrated database.
type DB struct {
	dialect Dialect
	read    *bun.DB // many readers; on PostgreSQL also the writers
	write   *bun.DB // where Update runs; the same as read unless we opened SQLite
	writer  *writer // group commit; nil on PostgreSQL
	owned   bool
	file    *fileGuard // notices that the SQLite file was removed; may be nil
	now     func() time.Time
	log     *slog.Logger
	moved   func(counter string)
	pg      *postgres // nil on SQLite
	counts  *counts
}

// Open opens the database, checks that it can be used, and migrates it. The
// error says in one sentence what is wrong and what to do.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	d := &DB{dialect: c.Dialect, owned: c.Pool == nil, now: c.Now, log: c.Logger, moved: c.Moved, counts: newCounts()}
	if err := d.connect(ctx, c); err != nil {
		return nil, err
	}
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DB) connect(ctx context.Context, c Config) error {
	switch {
	case c.Pool != nil:
		d.read = d.wrap(c.Pool)
		d.write = d.read
		if err := d.checkPool(ctx, c); err != nil {
			return err
		}
	case c.Dialect == SQLite:
		if err := d.openSQLite(ctx, c); err != nil {
			return err
		}
	case c.Dialect == PostgreSQL:
		if err := d.openPostgres(ctx, c); err != nil {
			return err
		}
	default:
		return fmt.Errorf("database dialect %q is unknown: use %q or %q", c.Dialect, SQLite, PostgreSQL)
	}
	if c.Dialect == SQLite {
		d.writer = newWriter(d.write, d.owned, d.file, d.counts, d.now)
	}
	return nil
}

func (d *DB) wrap(pool *sql.DB) *bun.DB {
	var dialect schema.Dialect = sqlitedialect.New()
	if d.dialect == PostgreSQL {
		dialect = pgdialect.New()
	}
	return bun.NewDB(pool, dialect)
}

func (d *DB) checkPool(ctx context.Context, c Config) error {
	if c.Dialect != SQLite && c.Dialect != PostgreSQL {
		return fmt.Errorf("Options.Dialect must be %q or %q when Options.DB is set", SQLite, PostgreSQL)
	}
	if err := c.Pool.PingContext(ctx); err != nil {
		return fmt.Errorf("Options.DB cannot be reached: %w", err)
	}
	if c.Dialect == PostgreSQL {
		return d.adoptPostgres(ctx, c)
	}
	return nil
}

// Dialect tells which engine is open.
func (d *DB) Dialect() Dialect { return d.dialect }

// Now is the clock of the stores.
func (d *DB) Now() time.Time { return d.now() }

// Close waits for the writes under way and closes what Open opened.
func (d *DB) Close() error {
	if d.writer != nil {
		d.writer.close()
	}
	if d.pg != nil {
		d.pg.pulse.close()
	}
	if !d.owned {
		return nil
	}
	err := d.read.Close()
	if d.write != d.read {
		err = errors.Join(err, d.write.Close())
	}
	if d.pg != nil {
		d.pg.ends.wait()
	}
	return err
}

// Workspace binds the database to a workspace and to who acts.
func (d *DB) Workspace(id workspace.ID, actor workspace.Actor) *Workspace {
	if id.IsZero() {
		panic("db: the zero workspace.ID names no workspace")
	}
	return &Workspace{db: d, id: id, actor: actor}
}

// View runs a reading function over all workspaces. Only what authenticates,
// reconciles or maintains the whole database may use it.
func (d *DB) View(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if d.pg == nil {
		return Translate(fn(ctx, &Tx{IDB: d.read, db: d}))
	}
	return d.pg.guard(ctx, func(ctx context.Context) error {
		if d.pg.ours && isUnhurried(ctx) {
			return d.transact(ctx, &sql.TxOptions{ReadOnly: true}, fn)
		}
		return fn(ctx, &Tx{IDB: d.read, db: d})
	})
}

// Update runs a writing function over all workspaces in one transaction, and
// returns when it is durable. See [Workspace.Update] for the rules.
func (d *DB) Update(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if d.writer != nil {
		return Translate(d.writer.do(ctx, d, fn))
	}
	return d.pg.guard(ctx, func(ctx context.Context) error { return d.transact(ctx, nil, fn) })
}

// tell reports what a committed transaction has announced.
func (d *DB) tell(announced []string) {
	if d.moved == nil {
		return
	}
	for _, counter := range announced {
		d.moved(counter)
	}
}

// Tx is a running transaction, or the reading pool in a View.
type Tx struct {
	bun.IDB
	db    *DB
	stmts *statements // prepared on the writer's connection; nil elsewhere
	conn  *sql.Conn   // of a transaction on PostgreSQL; nil elsewhere
	// announced are the change counters that have moved.
	announced []string
	// audited counts the entries of the audit log that were written.
	audited uint64
}

// Now is the clock of the stores.
func (t *Tx) Now() time.Time { return t.db.now() }

// Dialect tells which engine runs the transaction.
func (t *Tx) Dialect() Dialect { return t.db.dialect }

// Run executes a statement of the ingest path: the query text is constant and
// its placeholders are "?" on both engines; it stays prepared where possible.
func (t *Tx) Run(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if t.stmts != nil {
		stmt, err := t.stmts.prepare(ctx, query) //nolint:sqlclosecheck // it stays prepared until the connection goes.
		if err != nil {
			return nil, err
		}
		return stmt.ExecContext(ctx, args...)
	}
	return t.std().ExecContext(ctx, rebind(t.db.dialect, query), t.arguments(args)...)
}

// RunRow is Run for a statement that answers exactly one row.
func (t *Tx) RunRow(ctx context.Context, query string, args ...any) *sql.Row {
	if t.stmts != nil {
		stmt, err := t.stmts.prepare(ctx, query) //nolint:sqlclosecheck // it stays prepared until the connection goes.
		if err == nil {
			return stmt.QueryRowContext(ctx, args...)
		}
	}
	return t.std().QueryRowContext(ctx, rebind(t.db.dialect, query), t.arguments(args)...)
}

// arguments asks the driver to keep the statement prepared, where that pays.
func (t *Tx) arguments(args []any) []any {
	if t.db.pg == nil || !t.db.pg.prepares {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheStatement}, args...)
}

// Each runs a query, with "?" placeholders on both engines, and calls fn for
// every row of its answer.
func (t *Tx) Each(ctx context.Context, query string, args []any, fn func(*sql.Rows) error) (err error) {
	rows, err := t.std().QueryContext(ctx, rebind(t.db.dialect, query), t.arguments(args)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// std is the plain database/sql side of the transaction: bun would format the
// arguments into the text, and a text that changes cannot stay prepared.
func (t *Tx) std() stdConn {
	switch idb := t.IDB.(type) {
	case bun.Tx:
		return idb.Tx
	case bun.Conn:
		return idb.Conn
	case *bun.DB:
		return idb.DB
	default:
		panic(fmt.Sprintf("db: no plain connection in %T", t.IDB))
	}
}

type stdConn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
