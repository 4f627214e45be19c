package gitstore

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	packHeaderSize = 12
	// maxChain bounds how many deltas an object may be made of; git makes 50,
	// and 250 at its most aggressive.
	maxChain = 4096
	// minBase is the size from which trees are kept as bases: big ones come as
	// long chains of deltas, and a walk through the history meets every link.
	minBase = 4096
)

// pack is a pack file with its index. Objects are read with pread, so that any
// number of readers share the file.
type pack struct {
	base  string // path without ending
	index *packIndex
	codec *codec
	bases *lru[place, whole]

	mu    sync.Mutex
	file  *os.File
	size  int64
	users int
	// brief packs are closed when nobody reads them.
	brief bool
}

// place is where a delta base lies, whole what it unpacks to.
type place struct {
	pack   plumbing.Hash
	offset int64
}

type whole struct {
	kind plumbing.ObjectType
	data []byte
}

// loadPack reads the index of a pack and checks that both belong together.
func loadPack(base string, c *codec, bases *lru[place, whole]) (*pack, error) {
	raw, err := os.ReadFile(base + ".idx")
	if err != nil {
		return nil, err
	}
	x, err := parsePackIndex(raw)
	if err != nil {
		return nil, err
	}
	p := &pack{base: base, index: x, codec: c, bases: bases}
	f, err := p.acquire()
	if err != nil {
		return nil, err
	}
	defer p.release()
	var sum plumbing.Hash
	if _, err := f.ReadAt(sum[:], p.size-hashSize); err != nil {
		return nil, errors.Join(err, p.retire())
	}
	if sum != x.pack {
		return nil, errors.Join(damaged("pack %s and its idx do not match", filepath.Base(base)), p.retire())
	}
	return p, nil
}

// acquire gives the file, opening it if need be. It stays open at least until
// release.
func (p *pack) acquire() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		f, err := os.Open(p.base + ".pack")
		if err != nil {
			return nil, err
		}
		if p.size, err = p.check(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		p.file = f
	}
	p.users++
	return p.file, nil
}

// check compares the start of a pack file with the index and tells its size.
func (p *pack) check(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var head [packHeaderSize]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return 0, err
	}
	if string(head[:4]) != "PACK" || binary.BigEndian.Uint32(head[4:]) != 2 ||
		int64(binary.BigEndian.Uint32(head[8:])) != int64(p.index.count()) ||
		info.Size() < packHeaderSize+hashSize {
		return 0, damaged("%s is no pack of version 2", filepath.Base(p.base))
	}
	return info.Size(), nil
}

func (p *pack) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users--
	_ = p.closeIdle() // the file was only read
}

// retire closes the file as soon as nobody reads it any more.
func (p *pack) retire() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.brief = true
	return p.closeIdle()
}

func (p *pack) closeIdle() error {
	if !p.brief || p.users > 0 || p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return err
}

// header reads the start of the object at an offset.
func (p *pack) header(f *os.File, at int64) (h header, err error) {
	end := p.size - hashSize
	if at < packHeaderSize || at >= end {
		return h, damaged("object beyond the pack")
	}
	var buf [10 + 10 + hashSize]byte
	n, err := f.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
	if err != nil {
		return h, err
	}
	return parseHeader(buf[:n], at)
}

// read unpacks the object at an offset. An object of more than limit bytes is
// errTooLarge.
func (p *pack) read(at, limit int64) (plumbing.ObjectType, []byte, error) {
	f, err := p.acquire()
	if err != nil {
		return 0, nil, err
	}
	defer p.release()
	var deltas [][]byte
	var base whole
	start := at
	budget := int64(2 * maxObject) // of all deltas of the chain together
	for {
		if cached, ok := p.bases.get(place{p.index.pack, at}); ok {
			base = cached
			break
		}
		h, err := p.header(f, at)
		if err != nil {
			return 0, nil, err
		}
		delta := h.kind.IsDelta()
		if !delta && len(deltas) == 0 && h.size > limit || h.size > maxObject {
			return 0, nil, errTooLarge
		}
		data, err := p.codec.inflate(io.NewSectionReader(f, h.data, p.size-hashSize-h.data), h.size)
		if err != nil {
			return 0, nil, err
		}
		if !delta {
			base = whole{h.kind, data}
			break
		}
		if size, err := deltaResult(data); err != nil {
			return 0, nil, err
		} else if size > maxObject || len(deltas) == 0 && size > limit {
			return 0, nil, errTooLarge
		}
		deltas = append(deltas, data)
		if budget -= h.size; budget < 0 || len(deltas) > maxChain {
			return 0, nil, damaged("delta chain too long")
		}
		if h.kind == plumbing.OFSDeltaObject {
			at = h.baseAt
			continue
		}
		i, ok := p.index.find(h.baseHash)
		if !ok {
			return 0, nil, damaged("delta base is not in the pack")
		}
		at = p.index.offset(i)
	}
	for i := len(deltas) - 1; i >= 0; i-- {
		data, err := packfile.PatchDelta(base.data, deltas[i])
		if err != nil {
			return 0, nil, damaged("delta: %v", err)
		}
		base.data = data
	}
	if int64(len(base.data)) > limit {
		return 0, nil, errTooLarge
	}
	if base.kind == plumbing.TreeObject && len(base.data) > minBase {
		p.bases.put(place{p.index.pack, start}, base, len(base.data))
	}
	return base.kind, base.data, nil
}
