package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// TestCache checks that nobody is answered with what a write has made old.
func TestCache(t *testing.T) {
	t.Parallel()

	t.Run("every write is visible at once, through every handle of the process", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		writer, reader := h.home(), h.Workspace(workspace.Default(), workspace.Actor{Name: "reader"})
		production := registry.Query{Label: "production"}
		see := func(q registry.Query, want string) {
			t.Helper()
			e, err := reader.Get(t.Context(), "p", q)
			if want == "" {
				require.ErrorIs(t, err, pmerr.ErrNotFound)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, e.Version.Version)
		}
		see(registry.Query{}, "")
		publish(t, writer, "p", "1.0.0")
		see(registry.Query{}, "1.0.0")
		see(registry.Query{Version: "^1"}, "1.0.0")
		see(production, "")
		_, err := writer.SetLabel(t.Context(), "p", "production", "")
		require.NoError(t, err)
		see(production, "1.0.0")
		publish(t, writer, "p", "1.1.0")
		see(registry.Query{}, "1.1.0")
		see(registry.Query{Version: "^1"}, "1.1.0")
		see(production, "1.0.0")
		_, err = writer.SetLabel(t.Context(), "p", "production", "1.1.0")
		require.NoError(t, err)
		see(production, "1.1.0")
		require.NoError(t, writer.Activate(t.Context(), "p", "1.0.0"))
		see(registry.Query{}, "1.0.0")
		require.NoError(t, writer.Activate(t.Context(), "p", ""))
		see(registry.Query{}, "1.1.0")
		require.NoError(t, writer.DeleteLabel(t.Context(), "p", "production"))
		see(production, "")
		require.NoError(t, writer.DeleteVersion(t.Context(), "p", "1.1.0", registry.Signature{}))
		see(registry.Query{}, "1.0.0")
		see(registry.Query{Version: "1.1.0"}, "")
		see(registry.Query{Version: "^1"}, "1.0.0")
		require.NoError(t, writer.Delete(t.Context(), "p", registry.Signature{}))
		see(registry.Query{}, "")
	})

	t.Run("a version that another process wrote is seen once it is noticed", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		other := rebuild(t, h.bare, h.db)
		publish(t, h.home(), "p", "1.0.0")
		serves(t, other.home(), "p", "", "1.0.0")
		publish(t, h.home(), "p", "2.0.0")
		other.ForgetAll()
		serves(t, other.home(), "p", "", "2.0.0")
	})

	t.Run("a slow reader does not put back what a write has made old", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		publish(t, h.home(), "p", "2.0.0")
		_, err := h.home().SetLabel(t.Context(), "p", "production", "1.0.0")
		require.NoError(t, err)
		slow := &slowIndex{IndexStore: h.store.Prompts(), found: make(chan struct{}), goOn: make(chan struct{})}
		r := on(slow, h.git)
		s := r.Workspace(workspace.Default(), editor)
		q := registry.Query{Label: "production"}
		var reading sync.WaitGroup
		reading.Go(func() {
			if _, err := s.Get(context.Background(), "p", q); err != nil {
				t.Error(err)
			}
		})
		<-slow.found // the reader knows 1.0.0 and has not kept it yet
		_, err = s.SetLabel(t.Context(), "p", "production", "2.0.0")
		require.NoError(t, err)
		close(slow.goOn)
		reading.Wait()
		e, err := s.Get(t.Context(), "p", q)
		require.NoError(t, err)
		require.Equal(t, "2.0.0", e.Version.Version)
	})

	t.Run("no reader is answered with less than what was done when it asked", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		s := h.home()
		const last = 30
		version := func(i int64) string { return fmt.Sprintf("1.%d.0", i) }
		publish(t, s, "p", version(0))
		_, err := s.SetLabel(t.Context(), "p", "production", "")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var done atomic.Int64 // the label was moved as far as this
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for ctx.Err() == nil {
					least := version(done.Load())
					e, err := s.Get(context.Background(), "p", registry.Query{Label: "production"})
					if err != nil || registry.Compare(e.Version.Version, least) < 0 {
						t.Errorf("%s is older than %s, %v", e.Version.Version, least, err)
						return
					}
				}
			})
		}
		for i := int64(1); i <= last; i++ {
			publish(t, s, "p", version(i))
			_, err := s.SetLabel(t.Context(), "p", "production", version(i))
			require.NoError(t, err)
			done.Store(i)
		}
		cancel()
		readers.Wait()
	})

	t.Run("what was not found is asked for again", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		_, err := h.home().Get(t.Context(), "p", registry.Query{})
		require.ErrorIs(t, err, pmerr.ErrNotFound)
		publish(t, rebuild(t, h.bare, h.db).home(), "p", "1.0.0") // another process, unnoticed
		serves(t, h.home(), "p", "", "1.0.0")
	})
}

// slowIndex stops the first reader that has found a label.
type slowIndex struct {
	registry.IndexStore
	found, goOn chan struct{}
	once        sync.Once
}

func (s *slowIndex) Workspace(id workspace.ID, actor workspace.Actor) registry.Index {
	return slowPrompts{Index: s.IndexStore.Workspace(id, actor), slow: s}
}

type slowPrompts struct {
	registry.Index
	slow *slowIndex
}

func (p slowPrompts) Label(ctx context.Context, name, label string) (registry.Label, error) {
	found, err := p.Index.Label(ctx, name, label)
	p.slow.once.Do(func() {
		close(p.slow.found)
		<-p.slow.goOn
	})
	return found, err
}

// TestOutage checks that a prompt store that is down is never taken for one
// that has nothing.
func TestOutage(t *testing.T) {
	t.Parallel()
	h := build(t)
	publish(t, h.home(), "p", "1.0.0")
	publish(t, h.home(), "p", "2.0.0")

	t.Run("a store that is down is unavailable, what is in memory is served", func(t *testing.T) {
		t.Parallel()
		store := &failing{ContentStore: h.git}
		s := on(h.store.Prompts(), store).Workspace(workspace.Default(), editor)
		serves(t, s, "p", "2.0.0", "2.0.0")
		store.fail(pmerr.Down(errors.New("no route to host"), "the store is down"))
		serves(t, s, "p", "2.0.0", "2.0.0")
		_, err := s.Get(t.Context(), "p", registry.Query{Version: "1.0.0"})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		_, err = s.Create(t.Context(), prompt("p", "3.0.0", "x"), registry.Signature{})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.ErrorIs(t, s.DeleteVersion(t.Context(), "p", "2.0.0", registry.Signature{}), pmerr.ErrUnavailable)
		_, err = on(h.store.Prompts(), store).Reconcile(t.Context(), true)
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		store.fail(nil)
		serves(t, s, "p", "1.0.0", "1.0.0")
		serves(t, s, "p", "", "2.0.0") // nothing was deleted or published meanwhile
	})

	t.Run("a file that the index knows and the store has lost is unavailable", func(t *testing.T) {
		t.Parallel()
		store := &failing{ContentStore: h.git}
		store.fail(pmerr.Missing("Prompt content"))
		s := on(h.store.Prompts(), store).Workspace(workspace.Default(), editor)
		_, err := s.Get(t.Context(), "p", registry.Query{})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.NotErrorIs(t, err, pmerr.ErrNotFound)
	})

	t.Run("a caller who leaves gets the context's error and spoils nothing for others", func(t *testing.T) {
		t.Parallel()
		s := on(h.store.Prompts(), h.git).Workspace(workspace.Default(), editor)
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		<-ctx.Done()
		_, err := s.Get(ctx, "p", registry.Query{})
		require.Error(t, err)
		serves(t, s, "p", "", "2.0.0")
	})
}

// failing is a prompt store that can be made to fail.
type failing struct {
	registry.ContentStore
	mu  sync.Mutex
	err error
}

func (f *failing) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *failing) Workspace(id workspace.ID) registry.Content {
	return failingContent{Content: f.ContentStore.Workspace(id), failing: f}
}

func (f *failing) Diff(ctx context.Context, since string) (registry.Diff, error) {
	if err := f.fault(); err != nil {
		return registry.Diff{}, err
	}
	return f.ContentStore.Diff(ctx, since)
}

type failingContent struct {
	registry.Content
	failing *failing
}

func (c failingContent) Put(ctx context.Context, key registry.Key, data []byte, by registry.Signature) (registry.Stored, error) {
	if err := c.failing.fault(); err != nil {
		return registry.Stored{}, err
	}
	return c.Content.Put(ctx, key, data, by)
}

func (c failingContent) Read(ctx context.Context, ref string) ([]byte, error) {
	if err := c.failing.fault(); err != nil {
		return nil, err
	}
	return c.Content.Read(ctx, ref)
}

func (c failingContent) Remove(ctx context.Context, keys []registry.Key, by registry.Signature) (string, error) {
	if err := c.failing.fault(); err != nil {
		return "", err
	}
	return c.Content.Remove(ctx, keys, by)
}
