package gitstore

import (
	"context"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const (
	// maxQueued bounds the bytes that wait for the committer.
	maxQueued = 64 << 20
	// maxBatch and maxBatchBytes bound what one round of commits takes.
	maxBatch      = 512
	maxBatchBytes = 16 << 20
)

// job is one caller's change on its way through the committer.
type job struct {
	workspace workspace.ID
	author    identity
	message   string

	// put is the file to store at key; keys are to be removed instead.
	put  *object
	key  registry.Key
	keys []registry.Key
	// begin asks for a first commit, without files, if there is none yet.
	begin bool

	// bytes is what the job weighs in the queue.
	bytes int
	done  chan outcome
}

// outcome answers a caller.
type outcome struct {
	stored registry.Stored
	err    error
}

// answer tells the caller; it never blocks.
func (j *job) answer(o outcome) { j.done <- o }

func (j *job) fail(err error) { j.answer(outcome{err: err}) }

// ref is the hash of the stored bytes.
func (j *job) ref() plumbing.Hash { return j.put.hash }

// queue holds the jobs until the committer takes them.
type queue struct {
	mu     sync.Mutex
	change sync.Cond
	jobs   []*job
	bytes  int
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.change.L = &q.mu
	return q
}

// do queues a job and waits for its outcome. A caller that goes away takes its
// job with it, unless the committer has it already: then it is carried out, and
// the caller waits to learn how.
func (q *queue) do(ctx context.Context, j *job) outcome {
	if err := q.push(j); err != nil {
		return outcome{err: err}
	}
	select {
	case o := <-j.done:
		return o
	case <-ctx.Done():
	}
	if q.drop(j) {
		return outcome{err: unwritten(context.Cause(ctx))}
	}
	return <-j.done
}

func (q *queue) push(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return pmerr.New(pmerr.Unavailable, "The prompt store is closed")
	}
	if q.bytes+j.bytes > maxQueued && len(q.jobs) > 0 {
		err := pmerr.New(pmerr.Unavailable, "The prompt store is busy; try again")
		err.RetryAfter = time.Second
		return err
	}
	q.jobs = append(q.jobs, j)
	q.bytes += j.bytes
	q.change.Signal()
	return nil
}

// drop takes a job back; false if it is not queued any more.
func (q *queue) drop(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, queued := range q.jobs {
		if queued == j {
			q.jobs = append(q.jobs[:i:i], q.jobs[i+1:]...)
			q.bytes -= j.bytes
			return true
		}
	}
	return false
}

// take waits for jobs and returns as many as make a batch, in their order; nil
// when the queue is closed and empty.
func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.closed {
		q.change.Wait()
	}
	n, bytes := 0, 0
	for n < len(q.jobs) && n < maxBatch && (n == 0 || bytes+q.jobs[n].bytes <= maxBatchBytes) {
		bytes += q.jobs[n].bytes
		n++
	}
	batch := q.jobs[:n:n]
	q.jobs = q.jobs[n:]
	q.bytes -= bytes
	return batch
}

// close lets no more jobs in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Signal()
}
