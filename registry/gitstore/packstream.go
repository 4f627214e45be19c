package gitstore

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

func newPackBuffer(w *packWriter) *bufio.Writer {
	return bufio.NewWriterSize(io.MultiWriter(w.file, w.sum), 64<<10)
}

// tell where the next byte is in the pack.
func (s *packStream) tell() int64 { return s.before + int64(s.next) }

// settleRead accounts for what was read: it goes to the file and into the
// checksums.
func (s *packStream) settleRead() error {
	part := s.buf[s.settled:s.next]
	s.settled = s.next
	s.crc = crc32.Update(s.crc, crc32.IEEETable, part)
	s.sum.Write(part)
	if err := s.to.write(part); err != nil {
		return fmt.Errorf("%w: %w", errSource, err)
	}
	return nil
}

// mark begins an entry and tells where it is.
func (s *packStream) mark() (int64, error) {
	err := s.settleRead()
	s.crc = 0
	return s.tell(), err
}

// fill reads more.
func (s *packStream) fill() error {
	if err := s.settleRead(); err != nil {
		return err
	}
	s.before += int64(s.next)
	s.settled, s.next = 0, 0
	n, err := io.ReadAtLeast(s.from, s.buf[:], 1)
	s.end = n
	switch {
	case n > 0:
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", errSource, err)
}

// ReadByte implements [io.ByteReader].
func (s *packStream) ReadByte() (byte, error) {
	if s.next == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	b := s.buf[s.next]
	s.next++
	return b, nil
}

// Read implements [io.Reader].
func (s *packStream) Read(p []byte) (int, error) {
	if s.next == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.buf[s.next:s.end])
	s.next += n
	return n, nil
}

// begin reads the head of the pack and gives the number of its objects.
func (s *packStream) begin() (uint32, error) {
	var head [packHeaderSize]byte
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return 0, cutOff(err)
	}
	if string(head[:4]) != "PACK" || binary.BigEndian.Uint32(head[4:]) != 2 {
		return 0, damaged("it holds no pack of version 2")
	}
	return binary.BigEndian.Uint32(head[8:]), nil
}

// finish compares the checksum, after which nothing may follow.
func (s *packStream) finish() error {
	if err := s.settleRead(); err != nil {
		return err
	}
	if err := s.to.out.Flush(); err != nil { // it is read back from now on
		return fmt.Errorf("%w: %w", errSource, err)
	}
	want := plumbing.Hash(s.sum.Sum(nil))
	var sum plumbing.Hash
	for i := range sum {
		b, err := s.peelByte()
		if err != nil {
			return cutOff(err)
		}
		sum[i] = b
	}
	if sum != want {
		return damaged("the pack does not match its checksum")
	}
	if _, err := s.peelByte(); !errors.Is(err, io.ErrUnexpectedEOF) {
		if errors.Is(err, errSource) {
			return err
		}
		return damaged("something follows the pack")
	}
	return nil
}

// peelByte reads a byte that is not of the pack's content.
func (s *packStream) peelByte() (byte, error) {
	if s.next == s.end {
		n, err := io.ReadAtLeast(s.from, s.buf[:], 1)
		s.settled, s.next, s.end = 0, 0, n
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, fmt.Errorf("%w: %w", errSource, err)
		}
	}
	b := s.buf[s.next]
	s.next++
	return b, nil
}

// header reads the start of an object at an offset.
func (s *packStream) header(at int64) (header, error) {
	var raw []byte
	more := func() error {
		b, err := s.ReadByte()
		raw = append(raw, b)
		return cutOff(err)
	}
	varint := func(most int) error {
		for n := 0; ; n++ {
			if err := more(); err != nil {
				return err
			}
			if raw[len(raw)-1]&0x80 == 0 {
				return nil
			}
			if n == most {
				return damaged("endless object header")
			}
		}
	}
	if err := varint(10); err != nil {
		return header{}, err
	}
	switch plumbing.ObjectType(raw[0] >> 4 & 7) {
	case plumbing.OFSDeltaObject:
		if err := varint(10); err != nil {
			return header{}, err
		}
	case plumbing.REFDeltaObject:
		for range hashSize {
			if err := more(); err != nil {
				return header{}, err
			}
		}
	default: // parseHeader knows which there are
	}
	h, err := parseHeader(raw, at)
	if err == nil && h.data != at+int64(len(raw)) {
		err = damaged("object header of an unusual length")
	}
	return h, err
}

// cutOff says that the end came too soon.
func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return damaged("it is cut off")
	}
	return err
}
