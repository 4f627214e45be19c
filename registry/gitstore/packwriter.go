package gitstore

import (
	"bufio"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// tempPrefix begins the names of unfinished files in the pack folder. Names that
// begin with "tmp_" would be swept away by a git gc that is told to spare
// nothing.
const tempPrefix = "unfinished_promptmetrics_"

// packWriter writes a pack to a temporary file.
type packWriter struct {
	file    *os.File
	out     *bufio.Writer
	sum     hash.Hash
	at      int64
	objects []packed
}

func newPackWriter(dir string, count int) (*packWriter, error) {
	f, err := os.CreateTemp(dir, tempPrefix+"pack_*")
	if err != nil {
		return nil, err
	}
	w := &packWriter{file: f, sum: sha1.New()}
	w.out = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 64<<10)
	head := append(make([]byte, 0, packHeaderSize), "PACK"...)
	head = binary.BigEndian.AppendUint32(head, 2)
	head = binary.BigEndian.AppendUint32(head, uint32(count))
	if err := w.write(head); err != nil {
		return nil, errors.Join(err, w.discard())
	}
	return w, nil
}

func (w *packWriter) write(parts ...[]byte) error {
	for _, part := range parts {
		n, err := w.out.Write(part)
		w.at += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// add writes an object: its header, and the pieces of its zlib stream.
func (w *packWriter) add(h plumbing.Hash, head []byte, stream ...[]byte) error {
	o := packed{h, w.at, crc32.ChecksumIEEE(head)}
	for _, piece := range stream {
		o.crc = crc32.Update(o.crc, crc32.IEEETable, piece)
	}
	w.objects = append(w.objects, o)
	if err := w.write(head); err != nil {
		return err
	}
	return w.write(stream...)
}

// entryHeader encodes type and size of an object.
func entryHeader(kind plumbing.ObjectType, size int) []byte {
	head := make([]byte, 0, 10)
	b := byte(kind)<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		head = append(head, b|0x80)
		b = byte(size & 0x7f)
	}
	return append(head, b)
}

// finish writes the checksum and the index, syncs both files and gives them
// their names. It calls before, which may be nil, with the path of the pack
// without ending just before, and returns that path. The folder itself is not
// synced.
func (w *packWriter) finish(before func(base string) error) (base string, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, w.discard())
		}
	}()
	if err := w.out.Flush(); err != nil {
		return "", err
	}
	name := plumbing.Hash(w.sum.Sum(nil))
	if _, err := w.file.Write(name[:]); err != nil {
		return "", err
	}
	dir := filepath.Dir(w.file.Name())
	idx, err := os.CreateTemp(dir, tempPrefix+"idx_*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(idx.Name())
		}
	}()
	_, err = idx.Write(encodePackIndex(w.objects, name))
	if err == nil {
		err = errors.Join(idx.Chmod(0o444), w.file.Chmod(0o444)) // as git has it
	}
	if err == nil {
		err = syncBoth(idx, w.file)
	}
	if err := errors.Join(err, idx.Close(), w.file.Close()); err != nil {
		return "", err
	}
	base = filepath.Join(dir, "pack-"+name.String())
	if before != nil {
		if err := before(base); err != nil {
			return "", err
		}
	}
	// The idx comes last: who finds it finds the pack too.
	if err := os.Rename(w.file.Name(), base+".pack"); err != nil {
		return "", err
	}
	if err := os.Rename(idx.Name(), base+".idx"); err != nil {
		return "", err
	}
	return base, nil
}

// discard removes the temporary file.
func (w *packWriter) discard() error {
	_ = w.file.Close() // it may be closed already
	err := os.Remove(w.file.Name())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// syncBoth syncs two files at once: most file systems then need one flush of
// the disk only.
func syncBoth(a, b *os.File) error {
	done := make(chan error, 1)
	go func() { done <- a.Sync() }()
	return errors.Join(b.Sync(), <-done)
}

// writePack stores objects as one pack that is safely on disk, but for the
// folder's entry.
func writePack(dir string, objects []object, before func(base string) error) (base string, err error) {
	w, err := newPackWriter(dir, len(objects))
	if err != nil {
		return "", err
	}
	for _, o := range objects {
		stream := [][]byte{o.stream}
		if o.stream == nil {
			stream = stored(o.plain)
		}
		if err := w.add(o.hash, entryHeader(o.kind, o.size), stream...); err != nil {
			return "", errors.Join(err, w.discard())
		}
	}
	return w.finish(before)
}
