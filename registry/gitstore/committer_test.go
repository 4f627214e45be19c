package gitstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// held is a store whose committer waits, with one put in hand, until release.
// What is queued meanwhile becomes one batch.
type held struct {
	*Store
	content registry.Content
	done    []chan outcome
}

func hold(t *testing.T) (h *held, release func()) {
	t.Helper()
	s := open(t, Options{LockWait: time.Minute, RepackAt: -1})
	h = &held{Store: s, content: s.Workspace(workspace.Default())}
	free, err := s.lock.acquire(0)
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := h.content.Put(t.Context(), key("in-hand"), []byte("x"), by("Ada")); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the first put being taken", func() bool { return waiting(s) })
	return h, func() {
		free()
		wg.Wait()
	}
}

// queue starts a call and waits until it is queued.
func (h *held) enqueue(t *testing.T, call func() (registry.Stored, error)) {
	t.Helper()
	done, before := make(chan outcome, 1), queued(h.Store)
	go func() {
		stored, err := call()
		done <- outcome{stored, err}
	}()
	h.done = append(h.done, done)
	eventually(t, "the call being queued", func() bool { return queued(h.Store) > before })
}

func (h *held) put(t *testing.T, author, name, text string) {
	t.Helper()
	h.enqueue(t, func() (registry.Stored, error) {
		return h.content.Put(t.Context(), key(name), []byte(text), by(author))
	})
}

func (h *held) remove(t *testing.T, author string, names ...string) {
	t.Helper()
	h.enqueue(t, func() (registry.Stored, error) {
		var keys []registry.Key
		for _, name := range names {
			keys = append(keys, key(name))
		}
		commit, err := h.content.Remove(t.Context(), keys, by(author))
		return registry.Stored{Commit: commit}, err
	})
}

func TestABatchIsDecidedInTheOrderOfArrival(t *testing.T) {
	t.Parallel()
	h, release := hold(t)
	h.put(t, "Ada", "a", "1")      // 0: wins
	h.put(t, "Bob", "a", "2")      // 1: conflicts with 0
	h.put(t, "Bob", "a", "1")      // 2: says the same as 0
	h.remove(t, "Ada", "a", "b")   // 3: comes after 0, though "b" does not exist
	h.put(t, "Bob", "a", "3")      // 4: comes after 3
	h.put(t, "Eve", "b", "4")      // 5: comes after 3
	h.remove(t, "Eve", "in-hand")  // 6
	h.put(t, "Ada", "in-hand", "") // 7: comes after 6
	h.remove(t, "Ada", "nothing")  // 8
	h.put(t, "Ada", "c", "same")   // 9
	h.put(t, "Bob", "d", "same")   // 10: the same bytes elsewhere
	release()
	var got []string
	commits := map[int]string{}
	for i, done := range h.done {
		o := <-done
		word := "stored"
		switch {
		case pmerr.From(o.err) != nil:
			word = string(pmerr.From(o.err).Code)
		case o.stored.Existed:
			word = "existed"
		case o.stored.Ref == "":
			word = "removed"
		}
		got = append(got, fmt.Sprintf("%d %s", i, word))
		commits[i] = o.stored.Commit
	}
	require.Equal(t, []string{
		"0 stored", "1 CONFLICT", "2 existed", "3 removed", "4 stored", "5 stored", "6 removed", "7 stored", "8 removed", "9 stored", "10 stored",
	}, got)
	require.Equal(t, commits[0], commits[2])
	require.Empty(t, commits[8])
	require.Equal(t, commits[0], commits[9], "one commit an author")
	require.NotEqual(t, commits[0], commits[10])
	tree := inHead(t, h.dir)
	require.Len(t, tree, 5)
	for name, text := range map[string]string{"a": "3", "b": "4", "in-hand": "", "c": "same", "d": "same"} {
		require.Equal(t, text, git(t, h.dir, "cat-file", "blob", tree["prompts/"+name+"/1.0.0.json"]))
	}
	fsck(t, h.dir)
	subjects := git(t, h.dir, "log", "--format=%an: %s")
	require.Contains(t, subjects, "Ada: Publish 2 prompts")
	require.Contains(t, subjects, "Eve: Delete in-hand 1.0.0")
	require.Less(t, strings.Count(subjects, "\n"), 10)
}

func TestACallerThatGoesTakesItsQueuedChangeAlong(t *testing.T) {
	t.Parallel()
	h, release := hold(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	h.put(t, "Ada", "before", "1")
	h.enqueue(t, func() (registry.Stored, error) {
		return h.content.Put(ctx, key("gone"), []byte("2"), by("Ada"))
	})
	h.put(t, "Ada", "after", "3")
	reason := fmt.Errorf("the client has hung up")
	cancel(reason)
	o := <-h.done[1]
	require.ErrorIs(t, o.err, reason)
	require.ErrorIs(t, o.err, pmerr.ErrUnavailable)
	release()
	require.NoError(t, (<-h.done[0]).err)
	require.NoError(t, (<-h.done[2]).err)
	tree := inHead(t, h.dir)
	require.Len(t, tree, 3)
	require.NotContains(t, tree, "prompts/gone/1.0.0.json")
}

func TestACallerThatGoesTooLateLearnsTheOutcome(t *testing.T) {
	t.Parallel()
	s := open(t, Options{LockWait: time.Minute})
	release, err := s.lock.acquire(0)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Workspace(workspace.Default()).Put(ctx, key("welcome"), []byte("x"), by("Ada"))
		done <- err
	}()
	eventually(t, "the put being taken", func() bool { return waiting(s) })
	cancel()
	select {
	case err := <-done:
		t.Fatal("answered before it was decided", err)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	require.NoError(t, <-done)
	require.Len(t, inHead(t, s.dir), 1)
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	t.Parallel()
	h, release := hold(t)
	for i := range 5 {
		h.put(t, "Ada", fmt.Sprint("p", i), "x")
	}
	closed := make(chan error, 1)
	go func() { closed <- h.Close() }()
	eventually(t, "closing", func() bool {
		h.queue.mu.Lock()
		defer h.queue.mu.Unlock()
		return h.queue.closed
	})
	_, err := h.content.Put(t.Context(), key("late"), nil, by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	release()
	require.NoError(t, <-closed)
	for _, done := range h.done {
		require.NoError(t, (<-done).err)
	}
	require.Len(t, inHead(t, h.dir), 6)
}

func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	q := newQueue()
	job := func(bytes int) *job { return &job{bytes: bytes, done: make(chan outcome, 1)} }
	require.NoError(t, q.push(job(2*maxQueued)), "one always fits")
	err := q.push(job(1))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.Equal(t, time.Second, pmerr.From(err).RetryAfter)
	require.Len(t, q.take(), 1)
	require.NoError(t, q.push(job(1)))

	require.Len(t, q.take(), 1)
	for range maxBatch + 5 {
		require.NoError(t, q.push(job(1)))
	}
	require.Len(t, q.take(), maxBatch)
	require.Len(t, q.take(), 5)
	for range 3 {
		require.NoError(t, q.push(job(maxBatchBytes/2)))
	}
	require.Len(t, q.take(), 2)
	require.Len(t, q.take(), 1)
	require.Zero(t, q.bytes)
	q.close()
	require.Empty(t, q.take())
}
