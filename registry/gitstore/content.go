package gitstore

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// content is the store of one workspace.
type content struct {
	store *Store
	id    workspace.ID
}

// Put implements registry.Content. Content of more than 10 MiB is
// pmerr.ErrTooLarge, a key that cannot be a path pmerr.ErrValidation. A caller
// whose context ends while others are being committed gets
// pmerr.ErrUnavailable, and nothing was stored; once its own commit is under
// way it learns the outcome.
func (c *content) Put(ctx context.Context, key registry.Key, data []byte, by registry.Signature) (registry.Stored, error) {
	if err := checkKey(key); err != nil {
		return registry.Stored{}, err
	}
	if len(data) > maxBlob {
		return registry.Stored{}, tooLarge()
	}
	if err := ctx.Err(); err != nil {
		return registry.Stored{}, unwritten(err)
	}
	blob := object{
		hash:   hashOf(plumbing.BlobObject, data),
		kind:   plumbing.BlobObject,
		size:   len(data),
		stream: c.store.odb.codec.deflate(data),
	}
	o := c.store.queue.do(ctx, &job{
		workspace: c.id,
		author:    parseAuthor(by.Author),
		message:   cleanMessage(by.Message, defaultMessage("Create", []registry.Key{key})),
		put:       &blob,
		key:       key,
		bytes:     len(blob.stream) + maxMessage,
		done:      make(chan outcome, 1),
	})
	return o.stored, o.err
}

// Remove implements registry.Content. The commit is empty if there was nothing
// to delete. A version's file goes whatever its ending is.
func (c *content) Remove(ctx context.Context, keys []registry.Key, by registry.Signature) (string, error) {
	known := make([]registry.Key, 0, len(keys))
	for _, key := range keys {
		if checkKey(key) == nil { // others cannot exist
			known = append(known, key)
		}
	}
	if len(known) == 0 {
		return "", nil
	}
	if err := ctx.Err(); err != nil {
		return "", unwritten(err)
	}
	o := c.store.queue.do(ctx, &job{
		workspace: c.id,
		author:    parseAuthor(by.Author),
		message:   cleanMessage(by.Message, defaultMessage("Delete", known)),
		keys:      known,
		bytes:     len(known)*(2*maxVersion) + maxMessage,
		done:      make(chan outcome, 1),
	})
	return o.stored.Commit, o.err
}

// Read implements registry.Content. Content of more than 10 MiB, which people
// may have pushed, is pmerr.ErrTooLarge.
func (c *content) Read(ctx context.Context, ref string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, pmerr.Down(err, "The prompt content was not read: the call was cancelled")
	}
	if err := c.store.open(); err != nil {
		return nil, err
	}
	h, ok := parseHash(ref)
	if !ok {
		return nil, pmerr.Missing("Prompt content")
	}
	kind, data, err := c.store.odb.read(h, maxBlob)
	if errors.Is(err, errMissing) && c.store.mirror != nil {
		// Another node may have published it a moment ago.
		if err := c.store.mirror.fetch(ctx, c.store.mirror.restAfterMiss); err != nil {
			return nil, err
		}
		kind, data, err = c.store.odb.read(h, maxBlob)
	}
	switch {
	case errors.Is(err, errMissing), err == nil && kind != plumbing.BlobObject:
		return nil, pmerr.Missing("Prompt content")
	case errors.Is(err, errTooLarge):
		return nil, tooLarge()
	case err == nil && hashOf(kind, data) != h:
		err = damaged("content of %s", ref)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

func tooLarge() error {
	return pmerr.New(pmerr.TooLarge, "Prompt content is larger than %d MiB", maxBlob>>20)
}

func unusable(path string, cause error) error {
	return pmerr.Down(cause, "The prompt repository %s cannot be used: let this process read and write it", path)
}

func unreadable(cause error) error {
	return pmerr.Down(cause, "The prompt store cannot be read now")
}

func unwritten(cause error) error {
	return pmerr.Down(cause, "The prompt store was not written: the call was cancelled")
}

func unwritable(cause error) error {
	if e, ok := errors.AsType[*pmerr.Error](cause); ok && e.Code == pmerr.Unavailable {
		return cause
	}
	return pmerr.Down(cause, "The prompt store cannot be written now")
}
