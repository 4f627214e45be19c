package s3store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

// text is a prompt of usual size.
func text(n int64) []byte {
	return fmt.Appendf(nil, `{"name":"welcome","version":"1.%d.0","messages":[{"role":"user","content":"%0600d"}]}`, n, n)
}

func version(n int64) registry.Key {
	return registry.Key{Name: fmt.Sprint("prompt-", n%100), Version: fmt.Sprintf("1.%d.0", n)}
}

func BenchmarkPut16Callers(b *testing.B) {
	server := s3server.Start(b)
	s := open(b, on(server, server.Bucket(b)))
	var next atomic.Int64
	b.ResetTimer()
	var callers errgroup.Group
	for range 16 {
		callers.Go(func() error {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return nil
				}
				if _, err := home(s).Put(b.Context(), version(n), text(n), by("Ada")); err != nil {
					return err
				}
			}
		})
	}
	require.NoError(b, callers.Wait())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "put/s")
}

func BenchmarkRead(b *testing.B) {
	server := s3server.Start(b)
	s := open(b, on(server, server.Bucket(b)))
	stored, err := home(s).Put(b.Context(), version(1), text(1), by("Ada"))
	require.NoError(b, err)
	for b.Loop() {
		_, err := home(s).Read(b.Context(), stored.Ref)
		require.NoError(b, err)
	}
}

func BenchmarkDiffOf10000(b *testing.B) {
	server := s3server.Start(b)
	o := on(server, server.Bucket(b))
	s := open(b, o)
	var callers errgroup.Group
	callers.SetLimit(16)
	for n := range int64(10_000) {
		callers.Go(func() error {
			_, err := home(s).Put(b.Context(), version(n), text(n), by("Ada"))
			return err
		})
	}
	require.NoError(b, callers.Wait())
	b.Run("read all, by a node that knows nothing", func(b *testing.B) {
		ada := personIn(b, server, o.Bucket)
		for b.Loop() {
			b.StopTimer()
			for _, k := range ada.has(b, ".promptmetrics/states/") {
				ada.deletes(b, k)
			}
			other := open(b, o)
			b.StartTimer()
			require.Len(b, diff(b, other, "").Changes, 10_000)
		}
	})
	d := diff(b, s, "")
	b.Run("nothing changed", func(b *testing.B) {
		for b.Loop() {
			require.Empty(b, diff(b, s, d.Head).Changes)
		}
	})
	next := int64(10_000)
	b.Run("one version more", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			next++
			_, err := home(s).Put(b.Context(), version(next), text(next), by("Ada"))
			require.NoError(b, err)
			b.StartTimer()
			d = diff(b, s, d.Head)
			require.Len(b, d.Changes, 1)
		}
	})
	b.Run("in full, by a node that finds the state", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			other := s3store.Unopened(b, o)
			b.StartTimer()
			require.Len(b, diff(b, other, "x").Changes, int(next))
		}
	})
}
