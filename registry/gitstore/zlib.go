package gitstore

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/adler32"
	"io"
	"sync"
)

// codec packs and unpacks zlib streams; it keeps the big tables of
// compress/flate for reuse and is safe for concurrent use.
type codec struct {
	writers sync.Pool
	readers sync.Pool
}

type inflater struct {
	in  *bufio.Reader
	out io.ReadCloser
}

// deflate compresses at the fastest level: a commit waits for it.
func (c *codec) deflate(data []byte) []byte {
	var buf bytes.Buffer
	buf.Grow(len(data)/2 + 64)
	w, _ := c.writers.Get().(*zlib.Writer)
	if w == nil {
		w, _ = zlib.NewWriterLevel(&buf, zlib.BestSpeed)
	} else {
		w.Reset(&buf)
	}
	// A bytes.Buffer takes every write.
	_, _ = w.Write(data)
	_ = w.Close()
	c.writers.Put(w)
	return buf.Bytes()
}

// stored cuts the zlib stream that holds data without compression into pieces,
// without copying data. Trees are full of hashes, which do not compress, and the
// background merge turns them into deltas soon.
func stored(data []byte) [][]byte {
	const block = 0xffff
	pieces := [][]byte{{0x78, 0x01}}
	for rest := data; ; {
		n := min(len(rest), block)
		last := byte(0)
		if n == len(rest) {
			last = 1
		}
		pieces = append(pieces, []byte{last, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}, rest[:n])
		rest = rest[n:]
		if last == 1 {
			return append(pieces, binary.BigEndian.AppendUint32(nil, adler32.Checksum(data)))
		}
	}
}

// inflate reads a zlib stream of exactly size plain bytes.
func (c *codec) inflate(r io.Reader, size int64) ([]byte, error) {
	data := make([]byte, size)
	err := c.stream(r, func(plain io.Reader) error {
		if _, err := io.ReadFull(plain, data); err != nil {
			return damaged("short zlib stream: %v", err)
		}
		// Reading to the end makes zlib compare the checksum.
		if n, err := plain.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			return damaged("zlib stream does not end where it should: %v", err)
		}
		return nil
	})
	return data, err
}

// stream hands over the plain bytes of a zlib stream.
func (c *codec) stream(r io.Reader, use func(plain io.Reader) error) error {
	f, _ := c.readers.Get().(*inflater)
	if f == nil {
		f = &inflater{in: bufio.NewReaderSize(r, 8<<10)}
	} else {
		f.in.Reset(r)
	}
	var err error
	if f.out == nil {
		f.out, err = zlib.NewReader(f.in)
	} else {
		err = f.out.(zlib.Resetter).Reset(f.in, nil)
	}
	if err != nil {
		return damaged("no zlib stream: %v", err)
	}
	err = use(f.out)
	f.in.Reset(nil)
	c.readers.Put(f)
	return err
}
