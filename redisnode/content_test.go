package redisnode_test

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/contenttest"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// counted counts what is read from a prompt store.
type counted struct {
	registry.ContentStore

	reads atomic.Int64
}

func (c *counted) Workspace(id workspace.ID) registry.Content {
	return countedFiles{c.ContentStore.Workspace(id), c}
}

type countedFiles struct {
	registry.Content

	all *counted
}

func (c countedFiles) Read(ctx context.Context, ref string) ([]byte, error) {
	c.all.reads.Add(1)
	return c.Content.Read(ctx, ref)
}

func repository(tb testing.TB, path string) registry.ContentStore {
	tb.Helper()
	store, err := gitstore.Open(tb.Context(), gitstore.Options{Path: path})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	return store
}

// cached is a prompt store behind Redis with one prompt in it.
func cached(t *testing.T, server redisserver.Server) (store *counted, content *redisnode.Content, files registry.Content, ref string) {
	t.Helper()
	store = &counted{ContentStore: repository(t, t.TempDir())}
	content = open(t, redisnode.Options{URL: server.URL()}).Content(store)
	files = content.Workspace(workspace.Default())
	stored, err := files.Put(t.Context(), registry.Key{Name: "p", Version: "1.0.0"}, []byte("hello"), registry.Signature{Author: "Ada", Message: "x"})
	require.NoError(t, err)
	return store, content, files, stored.Ref
}

func read(t *testing.T, files registry.Content, ref, want string) {
	t.Helper()
	data, err := files.Read(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, want, string(data))
}

func TestAPromptIsReadOnce(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	store, content, files, ref := cached(t, server)
	read(t, files, ref, "hello")
	require.Zero(t, store.reads.Load(), "Put has put it there")
	require.NoError(t, content.ForgetAll(t.Context()))
	require.Empty(t, cli(t, server, "--scan", "--pattern", "promptmetrics:content:*"))
	read(t, files, ref, "hello")
	read(t, files, ref, "hello")
	require.EqualValues(t, 1, store.reads.Load())

	t.Run("and by no other workspace", func(t *testing.T) {
		other, err := workspace.Parse("other")
		require.NoError(t, err)
		before := store.reads.Load()
		_, _ = content.Workspace(other).Read(t.Context(), ref)
		require.Equal(t, before+1, store.reads.Load())
	})
	t.Run("until it is removed", func(t *testing.T) {
		_, err := files.Put(t.Context(), registry.Key{Name: "p", Version: "2.0.0"}, []byte("two"), registry.Signature{Author: "Ada", Message: "x"})
		require.NoError(t, err)
		before := len(strings.Fields(cli(t, server, "--scan", "--pattern", "promptmetrics:content:*")))
		_, err = files.Remove(t.Context(), []registry.Key{{Name: "p", Version: "2.0.0"}, {Name: "q", Version: "1.0.0"}}, registry.Signature{Author: "Ada", Message: "x"})
		require.NoError(t, err)
		require.Len(t, strings.Fields(cli(t, server, "--scan", "--pattern", "promptmetrics:content:*")), before-2)
	})
}

func TestWrongBytesAreNotServed(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	store, _, files, ref := cached(t, server)
	var key string
	for _, k := range strings.Fields(cli(t, server, "--scan", "--pattern", "promptmetrics:content:*:ref:*")) {
		key = k
	}
	require.NotEmpty(t, key)
	for name, damage := range map[string]func(){
		"changed":         func() { cli(t, server, "setrange", key, "34", "X") },
		"cut":             func() { cli(t, server, "set", key, "short") },
		"emptied":         func() { cli(t, server, "set", key, "") },
		"of another type": func() { cli(t, server, "del", key); cli(t, server, "lpush", key, "x") },
		"of another key": func() {
			stored, err := files.Put(t.Context(), registry.Key{Name: "p", Version: "2.0.0"}, []byte("other"), registry.Signature{Author: "Ada", Message: "x"})
			require.NoError(t, err)
			require.NotEqual(t, ref, stored.Ref)
			for _, k := range strings.Fields(cli(t, server, "--scan", "--pattern", "promptmetrics:content:*:ref:*")) {
				if k != key {
					cli(t, server, "rename", k, key)
				}
			}
		},
	} {
		damage()
		before := store.reads.Load()
		read(t, files, ref, "hello")
		require.Equal(t, before+1, store.reads.Load(), name)
	}
}

func TestAFaultOfRedisIsNoneOfThePromptStore(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	store, content, files, ref := cached(t, server)
	server.Kill()
	read(t, files, ref, "hello")
	stored, err := files.Put(t.Context(), registry.Key{Name: "p", Version: "2.0.0"}, []byte("two"), registry.Signature{Author: "Ada", Message: "x"})
	require.NoError(t, err)
	read(t, files, stored.Ref, "two")
	require.EqualValues(t, 2, store.reads.Load())
	_, err = files.Remove(t.Context(), []registry.Key{{Name: "p", Version: "2.0.0"}}, registry.Signature{Author: "Ada", Message: "x"})
	require.NoError(t, err)
	_, err = files.Read(t.Context(), "0000000000000000000000000000000000000000")
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.NoError(t, content.Check(t.Context()))
	require.Error(t, content.ForgetAll(t.Context()))
}

func TestLargePromptsAreNotKept(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	store, _, files, _ := cached(t, server)
	for size, reads := range map[int]int64{1 << 20: 0, 1<<20 + 1: 2} {
		before := store.reads.Load()
		stored, err := files.Put(t.Context(), registry.Key{Name: "big", Version: "1.0.0-" + strings.Repeat("x", size%7)},
			bytes.Repeat([]byte{'x'}, size), registry.Signature{Author: "Ada", Message: "x"})
		require.NoError(t, err)
		for range 2 {
			data, err := files.Read(t.Context(), stored.Ref)
			require.NoError(t, err)
			require.Len(t, data, size)
		}
		require.Equal(t, reads, store.reads.Load()-before, size)
	}
}

func TestForgettingTakesManySteps(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	_, content, _, _ := cached(t, server)
	cli(t, server, "eval", "for i=1,5000 do redis.call('set', 'promptmetrics:content:a:ref:'..i, 'x') end redis.call('set', 'promptmetricsXcontent:1', 'x')", "0")
	require.NoError(t, content.ForgetAll(t.Context()))
	require.Empty(t, cli(t, server, "--scan", "--pattern", "promptmetrics:content:*"))
	require.Equal(t, "x", cli(t, server, "get", "promptmetricsXcontent:1"))
	require.NotContains(t, cli(t, server, "info", "commandstats"), "cmdstat_keys")
}

func TestContent(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	var prefixes atomic.Int64
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		tb.Helper()
		// The same refs mean other bytes in another repository.
		o := redisnode.Options{URL: server.URL(), Prefix: "t" + strconv.FormatInt(prefixes.Add(1), 10) + ":"}
		return open(tb, o).Content(repository(tb, tb.TempDir()))
	})
}
