package gitstore

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxFetched bounds the objects of one fetch.
	maxFetched = 5_000_000
	// maxRefDeltas bounds the deltas that name their base by its hash: git makes
	// none in answer to us, and how deep they lie is not known before they are
	// resolved.
	maxRefDeltas = 100_000
)

// receive brings a commit of the host with everything that it leads to into the
// mirror: bounded, verified and synced. Nothing refers to it yet.
func (m *mirror) receive(ctx context.Context, want plumbing.Hash) error {
	s := m.store
	if s.odb.has(want) {
		return nil
	}
	lock, err := s.lock.hold("fetch.lock", newPoll(s.wait+m.host.remote.Timeout))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := s.odb.rescan(); err != nil { // another process may have fetched it
		return err
	}
	if s.odb.has(want) {
		return nil
	}
	haves, err := m.haves()
	if err != nil {
		return err
	}
	work := filepath.Join(s.lock.dir, "fetch")
	if err := os.RemoveAll(work); err != nil { // of a process that was killed
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := os.Mkdir(work, 0o750); err != nil {
		return err
	}
	base := filepath.Join(work, "fetched")
	if err := m.download(ctx, want, haves, base); err != nil {
		return err
	}
	installed, err := s.install(base, []plumbing.Hash{want})
	if err != nil {
		return err
	}
	if err := s.connected(ctx, want, installed); err != nil {
		return errors.Join(err, s.forgetPack(installed))
	}
	return nil
}

// download fetches a pack and writes its index.
func (m *mirror) download(ctx context.Context, want plumbing.Hash, haves []plumbing.Hash, base string) (err error) {
	pack, err := os.OpenFile(base+".pack", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pack.Close()) }()
	if err := m.host.fetch(ctx, want, haves, pack); err != nil {
		return err
	}
	idx, err := indexFetched(ctx, pack)
	if err != nil {
		return &hostFault{said: "the fetched pack cannot be used", cause: err}
	}
	return os.WriteFile(base+".idx", idx, 0o600)
}

// haves are the mirror's head and commits before it, ever further apart, so
// that the host finds what both have even if its history was rewritten.
func (m *mirror) haves() ([]plumbing.Hash, error) {
	const most = 200
	h, err := m.store.branch.read()
	if err != nil || h.IsZero() {
		return nil, err
	}
	var haves []plumbing.Hash
	step, left := 1, 1
	for len(haves) < most {
		c, err := m.store.commit(h)
		if errors.Is(err, errMissing) {
			break
		}
		if err != nil {
			return nil, err
		}
		if left--; left == 0 {
			haves = append(haves, h)
			if len(haves)%10 == 0 {
				step *= 2
			}
			left = step
		}
		if len(c.parents) == 0 {
			break
		}
		h = c.parents[0]
	}
	return haves, nil
}

// indexFetched examines a pack that somebody else has made, object by object, and
// makes its idx file.
func indexFetched(ctx context.Context, pack *os.File) ([]byte, error) {
	if err := examinePack(ctx, pack); err != nil {
		return nil, err
	}
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	// It unpacks every object, and so proves that each is whole, and names it by
	// what it holds.
	writer := &cancellable{ctx: ctx}
	parser, err := packfile.NewParser(packfile.NewScanner(pack), writer)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(); err != nil {
		return nil, err
	}
	index, err := writer.Index()
	if err != nil {
		return nil, err
	}
	var idx bytes.Buffer
	_, err = idxfile.NewEncoder(&idx).Encode(index)
	return idx.Bytes(), err
}

// cancellable makes an index until its context ends.
type cancellable struct {
	idxfile.Writer
	ctx context.Context
}

// OnInflatedObjectHeader implements packfile.Observer.
func (c *cancellable) OnInflatedObjectHeader(kind plumbing.ObjectType, size, at int64) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	return c.Writer.OnInflatedObjectHeader(kind, size, at)
}

// examinePack reads a pack from front to end, without keeping anything, and
// refuses what would be dear to unpack: too many objects, too large ones, deltas
// upon deltas without end.
func examinePack(ctx context.Context, pack io.ReadSeeker) error {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := &counting{in: bufio.NewReaderSize(pack, 64<<10)}
	var head [packHeaderSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || string(head[:4]) != "PACK" || binary.BigEndian.Uint32(head[4:]) != 2 {
		return damaged("no pack of version 2")
	}
	count := binary.BigEndian.Uint32(head[8:])
	if count > maxFetched {
		return fmt.Errorf("%w: %d objects", errTooLarge, count)
	}
	depth := map[int64]int32{}
	refDeltas := 0
	for n := range count {
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		at := in.n
		h, err := in.header()
		if err != nil {
			return err
		}
		if h.size > maxObject {
			return fmt.Errorf("%w: an object of %d MiB", errTooLarge, h.size>>20)
		}
		switch h.kind {
		case plumbing.OFSDeltaObject:
			below, known := depth[h.baseAt]
			if !known || below >= maxChain {
				return damaged("delta without base, or too deep")
			}
			depth[at] = below + 1
		case plumbing.REFDeltaObject:
			if refDeltas++; refDeltas > maxRefDeltas {
				return damaged("too many deltas by name")
			}
			depth[at] = 1
		default:
			depth[at] = 0
		}
		if err := examineObject(in, h); err != nil {
			return err
		}
	}
	return nil
}

// examineObject unpacks one object into nothing.
func examineObject(in *counting, h header) error {
	return in.unpack(func(plain io.Reader) error {
		var start [20]byte
		n, err := io.ReadFull(plain, start[:min(int64(len(start)), h.size)])
		if err != nil {
			return damaged("short object: %v", err)
		}
		if h.kind.IsDelta() {
			if size, err := deltaResult(start[:n]); err != nil {
				return err
			} else if size > maxObject {
				return fmt.Errorf("%w: an object of %d MiB", errTooLarge, size>>20)
			}
		}
		rest, err := io.Copy(io.Discard, io.LimitReader(plain, h.size-int64(n)+1))
		if err != nil || rest != h.size-int64(n) {
			return damaged("object of another size than it says: %v", err)
		}
		return nil
	})
}

// counting reads bytes and knows where it is.
type counting struct {
	in *bufio.Reader
	n  int64
	// plain is kept from stream to stream, for its tables are big.
	plain io.ReadCloser
}

// Read implements io.Reader.
func (c *counting) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// ReadByte implements io.ByteReader, so that zlib reads no byte too many.
func (c *counting) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// unpack reads the zlib stream that begins here.
func (c *counting) unpack(use func(plain io.Reader) error) (err error) {
	if c.plain == nil {
		c.plain, err = zlib.NewReader(c)
	} else {
		err = c.plain.(zlib.Resetter).Reset(c, nil)
	}
	if err != nil {
		return damaged("no zlib stream: %v", err)
	}
	return use(c.plain)
}

// header reads the start of an object.
func (c *counting) header() (header, error) {
	raw, _ := c.in.Peek(10 + 10 + hashSize) // fewer near the end
	h, err := parseHeader(raw, c.n)
	if err != nil {
		return h, err
	}
	n, err := c.in.Discard(int(h.data - c.n))
	c.n += int64(n)
	return h, err
}

// connected makes sure that everything which a commit leads to is there. What a
// fetch has not brought was there before, and was examined then.
func (s *Store) connected(ctx context.Context, head plumbing.Hash, fetched *pack) error {
	seen := map[plumbing.Hash]bool{}
	var todo []plumbing.Hash
	reach := func(h plumbing.Hash, open bool) error {
		if seen[h] {
			return nil
		}
		if _, fresh := fetched.index.find(h); !fresh {
			if !s.odb.has(h) {
				return &hostFault{said: "the fetched history is not whole: it lacks " + h.String()}
			}
			return nil
		}
		seen[h] = true
		if open {
			todo = append(todo, h)
		}
		return nil
	}
	if err := reach(head, true); err != nil {
		return err
	}
	if len(todo) == 0 {
		return nil
	}
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		kind, raw, err := s.odb.read(h, maxObject)
		if err != nil {
			return err
		}
		if err := eachLink(kind, raw, reach); err != nil {
			return err
		}
	}
	return nil
}

// eachLink calls reach for what a commit or a tree names; open tells that it
// may name something in turn.
func eachLink(kind plumbing.ObjectType, raw []byte, reach func(h plumbing.Hash, open bool) error) error {
	switch kind {
	case plumbing.CommitObject:
		c, err := parseCommit(raw)
		if err != nil {
			return err
		}
		for _, h := range append(c.parents, c.tree) {
			if err := reach(h, true); err != nil {
				return err
			}
		}
	case plumbing.TreeObject:
		t, err := parseTree(raw)
		if err != nil {
			return nil // as it is on the host; who reads it is told so
		}
		for e := range t.entries() {
			if string(e.mode) == modeModule {
				continue // a commit of another repository
			}
			if err := reach(e.hash, e.folder()); err != nil {
				return err
			}
		}
	default:
	}
	return nil
}

// forgetPack takes a pack out of the repository that nothing refers to.
func (s *Store) forgetPack(p *pack) error {
	err := errors.Join(removeIfThere(p.base+".idx"), removeIfThere(p.base+".pack"))
	return errors.Join(err, s.odb.rescan())
}
