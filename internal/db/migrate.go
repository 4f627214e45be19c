package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations
var migrationFiles embed.FS

// migration is one step of the schema.
type migration struct {
	number int
	name   string
	script string
}

// migrate brings the schema up to date in one transaction that excludes other
// processes doing the same. A schema newer than this program is refused.
func (d *DB) migrate(ctx context.Context) error {
	steps, err := migrations(migrationFiles, d.dialect)
	if err != nil {
		return err
	}
	return d.migrateTo(ctx, steps)
}

// migrateLimit bounds all steps together. A step may rewrite a large table.
const migrateLimit = 6 * time.Hour

func (d *DB) migrateTo(ctx context.Context, steps []migration) error {
	ctx, cancel := context.WithTimeout(ctx, migrateLimit)
	defer cancel()
	conn, err := d.write.DB.Conn(ctx)
	if err != nil {
		return Translate(err)
	}
	defer func() { _ = conn.Close() }()
	if d.isCurrent(ctx, conn, steps) {
		return nil
	}
	if err := d.migrateOn(ctx, conn, steps); err != nil {
		_, rolled := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return fmt.Errorf("the schema cannot be migrated: %w", errors.Join(err, rolled))
	}
	return nil
}

// isCurrent tells that there is nothing to do, which is how most starts find a
// PostgreSQL: then no lock is needed, nor the right to make tables.
func (d *DB) isCurrent(ctx context.Context, conn *sql.Conn, steps []migration) bool {
	if d.dialect != PostgreSQL {
		return false
	}
	var there bool
	if err := conn.QueryRowContext(ctx, "SELECT to_regclass('pm_migrations') IS NOT NULL").Scan(&there); err != nil || !there {
		return false
	}
	var have sql.NullInt64
	err := conn.QueryRowContext(ctx, "SELECT max(number) FROM pm_migrations").Scan(&have)
	return err == nil && have.Int64 == int64(steps[len(steps)-1].number)
}

// migrationLock is the key under which PostgreSQL lets one node migrate.
const migrationLock = 7307199412

// begin starts the transaction that excludes other processes. The limits of
// ordinary statements are not for what migrates.
func (d *DB) begin(ctx context.Context, conn *sql.Conn) error {
	if d.dialect != PostgreSQL {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; "+
		"SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return err
	}
	var got bool
	if err := conn.QueryRowContext(ctx, fmt.Sprintf("SELECT pg_try_advisory_xact_lock(%d)", migrationLock)).Scan(&got); err != nil || got {
		return err
	}
	d.log.Info("waiting for another node, which migrates the schema")
	_, err := conn.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock))
	return err
}

func (d *DB) migrateOn(ctx context.Context, conn *sql.Conn, steps []migration) error {
	if err := d.begin(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx,
		"CREATE TABLE IF NOT EXISTS pm_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)"); err != nil {
		return err
	}
	var have sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT max(number) FROM pm_migrations").Scan(&have); err != nil {
		return err
	}
	if newest := steps[len(steps)-1].number; have.Int64 > int64(newest) {
		return fmt.Errorf("the database has schema %d and this program knows %d: start a newer program, or restore a backup from before the upgrade", have.Int64, newest)
	}
	for _, step := range steps {
		if int64(step.number) <= have.Int64 {
			continue
		}
		if have.Int64 > 0 { // a new database takes a moment; an upgrade may take long
			d.log.Info("migrating the schema", "step", step.name)
		}
		if _, err := conn.ExecContext(ctx, step.script); err != nil {
			return fmt.Errorf("step %s: %w", step.name, err)
		}
		if _, err := conn.ExecContext(ctx, rebind(d.dialect, "INSERT INTO pm_migrations (number, name, applied_at) VALUES (?, ?, ?)"),
			step.number, step.name, Micros(d.now())); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

// migrations reads the steps of a dialect, files named 0001_what.sql, in order.
func migrations(files fs.FS, dialect Dialect) ([]migration, error) {
	folder := map[Dialect]string{SQLite: "migrations/sqlite", PostgreSQL: "migrations/postgres"}[dialect]
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, err
	}
	var steps []migration
	for _, entry := range entries {
		digits, _, _ := strings.Cut(entry.Name(), "_")
		number, err := strconv.Atoi(digits)
		if err != nil {
			return nil, fmt.Errorf("migration %s does not start with a number", entry.Name())
		}
		script, err := fs.ReadFile(files, path.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration{number: number, name: entry.Name(), script: string(script)})
	}
	slices.SortFunc(steps, func(a, b migration) int { return a.number - b.number })
	return steps, nil
}
