package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Translate turns what a driver says into an error of pmerr. Errors of pmerr
// and of the context pass; what means that the database cannot work right now
// becomes ErrUnavailable; anything else is a fault of ours and stays as it is,
// to be shown as an internal error.
func Translate(err error) error {
	var ours *pmerr.Error
	switch {
	case err == nil, errors.As(err, &ours):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case IsNoRows(err):
		return err
	case isUnstorable(err):
		return pmerr.New(pmerr.BadRequest, "a text holds a character that cannot be stored, such as NUL").Because(err)
	case isLate(err):
		return later(err, retryBusy, "the database took too long")
	case isBusy(err):
		return later(err, retrySoon, "the database is busy")
	case isDown(err):
		return later(err, retrySoon, "the database is not available")
	}
	return err
}

// When it makes sense to try again: what passes by itself in a moment, what was
// too much for the server just now, and a server that does not answer.
const (
	retrySoon   = time.Second
	retryBusy   = 5 * time.Second
	retrySilent = 5 * time.Second
)

// sqlState is the code of PostgreSQL's error, or "".
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// isLate reports that PostgreSQL ended a statement that ran too long.
func isLate(err error) bool { return sqlState(err) == "57014" }

// isBusy reports that PostgreSQL ended a transaction in favour of others: a lock
// was not to be had in time, or two waited for each other.
func isBusy(err error) bool {
	switch sqlState(err) {
	case "55P03", "40001", "40P01":
		return true
	}
	return false
}

// isStale reports that what was prepared on a connection does not fit any more:
// another node has changed the schema, or a pooler the server's process.
func isStale(err error) bool {
	switch sqlState(err) {
	case "26000", "42P05": // no such statement, such a statement already
		return true
	case "0A000":
		return strings.Contains(err.Error(), "cached plan must not change result type")
	}
	return false
}

// IsNoRows reports that a query that must answer one row answered none.
func IsNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// IsDuplicate reports that a unique key was violated.
func IsDuplicate(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY || lite.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

// isUnstorable reports that PostgreSQL refused a NUL or an invalid sequence.
func isUnstorable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05")
}

func isDown(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff { // the primary code; the rest is detail
		case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR,
			sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_NOTADB,
			sqlitelib.SQLITE_NOMEM, sqlitelib.SQLITE_PROTOCOL:
			return true
		}
		// A transaction that SQLite rolled back by itself leaves its savepoints
		// and COMMIT without a transaction.
		return strings.Contains(lite.Error(), "no such savepoint") || strings.Contains(lite.Error(), "no transaction is active")
	}
	if code := sqlState(err); code != "" {
		switch code[:min(2, len(code))] {
		case "08", "53", "57", "58": // connection, resources, operator, system
			return true
		}
		return code == "25006" || code == "25P03" || isBusy(err) || isStale(err)
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.Is(err, errFileGone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, pgconn.ErrConnClosed) || // what a COMMIT meets whose connection broke
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.As(err, &network) || errors.As(err, &connect) || strings.Contains(err.Error(), closedPool)
}

// closedPool is what database/sql says after Close; it exports no error for it.
const closedPool = "sql: database is closed"
