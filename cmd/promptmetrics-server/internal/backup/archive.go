package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"time"
)

// archive is a tar file that is being written. The first error stays.
type archive struct {
	ctx      context.Context //nolint:containedctx // of the one call that makes the archive.
	tar      *tar.Writer
	out      *counter
	at       time.Time
	progress *Progress
	manifest Manifest
	failed   error
}

func newArchive(ctx context.Context, to io.Writer, s Source) *archive {
	out := &counter{Writer: to}
	return &archive{ctx: ctx, tar: tar.NewWriter(out), out: out, at: s.Now.Truncate(time.Second), progress: s.Progress}
}

// counter counts what is written.
type counter struct {
	io.Writer
	n int64
}

// Write implements [io.Writer].
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

func (a *archive) size() int64 { return a.out.n }
func (a *archive) err() error  { return a.failed }

// entry adds a file of a known size, and notes its checksum.
func (a *archive) entry(name string, size int64, from io.Reader) {
	if a.failed != nil {
		return
	}
	sum := sha256.New()
	a.failed = a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.at, Format: tar.FormatPAX})
	if a.failed == nil {
		_, a.failed = io.CopyN(io.MultiWriter(a.tar, sum, a.progress), &cancelled{a.ctx, from}, size)
	}
	if name == manifestName {
		return
	}
	a.manifest.Files = append(a.manifest.Files, File{name, size, hex.EncodeToString(sum.Sum(nil))})
}

func (a *archive) bytes(name string, data []byte) {
	a.entry(name, int64(len(data)), bytes.NewReader(data))
}

// file adds a file that does not change.
func (a *archive) file(name, path string) {
	if a.failed != nil {
		return
	}
	f, err := os.Open(path) //nolint:gosec // a copy that was just made.
	if err != nil {
		a.failed = err
		return
	}
	info, err := f.Stat()
	if err == nil {
		a.progress.begin("the backup, "+name, info.Size())
		a.entry(name, info.Size(), f)
	}
	a.failed = errors.Join(a.failed, err, f.Close())
}

func (a *archive) close() error {
	a.failed = errors.Join(a.failed, a.tar.Close())
	return a.failed
}

// cancelled is a reader that ends with a context.
type cancelled struct {
	ctx context.Context //nolint:containedctx // a reader has no other way to learn of it.
	io.Reader
}

// Read implements [io.Reader].
func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}
