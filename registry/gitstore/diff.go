package gitstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// maxStrange bounds how many odd paths a diff reports.
const maxStrange = 100

// Diff implements registry.ContentStore. Head is the commit of the branch, or
// empty as long as there is none; with Options.Branches it names all of them.
// Only trees whose hash differs are loaded. Strange lists what is odd in those
// trees, at most 100 paths of each branch.
func (s *Store) Diff(ctx context.Context, since string) (registry.Diff, error) {
	if err := s.open(); err != nil {
		return registry.Diff{}, err
	}
	if len(s.beside) > 0 {
		return s.diffAll(ctx, since)
	}
	return s.diff(ctx, since)
}

// diff is Diff of one branch.
func (s *Store) diff(ctx context.Context, since string) (registry.Diff, error) {
	head, err := s.branch.read()
	if err != nil {
		return registry.Diff{}, unreadable(err)
	}
	if head.IsZero() && (s.mirror == nil || since == "") {
		return registry.Diff{Full: true}, nil
	}
	if since == head.String() {
		return registry.Diff{Head: since}, nil
	}
	// Somebody has written: perhaps other processes, which also merge packs.
	// Letting go of those that are gone frees their disk space.
	if err := s.odb.rescan(); err != nil {
		return registry.Diff{}, unreadable(err)
	}
	s.repack.nudge()
	if s.mirror != nil && since != "" {
		before := false
		if head, before, err = s.mirror.catchUp(ctx, head, since); err != nil {
			return registry.Diff{}, err
		}
		if !before {
			since = ""
		}
		if since == head.String() {
			return registry.Diff{Head: since}, nil
		}
	}
	now, err := s.commit(head)
	if err != nil {
		return registry.Diff{}, unreadable(err)
	}
	d := differ{ctx: ctx, store: s}
	if old, ok := parseHash(since); ok {
		if then, err := s.commit(old); err == nil {
			err = d.run(then.tree, now.tree)
			if err == nil {
				return d.result(head, false), nil
			}
			// The old state may be gone in part; the new one must be whole.
			if ctx.Err() == nil {
				s.log.InfoContext(ctx, "the earlier state of the prompt repository cannot be compared with", "commit", since, "error", err)
			}
		}
	}
	d = differ{ctx: ctx, store: s}
	if err := d.run(plumbing.ZeroHash, now.tree); err != nil {
		if ctx.Err() != nil {
			return registry.Diff{}, pmerr.Down(context.Cause(ctx), "The prompt store was not compared: the call was cancelled")
		}
		return registry.Diff{}, unreadable(err)
	}
	return d.result(head, true), nil
}

// differ compares two root trees.
type differ struct {
	ctx     context.Context
	store   *Store
	changes []registry.Change
	strange []string
	mended  []string
}

func (d *differ) result(head plumbing.Hash, full bool) registry.Diff {
	slices.SortFunc(d.changes, func(a, b registry.Change) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(d.strange)
	slices.Sort(d.mended)
	return registry.Diff{Head: head.String(), Commit: head.String(), Full: full, Changes: d.changes, Strange: d.strange, Mended: d.mended}
}

// gone notes that a path which was odd before is not there any more, or is
// another thing now.
func (d *differ) gone(path string) { d.mended = append(d.mended, readable(path)) }

func (d *differ) odd(path string) {
	if len(d.strange) < maxStrange {
		d.strange = append(d.strange, readable(path))
	}
}

// run compares the prompt folders of two roots.
func (d *differ) run(old, now plumbing.Hash) error {
	return d.each(old, now, "", func(name string, before, after plumbing.Hash) error {
		switch name {
		case promptsFolder:
			return d.prompts(before, after, workspace.Default(), promptsFolder+"/")
		case workspacesFolder:
			return d.workspaces(before, after)
		}
		return nil
	}, func(entry) {})
}

func (d *differ) workspaces(old, now plumbing.Hash) error {
	return d.each(old, now, workspacesFolder+"/", func(name string, before, after plumbing.Hash) error {
		above := workspacesFolder + "/" + name + "/"
		return d.each(before, after, above, func(folder string, before, after plumbing.Hash) error {
			if folder != promptsFolder {
				return nil
			}
			id, err := workspace.Parse(name)
			if err != nil || id == workspace.Default() { // that one lies at the top
				d.oddFolder(above+folder, after)
				return nil
			}
			return d.prompts(before, after, id, above+folder+"/")
		}, func(entry) {})
	}, func(entry) {})
}

// prompts compares two folders of prompts.
func (d *differ) prompts(old, now plumbing.Hash, id workspace.ID, above string) error {
	return d.each(old, now, above, func(name string, before, after plumbing.Hash) error {
		if !workspace.Valid(name) { // names of prompts have the same form
			d.oddFolder(above+name, after)
			return nil
		}
		return d.versions(before, after, id, name, above+name+"/")
	}, func(e entry) { d.odd(above + string(e.name)) })
}

// oddFolder notes a folder that has no place where it is; after is zero once it
// is gone.
func (d *differ) oddFolder(path string, after plumbing.Hash) {
	if after.IsZero() {
		d.gone(path)
	} else {
		d.odd(path)
	}
}

// each calls folder for every name that is a folder in one of two trees and not
// the same in both; the zero hash stands for no folder. Other entries that are
// new or changed go to other.
func (d *differ) each(old, now plumbing.Hash, above string, folder func(name string, before, after plumbing.Hash) error, other func(entry)) error {
	if old == now {
		return nil
	}
	if err := d.ctx.Err(); err != nil {
		return err
	}
	before, err := d.store.tree(old)
	if err != nil {
		return err
	}
	after, err := d.tree(now, above)
	if err != nil {
		return err
	}
	for a, b := range pairs(before, after) {
		was, is := a.folder(), b.folder()
		if a.end > 0 && !was && a.hash != b.hash {
			d.gone(above + string(a.name))
		}
		if b.end > 0 && !is && a.hash != b.hash {
			other(b)
		}
		if !was && !is || was && is && a.hash == b.hash {
			continue
		}
		name := string(b.name)
		var from, to plumbing.Hash
		if was {
			name, from = string(a.name), a.hash
		}
		if is {
			to = b.hash
		}
		if err := folder(name, from, to); err != nil {
			return err
		}
	}
	return nil
}

// tree loads a tree of the new state, which must be whole.
func (d *differ) tree(h plumbing.Hash, path string) (*tree, error) {
	t, err := d.store.tree(h)
	if errors.Is(err, errMissing) || errors.Is(err, errDamaged) {
		d.store.log.ErrorContext(d.ctx, "a folder of the prompt repository is damaged, run git fsck there", "folder", readable(path), "error", err)
	}
	return t, err
}

// file is what counts for a version: one of the files that name it.
type file struct {
	hash      plumbing.Hash
	extension string
}

// versions compares two folders of versions.
func (d *differ) versions(old, now plumbing.Hash, id workspace.ID, name, above string) error {
	then, err := d.store.tree(old)
	if err != nil {
		return err
	}
	t, err := d.tree(now, above)
	if err != nil {
		return err
	}
	before, knownOdd := sortFiles(then)
	after, odd := sortFiles(t)
	change := func(version string, f file, ref string) {
		d.changes = append(d.changes, registry.Change{
			File:   registry.File{Workspace: id, Key: registry.Key{Name: name, Version: version}},
			Ref:    ref,
			Format: formatOf(f.extension),
			Path:   above + version + f.extension,
		})
	}
	for version, f := range after {
		if before[version] != f {
			change(version, f, f.hash.String())
		}
	}
	for version, f := range before {
		if _, ok := after[version]; !ok {
			change(version, f, "")
		}
	}
	for name, h := range odd {
		if knownOdd[name] != h {
			d.odd(above + name)
		}
	}
	for name, h := range knownOdd {
		if odd[name] != h {
			d.gone(above + name)
		}
	}
	return nil
}

// sortFiles reads a folder of versions: the file that counts for each, and what
// else there is.
func sortFiles(t *tree) (files map[string]file, odd map[string]plumbing.Hash) {
	files, odd = map[string]file{}, map[string]plumbing.Hash{}
	if t == nil {
		return files, odd
	}
	for e := range t.entries() {
		name := string(e.name)
		version, extension, ok := splitFile(name)
		_, taken := files[version] // in order: .json, .yaml, .yml
		if !ok || !e.regular() || taken {
			odd[name] = e.hash
			continue
		}
		files[version] = file{e.hash, extension}
	}
	return files, odd
}
