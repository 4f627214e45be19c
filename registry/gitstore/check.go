package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// checkPrefix begins the names of files that a check writes. They are not swept
// up like other unfinished files, for another process may be checking.
const checkPrefix = "check_promptmetrics_"

// probeSize is what a check writes, in bytes. A disk that is nearly full has
// room for a few bytes where no commit fits any more.
const probeSize = 64 << 10

// Check implements registry.ContentStore: it writes, syncs and reads back a
// file among the objects and loads the heads' commits and trees. It adds no
// commit. If the remote failed last time, it is asked again.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return pmerr.Down(err, "The prompt store was not checked: the call was cancelled")
	}
	if err := s.open(); err != nil {
		return err
	}
	if err := s.probe(); err != nil {
		return unwritable(err)
	}
	for _, b := range s.lines() {
		if err := b.checkBranch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkBranch loads the head of a branch.
func (s *Store) checkBranch(ctx context.Context) error {
	if s.mirror != nil && s.mirror.failing() != nil {
		if err := s.mirror.fetch(ctx, 0); err != nil {
			return err
		}
	}
	head, err := s.branch.read()
	if err != nil {
		return unreadable(err)
	}
	if head.IsZero() {
		return nil
	}
	c, err := s.commit(head)
	if err == nil {
		_, err = s.tree(c.tree)
	}
	if err != nil {
		return unreadable(err)
	}
	return nil
}

// probe writes a file where packs are written, and reads it back.
func (s *Store) probe() (err error) {
	if err := checkRepository(s.dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.packs(), checkPrefix+"*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	line := []byte("written at " + s.now().UTC().String() + "\n")
	text := bytes.Repeat(line, probeSize/len(line))
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(text))), back); err != nil {
		return err
	}
	if !bytes.Equal(text, back) {
		return fmt.Errorf("gitstore: a file that was just written reads differently")
	}
	return nil
}
