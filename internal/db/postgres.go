package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

func (d *DB) openPostgres(ctx context.Context, c Config) error {
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return errors.New("the PostgreSQL connection URL cannot be read: expected postgres://user:password@host:5432/database")
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(20)
	pool.SetMaxIdleConns(10)
	if err := pool.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL at %s:%d, database %q, cannot be used: %s",
			config.Host, config.Port, config.Database, reason(err)), pool.Close())
	}
	d.read = d.wrap(pool)
	d.write = d.read
	d.pg = config
	return nil
}

// reason is what the server said; the driver's own text may hold the URL.
func reason(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	if cause := errors.Unwrap(err); cause != nil {
		return cause.Error()
	}
	return "no answer"
}
