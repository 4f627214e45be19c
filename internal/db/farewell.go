package db

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// farewellLimit bounds how long Close waits for connections to end.
const farewellLimit = 5 * time.Second

// farewells are the connections that may not have ended yet. One whose call was
// cut off asks the server, by another connection and behind everybody's back,
// to end the call there too. A program that ended meanwhile would leave the
// call running, and PgBouncer 1.18 does not survive half such a request.
type farewells struct {
	mu      sync.Mutex
	pending map[*pgconn.PgConn]struct{}
}

// add notes a new connection, and forgets those that have ended.
func (f *farewells) add(c *pgconn.PgConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for old := range f.pending {
		select {
		case <-old.CleanupDone():
			delete(f.pending, old)
		default:
		}
	}
	if f.pending == nil {
		f.pending = map[*pgconn.PgConn]struct{}{}
	}
	f.pending[c] = struct{}{}
}

// wait waits until all connections, which were closed, have ended.
func (f *farewells) wait() {
	ctx, cancel := context.WithTimeout(context.Background(), farewellLimit)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.pending {
		select {
		case <-c.CleanupDone():
		case <-ctx.Done():
			return
		}
	}
}
