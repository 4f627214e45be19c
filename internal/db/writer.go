package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// writer is SQLite's one writer: a goroutine that takes whatever is queued,
// runs it in one transaction, commits once, answers every caller, and repeats.
// There is no timer: under load the batch grows by itself while the commit
// before it syncs to disk.
type writer struct {
	db     *bun.DB
	hold   bool // keep the connection, and with it the prepared statements
	file   *fileGuard
	counts *counts
	now    func() time.Time

	queue chan *job
	done  chan struct{}

	mu     sync.RWMutex // guards queue against being closed while sent to
	closed bool

	conn  bun.Conn
	open  bool
	stmts *statements
}

// maxBatch bounds a transaction, so that nobody waits for a commit that grows
// without end.
const maxBatch = 512

type job struct {
	ctx context.Context
	db  *DB
	fn  func(context.Context, *Tx) error
	err error
	// announced are the change counters that fn has moved.
	announced []string
	// panicked carries a panic of fn back to the goroutine that called.
	panicked any
	done     chan struct{}
	// settled is set by the writer when it starts the job, or by a caller who
	// leaves before that: whoever comes first.
	settled atomic.Bool
}

// take tells the writer to run the job, unless its caller has left.
func (j *job) take() bool {
	if j.err = j.ctx.Err(); j.err != nil {
		return false
	}
	return j.settled.CompareAndSwap(false, true)
}

func newWriter(db *bun.DB, hold bool, file *fileGuard, counts *counts, now func() time.Time) *writer {
	w := &writer{db: db, hold: hold, file: file, counts: counts, now: now, queue: make(chan *job, maxBatch), done: make(chan struct{})}
	go w.run()
	return w
}

// do queues a function and waits until its transaction is durable. When ctx
// ends while the function waits for its turn, do returns and it is not run.
func (w *writer) do(ctx context.Context, d *DB, fn func(context.Context, *Tx) error) error {
	j := &job{ctx: ctx, db: d, fn: fn, done: make(chan struct{})}
	if err := w.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.settled.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-j.done
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	if j.err == nil {
		d.tell(j.announced)
	}
	return j.err
}

func (w *writer) enqueue(ctx context.Context, j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return pmerr.New(pmerr.Unavailable, "the store is closed")
	}
	select {
	case w.queue <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	defer w.release()
	batch := make([]*job, 0, maxBatch)
	for first := range w.queue {
		batch = append(batch[:0], first)
		batch = w.drain(batch)
		w.commit(batch)
		for i, j := range batch {
			close(j.done)
			batch[i] = nil
		}
	}
}

// drain takes what else is queued right now.
func (w *writer) drain(batch []*job) []*job {
	for len(batch) < maxBatch {
		select {
		case j, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch. The statements do not see the callers' contexts: SQLite
// answers an interrupted write by rolling back everybody's transaction.
func (w *writer) commit(batch []*job) {
	ctx := context.Background()
	began := w.now()
	if err := w.begin(ctx); err != nil {
		w.counts.transaction(&Tx{}, len(batch), w.now().Sub(began), err)
		w.fail(batch, err)
		return
	}
	tx := &Tx{IDB: w.conn, stmts: w.stmts}
	ran := 0
	for _, j := range batch {
		if !j.take() {
			continue
		}
		tx.db = j.db
		if fatal := w.runJob(ctx, tx, j, len(batch) > 1); fatal != nil {
			w.rollback(ctx)
			w.counts.transaction(tx, ran, w.now().Sub(began), fatal)
			w.fail(batch, fatal)
			return
		}
		if j.err == nil {
			ran++
		}
	}
	if ran == 0 {
		w.rollback(ctx)
		return
	}
	err := w.file.check()
	if err == nil {
		err = w.run1(ctx, "COMMIT")
	}
	w.counts.transaction(tx, ran, w.now().Sub(began), err)
	if err != nil {
		w.rollback(ctx)
		w.fail(batch, fmt.Errorf("commit: %w", err))
		return
	}
	w.settle()
}

// runJob runs one function, behind a savepoint when others share the
// transaction. A fatal error means that the transaction itself is lost.
func (w *writer) runJob(ctx context.Context, tx *Tx, j *job, shared bool) (fatal error) {
	if !shared {
		w.call(ctx, tx, j)
		return nil // an error leaves nothing to commit
	}
	if err := w.run1(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	audited := tx.audited
	w.call(ctx, tx, j)
	if j.err != nil || j.panicked != nil {
		tx.audited = audited
		if err := w.run1(ctx, "ROLLBACK TO job"); err != nil {
			return err // not j.err: the others' callers must not see it
		}
	}
	return w.run1(ctx, "RELEASE job")
}

func (w *writer) run1(ctx context.Context, query string) error {
	stmt, err := w.stmts.prepare(ctx, query) //nolint:sqlclosecheck // it stays prepared until the connection goes.
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

func (w *writer) call(ctx context.Context, tx *Tx, j *job) {
	defer func() {
		if p := recover(); p != nil {
			j.panicked, j.err = p, errors.New("panic in a transaction")
		}
	}()
	tx.announced = nil
	j.err = j.fn(ctx, tx)
	j.announced = tx.announced
}

func (w *writer) begin(ctx context.Context) error {
	if !w.open {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return err
		}
		w.conn, w.open, w.stmts = conn, true, newStatements(conn.Conn)
	}
	if err := w.run1(ctx, "BEGIN IMMEDIATE"); err != nil {
		w.release()
		return err
	}
	return nil
}

// fail gives everybody the error of the shared transaction, but for those who
// have one of their own: theirs says more.
func (w *writer) fail(batch []*job, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = err
		}
	}
}

// rollback ends the transaction; a connection that cannot even do that is
// thrown away.
func (w *writer) rollback(ctx context.Context) {
	if _, err := w.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		w.stmts.close() // before their connection: the driver crashes otherwise
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		w.release()
		return
	}
	w.settle()
}

// settle gives a borrowed connection back after each transaction.
func (w *writer) settle() {
	if !w.hold {
		w.release()
	}
}

func (w *writer) release() {
	if !w.open {
		return
	}
	w.stmts.close()
	_ = w.conn.Close() // gives it back to the pool; nothing can be lost here
	w.open, w.stmts = false, nil
}

// statements keeps the prepared statements of one connection.
type statements struct {
	conn *sql.Conn
	byQ  map[string]*sql.Stmt
}

func newStatements(conn *sql.Conn) *statements {
	return &statements{conn: conn, byQ: map[string]*sql.Stmt{}}
}

func (s *statements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.byQ[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.byQ[query] = stmt
	return stmt, nil
}

func (s *statements) close() {
	for _, stmt := range s.byQ {
		_ = stmt.Close()
	}
	clear(s.byQ)
}
