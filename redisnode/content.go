package redisnode

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const (
	// maxCached is the largest prompt file that Redis keeps, in bytes.
	maxCached = 1 << 20
	// scanStep is how many keys are looked at, and removed, at a time.
	scanStep = 500
)

// Content is a prompt store with Redis in front of it. A file never changes under
// its ref, so what is cached is never old; a fault of Redis is never an error of
// the prompt store.
type Content struct {
	registry.ContentStore

	node *Node
}

var _ registry.ContentStore = (*Content)(nil)

// Content puts Redis in front of a prompt store. It is for stores behind a
// network: a local repository is faster than Redis.
func (n *Node) Content(store registry.ContentStore) *Content {
	return &Content{ContentStore: store, node: n}
}

// Workspace binds the store to a workspace.
func (c *Content) Workspace(id workspace.ID) registry.Content {
	return &files{Content: c.ContentStore.Workspace(id), node: c.node, in: id.String()}
}

// Driver is what the prompt store behind Redis calls itself.
func (c *Content) Driver() string {
	if named, ok := c.ContentStore.(interface{ Driver() string }); ok {
		return named.Driver()
	}
	return "custom"
}

// ForgetAll removes all cached prompts, in steps that do not hold Redis up.
func (c *Content) ForgetAll(ctx context.Context) error { return c.node.ForgetContent(ctx) }

// ForgetContent removes the prompts of all workspaces that are cached in Redis,
// in steps that do not hold it up.
func (n *Node) ForgetContent(ctx context.Context) error {
	pattern := n.o.Prefix + "content:*"
	if cluster, ok := n.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return sweep(ctx, c, pattern) })
	}
	return sweep(ctx, n.client, pattern)
}

// sweep removes the keys of one server that fit a pattern.
func sweep(ctx context.Context, c redis.UniversalClient, pattern string) error {
	var cursor uint64
	for {
		keys, next, err := c.Scan(ctx, cursor, pattern, scanStep).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			// One command a key: in a cluster they lie in different slots.
			if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, key := range keys {
					p.Unlink(ctx, key)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// files are the prompt files of one workspace.
type files struct {
	registry.Content

	node *Node
	in   string
}

// Read returns the bytes of a ref, from Redis if they are there.
func (f *files) Read(ctx context.Context, ref string) ([]byte, error) {
	if ctx.Err() != nil {
		return f.Content.Read(ctx, ref) // which says it as it always does
	}
	key := f.key("ref", ref)
	if data, ok := f.cached(ctx, key, ref); ok {
		return data, nil
	}
	data, err := f.Content.Read(ctx, ref)
	if err == nil {
		f.keep(ctx, key, ref, data)
	}
	return data, err
}

// Put stores a file, and notes which ref it has for when it is removed.
func (f *files) Put(ctx context.Context, key registry.Key, data []byte, by registry.Signature) (registry.Stored, error) {
	stored, err := f.Content.Put(ctx, key, data, by)
	if err == nil {
		f.keep(ctx, f.key("ref", stored.Ref), stored.Ref, data)
		_ = f.node.do(ctx, func(ctx context.Context) error {
			return f.node.client.Set(ctx, f.key("file", key.Name, key.Version), stored.Ref, f.node.o.ContentLife).Err()
		}) // else the bytes stay until their time is over, which serves nobody wrong ones
	}
	return stored, err
}

// Remove deletes files, and those cached bytes whose ref is known. The rest is
// not served any more, because no index points at it, and goes with time.
func (f *files) Remove(ctx context.Context, keys []registry.Key, by registry.Signature) (string, error) {
	commit, err := f.Content.Remove(ctx, keys, by)
	if err == nil {
		for _, key := range keys {
			if f.drop(ctx, key) != nil {
				break // Redis is down: it costs no time to say so, but there may be many
			}
		}
	}
	return commit, err
}

func (f *files) drop(ctx context.Context, key registry.Key) error {
	return f.node.do(ctx, func(ctx context.Context) error {
		c, file := f.node.client, f.key("file", key.Name, key.Version)
		ref, err := c.Get(ctx, file).Result()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Unlink(ctx, f.key("ref", ref))
			p.Unlink(ctx, file)
			return nil
		})
		return err
	})
}

// key names something in Redis. It is as long whatever it stands for.
func (f *files) key(kind string, words ...string) string {
	sum := sha256.New()
	for _, word := range words {
		_, _ = sum.Write([]byte(word)) // a hash never fails
		_, _ = sum.Write([]byte{0})    // which is in no name and no ref
	}
	return f.node.o.Prefix + "content:" + f.in + ":" + kind + ":" + hex.EncodeToString(sum.Sum(nil))
}

// seal is the checksum before the bytes: of them, and of where they belong, so
// that bytes under a wrong key are as good as none.
func (f *files) seal(ref string, data []byte) []byte {
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(f.in), {0}, []byte(ref), {0}, data} {
		_, _ = sum.Write(part) // a hash never fails
	}
	return sum.Sum(nil)
}

func (f *files) cached(ctx context.Context, key, ref string) (data []byte, ok bool) {
	var value []byte
	err := f.node.do(ctx, func(ctx context.Context) (err error) {
		// Bounded, whatever somebody else has put there.
		value, err = f.node.client.GetRange(ctx, key, 0, sha256.Size+maxCached-1).Bytes()
		return err
	})
	if err != nil || len(value) < sha256.Size {
		return nil, false
	}
	data = value[sha256.Size:]
	return data, bytes.Equal(value[:sha256.Size], f.seal(ref, data))
}

func (f *files) keep(ctx context.Context, key, ref string, data []byte) {
	if len(data) > maxCached {
		return
	}
	value := append(f.seal(ref, data), data...)
	_ = f.node.do(ctx, func(ctx context.Context) error {
		return f.node.client.Set(ctx, key, value, f.node.o.ContentLife).Err()
	}) // the next reader asks the prompt store again
}
