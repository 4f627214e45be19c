package gitstore

import (
	"compress/zlib"
	"crypto/sha1"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
)

// beginEntry begins an entry whose header was that of the source.
func (w *bundleWriter) beginEntry(head []byte) { w.crc = crc32.ChecksumIEEE(head) }

// copy copies the zlib stream of an entry.
func (w *bundleWriter) copy(from io.Reader, size int64) error {
	if w.err != nil {
		return w.err
	}
	n, err := io.Copy(io.MultiWriter(w, crcWriter{&w.crc}), from)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

type crcWriter struct{ crc *uint32 }

func (c crcWriter) Write(p []byte) (int, error) {
	*c.crc = crc32.Update(*c.crc, crc32.IEEETable, p)
	return len(p), nil
}

// deflate packs the plain bytes of an object, and checks its name.
func (w *bundleWriter) deflate(from io.Reader, kind plumbing.ObjectType, size int64, name plumbing.Hash) error {
	z, err := zlib.NewWriterLevel(w, zlib.BestSpeed)
	if err != nil {
		return err
	}
	sum := sha1.New()
	sum.Write(objectHead(kind, size))
	n, err := io.Copy(io.MultiWriter(z, sum), from)
	if err != nil {
		return err
	}
	if n != size || plumbing.Hash(sum.Sum(nil)) != name {
		return damaged("it is not what its name says: run git fsck in the prompt repository")
	}
	return z.Close()
}

// objectHead is what goes before the bytes of an object when it is named.
func objectHead(kind plumbing.ObjectType, size int64) []byte {
	head := make([]byte, 0, 32)
	head = append(head, kind.Bytes()...)
	head = append(head, ' ')
	return append(strconv.AppendInt(head, size, 10), 0)
}
