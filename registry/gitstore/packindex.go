package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	hashSize    = 20
	fanoutSize  = 256
	idxHeader   = "\xfftOc\x00\x00\x00\x02"
	bigOffset   = 1 << 31
	idxOverhead = len(idxHeader) + 4*fanoutSize + 2*hashSize
)

// packIndex is an idx file of version 2 in memory: which objects a pack holds
// and where.
type packIndex struct {
	fanout  [fanoutSize]uint32
	names   []byte
	crcs    []byte
	offsets []byte
	big     []byte
	pack    plumbing.Hash
}

// parsePackIndex checks the checksum and the tables of an idx file.
func parsePackIndex(raw []byte) (*packIndex, error) {
	if len(raw) < idxOverhead || string(raw[:len(idxHeader)]) != idxHeader {
		return nil, damaged("no idx file of version 2")
	}
	body := len(raw) - hashSize
	if sum := sha1.Sum(raw[:body]); !bytes.Equal(sum[:], raw[body:]) {
		return nil, damaged("idx file does not match its checksum")
	}
	x := &packIndex{pack: plumbing.Hash(raw[body-hashSize : body])}
	rest := raw[len(idxHeader) : body-hashSize]
	last := uint32(0)
	for i := range x.fanout {
		x.fanout[i] = binary.BigEndian.Uint32(rest[4*i:])
		if x.fanout[i] < last {
			return nil, damaged("fan-out of idx file falls")
		}
		last = x.fanout[i]
	}
	rest = rest[4*fanoutSize:]
	n := int(last)
	if n > len(rest)/(hashSize+8) {
		return nil, damaged("idx file is too short for %d objects", n)
	}
	x.names, rest = rest[:n*hashSize], rest[n*hashSize:]
	x.crcs, rest = rest[:n*4], rest[n*4:]
	x.offsets, x.big = rest[:n*4], rest[n*4:]
	return x, nil
}

func (x *packIndex) count() int { return len(x.offsets) / 4 }

func (x *packIndex) hash(i int) plumbing.Hash {
	return plumbing.Hash(x.names[i*hashSize : (i+1)*hashSize])
}

func (x *packIndex) crc(i int) uint32 { return binary.BigEndian.Uint32(x.crcs[4*i:]) }

// offset tells where an object begins; -1 if the table is damaged.
func (x *packIndex) offset(i int) int64 {
	at := binary.BigEndian.Uint32(x.offsets[4*i:])
	if at < bigOffset {
		return int64(at)
	}
	at -= bigOffset
	if int(at) >= len(x.big)/8 {
		return -1
	}
	return int64(binary.BigEndian.Uint64(x.big[8*at:]))
}

// find tells the place of an object in the tables.
func (x *packIndex) find(h plumbing.Hash) (i int, ok bool) {
	low := 0
	if h[0] > 0 {
		low = int(x.fanout[h[0]-1])
	}
	n := int(x.fanout[h[0]]) - low
	i = low + sort.Search(n, func(i int) bool {
		at := (low + i) * hashSize
		return bytes.Compare(x.names[at:at+hashSize], h[:]) >= 0
	})
	return i, i < low+n && x.hash(i) == h
}

// covers reports whether every object of other is in x too.
func (x *packIndex) covers(other *packIndex) bool {
	for i := range other.count() {
		if _, ok := x.find(other.hash(i)); !ok {
			return false
		}
	}
	return true
}

// packed is one object of a pack that was just written.
type packed struct {
	hash   plumbing.Hash
	offset int64
	crc    uint32
}

// encodePackIndex writes an idx file of version 2. It sorts the objects.
func encodePackIndex(objects []packed, pack plumbing.Hash) []byte {
	slices.SortFunc(objects, func(a, b packed) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	raw := make([]byte, 0, idxOverhead+len(objects)*(hashSize+8))
	raw = append(raw, idxHeader...)
	n := 0
	for i := range fanoutSize {
		for n < len(objects) && int(objects[n].hash[0]) == i {
			n++
		}
		raw = binary.BigEndian.AppendUint32(raw, uint32(n))
	}
	for _, o := range objects {
		raw = append(raw, o.hash[:]...)
	}
	for _, o := range objects {
		raw = binary.BigEndian.AppendUint32(raw, o.crc)
	}
	var big []byte
	for _, o := range objects {
		at := uint32(o.offset)
		if o.offset >= bigOffset {
			at = bigOffset + uint32(len(big)/8)
			big = binary.BigEndian.AppendUint64(big, uint64(o.offset))
		}
		raw = binary.BigEndian.AppendUint32(raw, at)
	}
	raw = append(raw, big...)
	raw = append(raw, pack[:]...)
	sum := sha1.Sum(raw)
	return append(raw, sum[:]...)
}
