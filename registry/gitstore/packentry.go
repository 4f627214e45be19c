package gitstore

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/go-git/go-git/v5/plumbing"
)

// header is the start of an object in a pack.
type header struct {
	kind plumbing.ObjectType
	size int64
	// base of an OFS delta: where it lies. Of a REF delta: its name.
	baseAt   int64
	baseHash plumbing.Hash
	// data is where the zlib stream begins.
	data int64
}

// parseHeader reads type and size, and the base of a delta.
func parseHeader(raw []byte, at int64) (h header, err error) {
	short := damaged("short object header")
	i := 0
	next := func() (b byte, ok bool) {
		if i >= len(raw) {
			return 0, false
		}
		b = raw[i]
		i++
		return b, true
	}
	b, ok := next()
	if !ok {
		return h, short
	}
	h.kind = plumbing.ObjectType(b >> 4 & 7)
	size := uint64(b & 15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, ok = next(); !ok || shift > 53 {
			return h, short
		}
		size |= uint64(b&0x7f) << shift
	}
	h.size = int64(size)
	switch h.kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	case plumbing.OFSDeltaObject:
		if b, ok = next(); !ok {
			return h, short
		}
		back := int64(b & 0x7f)
		for b&0x80 != 0 {
			if b, ok = next(); !ok || back > math.MaxInt64>>8 {
				return h, short
			}
			back = (back+1)<<7 | int64(b&0x7f)
		}
		if h.baseAt = at - back; back == 0 || h.baseAt < packHeaderSize {
			return h, damaged("delta base beyond the pack")
		}
	case plumbing.REFDeltaObject:
		if len(raw)-i < hashSize {
			return h, short
		}
		h.baseHash = plumbing.Hash(raw[i : i+hashSize])
		i += hashSize
	default:
		return h, damaged("unknown object type %d", h.kind)
	}
	h.data = at + int64(i)
	return h, nil
}

// deltaResult reads the size of what a delta makes.
func deltaResult(delta []byte) (int64, error) {
	in := bytes.NewReader(delta)
	if _, err := binary.ReadUvarint(in); err != nil {
		return 0, damaged("delta without source size")
	}
	size, err := binary.ReadUvarint(in)
	if err != nil || size > math.MaxInt64 {
		return 0, damaged("delta without target size")
	}
	return int64(size), nil
}
