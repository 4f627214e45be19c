package contenttest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// atOnce runs n calls that start together and waits for them.
func atOnce(n int, call func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	wg.Wait()
}

func concurrentDistinct(t *testing.T, s *suite) {
	const callers, each = 24, 5
	ids := []workspace.ID{workspace.Default(), parse(t, "a"), parse(t, "b")}
	var mu sync.Mutex
	want := map[registry.File]string{}
	texts := map[string]string{}
	errs := make([]error, callers)
	atOnce(callers, func(i int) {
		id := ids[i%len(ids)]
		for n := range each {
			k := key(fmt.Sprintf("prompt-%d", i%8), fmt.Sprintf("%d.%d.0", i, n))
			text := fmt.Sprintf("text %d %d", i, n)
			stored, err := s.Workspace(id).Put(t.Context(), k, []byte(text), by(fmt.Sprintf("Author %d", i%4), text))
			if err != nil || stored.Existed {
				errs[i] = errors.Join(errs[i], fmt.Errorf("existed %v: %w", stored.Existed, err))
				continue
			}
			mu.Lock()
			want[file(id, k)] = stored.Ref
			texts[stored.Ref] = text
			mu.Unlock()
		}
	})
	require.NoError(t, errors.Join(errs...))
	require.Len(t, want, callers*each)
	require.Equal(t, want, files(t, s))
	for ref, text := range texts {
		require.Equal(t, text, read(t, s.content(), ref))
	}
}

func concurrentEqual(t *testing.T, s *suite) {
	const callers = 24
	stored := make([]registry.Stored, callers)
	errs := make([]error, callers)
	atOnce(callers, func(i int) {
		stored[i], errs[i] = s.content().Put(t.Context(), key("welcome", "1.0.0"), []byte("text"), by(fmt.Sprint("Author ", i%5), ""))
	})
	require.NoError(t, errors.Join(errs...))
	fresh := 0
	for _, one := range stored {
		require.Equal(t, stored[0].Ref, one.Ref)
		if !one.Existed {
			fresh++
		}
	}
	require.Equal(t, 1, fresh)
	require.Len(t, files(t, s), 1)
}

func concurrentDifferent(t *testing.T, s *suite) {
	const callers = 24
	stored := make([]registry.Stored, callers)
	errs := make([]error, callers)
	atOnce(callers, func(i int) {
		stored[i], errs[i] = s.content().Put(t.Context(), key("welcome", "1.0.0"), fmt.Appendf(nil, "text %d", i), by(fmt.Sprint("Author ", i%5), ""))
	})
	won := ""
	for i, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, pmerr.ErrConflict)
			continue
		}
		require.Empty(t, won, "two callers were told that they won")
		require.False(t, stored[i].Existed)
		won = stored[i].Ref
	}
	require.NotEmpty(t, won, "somebody must win")
	require.Equal(t, won, files(t, s)[file(workspace.Default(), key("welcome", "1.0.0"))])
}

// concurrentMixed has callers that put, remove and put again, each its own
// prompt and all of them a shared one. In the end each has its last version.
func concurrentMixed(t *testing.T, s *suite) {
	const callers, rounds = 12, 6
	errs := make([]error, callers)
	atOnce(callers, func(i int) {
		c, mine := s.content(), key(fmt.Sprintf("prompt-%d", i), "1.0.0")
		author := by(fmt.Sprint("Author ", i%3), "")
		for n := range rounds {
			_, err := c.Put(t.Context(), mine, fmt.Appendf(nil, "%d", n), author)
			_, shared := c.Put(t.Context(), key("shared", "1.0.0"), []byte("text"), author)
			errs[i] = errors.Join(errs[i], err, shared)
			if n < rounds-1 {
				_, err = c.Remove(t.Context(), []registry.Key{mine, key("shared", "1.0.0")}, author)
				errs[i] = errors.Join(errs[i], err)
			}
		}
	})
	require.NoError(t, errors.Join(errs...))
	found := files(t, s)
	for i := range callers {
		ref := found[file(workspace.Default(), key(fmt.Sprintf("prompt-%d", i), "1.0.0"))]
		require.Equal(t, fmt.Sprint(rounds-1), read(t, s.content(), ref))
	}
}
