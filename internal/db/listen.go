package db

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where nodes on one PostgreSQL tell each other what has changed.
const channel = "pm_changes"

const (
	firstPause = 250 * time.Millisecond // between two tries to listen
	lastPause  = 15 * time.Second
	checkEvery = 20 * time.Second // how long a silent connection is trusted
	checkLimit = 5 * time.Second
)

// errPooled says that connections of the server are shared behind a pooler,
// where nobody can listen.
var errPooled = errors.New("a pooler shares the connections")

// Announce tells the other nodes, once the transaction is committed, that a
// change counter has moved: by Config.Moved, and on PostgreSQL those who listen.
// PostgreSQL lets one announcing transaction commit after the other, so it is
// for rare writes.
func (t *Tx) Announce(ctx context.Context, counter string) error {
	t.announced = append(t.announced, counter)
	if t.db.dialect != PostgreSQL {
		return nil
	}
	_, err := t.Run(ctx, "SELECT pg_notify('"+channel+"', ?)", counter)
	return err
}

// Listen calls heard with the name of each change counter that a node, this
// one included, has announced, and with "" whenever it may have missed some. It
// returns when ctx ends, and calls heard from its own goroutine only.
//
// What it hears are hints: on SQLite, behind a pooler and during an outage
// there are none, so whoever must not miss a change looks at the counters too.
func (d *DB) Listen(ctx context.Context, heard func(counter string)) {
	pause := firstPause
	for ctx.Err() == nil && d.pg != nil && d.pg.config != nil && !d.pg.pooled {
		listened, err := d.listen(ctx, heard)
		if errors.Is(err, errPooled) {
			break
		}
		if listened {
			pause = firstPause
		}
		// Nodes that lost one server do not come back to it all at once.
		again := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
		pause = min(2*pause, lastPause)
	}
	<-ctx.Done()
}

// listen listens on a connection of its own until that fails, and reports
// whether it ever worked.
func (d *DB) listen(ctx context.Context, heard func(string)) (listened bool, err error) {
	config := d.pg.config.Copy()
	config.OnNotification = nil // so that pgx keeps them for WaitForNotification
	connecting, connected := context.WithTimeout(ctx, checkLimit)
	defer connected()
	conn, err := pgx.ConnectConfig(connecting, config)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, closed := context.WithTimeout(context.WithoutCancel(ctx), checkLimit)
		defer closed()
		_ = conn.Close(closing)
		select { // it may be about to end a statement that was cut off
		case <-conn.PgConn().CleanupDone():
		case <-closing.Done():
		}
	}()
	if pooled, err := isPooled(connecting, conn); err != nil {
		return false, err
	} else if pooled {
		return false, errPooled
	}
	if _, err := conn.Exec(connecting, "LISTEN "+channel); err != nil {
		return false, err
	}
	heard("")
	for {
		waiting, waited := context.WithTimeout(ctx, checkEvery)
		n, err := conn.WaitForNotification(waiting)
		waited()
		switch {
		case err == nil:
			heard(n.Payload)
		case ctx.Err() != nil:
			return true, ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded) || conn.IsClosed():
			return true, err
		default: // a server that is gone without a word is found out
			checking, checked := context.WithTimeout(ctx, checkLimit)
			err := conn.Ping(checking)
			checked()
			if err != nil {
				return true, err
			}
		}
	}
}

// isPooled tells a pooler by the key for cancelling that it hands out: the
// process that it names is not the one that answers.
func isPooled(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid uint32
	err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	return pid != conn.PgConn().PID(), err
}
