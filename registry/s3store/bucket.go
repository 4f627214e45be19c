package s3store

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3 asks for it as a checksum; nothing relies on it.
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	// pageSize is what S3 gives at most.
	pageSize = 1000
	// maxObjects bounds what one listing may find.
	maxObjects = 1_000_000
)

// bucket is one prefix of a bucket: requests that are bounded in time, repeated
// if it helps, and whose answers are checked. Keys are relative to the prefix.
type bucket struct {
	client   minio.Core
	name     string
	prefix   string
	request  time.Duration
	total    time.Duration
	attempts int
}

// object is what a bucket says about one.
type object struct {
	key      string
	etag     string
	size     int64
	modified time.Time
	metadata map[string]string
}

// do sends a request until it succeeds, cannot succeed or takes too long.
func (b *bucket) do(ctx context.Context, request func(context.Context) error) error {
	total, cancel := context.WithTimeout(ctx, b.total)
	defer cancel()
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := b.once(total, request)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), err)
		case attempt >= b.attempts || !passing(err):
			return err
		}
		wait := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-wait.C:
		case <-total.Done():
			wait.Stop()
			if ctx.Err() != nil {
				return errors.Join(context.Cause(ctx), err)
			}
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

func (b *bucket) once(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, b.request)
	defer cancel()
	return sorted(request(ctx))
}

// writing says how an object is written.
type writing struct {
	kind     string
	metadata map[string]string
	// fresh refuses to write over an object: errExists.
	fresh bool
}

// put writes an object, which the server compares with two checksums, and gives
// its ETag.
func (b *bucket) put(ctx context.Context, key string, data []byte, how writing) (etag string, err error) {
	check, sum := md5.Sum(data), sha256.Sum256(data) //nolint:gosec // see the import.
	options := minio.PutObjectOptions{ContentType: how.kind, UserMetadata: how.metadata, DisableContentSha256: true}
	if how.fresh {
		options.SetMatchETagExcept("*")
	}
	err = b.do(ctx, func(ctx context.Context) error {
		done, err := b.client.PutObject(ctx, b.name, b.prefix+key, bytes.NewReader(data), int64(len(data)),
			base64.StdEncoding.EncodeToString(check[:]), hex.EncodeToString(sum[:]), options)
		if etag = done.ETag; err == nil && etag == "" {
			return errNoETag
		}
		return err
	})
	return etag, err
}

// get reads an object of at most most bytes; a larger one is
// pmerr.ErrTooLarge, none errMissing. accept says whether the bytes are what
// the server has; others are asked for again.
func (b *bucket) get(ctx context.Context, key string, most int, accept func(object, []byte) bool) (o object, data []byte, err error) {
	err = b.do(ctx, func(ctx context.Context) error {
		body, info, _, err := b.client.GetObject(ctx, b.name, b.prefix+key, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
		o = objectOf(key, info)
		if data, err = io.ReadAll(io.LimitReader(body, int64(most)+1)); err != nil {
			return err
		}
		switch {
		case len(data) > most:
			return pmerr.New(pmerr.TooLarge, "%s is larger than %d bytes", key, most)
		case info.Size >= 0 && int64(len(data)) != info.Size:
			return io.ErrUnexpectedEOF
		case !accept(o, data):
			return errGarbled
		}
		return nil
	})
	return o, data, err
}

// head asks what an object is; none is errMissing.
func (b *bucket) head(ctx context.Context, key string) (o object, err error) {
	err = b.do(ctx, func(ctx context.Context) error {
		info, err := b.client.StatObject(ctx, b.name, b.prefix+key, minio.StatObjectOptions{})
		o = objectOf(key, info)
		return err
	})
	return o, err
}

// remove deletes an object; none is no fault.
func (b *bucket) remove(ctx context.Context, key string) error {
	err := b.do(ctx, func(ctx context.Context) error {
		return b.client.RemoveObject(ctx, b.name, b.prefix+key, minio.RemoveObjectOptions{})
	})
	if errors.Is(err, errMissing) {
		return nil
	}
	return err
}

// list calls each with every object whose key begins so, in order. A page that
// fails is asked for again, not those before it.
func (b *bucket) list(ctx context.Context, begin string, each func(object)) error {
	after := ""
	for seen := 0; ; {
		var page []object
		err := b.do(ctx, func(ctx context.Context) error {
			var err error
			page, err = b.page(ctx, begin, after)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page {
			each(o)
			after = b.prefix + o.key
		}
		if len(page) < pageSize {
			return nil
		}
		if seen += len(page); seen >= maxObjects {
			return fmt.Errorf("more than %d objects begin with %s%s", maxObjects, b.prefix, begin)
		}
	}
}

// page gives up to pageSize objects after a key; fewer mean that there are no
// more.
func (b *bucket) page(ctx context.Context, begin, after string) ([]object, error) {
	owner := false
	var page []object
	for info := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{
		Prefix: b.prefix + begin, Recursive: true, StartAfter: after, MaxKeys: pageSize, FetchOwner: &owner,
	}) {
		if info.Err != nil {
			return nil, info.Err
		}
		key, ok := strings.CutPrefix(info.Key, b.prefix+begin)
		if !ok || info.Key <= after {
			return nil, fmt.Errorf("the server lists %q after %q when asked for what begins with %q", plain(info.Key), plain(after), b.prefix+begin)
		}
		page = append(page, objectOf(begin+key, info))
		if len(page) == pageSize {
			break
		}
	}
	// The iterator ends without a word when the context does.
	return page, ctx.Err()
}

func objectOf(key string, info minio.ObjectInfo) object {
	return object{key: key, etag: info.ETag, size: info.Size, modified: info.LastModified.UTC(), metadata: info.UserMetadata}
}
