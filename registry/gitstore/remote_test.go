package gitstore

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/contenttest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// remoteOf gives the options of a remote that may do everything. The host is a
// busy test machine, so it may be slow.
func remoteOf(r *githost.Repository) *Remote {
	return &Remote{URL: r.URL(), Token: githost.Token, Timeout: time.Minute}
}

// node is a store with a mirror of its own, as another process has it.
func node(tb testing.TB, r *githost.Repository) *Store {
	tb.Helper()
	return open(tb, Options{Remote: remoteOf(r), LockWait: time.Minute})
}

func TestContentStoreWithRemote(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		return node(tb, githost.Start(tb).Create("prompts"))
	})
}

func TestContentStoreOfTwoNodesOnOneRemote(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		r := githost.Start(tb).Create("prompts")
		return &cluster{nodes: []*Store{node(tb, r), node(tb, r)}}
	})
}

func TestContentStoreWithRemoteOnDisk(t *testing.T) {
	t.Parallel()
	contenttest.Run(t, func(tb testing.TB) registry.ContentStore {
		path := filepath.Join(tb.TempDir(), "remote.git")
		git(tb, tb.TempDir(), "init", "-q", "--bare", "--initial-branch=main", path)
		return open(tb, Options{Remote: &Remote{URL: "file://" + path, Timeout: time.Minute}, LockWait: time.Minute})
	})
}

// cluster sends every call to the next of several nodes.
type cluster struct {
	nodes []*Store
	turn  atomic.Int64
}

func (c *cluster) next() *Store { return c.nodes[int(c.turn.Add(1))%len(c.nodes)] }

func (c *cluster) Workspace(id workspace.ID) registry.Content {
	_ = id.String()
	return &anyNode{c, id}
}

// Diff fetches first, as the registry's owner does before it reconciles.
func (c *cluster) Diff(ctx context.Context, since string) (registry.Diff, error) {
	s := c.next()
	if err := s.Fetch(ctx); err != nil {
		return registry.Diff{}, err
	}
	return s.Diff(ctx, since)
}

func (c *cluster) Explain(ctx context.Context, head string, files []registry.File) (map[registry.File]registry.Origin, error) {
	s := c.next()
	if err := s.Fetch(ctx); err != nil {
		return nil, err
	}
	return s.Explain(ctx, head, files)
}

func (c *cluster) Check(ctx context.Context) error { return c.next().Check(ctx) }

type anyNode struct {
	cluster *cluster
	id      workspace.ID
}

func (a *anyNode) Put(ctx context.Context, k registry.Key, data []byte, by registry.Signature) (registry.Stored, error) {
	return a.cluster.next().Workspace(a.id).Put(ctx, k, data, by)
}

func (a *anyNode) Read(ctx context.Context, ref string) ([]byte, error) {
	return a.cluster.next().Workspace(a.id).Read(ctx, ref)
}

func (a *anyNode) Remove(ctx context.Context, keys []registry.Key, by registry.Signature) (string, error) {
	return a.cluster.next().Workspace(a.id).Remove(ctx, keys, by)
}

func TestAPublishedVersionIsOnTheHostWhenPutReturns(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	s := node(t, r)
	putOne(t, s, "first")
	require.Contains(t, r.Files("main"), "prompts/first/1.0.0.json")
	require.Equal(t, r.Git("rev-parse", "main"), git(t, s.dir, "rev-parse", "main"), "the mirror has the host's state")
	r.Git("fsck", "--full", "--strict")
	fsck(t, s.dir)
}
