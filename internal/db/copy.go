package db

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// maxParameters is how many values a statement may have: PostgreSQL counts
// them with 16 bits, SQLite stops at 32766.
const maxParameters = 32_000

// Copy writes rows of the columns into a table and returns how many. It is for
// many rows: on PostgreSQL they go by COPY, in one stream; elsewhere, and on a
// pool whose driver is not pgx, in statements of many rows. Values are what
// Run takes.
func (t *Tx) Copy(ctx context.Context, table string, columns []string, rows [][]any) (int64, error) {
	n, err := t.copyFrom(ctx, table, columns, rows)
	if errors.Is(err, errNotPgx) {
		return t.insertMany(ctx, table, columns, rows)
	}
	return n, err
}

// Copies tells whether Copy streams.
func (t *Tx) Copies() bool { return t.withPgx(func(*pgx.Conn) error { return nil }) == nil }

func (t *Tx) copyFrom(ctx context.Context, table string, columns []string, rows [][]any) (n int64, err error) {
	err = t.withPgx(func(c *pgx.Conn) error {
		n, err = c.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		return err
	})
	return n, err
}

// withPgx hands out the connection on which the transaction runs.
func (t *Tx) withPgx(use func(*pgx.Conn) error) error {
	if t.conn == nil {
		return errNotPgx
	}
	return t.conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return errNotPgx
		}
		return use(c.Conn())
	})
}

func (t *Tx) insertMany(ctx context.Context, table string, columns []string, rows [][]any) (n int64, err error) {
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	head := "INSERT INTO " + quoteName(table) + " ("
	for i, column := range columns {
		if i > 0 {
			head += ", "
		}
		head += quoteName(column)
	}
	head += ") VALUES "
	for most := maxParameters / len(columns); len(rows) > 0; {
		some := rows[:min(most, len(rows))]
		args := make([]any, 0, len(some)*len(columns))
		for _, r := range some {
			args = append(args, r...)
		}
		if _, err := t.std().ExecContext(ctx, rebind(t.db.dialect, head+row+strings.Repeat(", "+row, len(some)-1)), args...); err != nil {
			return n, err
		}
		n += int64(len(some))
		rows = rows[len(some):]
	}
	return n, nil
}

// quoteName quotes a name as both engines do.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
