package db

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// beginTries is how many connections may turn out to be dead, as after a
// restart of the server, before a transaction gives up.
const beginTries = maxConns + 1

// transact runs a function in a transaction on PostgreSQL.
func (d *DB) transact(ctx context.Context, o *sql.TxOptions, fn func(context.Context, *Tx) error) error {
	for try := 1; ; try++ {
		conn, err := d.write.Conn(ctx)
		if err != nil {
			return err
		}
		begun, err := d.transactOn(ctx, conn, o, fn)
		if begun || err == nil || try == beginTries || ctx.Err() != nil || !isDown(err) {
			return err
		}
	}
}

// transactOn runs a function in a transaction on one connection, and tells
// whether the transaction ever began.
func (d *DB) transactOn(ctx context.Context, conn bun.Conn, o *sql.TxOptions, fn func(context.Context, *Tx) error) (begun bool, err error) {
	defer func() { _ = conn.Close() }() // gives it back to the pool, also after a panic
	settings := d.pg.local
	if d.pg.ours && isUnhurried(ctx) {
		settings = nil
		for _, s := range ownTimeouts() {
			settings = append(settings, [2]string{s[0], "0"})
		}
	}
	began := d.now()
	t := &Tx{db: d, conn: conn.Conn}
	err = conn.RunInTx(ctx, o, func(ctx context.Context, tx bun.Tx) error {
		t.IDB = tx
		if query, args := setLocal(settings); query != "" {
			if _, err := t.Run(ctx, query, args...); err != nil {
				return err
			}
		}
		begun = true
		return fn(ctx, t)
	})
	if err == nil {
		d.tell(t.announced)
	}
	d.counts.transaction(t, 1, d.now().Sub(began), err)
	return begun, err
}
