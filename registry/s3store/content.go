package s3store

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // it is compared with ETags.
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const (
	contentFolder = ".promptmetrics/content/"
	jsonText      = "application/json"
	// sideBySide is how many requests one call has under way.
	sideBySide = 16
	// maxMoves bounds how often a Put begins anew because its object comes and
	// goes.
	maxMoves = 10
	// maxFresh bounds what is remembered of own writings between two diffs.
	maxFresh = 50_000
	// refTooLarge stands for content that is too large to be kept.
	refTooLarge = "too-large"
)

// content is the store of one workspace.
type content struct {
	store *Store
	id    workspace.ID
}

// contentKey is where the bytes of a ref are.
func contentKey(ref string) string { return contentFolder + ref[:2] + "/" + ref }

// isSum tells whether a text has the form of a SHA-256.
func isSum(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// Put implements registry.Content. Content of more than 10 MiB is
// pmerr.ErrTooLarge, a key that cannot be a path pmerr.ErrValidation. A caller
// that gets pmerr.ErrUnavailable does not know whether the version was stored;
// the same Put again tells, and makes it so.
func (c *content) Put(ctx context.Context, key registry.Key, data []byte, by registry.Signature) (registry.Stored, error) {
	if err := layout.Check(key); err != nil {
		return registry.Stored{}, err
	}
	if len(data) > layout.MaxFile {
		return registry.Stored{}, tooLarge()
	}
	if err := c.store.open(ctx, "written"); err != nil {
		return registry.Stored{}, err
	}
	stored, err := c.put(ctx, key, data, by)
	if err != nil {
		return registry.Stored{}, unavailable("written", err)
	}
	return stored, nil
}

func (c *content) put(ctx context.Context, key registry.Key, data []byte, by registry.Signature) (registry.Stored, error) {
	ref := sumOf(data)
	byHand, err := c.prepare(ctx, key, ref, data)
	if err != nil {
		return registry.Stored{}, err
	}
	at, write := c.store.now().UTC().Truncate(time.Millisecond), rand.Text()
	path := layout.Path(c.id, key, ".json")
	how := writing{kind: jsonText, fresh: true, metadata: describe(path, ref, write, by, "Create "+key.Name+" "+key.Version, at)}
	for range maxMoves {
		if byHand {
			have, o, err := c.existing(ctx, key)
			switch {
			case err == nil:
				return compare(key, have, o, ref, write)
			case !errors.Is(err, errMissing):
				return registry.Stored{}, err
			}
		}
		etag, err := c.store.bucket.put(ctx, path, data, how)
		if err == nil {
			c.store.remember(path, written{etag, ref})
			return registry.Stored{Ref: ref, At: at}, nil
		}
		if !errors.Is(err, errExists) {
			return registry.Stored{}, err
		}
		byHand = true // whoever wrote it, it is to be compared with
	}
	return registry.Stored{}, errors.New("the version comes and goes: others write and delete it all the time")
}

// prepare keeps the content and asks whether the version has a file of another
// ending, at once.
func (c *content) prepare(ctx context.Context, key registry.Key, ref string, data []byte) (byHand bool, err error) {
	others := layout.Extensions()
	found := make([]bool, len(others))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.store.keep(ctx, ref, data) })
	for i, extension := range others {
		if extension == ".json" {
			continue // the conditional write finds out
		}
		group.Go(func() error {
			_, err := c.store.bucket.head(ctx, layout.Path(c.id, key, extension))
			if errors.Is(err, errMissing) {
				return nil
			}
			found[i] = err == nil
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	for _, one := range found {
		byHand = byHand || one
	}
	return byHand, nil
}

// existing reads the object that counts for a version; none is errMissing.
func (c *content) existing(ctx context.Context, key registry.Key) (ref string, o object, err error) {
	for _, extension := range layout.Extensions() {
		o, data, err := c.store.fetch(ctx, layout.Path(c.id, key, extension))
		if errors.Is(err, pmerr.ErrTooLarge) {
			return refTooLarge, o, nil
		}
		if !errors.Is(err, errMissing) {
			return sumOf(data), o, err
		}
	}
	return "", object{}, errMissing
}

// compare decides on a version that exists.
func compare(key registry.Key, have string, o object, ref, write string) (registry.Stored, error) {
	if have != ref {
		return registry.Stored{}, pmerr.New(pmerr.Conflict, "%s %s exists in the prompt store with other content", key.Name, key.Version)
	}
	return registry.Stored{
		Ref: ref, At: o.origin(o.key, ref).At,
		// The answer to our own writing may have been lost.
		Existed: o.field(metaWrite) != write,
	}, nil
}

// keep stores content under its ref. What is there already is read, so that a
// damaged copy is mended by the next one who has the bytes.
func (s *Store) keep(ctx context.Context, ref string, data []byte) error {
	how := writing{kind: jsonText, fresh: true}
	_, err := s.bucket.put(ctx, contentKey(ref), data, how)
	if !errors.Is(err, errExists) {
		return err
	}
	_, _, err = s.bucket.get(ctx, contentKey(ref), layout.MaxFile, same(data))
	if errors.Is(err, errGarbled) || errors.Is(err, errMissing) || errors.Is(err, pmerr.ErrTooLarge) {
		s.log.Warn("a prompt's content was damaged in the bucket, and is written anew", "key", s.bucket.prefix+contentKey(ref))
		how.fresh = false
		_, err = s.bucket.put(ctx, contentKey(ref), data, how)
	}
	return err
}

// remember notes what this process wrote, so that the next Diff need not read
// it.
func (s *Store) remember(path string, w written) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fresh) >= maxFresh {
		clear(s.fresh)
	}
	s.fresh[path] = w
}

// Read implements registry.Content.
func (c *content) Read(ctx context.Context, ref string) ([]byte, error) {
	if err := c.store.open(ctx, "read"); err != nil {
		return nil, err
	}
	if ref == refTooLarge {
		return nil, tooLarge()
	}
	if !isSum(ref) {
		return nil, pmerr.Missing("Prompt content")
	}
	key := contentKey(ref)
	_, data, err := c.store.bucket.get(ctx, key, layout.MaxFile, func(_ object, data []byte) bool { return sumOf(data) == ref })
	if errors.Is(err, errMissing) {
		// Anything on the way may answer 404; a listing only S3 can answer.
		found := false
		err = c.store.bucket.list(ctx, key, func(o object) { found = found || o.key == key })
		if err == nil && !found {
			return nil, pmerr.Missing("Prompt content")
		}
		if err == nil {
			err = errors.New("an object that is listed is not found")
		}
	}
	if err != nil {
		return nil, unavailable("read", err)
	}
	return data, nil
}

// Remove implements registry.Content. A version's objects go whatever their
// endings are, one by one: after pmerr.ErrUnavailable some may be gone.
func (c *content) Remove(ctx context.Context, keys []registry.Key, _ registry.Signature) (string, error) {
	wanted := map[string]map[string]bool{} // paths by folder
	for _, key := range keys {
		if layout.Check(key) != nil {
			continue // it cannot exist
		}
		folder := layout.Path(c.id, registry.Key{Name: key.Name}, "") + "/"
		if wanted[folder] == nil {
			wanted[folder] = map[string]bool{}
		}
		for _, extension := range layout.Extensions() {
			wanted[folder][layout.Path(c.id, key, extension)] = true
		}
	}
	if len(wanted) == 0 {
		return "", nil
	}
	if err := c.store.open(ctx, "written"); err != nil {
		return "", err
	}
	for folder := range maps.Keys(wanted) {
		if err := c.store.removeIn(ctx, folder, wanted[folder]); err != nil {
			return "", unavailable("written", err)
		}
	}
	return "", nil
}

// removeIn deletes the paths that exist: to delete others would leave a marker
// in buckets that keep versions.
func (s *Store) removeIn(ctx context.Context, folder string, paths map[string]bool) error {
	var there []string
	if err := s.bucket.list(ctx, folder, func(o object) {
		if paths[o.key] {
			there = append(there, o.key)
		}
	}); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, path := range there {
		group.Go(func() error { return s.bucket.remove(ctx, path) })
	}
	return group.Wait()
}

func tooLarge() error {
	return pmerr.New(pmerr.TooLarge, "Prompt content is larger than %d MiB", layout.MaxFile>>20)
}

// fetch reads a version's object as it is, and makes sure that no byte was
// changed on the way: it has the hash of its metadata or of its ETag, or it
// reads the same again.
func (s *Store) fetch(ctx context.Context, path string) (object, []byte, error) {
	const most = 4
	var before []byte
	for read := range most {
		o, data, err := s.bucket.get(ctx, path, layout.MaxFile, func(object, []byte) bool { return true })
		if err != nil {
			return object{}, nil, err
		}
		if o.field(metaRef) == sumOf(data) || o.etag == md5Of(data) || read > 0 && bytes.Equal(before, data) {
			return o, data, nil
		}
		before = data
	}
	return object{}, nil, errGarbled
}

// md5Of is what many servers take as the ETag. That it is equal means that the
// bytes are right; that it differs means nothing.
func md5Of(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // see above.
	return hex.EncodeToString(sum[:])
}
