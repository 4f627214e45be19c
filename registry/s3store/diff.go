package s3store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
)

const (
	promptsBegin    = layout.Prompts + "/"
	workspacesBegin = layout.Workspaces + "/"
	// maxStrange bounds how many odd paths a diff reports.
	maxStrange = 100
)

// Diff implements registry.ContentStore. Head names what a listing of the
// prompt folders shows: keys, sizes, times and ETags. Only objects that are new
// since then, or that this store does not know, are read. With an empty since
// it also makes sure that every ref's content is kept, and mends what is not.
// Strange lists what is odd among the new, at most 100 paths.
func (s *Store) Diff(ctx context.Context, since string) (registry.Diff, error) {
	if err := s.open(ctx, "compared"); err != nil {
		return registry.Diff{}, err
	}
	d, err := s.diff(ctx, since)
	if err != nil {
		return registry.Diff{}, unavailable("compared", err)
	}
	return d, nil
}

func (s *Store) diff(ctx context.Context, since string) (registry.Diff, error) {
	now, err := s.list(ctx)
	if err != nil {
		return registry.Diff{}, err
	}
	if since == now.head {
		return registry.Diff{Head: since}, nil
	}
	then, err := s.load(ctx, since)
	if err != nil {
		return registry.Diff{}, err
	}
	// Another node may have looked already: then all is known.
	seen, err := s.load(ctx, now.head)
	if err != nil {
		return registry.Diff{}, err
	}
	if seen == nil || since == "" {
		if err := s.resolve(ctx, now, []*state{seen, then}, since == ""); err != nil {
			return registry.Diff{}, err
		}
		if err := s.save(ctx, now, since); err != nil {
			return registry.Diff{}, err
		}
	} else {
		now = seen
	}
	s.mu.Lock()
	s.last = now
	for _, e := range now.entries { // what is listed needs no memory of its own
		delete(s.fresh, e.Path)
	}
	s.mu.Unlock()
	return compareStates(then, now), nil
}

// list gives the present state, without refs.
func (s *Store) list(ctx context.Context) (*state, error) {
	now := &state{}
	for _, begin := range []string{promptsBegin, workspacesBegin} {
		if err := s.bucket.list(ctx, begin, func(o object) {
			if ours(o.key) {
				now.entries = append(now.entries, entry{Path: o.key, ETag: o.etag, Size: o.size, Modified: o.modified.UnixMilli()})
			}
		}); err != nil {
			return nil, err
		}
	}
	now.seal()
	return now, nil
}

// ours tells whether a path lies in a folder of prompts. Objects that stand for
// folders, which some tools make, are nothing.
func ours(path string) bool {
	if strings.HasSuffix(path, "/") {
		return false
	}
	if strings.HasPrefix(path, promptsBegin) {
		return true
	}
	parts := strings.SplitN(path, "/", 4)
	return len(parts) == 4 && parts[2] == layout.Prompts
}

// resolve finds the refs of a state's files: those that other states or own
// writings tell, and the rest by reading. What has gone or changed since it
// was listed is put right. Entries that count for no version get no ref.
func (s *Store) resolve(ctx context.Context, now *state, others []*state, all bool) error {
	kept, err := s.kept(ctx, all)
	if err != nil {
		return err
	}
	s.mu.Lock()
	others = append(others, s.last)
	known := func(e entry) string {
		for _, other := range others {
			if was, ok := other.find(e.Path); ok && was.same(e) && was.Ref != "" {
				return was.Ref
			}
		}
		if w, ok := s.fresh[e.Path]; ok && e.ETag != "" && w.etag == e.ETag {
			return w.ref
		}
		return ""
	}
	var unknown []int
	for i := range chosen(now.entries) {
		e := &now.entries[i]
		if e.Size > layout.MaxFile {
			e.Ref = refTooLarge
			continue
		}
		if e.Ref = known(*e); e.Ref == "" || kept != nil && !kept[e.Ref] {
			unknown = append(unknown, i)
		}
	}
	s.mu.Unlock()

	gone := make([]bool, len(now.entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, i := range unknown {
		group.Go(func() (err error) {
			gone[i], err = s.adopt(ctx, &now.entries[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	left := now.entries[:0]
	for i, e := range now.entries {
		if !gone[i] {
			left = append(left, e)
		}
	}
	now.entries = left
	now.seal()
	return nil
}

// kept lists the refs whose content is there, or nil if that was not asked.
func (s *Store) kept(ctx context.Context, all bool) (map[string]bool, error) {
	if !all {
		return nil, nil
	}
	kept := map[string]bool{}
	err := s.bucket.list(ctx, contentFolder, func(o object) {
		kept[o.key[strings.LastIndexByte(o.key, '/')+1:]] = true
	})
	return kept, err
}

// adopt reads an object that is not known and keeps its content.
func (s *Store) adopt(ctx context.Context, e *entry) (gone bool, err error) {
	o, data, err := s.fetch(ctx, e.Path)
	switch {
	case errors.Is(err, errMissing):
		return true, nil
	case errors.Is(err, pmerr.ErrTooLarge): // it has grown
		e.Ref = refTooLarge
		return false, nil
	case err != nil:
		return false, err
	}
	if o.etag != e.ETag { // the next listing shows it with the exact time
		e.ETag, e.Size, e.Modified = o.etag, o.size, o.modified.UnixMilli()
	}
	e.Ref = sumOf(data)
	return false, s.keep(ctx, e.Ref, data)
}

// chosen gives the indexes of the entries that count: for each version the one
// with the first ending.
func chosen(entries []entry) map[int]registry.File {
	first := make(map[registry.File]int, len(entries))
	rank := make(map[registry.File]int, len(entries))
	order := layout.Extensions()
	for i, e := range entries {
		file, extension, ok := e.fileOf()
		if !ok {
			continue
		}
		mine := slices.Index(order[:], extension)
		if before, taken := rank[file]; !taken || mine < before {
			first[file], rank[file] = i, mine
		}
	}
	found := make(map[int]registry.File, len(first))
	for file, i := range first {
		found[i] = file
	}
	return found
}

// compareStates makes a diff. An unknown earlier state is nil.
func compareStates(then, now *state) registry.Diff {
	d := registry.Diff{Head: now.head, Full: then == nil}
	before := map[registry.File]entry{}
	odd := map[string]entry{} // of the earlier state, by path
	if then != nil {
		counted := chosen(then.entries)
		for i, e := range then.entries {
			if file, ok := counted[i]; ok {
				before[file] = e
			} else {
				odd[e.Path] = e
			}
		}
	}
	counted := chosen(now.entries)
	for i, e := range now.entries {
		file, ok := counted[i]
		if !ok {
			if was, knew := odd[e.Path]; (!knew || !was.same(e)) && len(d.Strange) < maxStrange {
				d.Strange = append(d.Strange, layout.Readable(e.Path))
			}
			continue
		}
		was, had := before[file]
		delete(before, file)
		if !had || was.Ref != e.Ref || was.Path != e.Path {
			d.Changes = append(d.Changes, change(file, e, e.Ref))
		}
	}
	for file, was := range before {
		d.Changes = append(d.Changes, change(file, was, ""))
	}
	slices.SortFunc(d.Changes, func(a, b registry.Change) int { return strings.Compare(a.Path, b.Path) })
	return d
}

func change(file registry.File, e entry, ref string) registry.Change {
	_, extension, _ := e.fileOf()
	return registry.Change{File: file, Ref: ref, Format: layout.Format(extension), Path: layout.Readable(e.Path)}
}
