package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// ingest writes logs. One goroutine takes what all callers have queued, writes
// it in one transaction, with one update of each counter and rollup, and
// answers everybody. There is no timer: a batch is what arrived while the one
// before it was committed.
type ingest struct {
	db       *db.DB
	observer telemetry.Observer // nil if nobody listens
	queue    chan *delivery
	done     chan struct{}
	commits

	mu     sync.RWMutex // guards queue against being closed while sent to
	closed bool
}

// delivery is the logs of one call.
type delivery struct {
	id    workspace.ID
	actor workspace.Actor
	how   telemetry.Insertion
	logs  []logInsert
	// heard are the logs as observers will hear them; empty if nobody listens.
	heard []telemetry.Recorded

	// fresh tells that the logs were written now, at a time in microseconds.
	fresh bool
	at    int64

	first int64
	err   error
	done  chan struct{}
}

// maxRows bounds a transaction.
const maxRows = 4000

func newIngest(d *db.DB, observer telemetry.Observer) *ingest {
	in := &ingest{db: d, observer: observer, queue: make(chan *delivery, 1024), done: make(chan struct{}), commits: newCommits()}
	go in.run()
	return in
}

func (in *ingest) close() {
	in.mu.Lock()
	if !in.closed {
		in.closed = true
		close(in.queue)
	}
	in.mu.Unlock()
	<-in.done
}

// deliver queues logs and waits until they are durable. Once they are queued
// they will be written, whatever becomes of ctx; but the wait ends with it.
func (in *ingest) deliver(ctx context.Context, d *delivery) (int64, error) {
	d.done = make(chan struct{})
	if err := in.enqueue(ctx, d); err != nil {
		return 0, err
	}
	select {
	case <-d.done:
		return d.first, d.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (in *ingest) enqueue(ctx context.Context, d *delivery) error {
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.closed {
		return pmerr.New(pmerr.Unavailable, "the store is closed")
	}
	select {
	case in.queue <- d:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (in *ingest) run() {
	defer close(in.done)
	var batch []*delivery
	for first := range in.queue {
		batch = in.drain(append(batch[:0], first))
		in.write(batch)
		for i, d := range batch {
			close(d.done)
			batch[i] = nil
		}
	}
}

func (in *ingest) drain(batch []*delivery) []*delivery {
	rows := len(batch[0].logs)
	for rows < maxRows {
		select {
		case d, ok := <-in.queue:
			if !ok {
				return batch
			}
			batch = append(batch, d)
			rows += len(d.logs)
		default:
			return batch
		}
	}
	return batch
}

// write commits a batch. If the database refuses it although every log was
// checked, each delivery is tried alone, so that one cannot fail the others.
func (in *ingest) write(batch []*delivery) {
	err := in.commit(batch)
	if err == nil {
		return
	}
	alone := len(batch) > 1 && !errors.Is(err, pmerr.ErrUnavailable)
	for i, d := range batch {
		if alone {
			err = in.commit(batch[i : i+1])
		}
		if err != nil {
			d.err = err
		}
	}
}

func (in *ingest) commit(batch []*delivery) error {
	// Nodes that take workspaces in one order never wait for each other in a
	// circle; and the deliveries of one stand together.
	slices.SortStableFunc(batch, func(a, b *delivery) int { return strings.Compare(a.id.String(), b.id.String()) })
	rows := 0
	for _, d := range batch {
		rows += len(d.logs)
	}
	return in.count(in.db, rows, func() error { return in.store(batch) })
}

func (in *ingest) store(batch []*delivery) error {
	// The transaction belongs to all callers, so it does not end with one.
	err := updateAt(context.Background(), in.db, func(ctx context.Context, tx *db.Tx, at *moments) error {
		for rest := batch; len(rest) > 0; {
			// Deliveries of one workspace share the counters' updates.
			n := 1
			for n < len(rest) && rest[n].id == rest[0].id {
				n++
			}
			if err := writeLogs(ctx, tx, rest[0].id.String(), rest[:n], at); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	if err == nil {
		in.tell(batch)
	}
	return err
}

// writeLogs writes the deliveries of one workspace.
func writeLogs(ctx context.Context, tx *db.Tx, ws string, all []*delivery, moments *moments) error {
	fresh, repeats, err := sortOut(ctx, tx, ws, all)
	if err != nil || len(fresh) == 0 {
		return err
	}
	rows := 0
	for _, d := range fresh {
		rows += len(d.logs)
	}
	first, at, err := claim(ctx, tx, ws, countLogs, int64(rows))
	if err != nil {
		return err
	}
	moments.add(at)
	sums := newRollup(ws, at)
	w := (&rowWriter{tx: tx, texts: &logInserts, width: logWidth}).streamed(logStream, rows)
	for _, d := range fresh {
		d.first, d.at, d.fresh = first, at, true
		for i := range d.logs {
			sums.add(&d.logs[i])
			if err := w.add(ctx, append([]any{ws, at, first + int64(i)}, d.logs[i].values[:]...)); err != nil {
				return err
			}
		}
		first += int64(len(d.logs))
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if err := sums.write(ctx, tx); err != nil {
		return err
	}
	if err := remember(ctx, tx, ws, fresh); err != nil {
		return err
	}
	for _, d := range repeats {
		d.dup.first = d.of.first
	}
	return auditLogs(ctx, tx, ws, fresh)
}

// auditLogs writes one entry for each call.
func auditLogs(ctx context.Context, tx *db.Tx, ws string, fresh []*delivery) error {
	entered := 0
	for _, d := range fresh {
		if d.entered() {
			entered++
		}
	}
	if entered == 0 {
		return nil
	}
	id, at, err := claim(ctx, tx, ws, countAudit, int64(entered))
	if err != nil {
		return err
	}
	tx.Audited(entered)
	w := (&rowWriter{tx: tx, texts: &auditInserts, width: auditWidth}).streamed(auditStream, entered)
	for _, d := range fresh {
		if !d.entered() {
			continue
		}
		e := d.entry()
		if err := w.add(ctx, []any{
			ws, at, id, e.action, nullable(e.prompt), nullable(e.version), nullable(e.target),
			nullable(d.actor.Name), nullable(d.actor.IP),
		}); err != nil {
			return err
		}
		id++
	}
	return w.flush(ctx)
}

// entered tells whether the audit log hears of a delivery.
func (d *delivery) entered() bool { return d.how.Call == nil || d.how.Call.Action != "" }

func (d *delivery) entry() entry {
	if d.how.Batch {
		return entry{action: "create_log"}
	}
	e := entry{action: "log:create", prompt: d.logs[0].prompt, version: d.logs[0].version, target: itoa(d.first)}
	if d.how.Call != nil {
		e.action = d.how.Call.Action
	}
	return e
}
