package s3store

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
)

// Explain implements registry.ContentStore. The answer is the metadata of the
// object that counts for a file, if it is still the one of that head. An
// unknown head explains nothing.
func (s *Store) Explain(ctx context.Context, head string, files []registry.File) (map[registry.File]registry.Origin, error) {
	if err := s.open(ctx, "asked for origins"); err != nil {
		return nil, err
	}
	found, err := s.explain(ctx, head, files)
	if err != nil {
		return nil, unavailable("asked for origins", err)
	}
	return found, nil
}

func (s *Store) explain(ctx context.Context, head string, files []registry.File) (map[registry.File]registry.Origin, error) {
	found := map[registry.File]registry.Origin{}
	at, err := s.load(ctx, head)
	if err != nil || at == nil {
		return found, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, file := range files {
		e, ok := at.first(file)
		if !ok {
			continue
		}
		group.Go(func() error {
			o, err := s.bucket.head(ctx, e.Path)
			if errors.Is(err, errMissing) || err == nil && o.etag != e.ETag {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[file] = o.origin(e.Path, e.Ref)
			return nil
		})
	}
	return found, group.Wait()
}

// first gives the entry that counts for a file.
func (s *state) first(file registry.File) (entry, bool) {
	for _, extension := range layout.Extensions() {
		if e, ok := s.find(layout.Path(file.Workspace, file.Key, extension)); ok {
			return e, true
		}
	}
	return entry{}, false
}
