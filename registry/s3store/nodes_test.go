package s3store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

// Of many nodes that publish a version with different content one wins, and all
// others are told.
func TestNodesWriteAVersionOnce(t *testing.T) {
	t.Parallel()
	const count, rounds = 6, 12
	server := s3server.Shared(t)
	bucket := server.Bucket(t)
	nodes := make([]*s3store.Store, count)
	for i := range nodes {
		nodes[i] = open(t, on(server, bucket))
	}
	for round := range rounds {
		k := registry.Key{Name: "welcome", Version: fmt.Sprintf("1.%d.0", round)}
		var wg sync.WaitGroup
		errs := make([]error, count)
		refs := make([]string, count)
		for i, node := range nodes {
			wg.Go(func() {
				stored, err := home(node).Put(t.Context(), k, fmt.Appendf(nil, "of node %d", i), by("Ada"))
				errs[i], refs[i] = err, stored.Ref
			})
		}
		wg.Wait()
		won := ""
		for i, err := range errs {
			if err == nil {
				require.Empty(t, won, "two won")
				won = refs[i]
			} else {
				require.True(t, errors.Is(err, pmerr.ErrConflict), "%v", err)
			}
		}
		require.NotEmpty(t, won)
		for _, node := range nodes {
			for _, c := range diff(t, node, "").Changes {
				if c.Key == k {
					require.Equal(t, won, c.Ref)
				}
			}
		}
	}
}

// Nodes that compare, publish and delete all the time all end up with the same,
// each by its own steps.
func TestNodesCompareSideBySide(t *testing.T) {
	t.Parallel()
	const count, rounds = 4, 10
	server := s3server.Shared(t)
	bucket := server.Bucket(t)
	known := make([]map[registry.File]string, count)
	heads := make([]string, count)
	stores := make([]*s3store.Store, count)
	step := func(i int) error {
		d, err := stores[i].Diff(t.Context(), heads[i])
		if err != nil {
			return err
		}
		if d.Full {
			clear(known[i])
		}
		for _, c := range d.Changes {
			if c.Ref == "" {
				delete(known[i], c.File)
			} else {
				known[i][c.File] = c.Ref
			}
		}
		heads[i] = d.Head
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, count)
	for i := range count {
		stores[i], known[i] = open(t, on(server, bucket)), map[registry.File]string{}
		wg.Go(func() {
			for n := range rounds {
				k := registry.Key{Name: fmt.Sprint("prompt-", i), Version: fmt.Sprintf("1.%d.0", n)}
				_, err := home(stores[i]).Put(t.Context(), k, fmt.Append(nil, n), by("Ada"))
				errs[i] = errors.Join(errs[i], err, step(i))
				if n%3 == 0 {
					_, err = home(stores[i]).Remove(t.Context(), []registry.Key{k}, by("Ada"))
					errs[i] = errors.Join(errs[i], err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for i := range count {
		require.NoError(t, step(i))
		require.Equal(t, known[0], known[i])
		require.Equal(t, heads[0], heads[i])
	}
	require.Len(t, known[0], count*6)
}
