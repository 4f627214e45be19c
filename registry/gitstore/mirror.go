package gitstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const (
	// openTimeout bounds how long Open asks a host whether it can be used.
	openTimeout = 8 * time.Second
	// closeGrace is how long Close lets a push go on.
	closeGrace = 8 * time.Second
	// restAfterMiss is the least time between two fetches that reads of unknown
	// content set off.
	restAfterMiss = 200 * time.Millisecond
)

// mirror keeps a store in step with its remote. The store's branch never is
// ahead of what the host has accepted.
type mirror struct {
	store *Store
	host  *host
	log   *slog.Logger

	// turn is held by who talks to the host: one at a time.
	turn chan struct{}
	// restAfterMiss is the constant; tests take another one.
	restAfterMiss time.Duration
	// ctx ends when the store is closed.
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu sync.Mutex
	// next is the fetch that has not begun yet; whoever wants one joins it.
	next *flight
	// begun is when the last one has begun.
	begun time.Time
	// trouble is why the mirror may be behind; nil if it is not.
	trouble error

	// known is what the mirror followed last: URL and branch. Only holders of
	// the turn use it.
	known string
	// noteFile is where it is kept.
	noteFile string
}

// flight is a fetch that several callers wait for.
type flight struct {
	done chan struct{}
	err  error
}

func newMirror(s *Store, c *connection) *mirror {
	m := &mirror{
		store: s, host: c.host, log: s.log, turn: make(chan struct{}, 1), restAfterMiss: restAfterMiss,
		known: c.known, noteFile: c.noteFile,
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// begin waits for the turn; end gives it back.
func (m *mirror) begin(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return pmerr.Down(context.Cause(ctx), "The git host was not asked: the call was cancelled")
	}
}

func (m *mirror) end() { <-m.turn }

// stop ends what is under way after a while, and waits for it. The committer
// has ended, or is about to.
func (m *mirror) stop(committed <-chan struct{}) {
	grace := time.AfterFunc(closeGrace, m.cancel)
	<-committed
	grace.Stop()
	m.cancel()
	m.tasks.Wait()
	m.host.close()
}

// fetch brings the mirror up to date with what the host has now, or later. Many
// callers share one fetch. It begins when the one before began that long ago at
// least: who asks seldom does not wait.
func (m *mirror) fetch(ctx context.Context, apart time.Duration) error {
	m.mu.Lock()
	f := m.next
	if f == nil {
		if m.ctx.Err() != nil {
			m.mu.Unlock()
			return pmerr.New(pmerr.Unavailable, "The prompt store is closed")
		}
		f = &flight{done: make(chan struct{})}
		m.next = f
		pause := min(apart, m.begun.Add(apart).Sub(m.store.now())) // a clock that was set back delays no more
		m.tasks.Go(func() { m.fly(f, pause) })
	}
	m.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return pmerr.Down(context.Cause(ctx), "The git host was not waited for: the call was cancelled")
	}
}

func (m *mirror) fly(f *flight, pause time.Duration) {
	defer close(f.done)
	if pause > 0 {
		rest(m.ctx, pause)
	}
	f.err = m.begin(m.ctx)
	// Who comes from now on may know of something newer than this fetch sees.
	m.mu.Lock()
	m.next, m.begun = nil, m.store.now()
	m.mu.Unlock()
	if f.err == nil {
		defer m.end()
		f.err = m.follow(m.ctx, false)
	}
}

// rest waits, unless the context ends.
func rest(ctx context.Context, pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// shortly waits a random time that grows with the attempts, so that two nodes
// which push at once do not do so again.
func shortly(ctx context.Context, attempt int) {
	most := 10 * time.Millisecond << min(attempt, 5)
	rest(ctx, time.Duration(rand.Int64N(int64(most))))
}

// catchUp prepares for a comparison with an earlier state. Another node may have
// seen a newer one than this mirror has, and then everything newer would look
// deleted: so the host is asked unless the earlier state is before the head. If
// it still is not, the history was rewritten, or the state is from another one.
func (m *mirror) catchUp(ctx context.Context, head plumbing.Hash, since string) (now plumbing.Hash, before bool, err error) {
	s := m.store
	old, ok := parseHash(since)
	leads := func() (bool, error) {
		if !ok || head.IsZero() {
			return false, nil
		}
		found, err := s.leads(ctx, old, head)
		if err != nil {
			return false, unreadable(err)
		}
		return found, nil
	}
	if before, err = leads(); err != nil || before {
		return head, before, err
	}
	if err := m.fetch(ctx, 0); err != nil {
		return head, false, err
	}
	if head, err = s.branch.read(); err != nil {
		return head, false, unreadable(err)
	}
	before, err = leads()
	return head, before, err
}

// follow makes the mirror's branch what the host's is. The caller has the turn;
// locked says that it has the process lock too.
func (m *mirror) follow(ctx context.Context, locked bool) error {
	found, err := m.host.list(ctx)
	if err == nil {
		err = m.adopt(ctx, found, locked)
	}
	return m.note(err)
}

// note keeps in mind whether the mirror is behind, and makes the error fit for
// callers.
func (m *mirror) note(err error) error {
	if m.ctx.Err() == nil {
		m.mu.Lock()
		m.trouble = err
		m.mu.Unlock()
	}
	return outage(err)
}

func (m *mirror) failing() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

// outage is how callers hear of a host that cannot be used.
func outage(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*pmerr.Error](err); ok && e.Code == pmerr.Unavailable {
		return err
	}
	e := pmerr.Down(err, "The git host of the prompts cannot be used now")
	e.RetryAfter = faultOf(err).retryAfter
	return e
}

// adopt takes over what the host has on the branch.
func (m *mirror) adopt(ctx context.Context, found refs, locked bool) error {
	there := found.branches[m.store.branch.name]
	for range maxMoves {
		here, err := m.store.branch.read()
		if err != nil {
			return err
		}
		switch {
		case there.IsZero() && len(found.branches) > 0:
			return noBranch(m.store.branch.name, found, m.store.owner)
		case there == here:
			return m.remember()
		case there.IsZero():
			m.log.Warn("the remote repository is empty: the prompts of the mirror are pushed there", "commit", here.String())
			return m.seed(ctx, here, there)
		}
		if err := m.receive(ctx, there); err != nil {
			return err
		}
		done, err := m.move(ctx, here, there, locked)
		if done || err != nil {
			return err
		}
	}
	return errMoved
}

// move sets the mirror's branch from one commit to another that is there
// already. It reports false if another process was faster.
func (m *mirror) move(ctx context.Context, here, there plumbing.Hash, locked bool) (done bool, err error) {
	s := m.store
	rewritten := false
	if !here.IsZero() {
		forward, err := s.leads(ctx, here, there)
		if err != nil {
			return false, err
		}
		if !forward && !m.mirrored() {
			return true, m.join(ctx, here, there)
		}
		rewritten = !forward
	}
	if !locked {
		release, err := s.lock.acquire(s.wait)
		if err != nil {
			return false, err
		}
		defer release()
	}
	if rewritten {
		if err := s.keepReplaced(here); err != nil {
			return false, err
		}
		m.log.Warn("the history of the remote branch was rewritten: its new state is followed, what it replaces is kept",
			"branch", s.branch.name, "replaced", here.String(), "now", there.String(), "kept", replacedFolder+here.String())
	}
	err = s.branch.move(here, there)
	switch {
	case errors.Is(err, errMoved):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, m.remember()
}

// join is for a repository that was no mirror of this remote so far, and has
// prompts that the remote's branch does not have.
func (m *mirror) join(ctx context.Context, here, there plumbing.Hash) error {
	ahead, err := m.store.leads(ctx, there, here)
	if err != nil {
		return err
	}
	if !ahead {
		return &unusableRemote{field: "Remote.URL", text: "has another history than the repository of the prompts here, which would be lost: " +
			"give an empty folder for the mirror, or merge and push the prompts yourself"}
	}
	return m.seed(ctx, here, there)
}

// seed pushes all that the mirror has.
func (m *mirror) seed(ctx context.Context, here, there plumbing.Hash) error {
	s := m.store
	objects, err := s.reachable(ctx, here)
	if err != nil {
		return err
	}
	lock, err := s.lock.hold("fetch.lock", newPoll(s.wait))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	work := filepath.Join(s.lock.dir, "seed")
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	base, err := s.mergePacks(ctx, s.dir, work, objects)
	if err != nil {
		return err
	}
	if err := m.host.push(ctx, pushing{updates: []refUpdate{{s.branch.name, there, here}}, pack: base + ".pack"}); err != nil {
		return err
	}
	m.log.Info("the prompts of the mirror were pushed to the remote", "commit", here.String(), "objects", len(objects))
	return m.remember()
}

func noBranch(wanted string, found refs, owner workspace.ID) error {
	names := slices.Sorted(maps.Keys(found.branches))
	for i := range names {
		names[i] = readable(strings.TrimPrefix(names[i], headsFolder))
	}
	more := ""
	if len(names) > 5 {
		names, more = names[:5], " and others"
	}
	wanted = strings.TrimPrefix(wanted, headsFolder)
	text := fmt.Sprintf("the repository has no branch %s; it has %s%s", wanted, strings.Join(names, ", "), more)
	if owner == workspace.Default() {
		return &unusableRemote{"Remote.Branch", text}
	}
	return &unusableRemote{branchesField, fmt.Sprintf("workspace %s: %s; make it from the one that it shall begin with: git push origin main:refs/heads/%s",
		owner, text, wanted)}
}

// identity names what is mirrored.
func (m *mirror) identity() string { return PlainURL(m.host.remote.URL) + "\n" + m.store.branch.name }

// mirrored tells that the repository followed this remote before.
func (m *mirror) mirrored() bool {
	url, _, _ := strings.Cut(m.known, "\n")
	return m.known != "" && url == PlainURL(m.host.remote.URL)
}

// remember notes in the repository what it mirrors. It holds no credentials.
func (m *mirror) remember() error {
	if m.known == m.identity() {
		return nil
	}
	if err := placeFile(m.store.lock.dir, m.noteFile, m.identity()+"\n"); err != nil {
		return err
	}
	m.known = m.identity()
	return nil
}

// mirrorNote is the file that says what a repository mirrors.
const mirrorNote = "remote"

// readMirrorNote reads such a file; a repository that is no mirror has none.
func readMirrorNote(dir, name string) string {
	raw, err := os.ReadFile(filepath.Join(dir, ownDir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(raw), "\n")
}

// replacedFolder is where the states lie that a rewritten history has replaced.
const replacedFolder = "refs/promptmetrics/replaced/"

// keepReplaced makes a ref for a commit, so that no housekeeping drops it. The
// caller has the process lock.
func (s *Store) keepReplaced(h plumbing.Hash) error {
	kept := &branch{dir: s.dir, name: replacedFolder + h.String(), log: s.log, wait: s.wait, link: os.Link}
	err := kept.move(plumbing.ZeroHash, h)
	if errors.Is(err, errMoved) { // it is there already
		return nil
	}
	return err
}

// unusableRemote is a remote that does not fit, whatever its host's health.
type unusableRemote struct{ field, text string }

func (e *unusableRemote) Error() string { return e.field + ": " + e.text }
