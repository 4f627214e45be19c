package s3store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
)

const (
	statesFolder = ".promptmetrics/states/"
	stateFormat  = "promptmetrics state 1"
	// keepStates is how many states a bucket remembers. An index that has seen
	// none of them is compared in full.
	keepStates = 64
	// maxState bounds the bytes of one, packed and unpacked.
	maxState = 512 << 20
)

// entry is an object in a prompt folder. Two entries with the same path, ETag,
// size and time are the same content: Ref is not part of what is compared.
type entry struct {
	Path     string `json:"path"`
	ETag     string `json:"etag"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // Unix milliseconds
	// Ref of the content; empty for what is no version's file.
	Ref string `json:"ref,omitempty"`
}

func (e entry) same(other entry) bool {
	e.Ref, other.Ref = "", ""
	return e == other
}

// state is what the prompt folders hold at one time, by path, in order.
type state struct {
	head    string
	entries []entry
}

// seal orders the entries and names the state after them.
func (s *state) seal() {
	slices.SortFunc(s.entries, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	sum := sha256.New()
	_, _ = io.WriteString(sum, stateFormat+"\n")
	for _, e := range s.entries {
		e.hashInto(sum)
	}
	s.head = hex.EncodeToString(sum.Sum(nil))
}

func (e entry) hashInto(sum hash.Hash) {
	_, _ = fmt.Fprintf(sum, "%d %s %d %s %d %d\n", len(e.Path), e.Path, len(e.ETag), e.ETag, e.Size, e.Modified)
}

// find gives the entry of a path.
func (s *state) find(path string) (entry, bool) {
	if s == nil {
		return entry{}, false
	}
	i, ok := slices.BinarySearchFunc(s.entries, path, func(e entry, path string) int { return strings.Compare(e.Path, path) })
	if !ok {
		return entry{}, false
	}
	return s.entries[i], true
}

// encode writes a state as packed lines of JSON: the format, then the entries.
func (s *state) encode() ([]byte, error) {
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	lines := json.NewEncoder(packed)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(stateFormat); err != nil {
		return nil, err
	}
	for _, e := range s.entries {
		if err := lines.Encode(e); err != nil {
			return nil, err
		}
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decodeState reads what encode wrote, from a bucket that anybody may have
// written to: it must be the state that its name says.
func decodeState(head string, data []byte) (*state, error) {
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	lines := json.NewDecoder(bufio.NewReader(io.LimitReader(packed, maxState)))
	var format string
	if err := lines.Decode(&format); err != nil || format != stateFormat {
		return nil, errors.Join(errors.New("it is no state of this version"), err)
	}
	s := &state{}
	for len(s.entries) <= 2*maxObjects {
		var e entry
		err := lines.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if e.Ref != "" && e.Ref != refTooLarge && !isSum(e.Ref) {
			return nil, errors.New("it has a ref that is none")
		}
		s.entries = append(s.entries, e)
	}
	if s.seal(); s.head != head {
		return nil, errors.New("it is another state than its name says")
	}
	return s, nil
}

func stateKey(head string) string { return statesFolder + head + ".gz" }

// load gives an earlier state, or nil if nobody knows it any more.
func (s *Store) load(ctx context.Context, head string) (*state, error) {
	if !isSum(head) {
		return nil, nil
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last != nil && last.head == head {
		return last, nil
	}
	var found *state
	var broken error
	_, _, err := s.bucket.get(ctx, stateKey(head), maxState, func(_ object, data []byte) bool {
		found, broken = decodeState(head, data)
		return broken == nil
	})
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, errMissing):
		return nil, nil
	case errors.Is(err, errGarbled) || errors.Is(err, pmerr.ErrTooLarge):
		s.log.Warn("an earlier state of the bucket is damaged, and counts as unknown", "key", s.bucket.prefix+stateKey(head), "error", broken)
		return nil, nil
	}
	return nil, err
}

// save keeps a state for later diffs, of other nodes too, and forgets old ones,
// but not the one that it was compared with.
func (s *Store) save(ctx context.Context, now *state, since string) error {
	data, err := now.encode()
	if err != nil {
		return err
	}
	if _, err := s.bucket.put(ctx, stateKey(now.head), data, writing{kind: "application/gzip"}); err != nil {
		return err
	}
	if err := s.forget(ctx, stateKey(now.head), stateKey(since)); err != nil && ctx.Err() == nil {
		s.log.Warn("old states of the bucket were not removed", "error", said(err))
	}
	return nil
}

// forget removes all states but the latest, and those that are kept in any case:
// S3 tells times by the second. Nodes may do so at once.
func (s *Store) forget(ctx context.Context, keep ...string) error {
	var all []object
	if err := s.bucket.list(ctx, statesFolder, func(o object) { all = append(all, o) }); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b object) int { return b.modified.Compare(a.modified) })
	for _, old := range all[min(keepStates, len(all)):] {
		if slices.Contains(keep, old.key) {
			continue
		}
		if err := s.bucket.remove(ctx, old.key); err != nil {
			return err
		}
	}
	return nil
}

// fileOf reads an entry's path. counts is false for what names no version.
func (e entry) fileOf() (file registry.File, extension string, counts bool) {
	return layout.Parse(e.Path)
}
