package gitstore

import (
	"crypto/sha1"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/contenttest"
)

// open opens a store that is closed when the test ends.
func open(tb testing.TB, options Options) *Store {
	tb.Helper()
	if options.Path == "" {
		options.Path = filepath.Join(tb.TempDir(), "prompts.git")
	}
	s, err := Open(tb.Context(), options)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// key is version 1.0.0 of a prompt.
func key(name string) registry.Key { return registry.Key{Name: name, Version: "1.0.0"} }

func by(author string) registry.Signature { return registry.Signature{Author: author} }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func sha(data []byte) [hashSize]byte { return sha1.Sum(data) }

// logbook is a logger and what it has been told.
func logbook() (said func() string, to *slog.Logger) {
	w := &book{}
	return w.String, slog.New(slog.NewTextHandler(w, nil))
}

type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// mkdir makes a folder below dir and gives dir.
func mkdir(tb testing.TB, dir, name string) string {
	tb.Helper()
	require.NoError(tb, os.MkdirAll(filepath.Join(dir, name), 0o755))
	return dir
}

func TestContentStore(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		return open(tb, Options{})
	})
}

func TestContentStoreThatMergesAllTheTime(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		return open(tb, Options{RepackAt: 2})
	})
}

// queued tells how many changes wait for the committer.
func queued(s *Store) int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.jobs)
}

// waiting tells whether the committer waits for its turn, with a batch in hand.
func waiting(s *Store) bool {
	f, err := s.lock.hold("turn", newPoll(0))
	if err == nil {
		_ = f.Close()
	}
	return errors.Is(err, errBusy)
}
