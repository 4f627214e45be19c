package db_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	server := func(code string) error { return &pgconn.PgError{Code: code, Message: "secret text of the server"} }
	for name, test := range map[string]struct {
		err  error
		down bool
	}{
		"nothing":                          {nil, false},
		"no rows":                          {sql.ErrNoRows, false},
		"our own":                          {pmerr.Missing("Prompt"), false},
		"our own, wrapped":                 {fmt.Errorf("list: %w", pmerr.Missing("Prompt")), false},
		"cancelled":                        {context.Canceled, false},
		"too late":                         {fmt.Errorf("query: %w", context.DeadlineExceeded), false},
		"a bug of ours":                    {errors.New("index out of range"), false},
		"a duplicate":                      {server("23505"), false},
		"a broken statement":               {server("42601"), false},
		"the connection broke":             {server("08006"), true},
		"too many connections":             {server("53300"), true},
		"the disk is full":                 {server("53100"), true},
		"shut down by the operator":        {server("57P01"), true},
		"starting up":                      {server("57P03"), true},
		"an error of the system":           {server("58030"), true},
		"a read-only server":               {server("25006"), true},
		"a serialization failure":          {server("40001"), true},
		"a deadlock":                       {server("40P01"), true},
		"a lock that is not available":     {server("55P03"), true},
		"a statement that ran too long":    {server("57014"), true},
		"a transaction that did nothing":   {server("25P03"), true},
		"a plan that does not fit":         {&pgconn.PgError{Code: "0A000", Message: "cached plan must not change result type"}, true},
		"something not supported":          {server("0A000"), false},
		"a statement that went away":       {server("26000"), true},
		"a code that is none":              {server("?"), false},
		"a bad connection":                 {driver.ErrBadConn, true},
		"a connection that is done":        {sql.ErrConnDone, true},
		"the end of the stream":            {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"an error of the network":          {&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, true},
		"a server that cannot be reached":  {&pgconn.ConnectError{}, true},
		"a pool that the program closed":   {closedPool(t), true},
		"many, one of which is an outage":  {errors.Join(errors.New("insert"), server("57P01")), true},
		"one of ours about an unreachable": {pmerr.New(pmerr.Conflict, "taken").Because(server("57P01")), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := db.Translate(test.err)
			if !test.down {
				require.Equal(t, test.err, got, "passes unchanged")
				return
			}
			require.ErrorIs(t, got, pmerr.ErrUnavailable)
			e := pmerr.From(got)
			require.Contains(t, []string{"the database is not available", "the database is busy", "the database took too long"},
				e.Message, "the cause is not for callers")
			require.Positive(t, e.RetryAfter)
			require.ErrorIs(t, got, test.err, "the cause is there for operators")
		})
	}
}

func TestTranslateUnstorable(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"22021", "22P05"} {
		err := db.Translate(&pgconn.PgError{Code: code, Message: "secret text of the server"})
		require.ErrorIs(t, err, pmerr.ErrBadRequest, "it is the caller's text")
		require.NotContains(t, pmerr.From(err).Message, "secret")
	}
}

func closedPool(tb testing.TB) error {
	tb.Helper()
	pool, err := sql.Open("sqlite", ":memory:")
	require.NoError(tb, err)
	require.NoError(tb, pool.Close())
	_, err = pool.ExecContext(tb.Context(), "SELECT 1")
	require.Error(tb, err)
	return err
}
