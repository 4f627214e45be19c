package gitstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// errBusy says that another process kept a lock for the whole wait.
var errBusy = errors.New("gitstore: another process holds the repository")

// ownDir is the folder in the repository for locks and unfinished refs.
const ownDir = "promptmetrics"

// processLock makes the processes that write into one repository take turns.
type processLock struct{ dir string }

// acquire waits its turn and returns how to end it. A process that dies ends
// its turn by that.
//
// Who waits holds the file "turn" while it waits for the file "lock". A busy
// process that has just released "lock" has to queue at "turn" behind it, and
// cannot starve it.
func (l processLock) acquire(wait time.Duration) (release func(), err error) {
	p := newPoll(wait)
	turn, err := l.hold("turn", p)
	if err != nil {
		return nil, err
	}
	defer func() { _ = turn.Close() }()
	lock, err := l.hold("lock", p)
	if err != nil {
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// hold locks a file of ours within the rest of the wait.
func (l processLock) hold(name string, p *poll) (*os.File, error) {
	f, err := l.open(name)
	if err != nil {
		return nil, err
	}
	for {
		ok, err := tryLock(f)
		if ok {
			return f, nil
		}
		if err == nil && !p.next() {
			err = errBusy
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// open opens a lock file anew each time, so that a repository that was replaced
// while the store runs is locked too. It never makes the repository's folder.
func (l processLock) open(name string) (*os.File, error) {
	const mode = os.O_RDWR | os.O_CREATE
	path := filepath.Join(l.dir, name)
	f, err := os.OpenFile(path, mode, 0o644)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.Mkdir(l.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.OpenFile(path, mode, 0o644)
}

// poll waits in growing steps for something that gives no signal.
type poll struct {
	limit, step time.Duration
	// waited is the sum of the steps: at most the time that has passed.
	waited time.Duration
	over   <-chan time.Time
}

func newPoll(limit time.Duration) *poll {
	return &poll{limit: limit, step: 100 * time.Microsecond}
}

// next sleeps a little, and reports false once the limit is reached.
func (p *poll) next() bool {
	if p.limit <= 0 {
		return false
	}
	if p.over == nil {
		p.over = time.After(p.limit)
	}
	select {
	case <-p.over:
		p.limit = 0
		return false
	case <-time.After(p.step):
	}
	p.waited += p.step
	p.step = min(p.step*3/2, 5*time.Millisecond)
	return true
}
