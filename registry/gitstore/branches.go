package gitstore

import (
	"context"
	"crypto/sha1" //nolint:gosec // it names a file.
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// maxBranches bounds how many branches are followed beside the repository's own:
// each costs a committer, and a question to the host with each fetch.
const maxBranches = 16

// branchesField names Options.Branches in errors.
const branchesField = "Branches"

// branchFaults tells what cannot be about Branches, without looking at the
// repository.
func (o Options) branchFaults() (faults []string) {
	if len(o.Branches) > maxBranches {
		faults = append(faults, "Branches are more than 16: let fewer workspaces follow a branch of their own")
	}
	followers := map[string]workspace.ID{}
	for _, id := range sorted(o.Branches) {
		name := o.Branches[id]
		other, taken := followers[name]
		named, err := workspace.Parse(name)
		_, follows := o.Branches[named]
		switch {
		case id == workspace.Default():
			faults = append(faults, "Branches: the workspace default follows the repository's own branch: leave it out")
		case !plainBranch(headsFolder + name):
			faults = append(faults, "Branches: workspace "+id.String()+" needs the name of a branch, such as staging, without refs/heads/")
		case taken:
			faults = append(faults, "Branches: workspaces "+other.String()+" and "+id.String()+" cannot both follow "+name+": give each its own")
		case err == nil && named != id && follows:
			faults = append(faults, "Branches: workspace "+id.String()+" cannot follow "+name+", which is the name of a workspace that follows another branch")
		}
		followers[name] = id
	}
	return faults
}

func sorted(branches map[workspace.ID]string) []workspace.ID {
	return slices.SortedFunc(maps.Keys(branches), func(a, b workspace.ID) int { return strings.Compare(a.String(), b.String()) })
}

// lines are the stores of all branches, the repository's own first.
func (s *Store) lines() []*Store { return append([]*Store{s}, s.beside...) }

// Branch is the name of the branch that a workspace follows, without
// refs/heads/.
func (s *Store) Branch(id workspace.ID) string {
	for _, b := range s.beside {
		if b.owner == id {
			return b.branch.short()
		}
	}
	return s.branch.short()
}

// Follower finds the workspace of a branch: whose prompts lie at its top. ok is
// false for a branch that is not followed.
func (s *Store) Follower(branch string) (id workspace.ID, ok bool) {
	for _, b := range s.lines() {
		if b.branch.short() == branch {
			return b.owner, true
		}
	}
	return workspace.ID{}, false
}

func (b *branch) short() string { return strings.TrimPrefix(b.name, headsFolder) }

// openBranches opens a store for each of Options.Branches.
func (s *Store) openBranches(ctx context.Context, options Options, start *connection) error {
	if len(options.Branches) == 0 {
		return nil
	}
	root, err := s.root(ctx, start)
	if err != nil {
		return err
	}
	for _, id := range sorted(options.Branches) {
		name := headsFolder + options.Branches[id]
		if name == s.branch.name {
			return pmerr.Invalid(branchesField + ": workspace " + id.String() + " cannot follow " + s.branch.short() +
				", which is the branch of all other workspaces: give it its own")
		}
		c, err := start.beside(s, name, root)
		if err != nil {
			return err
		}
		b, err := openBranch(ctx, line{s.dir, name, id, s.counts}, options, c)
		if err != nil {
			return err
		}
		s.beside = append(s.beside, b)
		if start == nil && !s.orphan {
			if err := b.start(root); err != nil {
				return unusable(s.dir, err)
			}
		}
	}
	return nil
}

// root is the head of the repository's own branch. All others begin there: git
// does not merge histories that have nothing in common. An empty repository gets
// a first commit for it, unless nobody may write there now.
func (s *Store) root(ctx context.Context, start *connection) (plumbing.Hash, error) {
	head, err := s.branch.read()
	if err != nil {
		return head, unusable(s.dir, err)
	}
	if !head.IsZero() || s.orphan || start != nil && start.found == nil {
		return head, nil
	}
	const message = "Begin"
	o := s.queue.do(ctx, &job{
		workspace: s.owner, author: parseAuthor(""), message: message, begin: true, bytes: len(message), done: make(chan outcome, 1),
	})
	if o.err != nil {
		return head, o.err
	}
	if head, err = s.branch.read(); err != nil {
		return head, unusable(s.dir, err)
	}
	return head, nil
}

// start makes the branch of a repository without a remote, if there is none.
func (s *Store) start(root plumbing.Hash) error {
	release, err := s.lock.acquire(s.wait)
	if err != nil {
		return err
	}
	defer release()
	if err := s.branch.move(plumbing.ZeroHash, root); err != nil && !errors.Is(err, errMoved) {
		return err
	}
	return nil
}

// beside gives the connection for another branch: the host was asked already.
func (c *connection) beside(s *Store, name string, root plumbing.Hash) (*connection, error) {
	if c == nil {
		return nil, nil
	}
	h, err := newHost(c.host.remote, s.now)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(name)) //nolint:gosec // it names a file.
	file := mirrorNote + "-" + hex.EncodeToString(sum[:])
	other := &connection{host: h, branch: name, trouble: c.trouble, noteFile: file, known: readMirrorNote(s.dir, file)}
	if c.found == nil {
		return other, nil
	}
	other.found = &refs{branches: maps.Clone(c.found.branches), head: c.found.head}
	bare, err := s.bare(root)
	if err != nil {
		return nil, unreadable(err)
	}
	if bare || len(c.found.branches) == 0 {
		other.root = root
	}
	return other, nil
}

// bare tells whether a commit has no files.
func (s *Store) bare(h plumbing.Hash) (bool, error) {
	if h.IsZero() {
		return true, nil
	}
	c, err := s.commit(h)
	if err != nil {
		return false, err
	}
	return c.tree == hashOf(plumbing.TreeObject, nil), nil
}

// plant makes the branch on a host that does not have it, if it may be made.
func (m *mirror) plant(ctx context.Context, c *connection) error {
	if m.store.owner == workspace.Default() || !c.found.branches[c.branch].IsZero() {
		return nil
	}
	at, err := m.store.branch.read()
	if err != nil {
		return err
	}
	switch {
	case at.IsZero():
		at = c.root
	case c.root.IsZero() && c.known != "":
		return nil // it has vanished from the host
	}
	if at.IsZero() {
		return nil
	}
	err = m.seed(ctx, at, plumbing.ZeroHash)
	if refused := (*refusedError)(nil); errors.As(err, &refused) { // another node was faster
		found, listed := m.host.list(ctx)
		if listed == nil && found.branches[c.branch].IsZero() {
			return err
		}
		c.found = &found
		return listed
	}
	if err != nil {
		return err
	}
	if c.found.branches == nil {
		c.found.branches = map[string]plumbing.Hash{}
	}
	c.found.branches[c.branch] = at
	return nil
}

// heads names the heads of all branches, in a form that ContentStore.Diff takes.
func (s *Store) heads(diffs []registry.Diff) string {
	parts := make([]string, 0, len(diffs))
	for i, b := range s.lines() {
		parts = append(parts, b.mark()+diffs[i].Head)
	}
	return strings.Join(parts, " ")
}

// mark comes before the head of a branch, so that a state in which another
// branch was followed is not mistaken for one of this store.
func (s *Store) mark() string {
	if s.owner == workspace.Default() {
		return ""
	}
	return s.owner.String() + ":" + s.branch.short() + ":"
}

// split takes what heads has made apart; ok is false for anything else.
func (s *Store) split(heads string) (parts []string, ok bool) {
	lines := s.lines()
	parts = strings.SplitN(heads, " ", len(lines)+1)
	if len(parts) != len(lines) {
		return make([]string, len(lines)), false
	}
	for i, b := range lines {
		if parts[i], ok = strings.CutPrefix(parts[i], b.mark()); !ok {
			return make([]string, len(lines)), false
		}
	}
	return parts, true
}

// diffAll is Diff of all branches.
func (s *Store) diffAll(ctx context.Context, since string) (registry.Diff, error) {
	before, known := s.split(since)
	diffs, unknown, err := s.diffEach(ctx, before)
	if err == nil && known && unknown {
		known = false
		diffs, _, err = s.diffEach(ctx, make([]string, len(before)))
	}
	if err != nil {
		return registry.Diff{}, err
	}
	all := registry.Diff{Head: s.heads(diffs), Full: !known, Heads: map[workspace.ID]string{}}
	for i, b := range s.lines() {
		all.Heads[b.owner] = diffs[i].Head
		if b.owner == workspace.Default() {
			all.Commit = diffs[i].Commit
			s.addOwn(&all, diffs[i])
		} else {
			b.addBeside(&all, diffs[i])
		}
	}
	return all, nil
}

// diffEach compares each branch with its own earlier state. It reports whether
// one of them does not know it.
func (s *Store) diffEach(ctx context.Context, before []string) (diffs []registry.Diff, unknown bool, err error) {
	for i, b := range s.lines() {
		d, err := b.diff(ctx, before[i])
		if err != nil {
			return nil, false, err
		}
		diffs = append(diffs, d)
		// What differs from nothing is the net change since there was nothing.
		unknown = unknown || d.Full && before[i] != ""
	}
	return diffs, unknown, nil
}

// addOwn takes over what differs on the repository's own branch. Files of a
// workspace that follows another do not count there.
func (s *Store) addOwn(all *registry.Diff, d registry.Diff) {
	elsewhere := map[workspace.ID]bool{}
	for _, b := range s.beside {
		elsewhere[b.owner] = true
	}
	all.Strange, all.Mended = d.Strange, d.Mended
	for _, c := range d.Changes {
		switch {
		case !elsewhere[c.Workspace]:
			all.Changes = append(all.Changes, c)
		case c.Ref == "":
			all.Mended = append(all.Mended, c.Path)
		case len(all.Strange) < maxStrange:
			all.Strange = append(all.Strange, c.Path)
		}
	}
}

// addBeside takes over what differs on a branch that a workspace follows. What
// it has of other workspaces came with a merge, and is theirs to care for.
// Paths are written as git writes them: branch:path.
func (s *Store) addBeside(all *registry.Diff, d registry.Diff) {
	above := s.branch.short() + ":"
	for _, c := range d.Changes {
		if c.Workspace == workspace.Default() {
			c.Workspace, c.Path = s.owner, above+c.Path
			all.Changes = append(all.Changes, c)
		}
	}
	own := func(to, paths []string) []string {
		for _, path := range paths {
			if !strings.HasPrefix(path, workspacesFolder+"/") {
				to = append(to, above+path)
			}
		}
		return to
	}
	all.Strange, all.Mended = own(all.Strange, d.Strange), own(all.Mended, d.Mended)
}

// explainAll is Explain of all branches.
func (s *Store) explainAll(ctx context.Context, head string, files []registry.File) (map[registry.File]registry.Origin, error) {
	found := map[registry.File]registry.Origin{}
	heads, ok := s.split(head)
	if !ok {
		return found, nil
	}
	groups := map[workspace.ID][]registry.File{}
	for _, f := range files {
		owner := workspace.Default()
		for _, b := range s.beside {
			if b.owner == f.Workspace {
				owner, f.Workspace = b.owner, workspace.Default()
			}
		}
		groups[owner] = append(groups[owner], f)
	}
	for i, b := range s.lines() {
		if len(groups[b.owner]) == 0 {
			continue
		}
		origins, err := b.explain(ctx, heads[i], groups[b.owner])
		if err != nil {
			return nil, err
		}
		for f, origin := range origins {
			if f.Workspace == workspace.Default() {
				f.Workspace = b.owner
			}
			found[f] = origin
		}
	}
	return found, nil
}
