package gitstore

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

func loosePath(dir string, h plumbing.Hash) string {
	name := h.String()
	return filepath.Join(dir, name[:2], name[2:])
}

// readLoose reads an object that is a file of its own.
func (o *odb) readLoose(path string, limit int64) (kind plumbing.ObjectType, data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = f.Close() }()
	err = o.codec.stream(f, func(plain io.Reader) error {
		in := bufio.NewReaderSize(plain, 512)
		var size int64
		if kind, size, err = looseHeader(in); err != nil {
			return err
		}
		if size > limit {
			return errTooLarge
		}
		data = make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return damaged("loose object is cut off: %v", err)
		}
		if _, err := in.ReadByte(); err != io.EOF {
			return damaged("loose object does not end where it should: %v", err)
		}
		return nil
	})
	return kind, data, err
}

// looseHeader reads "blob 12\0".
func looseHeader(in *bufio.Reader) (plumbing.ObjectType, int64, error) {
	head := make([]byte, 0, 32)
	for {
		b, err := in.ReadByte()
		if err != nil || len(head) == cap(head) {
			return 0, 0, damaged("loose object without header")
		}
		if b == 0 {
			break
		}
		head = append(head, b)
	}
	name, digits, _ := strings.Cut(string(head), " ")
	kind, err := plumbing.ParseObjectType(name)
	size, sizeErr := strconv.ParseInt(digits, 10, 64)
	if err != nil || sizeErr != nil || kind.IsDelta() || size < 0 {
		return 0, 0, damaged("loose object with header %q", head)
	}
	return kind, size, nil
}

// loose lists the loose objects.
func (s *Store) loose() ([]plumbing.Hash, error) {
	folders, err := os.ReadDir(s.objects())
	if err != nil {
		return nil, err
	}
	var all []plumbing.Hash
	for _, f := range folders {
		if len(f.Name()) != 2 || !f.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(s.objects(), f.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, o := range files {
			if h, ok := parseHash(f.Name() + o.Name()); ok {
				all = append(all, h)
			}
		}
	}
	return all, nil
}
