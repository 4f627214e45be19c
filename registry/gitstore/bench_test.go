package gitstore

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func body(n int) []byte {
	return fmt.Appendf(nil, `{"name":"p","version":"1.0.0","messages":[{"role":"system","content":"You are helper number %d. Answer in one sentence, and never speak of the weather unless the customer does."},{"role":"user","content":"{{question}}"}],"variables":{"question":{"type":"string","required":true}},"model_config":{"model":"m-%d","temperature":0.2}}`, n, n%7)
}

// fill publishes n prompts with many callers.
func fill(tb testing.TB, c registry.Content, n, callers int, name func(i int) registry.Key) {
	tb.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				_, err := c.Put(context.Background(), name(i), body(i), registry.Signature{Author: "Ada"})
				if err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{0, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d prompts", size), func(b *testing.B) {
			s, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "p.git")})
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			c := s.Workspace(workspace.Default())
			fill(b, c, size, 256, func(i int) registry.Key { return registry.Key{Name: fmt.Sprintf("prompt-%05d", i), Version: "1.0.0"} })
			b.ResetTimer()
			start := time.Now()
			fill(b, c, b.N, 16, func(i int) registry.Key {
				return registry.Key{Name: fmt.Sprintf("prompt-%05d", (i*7919)%max(size, 1)), Version: fmt.Sprintf("2.%d.0", i)}
			})
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "puts/s")
		})
	}
}

// library is a store with n prompts and some packs, and the refs of its files.
func library(b *testing.B, n, packs int) (*Store, []string) {
	b.Helper()
	s := open(b, Options{RepackAt: -1})
	c := s.Workspace(workspace.Default())
	fill(b, c, n, 512, func(i int) registry.Key { return registry.Key{Name: fmt.Sprintf("prompt-%05d", i), Version: "1.0.0"} })
	_, err := s.repack.once(b.Context())
	require.NoError(b, err)
	for i := range packs {
		_, err := c.Put(b.Context(), registry.Key{Name: "prompt-00001", Version: fmt.Sprintf("2.%d.0", i)}, body(n+i), by("Ada"))
		require.NoError(b, err)
	}
	d, err := s.Diff(b.Context(), "")
	require.NoError(b, err)
	var refs []string
	for _, ch := range d.Changes {
		refs = append(refs, ch.Ref)
	}
	slices.Sort(refs) // as good as random
	return s, refs
}

func BenchmarkRead(b *testing.B) {
	for _, packs := range []int{0, 50, 500} {
		b.Run(fmt.Sprintf("10000 prompts, %d packs", packs+1), func(b *testing.B) {
			s, refs := library(b, 10_000, packs)
			c := s.Workspace(workspace.Default())
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if _, err := c.Read(b.Context(), refs[i%len(refs)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("10000 prompts, 51 packs, 16 readers", func(b *testing.B) {
		s, refs := library(b, 10_000, 50)
		c := s.Workspace(workspace.Default())
		var n atomic.Int64
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Read(b.Context(), refs[int(n.Add(1))%len(refs)]); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("unknown ref", func(b *testing.B) {
		s, _ := library(b, 100, 50)
		c := s.Workspace(workspace.Default())
		for b.Loop() {
			_, _ = c.Read(b.Context(), "00000000000000000000000000000000000000ff")
		}
	})
}

func BenchmarkDiff(b *testing.B) {
	s, _ := library(b, 10_000, 1)
	since := git(b, s.dir, "rev-parse", "HEAD~1")
	for name, from := range map[string]string{"one new file": since, "full": ""} {
		b.Run("10000 prompts, "+name, func(b *testing.B) {
			for b.Loop() {
				_, err := s.Diff(b.Context(), from)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	s := open(b, Options{RepackAt: -1})
	c := s.Workspace(workspace.Default())
	fill(b, c, 10_000, 16, func(i int) registry.Key {
		return registry.Key{Name: fmt.Sprintf("prompt-%05d", i*7919%10_000), Version: "1.0.0"}
	})
	_, err := s.repack.once(b.Context())
	require.NoError(b, err)
	last, err := c.Put(b.Context(), registry.Key{Name: "last", Version: "1.0.0"}, body(1), by("Ada"))
	require.NoError(b, err)
	d, err := s.Diff(b.Context(), "")
	require.NoError(b, err)
	var files []registry.File
	for _, ch := range d.Changes {
		files = append(files, ch.File)
	}
	for name, asked := range map[string][]registry.File{"all": files, "the last": {fileOf("last", "1.0.0")}} {
		b.Run("10000 prompts, "+name, func(b *testing.B) {
			for b.Loop() {
				found, err := s.Explain(b.Context(), last.Commit, asked)
				require.NoError(b, err)
				require.Equal(b, len(asked), len(found))
			}
			b.ReportMetric(float64(len(asked)), "files")
		})
	}
}
