package gitstore

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// restAfterMerge keeps merging from taking a whole processor while prompts
	// are published in bulk.
	restAfterMerge = 2 * time.Second
	// restAfterFailure and its doublings space the attempts when merging fails.
	restAfterFailure = time.Minute
	maxRest          = time.Hour
	mergeTimeout     = 30 * time.Minute
)

// repacker merges small packs and loose objects in the background.
//
// It differs from git's housekeeping in one thing: it looks at no ref. A merged
// pack holds every object of the packs that it replaces, reachable or not, and
// nothing is removed before that is on disk. So it cannot hurt a commit that
// another process is just making, nor a push.
type repacker struct {
	store *Store
	log   *slog.Logger
	at    int
	rest  time.Duration
	merge func(ctx context.Context, dir, work string, objects []plumbing.Hash) (base string, err error)

	wake   chan struct{}
	cancel context.CancelFunc
	ended  chan struct{}
}

func newRepacker(s *Store, at int) *repacker {
	return &repacker{
		store: s, log: s.log, at: at, rest: restAfterMerge, merge: s.mergePacks,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

func (r *repacker) start() {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	go r.run(ctx)
	r.nudge()
}

// nudge lets the repacker look whether there is something to do.
func (r *repacker) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// stop ends the work, also in the middle, and waits for that.
func (r *repacker) stop() {
	r.cancel()
	<-r.ended
}

func (r *repacker) run(ctx context.Context) {
	defer close(r.ended)
	failures := 0
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		if !r.due() {
			continue
		}
		rest := r.rest
		merged, err := r.once(ctx)
		r.store.counts.merge(merged, err != nil && ctx.Err() == nil)
		if ctx.Err() == nil && err != nil {
			rest = min(restAfterFailure<<min(failures, 10), maxRest)
			failures++
			r.log.Warn("packs of the prompt repository could not be merged", "error", err, "next_attempt", rest)
		} else {
			failures = 0
		}
		t := time.NewTimer(rest)
		select {
		case <-t.C:
			if merged {
				r.nudge() // what came meanwhile may be enough again
			}
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// due tells cheaply whether there are enough packs or loose objects.
func (r *repacker) due() bool {
	if r.at < 0 {
		return false
	}
	if len(r.store.odb.own()) >= r.at {
		return true
	}
	// Hashes spread evenly over 256 folders, so one stands for all.
	sample, err := os.ReadDir(filepath.Join(r.store.objects(), "17"))
	return err == nil && len(sample)*256 >= 100*r.at
}

// once merges what is due, and reports whether it did: there may be nothing to
// merge, or another process may be at it.
func (r *repacker) once(ctx context.Context) (merged bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, mergeTimeout)
	defer cancel()
	lock, err := r.store.lock.hold("merge.lock", newPoll(0))
	if errors.Is(err, errBusy) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = lock.Close() }()

	if err := r.store.odb.rescan(); err != nil {
		return false, err
	}
	packs := r.store.mergeable()
	loose, err := r.store.loose()
	if err != nil {
		return false, err
	}
	if len(packs) < 2 && len(loose) == 0 {
		return false, nil
	}
	objects := allObjects(packs, loose)
	work := filepath.Join(r.store.lock.dir, "merge")
	if err := os.RemoveAll(work); err != nil { // of a process that was killed
		return false, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	base, err := r.merge(ctx, r.store.dir, work, objects)
	if err != nil {
		return false, err
	}
	result, err := r.store.install(base, objects)
	if err != nil {
		return false, err
	}
	if err := r.store.dropMerged(result, packs, loose); err != nil {
		return false, err
	}
	r.log.Debug("packs of the prompt repository were merged", "packs", len(packs), "loose", len(loose), "objects", len(objects))
	return true, r.store.odb.rescan()
}
