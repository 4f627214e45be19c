package gitstore

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// maxUnknown bounds how often a batch is pushed anew because nobody knows what
// became of a push.
const maxUnknown = 4

// tryRemote is tryBatch for a mirror: a batch is done when the host has accepted
// its commits, and they are in the mirror.
func (s *Store) tryRemote(batch []*job) (*plan, error) {
	m := s.mirror
	ctx, cancel := context.WithTimeout(m.ctx, 3*m.host.remote.Timeout)
	defer cancel()
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.end()
	// A host that is known to be down is not waited for.
	if err := m.host.gate.enter(); err != nil {
		return nil, err
	}
	release, err := s.lock.acquire(s.wait + m.host.remote.Timeout)
	if err != nil {
		return nil, err
	}
	defer release()
	t := &trial{store: s, mirror: m, batch: batch}
	for moves := range maxMoves {
		done, err := t.once(ctx)
		if done != nil || err != nil {
			return done, err
		}
		shortly(ctx, moves)
	}
	return nil, errMoved
}

// trial is a batch on its way to the host.
type trial struct {
	store  *Store
	mirror *mirror
	batch  []*job
	// confirmed says that the mirror was compared with the host for this batch.
	confirmed bool
	// open are pushes of which it is not known what became of them.
	open []*plan
}

// once decides the batch on the mirror's head and pushes it. Neither a plan nor
// an error means: again, on what the host has now.
func (t *trial) once(ctx context.Context) (*plan, error) {
	s := t.store
	head, err := s.branch.read()
	if err != nil {
		return nil, err
	}
	p, err := s.plan(t.batch, head)
	if err != nil {
		return nil, err
	}
	if err := s.settle(head); err != nil {
		return nil, err
	}
	if p.to == p.from {
		// Nothing to push, so nothing tells that the mirror is up to date: what
		// exists here may have been deleted there.
		if t.confirmed {
			return p, nil
		}
		return t.look(ctx)
	}
	written, release, err := s.write(p)
	if err != nil {
		return nil, err
	}
	defer release()
	if err = t.mirror.send(ctx, p, written.base+".pack"); err == nil {
		s.odb.add(written)
		return t.accept(ctx, p)
	}
	// The mirror needs no objects that the host does not have; what it has after
	// all is fetched.
	if err := errors.Join(written.retire(), s.forgetPack(written)); err != nil {
		return nil, err
	}
	if refused := (*refusedError)(nil); errors.As(err, &refused) {
		done, err := t.look(ctx)
		if done != nil || err != nil {
			return done, err
		}
		if now, err := s.branch.read(); err != nil || now != head {
			return nil, err
		}
		return nil, pmerr.Down(refused, "The git host refuses the push of prompts: see the server's log")
	}
	s.log.Warn("it is not known what became of a push; the remote is asked", "commit", p.to.String(), "error", err)
	if t.open = append(t.open, p); len(t.open) > maxUnknown {
		return nil, t.mirror.note(err)
	}
	return t.look(ctx)
}

// accept moves the mirror's branch to a commit that the host has accepted.
func (t *trial) accept(ctx context.Context, p *plan) (*plan, error) {
	s := t.store
	err := s.branch.move(p.from, p.to)
	if errors.Is(err, errMoved) { // by another process that has fetched it
		t.open = append(t.open, p)
		return t.look(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.durable = p.to
	for h, tree := range p.write.trees {
		s.keep(h, tree)
	}
	if err := t.mirror.remember(); err != nil {
		return nil, err
	}
	_ = t.mirror.note(nil)
	return p, nil
}

// look brings the mirror up to date and tells whether one of the open pushes
// had been accepted after all.
func (t *trial) look(ctx context.Context) (*plan, error) {
	if err := t.mirror.follow(ctx, true); err != nil {
		return nil, err
	}
	t.confirmed = true
	head, err := t.store.branch.read()
	if err != nil || head.IsZero() {
		return nil, err
	}
	for _, p := range t.open {
		arrived, err := t.store.leads(ctx, p.to, head)
		if err != nil {
			return nil, err
		}
		if arrived {
			return p, nil
		}
	}
	return nil, nil
}

// send pushes the commits of a plan, with their tags if they are wanted. A tag
// that the host refuses does not hold the commits up.
func (m *mirror) send(ctx context.Context, p *plan, pack string) error {
	commits := []refUpdate{{m.store.branch.name, p.from, p.to}}
	var tags []refUpdate
	if m.host.remote.Tags {
		tags = m.store.tags(p)
	}
	if m.host.pushes == nil {
		if err := m.host.prepare(ctx); err != nil {
			return err
		}
	}
	if len(tags) > 0 && m.host.atomic() {
		err := m.host.push(ctx, pushing{updates: append(commits, tags...), pack: pack})
		if refused := (*refusedError)(nil); !errors.As(err, &refused) {
			return err
		}
		// Either the branch has moved, which the next push tells as well, or
		// there is such a tag.
	}
	err := m.host.push(ctx, pushing{updates: commits, pack: pack})
	if err == nil && len(tags) > 0 {
		if err := m.host.push(ctx, pushing{updates: tags, apart: true}); err != nil {
			m.log.Warn("not every published version got its tag", "error", err)
		}
	}
	return err
}

// tags are those of the versions that a plan publishes.
func (s *Store) tags(p *plan) []refUpdate {
	var tags []refUpdate
	for j, o := range p.outcomes {
		if j.put == nil || o.err != nil || o.stored.Existed {
			continue
		}
		commit, ok := parseHash(o.stored.Commit)
		owner := j.workspace
		if s.owner != workspace.Default() {
			owner = s.owner
		}
		if name := tagOf(owner, j.key); ok && name != "" {
			tags = append(tags, refUpdate{name: name, to: commit})
		}
	}
	return tags
}

// tagOf names the tag of a version; it is empty if git does not allow the name.
func tagOf(id workspace.ID, key registry.Key) string {
	name := path.Join(key.Name, key.Version)
	if id != workspace.Default() {
		name = path.Join(id.String(), name)
	}
	if !plainBranch(headsFolder+name) || strings.HasSuffix(name, ".") {
		return ""
	}
	return "refs/tags/" + name
}
