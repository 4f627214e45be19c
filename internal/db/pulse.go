package db

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// defaultPatience is how long a call may take before the server is asked for a
// sign of life, and how long that may take.
const defaultPatience = 5 * time.Second

// pulse finds out whether a PostgreSQL server answers at all. A connection
// alone cannot tell a long query from a server that is frozen or cut off; a
// second connection can.
type pulse struct {
	config   *pgx.ConnConfig // nil: there is no way to find out
	patience time.Duration
	// silent is the outcome of the last look.
	silent atomic.Bool
	// fell is called when the server falls silent.
	fell func()

	ctx    context.Context //nolint:containedctx // it bounds the looks, which are shared by calls.
	cancel context.CancelFunc
	looks  sync.WaitGroup

	mu  sync.Mutex
	now *look // under way; nil if none is
}

// look is one attempt, shared by all who want to know meanwhile.
type look struct {
	done chan struct{}
	err  error
}

var errSilent = errors.New("the PostgreSQL server does not answer")

func newPulse(config *pgx.ConnConfig, patience time.Duration) *pulse {
	if patience == 0 {
		patience = defaultPatience
	}
	p := &pulse{config: config, patience: patience, fell: func() {}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// close ends what is under way.
func (p *pulse) close() {
	p.cancel()
	p.looks.Wait()
}

// check reports errSilent if the server does not answer. It takes no longer
// than the patience, or than ctx.
func (p *pulse) check(ctx context.Context) error {
	if p.config == nil {
		return nil
	}
	p.mu.Lock()
	l := p.now
	if l == nil {
		l = &look{done: make(chan struct{})}
		p.now = l
		p.looks.Go(func() { p.look(l) }) //nolint:contextcheck // others wait for it too: it must not end with this caller.
	}
	p.mu.Unlock()
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look makes a connection. Whatever the server says to that is a sign of life,
// also that it takes no more connections.
func (p *pulse) look(l *look) {
	ctx, cancel := context.WithTimeout(p.ctx, p.patience)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, &p.config.Copy().Config)
	if err == nil {
		_ = conn.Close(ctx)
	}
	var said *pgconn.PgError
	if err != nil && !errors.As(err, &said) {
		l.err = errors.Join(errSilent, err)
	}
	if silent := l.err != nil; p.silent.Swap(silent) != silent && silent {
		p.fell()
	}
	p.mu.Lock()
	p.now = nil
	p.mu.Unlock()
	close(l.done)
}
