package gitstore

import (
	"container/heap"
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// maxShown bounds the message of a commit by other programs, in bytes.
const maxShown = 16 << 10

// Explain implements registry.ContentStore. The answer for a file is the commit
// whose parents all lack the bytes that the file has at head: the one that
// created it, changed it last, or merged it. An unknown head explains nothing.
func (s *Store) Explain(ctx context.Context, head string, files []registry.File) (map[registry.File]registry.Origin, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if len(s.beside) > 0 {
		return s.explainAll(ctx, head, files)
	}
	return s.explain(ctx, head, files)
}

// explain is Explain of one branch.
func (s *Store) explain(ctx context.Context, head string, files []registry.File) (map[registry.File]registry.Origin, error) {
	w := &walk{store: s, found: map[registry.File]registry.Origin{}, pending: map[plumbing.Hash]*stop{}}
	h, ok := parseHash(head)
	if !ok {
		return w.found, nil
	}
	c, err := s.commit(h)
	if errors.Is(err, errMissing) {
		return w.found, nil
	}
	if err == nil {
		err = w.start(ctx, h, c, files)
	}
	for err == nil && len(w.queue) > 0 {
		if err = ctx.Err(); err == nil {
			err = w.step()
		}
	}
	switch {
	case err == nil:
		return w.found, nil
	case ctx.Err() != nil:
		return nil, pmerr.Down(context.Cause(ctx), "The prompt store's history was not read: the call was cancelled")
	default:
		return nil, unreadable(err)
	}
}

// walk goes back through the history, from newer commits to older ones.
type walk struct {
	store   *Store
	found   map[registry.File]registry.Origin
	pending map[plumbing.Hash]*stop
	queue   stops
}

// stop is a commit on the way, with the files that it has as head has them.
type stop struct {
	commit
	hash  plumbing.Hash
	files map[string]registry.File // by path
}

// start looks the files up in the head.
func (w *walk) start(ctx context.Context, head plumbing.Hash, c commit, files []registry.File) error {
	b := newBuilder(w.store)
	paths := make(map[string]registry.File, len(files))
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		have, err := b.versions(c.tree, version{f.Workspace, f.Key})
		if clash := (*clashError)(nil); err != nil && !errors.As(err, &clash) {
			return err
		}
		for _, one := range have {
			if one.regular {
				paths[one.path] = f
				break
			}
		}
	}
	w.reach(head, c, paths)
	return nil
}

// reach hands files over to a commit that has them too.
func (w *walk) reach(h plumbing.Hash, c commit, files map[string]registry.File) {
	if len(files) == 0 {
		return
	}
	if at := w.pending[h]; at != nil {
		if len(at.files) < len(files) {
			at.files, files = files, at.files
		}
		maps.Copy(at.files, files)
		return
	}
	at := &stop{commit: c, hash: h, files: files}
	w.pending[h] = at
	heap.Push(&w.queue, at)
}

// step hands the files of the newest commit over to its parents. What no parent
// has is the commit's own.
func (w *walk) step() error {
	at := heap.Pop(&w.queue).(*stop)
	delete(w.pending, at.hash)
	files := at.files
	for _, h := range at.parents {
		if len(files) == 0 {
			return nil
		}
		parent, err := w.store.commit(h)
		if errors.Is(err, errMissing) {
			continue // the history of a shallow clone ends here
		}
		if err != nil {
			return err
		}
		own := map[string]registry.File{}
		err = w.store.changed(parent.tree, at.tree, "", func(path string) {
			if f, ok := files[path]; ok {
				own[path] = f
				delete(files, path)
			}
		})
		if err != nil {
			return err
		}
		w.reach(h, parent, files)
		files = own
	}
	for path, f := range files {
		w.found[f] = registry.Origin{
			Commit:  at.hash.String(),
			Author:  at.author.String(),
			Message: truncate(messageFor(at.message, path), maxShown),
			At:      at.at,
		}
	}
	return nil
}

// changed calls file with the path of every file below the prompt folders whose
// bytes in one root are not those in another, older one.
func (s *Store) changed(old, now plumbing.Hash, above string, file func(path string)) error {
	const deepest = 3 // slashes in the path of a folder of versions
	before, err := s.tree(old)
	if err != nil {
		return err
	}
	after, err := s.tree(now)
	if err != nil {
		return err
	}
	for a, b := range pairs(before, after) {
		if b.end == 0 || a.hash == b.hash {
			continue
		}
		path := above + string(b.name)
		switch {
		case !b.folder():
			file(path)
		case above == "" && path != promptsFolder && path != workspacesFolder, strings.Count(path, "/") > deepest:
		default:
			if err := s.changed(a.hash, b.hash, path+"/", file); err != nil {
				return err
			}
		}
	}
	return nil
}

// stops is a heap, the newest commit on top.
type stops []*stop

func (s stops) Len() int           { return len(s) }
func (s stops) Less(i, j int) bool { return s[i].at.After(s[j].at) }
func (s stops) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push and Pop serve container/heap.
func (s *stops) Push(x any) { *s = append(*s, x.(*stop)) }

// Pop takes the last one.
func (s *stops) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
