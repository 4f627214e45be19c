package gitstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxMoves bounds how often a batch is applied anew because somebody else has
// moved the branch meanwhile.
const maxMoves = 20

// keepNote is what a .keep file of ours says. It protects a pack from git's own
// housekeeping until a commit leads to it.
const keepNote = "promptmetrics: being committed\n"

// commitAll is the committer: it takes what is queued, commits it, answers the
// callers, and begins again, until the queue is closed and empty. It never
// lingers for more jobs: they gather while it works.
func (s *Store) commitAll() {
	defer close(s.committed)
	for {
		batch := s.queue.take()
		if len(batch) == 0 {
			return
		}
		for len(batch) > 0 {
			batch = s.commitBatch(batch)
		}
		s.repack.nudge()
		// Who was just answered may have more to say: letting them run first
		// makes batches twice as large when many callers publish in a loop.
		runtime.Gosched()
	}
}

// commitBatch commits jobs, answers them, and returns those that have to wait
// for the next round. If anything fails, all are told and nothing is stored.
func (s *Store) commitBatch(batch []*job) (later []*job) {
	began := s.now()
	try := s.tryBatch
	switch {
	case s.mirror != nil:
		try = s.tryRemote
	case s.orphan:
		try = func([]*job) (*plan, error) {
			return nil, pmerr.New(pmerr.Unavailable, "The prompt repository is the mirror of a git host that is not configured: nothing can be published")
		}
	}
	done, err := try(batch)
	s.counts.batch(len(batch), s.now().Sub(began), err)
	if err != nil {
		s.log.Error("prompts could not be committed", "changes", len(batch), "error", err)
		for _, j := range batch {
			j.fail(unwritable(err))
		}
		return nil
	}
	for _, j := range batch {
		if o, ok := done.outcomes[j]; ok {
			j.answer(o)
		}
	}
	return done.later
}

// tryBatch makes the commits of a batch durable. The head may move at any time
// by a push; the batch is then decided anew.
func (s *Store) tryBatch(batch []*job) (*plan, error) {
	release, err := s.lock.acquire(s.wait)
	if err != nil {
		return nil, err
	}
	defer release()
	for range maxMoves {
		head, err := s.branch.read()
		if err != nil {
			return nil, err
		}
		p, err := s.plan(batch, head)
		if err != nil {
			return nil, err
		}
		// Even who is told that a file existed must be able to rely on it.
		if err := s.settle(head); err != nil {
			return nil, err
		}
		if p.to == p.from {
			return p, nil
		}
		err = s.publish(p)
		if !errors.Is(err, errMoved) {
			return p, err
		}
	}
	return nil, errMoved
}

// settle makes sure that a head which another process has set is on disk before
// anything is built upon it.
func (s *Store) settle(head plumbing.Hash) error {
	if head == s.durable || head.IsZero() {
		return nil
	}
	if err := errors.Join(syncDir(s.packs()), s.branch.sync()); err != nil {
		return err
	}
	s.durable = head
	return nil
}

// publish writes the objects of a plan and moves the branch to its commit.
func (s *Store) publish(p *plan) error {
	written, release, err := s.write(p)
	if err != nil {
		return err
	}
	defer release()
	s.odb.add(written)
	if err := s.branch.move(p.from, p.to); err != nil {
		return err
	}
	s.durable = p.to
	for h, t := range p.write.trees {
		s.keep(h, t)
	}
	return nil
}

// write makes the objects of a plan durable. Until release they are protected
// from git's housekeeping.
func (s *Store) write(p *plan) (written *pack, release func(), err error) {
	var kept string
	release = func() { _ = os.Remove(kept) } // if it fails, tidy does it
	defer func() {
		if err != nil {
			release()
		}
	}()
	base, err := writePack(s.packs(), p.write.objects, func(base string) error {
		kept = base + ".keep"
		return s.keepPack(kept)
	})
	if err != nil {
		return nil, release, err
	}
	if err := syncDir(s.packs()); err != nil {
		return nil, release, err
	}
	written, err = loadPack(base, s.odb.codec, s.odb.bases)
	return written, release, err
}

// keepPack writes a .keep file. It is one more name of a single file, because
// making and deleting a file for each commit is dear: ext4 searches long for a
// place that was not freed lately.
func (s *Store) keepPack(path string) error {
	master := filepath.Join(s.lock.dir, "keep")
	err := os.Link(master, path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = writeNew(master, keepNote); err == nil {
			err = os.Link(master, path)
		}
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.WriteFile(path, []byte(keepNote), 0o644)
}

// tidy removes what killed processes of ours have left behind, if none is
// writing right now.
func (s *Store) tidy() error {
	release, err := s.lock.acquire(0)
	if errors.Is(err, errBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	if err := s.branch.heal(); err != nil {
		return err
	}
	return sweep(s.packs(), func(name string) bool {
		return strings.HasPrefix(name, tempPrefix) || s.ownKeep(filepath.Join(s.packs(), name))
	})
}

// sweep removes the files of a folder that are rubbish.
func sweep(dir string, rubbish func(name string) bool) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if rubbish(f.Name()) {
			if err := removeIfThere(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownKeep tells whether a file is a .keep that this program wrote.
func (s *Store) ownKeep(path string) bool {
	if !strings.HasSuffix(path, ".keep") {
		return false
	}
	text, err := os.ReadFile(path)
	return err == nil && string(text) == keepNote
}
