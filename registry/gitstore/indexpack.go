package gitstore

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxDelta is the largest object that is made of deltas, in bytes, and
	// maxHeld what all objects of one chain may take together. git makes no
	// deltas of files from 512 MiB on.
	maxDelta = 512 << 20
	maxHeld  = 1 << 30
)

// indexPack stores a pack that comes as a stream, with its index, and returns
// how many objects it has. Every object is unpacked, and so named by what it is.
func indexPack(ctx context.Context, from io.Reader, dir string) (objects int, err error) {
	w, err := newRawPack(dir)
	if err != nil {
		return 0, err
	}
	x := indexer{ctx: ctx, in: &packStream{from: from, to: w, sum: sha1.New()}, file: w.file}
	if err := x.run(); err != nil {
		return 0, errors.Join(err, w.discard())
	}
	w.objects = x.done
	objects = len(x.done)
	slices.SortFunc(w.objects, func(a, b packed) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	for i := 1; i < objects; i++ {
		if w.objects[i].hash == w.objects[i-1].hash {
			return 0, errors.Join(damaged("the pack has the object %s twice", w.objects[i].hash), w.discard())
		}
	}
	_, err = w.finish(nil)
	return objects, err
}

// newRawPack is a packWriter whose pack comes as a whole.
func newRawPack(dir string) (*packWriter, error) {
	f, err := os.CreateTemp(dir, tempPrefix+"pack_*")
	if err != nil {
		return nil, err
	}
	w := &packWriter{file: f, sum: sha1.New()}
	w.out = newPackBuffer(w)
	return w, nil
}

// indexer finds out what a pack holds.
type indexer struct {
	ctx  context.Context //nolint:containedctx // of the one call that indexes.
	in   *packStream
	file *os.File
	inf  io.ReadCloser

	done   []packed // what has a name
	deltas []deltaEntry
	// byOffset and byName are places in deltas, by what they build upon.
	byOffset map[int64][]int32
	byName   map[plumbing.Hash][]int32
	bases    []baseEntry
}

// deltaEntry is an object that builds upon another one.
type deltaEntry struct {
	at, data, size int64
	crc            uint32
}

// baseEntry is an object that builds upon none.
type baseEntry struct {
	packed
	data, size int64
	kind       plumbing.ObjectType
}

func (x *indexer) run() error {
	x.byOffset, x.byName = map[int64][]int32{}, map[plumbing.Hash][]int32{}
	count, err := x.in.begin()
	if err != nil {
		return err
	}
	for range count {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		if err := x.entry(); err != nil {
			return fmt.Errorf("at %d of the pack: %w", x.in.tell(), err)
		}
	}
	if err := x.in.finish(); err != nil {
		return err
	}
	return x.resolve()
}

// entry reads one object. What is no delta is named at once, without being
// held in memory.
func (x *indexer) entry() error {
	at, err := x.in.mark()
	if err != nil {
		return err
	}
	h, err := x.in.header(at)
	if err != nil {
		return err
	}
	if h.kind.IsDelta() {
		if err := x.inflate(io.Discard, h.size); err != nil {
			return err
		}
		if err := x.in.settleRead(); err != nil {
			return err
		}
		n := int32(len(x.deltas))
		x.deltas = append(x.deltas, deltaEntry{at: at, data: h.data, size: h.size, crc: x.in.crc})
		if h.kind == plumbing.OFSDeltaObject {
			x.byOffset[h.baseAt] = append(x.byOffset[h.baseAt], n)
		} else {
			x.byName[h.baseHash] = append(x.byName[h.baseHash], n)
		}
		return nil
	}
	sum := sha1.New()
	sum.Write(objectHead(h.kind, h.size))
	if err := x.inflate(sum, h.size); err != nil {
		return err
	}
	if err := x.in.settleRead(); err != nil {
		return err
	}
	x.bases = append(x.bases, baseEntry{
		packed: packed{plumbing.Hash(sum.Sum(nil)), at, x.in.crc}, data: h.data, size: h.size, kind: h.kind,
	})
	return nil
}

// inflate reads a zlib stream of exactly size plain bytes from the pack.
func (x *indexer) inflate(to io.Writer, size int64) (err error) {
	n := int64(0)
	if x.inf == nil {
		x.inf, err = zlib.NewReader(x.in)
	} else {
		err = x.inf.(zlib.Resetter).Reset(x.in, nil)
	}
	if err == nil {
		n, err = io.Copy(to, io.LimitReader(x.inf, size+1))
	}
	switch {
	case errors.Is(err, errSource):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cutOff(err)
	case err != nil:
		return damaged("zlib stream: %v", err)
	case n != size:
		return damaged("an object has not the size that its header says")
	}
	return nil
}

// resolve names the deltas, from each base on: what is held in memory is one
// chain at a time.
func (x *indexer) resolve() error {
	for _, b := range x.bases {
		x.done = append(x.done, b.packed)
		if err := x.unfold(b); err != nil {
			return err
		}
	}
	if missing := len(x.bases) + len(x.deltas) - len(x.done); missing != 0 {
		return damaged("%d objects build upon others that are missing", missing)
	}
	return nil
}

// chainLink is an object with deltas that build upon it.
type chainLink struct {
	data     []byte
	children []int32
}

// take removes the deltas that build upon an object.
func (x *indexer) take(p packed) []int32 {
	children := append(x.byOffset[p.offset], x.byName[p.hash]...)
	delete(x.byOffset, p.offset)
	delete(x.byName, p.hash)
	return children
}

// unfold names everything that builds upon a base, directly or not.
func (x *indexer) unfold(b baseEntry) error {
	children := x.take(b.packed)
	if len(children) == 0 {
		return nil
	}
	data, err := x.read(b.data, b.size)
	if err != nil {
		return err
	}
	chain, bytes := []chainLink{{data, children}}, int64(len(data))
	for len(chain) > 0 {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		last := &chain[len(chain)-1]
		d := x.deltas[last.children[0]]
		last.children = last.children[1:]
		base := last.data
		if len(last.children) == 0 {
			chain = chain[:len(chain)-1]
			bytes -= int64(len(base))
		}
		whole, err := x.apply(base, d)
		if err != nil {
			return fmt.Errorf("at %d of the pack: %w", d.at, err)
		}
		p := packed{hashOf(b.kind, whole), d.at, d.crc}
		x.done = append(x.done, p)
		if next := x.take(p); len(next) > 0 {
			chain = append(chain, chainLink{whole, next})
			if bytes += int64(len(whole)); bytes > maxHeld {
				return damaged("a chain of deltas takes more than %d bytes", maxHeld)
			}
		}
	}
	return nil
}

func (x *indexer) apply(base []byte, d deltaEntry) ([]byte, error) {
	delta, err := x.read(d.data, d.size)
	if err != nil {
		return nil, err
	}
	if size, err := deltaResult(delta); err != nil {
		return nil, err
	} else if size > maxDelta {
		return nil, damaged("an object made of deltas has more than %d bytes", maxDelta)
	}
	whole, err := packfile.PatchDelta(base, delta)
	if err != nil {
		return nil, damaged("delta: %v", err)
	}
	return whole, nil
}

// read unpacks something that was checked while it came, from the file.
func (x *indexer) read(at, size int64) ([]byte, error) {
	if size > maxDelta {
		return nil, damaged("deltas build upon an object of more than %d bytes", maxDelta)
	}
	var c codec
	return c.inflate(io.NewSectionReader(x.file, at, 1<<62), size)
}

// errSource marks what went wrong with reading or storing, and not with what
// was read.
var errSource = errors.New("gitstore: the pack could not be read or stored")

// packStream passes a pack on to a file while it is read byte by byte, and
// knows its checksums. A zlib reader takes from it no byte too many.
type packStream struct {
	from io.Reader
	to   *packWriter
	sum  hash.Hash
	crc  uint32

	buf                [64 << 10]byte
	settled, next, end int // in buf
	before             int64
}
