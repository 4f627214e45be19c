package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// mergeable chooses the packs to merge.
func (s *Store) mergeable() []*pack {
	packs := s.odb.own()
	packs = slices.DeleteFunc(packs, func(p *pack) bool {
		// .keep: somebody needs it as it is. .promisor, .mtimes: packs of a kind
		// that must not be mixed with others.
		for _, mark := range []string{".keep", ".promisor", ".mtimes"} {
			if exists(p.base + mark) {
				return true
			}
		}
		return false
	})
	slices.SortFunc(packs, func(a, b *pack) int { return a.index.count() - b.index.count() })
	counts := make([]int, len(packs))
	for i, p := range packs {
		counts[i] = p.index.count()
	}
	return packs[:rollUp(counts)]
}

// rollUp tells how many of the packs, given by their number of objects in rising
// order, to merge: such that each pack that stays has at least twice the objects
// of the next smaller one, and of all merged ones together. So few stay, and an
// object is rewritten about log n times, however many packs come.
func rollUp(counts []int) int {
	n := 0
	for i := 1; i < len(counts); i++ {
		if counts[i] < 2*counts[i-1] {
			n = i + 1
		}
	}
	sum := 0
	for _, c := range counts[:n] {
		sum += c
	}
	for n > 0 && n < len(counts) && counts[n] < 2*sum {
		sum += counts[n]
		n++
	}
	return n
}

// loose lists the loose objects.
func (s *Store) loose() ([]plumbing.Hash, error) {
	folders, err := os.ReadDir(s.objects())
	if err != nil {
		return nil, err
	}
	var all []plumbing.Hash
	for _, f := range folders {
		if len(f.Name()) != 2 || !f.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(s.objects(), f.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, o := range files {
			if h, ok := parseHash(f.Name() + o.Name()); ok {
				all = append(all, h)
			}
		}
	}
	return all, nil
}

func allObjects(packs []*pack, loose []plumbing.Hash) []plumbing.Hash {
	seen := map[plumbing.Hash]bool{}
	var all []plumbing.Hash
	add := func(h plumbing.Hash) {
		if !seen[h] {
			seen[h] = true
			all = append(all, h)
		}
	}
	for _, h := range loose {
		add(h)
	}
	for _, p := range packs {
		for i := range p.index.count() {
			add(p.index.hash(i))
		}
	}
	return all
}

// install checks that a merged pack is complete, makes it durable, and gives it
// its place among the packs.
func (s *Store) install(base string, objects []plumbing.Hash) (*pack, error) {
	p, err := loadPack(base, s.odb.codec, s.odb.bases)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.retire() }()
	for _, h := range objects {
		if _, ok := p.index.find(h); !ok {
			return nil, fmt.Errorf("gitstore: the merged pack lacks %s", h)
		}
	}
	for _, ending := range []string{".pack", ".idx"} {
		f, err := os.OpenFile(base+ending, os.O_RDWR, 0) //nolint:gosec // a file of ours
		if errors.Is(err, fs.ErrPermission) {
			f, err = os.Open(base + ending) //nolint:gosec // as above
		}
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.Sync(), f.Chmod(0o444), f.Close()); err != nil {
			return nil, err
		}
	}
	final := filepath.Join(s.packs(), "pack-"+p.index.pack.String())
	for _, ending := range []string{".pack", ".idx"} {
		if err := os.Rename(base+ending, final+ending); err != nil {
			return nil, err
		}
	}
	if err := syncDir(s.packs()); err != nil {
		return nil, err
	}
	merged, err := loadPack(final, s.odb.codec, s.odb.bases)
	if err != nil {
		return nil, err
	}
	s.odb.add(merged)
	return merged, nil
}

// dropMerged removes what a merged pack holds, and nothing else.
func (s *Store) dropMerged(merged *pack, packs []*pack, loose []plumbing.Hash) error {
	// git's index over several packs names packs that go away now.
	err := sweep(s.packs(), func(name string) bool { return strings.HasPrefix(name, "multi-pack-index") })
	if err != nil {
		return err
	}
	for _, p := range packs {
		if p.base == merged.base || exists(p.base+".keep") || !merged.index.covers(p.index) {
			continue
		}
		if !exists(merged.base + ".idx") {
			return errors.New("gitstore: something else has replaced the merged pack already")
		}
		// Without its idx a pack does not exist, so that goes first.
		for _, ending := range []string{".idx", ".rev", ".bitmap", ".pack"} {
			if err := removeIfThere(p.base + ending); err != nil {
				return err
			}
		}
	}
	for _, h := range loose {
		if _, ok := merged.index.find(h); !ok {
			continue
		}
		if err := removeIfThere(loosePath(s.objects(), h)); err != nil {
			return err
		}
	}
	return nil
}
