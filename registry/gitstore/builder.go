package gitstore

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// builder collects the objects of a batch and sees them before they are
// written.
type builder struct {
	store   *Store
	objects []object
	seen    map[plumbing.Hash]bool
	trees   map[plumbing.Hash]*tree
	made    map[plumbing.Hash]commit
}

func newBuilder(s *Store) *builder {
	return &builder{
		store: s,
		seen:  map[plumbing.Hash]bool{},
		trees: map[plumbing.Hash]*tree{},
		made:  map[plumbing.Hash]commit{},
	}
}

func (b *builder) add(o object) {
	if !b.seen[o.hash] {
		b.seen[o.hash] = true
		b.objects = append(b.objects, o)
	}
}

func (b *builder) addTree(raw []byte) plumbing.Hash {
	h := hashOf(plumbing.TreeObject, raw)
	if !b.seen[h] {
		b.add(object{hash: h, kind: plumbing.TreeObject, size: len(raw), plain: raw})
	}
	return h
}

func (b *builder) addCommit(c commit) plumbing.Hash {
	raw := c.encode()
	h := hashOf(plumbing.CommitObject, raw)
	b.add(object{hash: h, kind: plumbing.CommitObject, size: len(raw), plain: raw})
	b.made[h] = c
	return h
}

// tree loads a tree; the zero hash is the empty one.
func (b *builder) tree(h plumbing.Hash) (*tree, error) {
	if t := b.trees[h]; t != nil {
		return t, nil
	}
	return b.store.tree(h)
}

// clashError says that a path which should be a folder is something else.
type clashError struct{ path string }

func (e *clashError) Error() string { return "gitstore: " + e.path + " is not a folder" }

// found is a file of a version.
type found struct {
	path    string
	hash    plumbing.Hash
	regular bool
}

// versions lists the files that are there for a version, the one that counts
// first. It returns a clashError if their folder is no folder.
func (b *builder) versions(root plumbing.Hash, v version) ([]found, error) {
	at := root
	steps := append(folderOf(v.workspace), v.key.Name)
	for i, step := range steps {
		t, err := b.tree(at)
		if err != nil {
			return nil, err
		}
		e, ok := t.find(step)
		if !ok {
			return nil, nil
		}
		if !e.folder() {
			return nil, &clashError{strings.Join(steps[:i+1], "/")}
		}
		at = e.hash
	}
	t, err := b.tree(at)
	if err != nil {
		return nil, err
	}
	var have []found
	for _, extension := range extensions() {
		if e, ok := t.find(v.key.Version + extension); ok {
			have = append(have, found{pathOf(v.workspace, v.key, extension), e.hash, e.regular()})
		}
	}
	return have, nil
}

// folder is a set of edits, by folder.
type folder struct {
	files   map[string]plumbing.Hash
	folders map[string]*folder
}

// set notes an edit of the file at a path.
func (f *folder) set(path string, h plumbing.Hash) {
	step, rest, deeper := strings.Cut(path, "/")
	if !deeper {
		if f.files == nil {
			f.files = map[string]plumbing.Hash{}
		}
		f.files[step] = h
		return
	}
	if f.folders == nil {
		f.folders = map[string]*folder{}
	}
	if f.folders[step] == nil {
		f.folders[step] = &folder{}
	}
	f.folders[step].set(rest, h)
}

// apply edits a tree and those below it, and gives the hash of the result: zero
// if nothing is left, for git knows no empty folders.
func (b *builder) apply(base plumbing.Hash, f *folder) (plumbing.Hash, error) {
	t, err := b.tree(base)
	if err != nil {
		return base, err
	}
	edits := make([]edit, 0, len(f.files)+len(f.folders))
	for name, h := range f.files {
		edits = append(edits, edit{name: name, hash: h})
	}
	for name, below := range f.folders {
		var old plumbing.Hash
		if e, ok := t.find(name); ok {
			old = e.hash
		}
		h, err := b.apply(old, below)
		if err != nil {
			return base, err
		}
		edits = append(edits, edit{name: name, folder: true, hash: h})
	}
	raw := t.splice(edits)
	if len(raw) == 0 {
		return plumbing.ZeroHash, nil
	}
	h := b.addTree(raw)
	if b.trees[h] == nil {
		// Parsing it proves the splice; a fault here must not reach the disk.
		if b.trees[h], err = parseTree(raw); err != nil {
			return base, err
		}
	}
	return h, nil
}
