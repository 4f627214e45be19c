package redisnode_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// cluster starts a cluster of two servers that share the slots.
func cluster(t *testing.T) [2]redisserver.Server {
	t.Helper()
	var servers [2]redisserver.Server
	for i, slots := range [2][2]string{{"0", "8191"}, {"8192", "16383"}} {
		servers[i] = redisserver.Start(t, "--cluster-enabled", "yes")
		cli(t, servers[i], "cluster", "addslotsrange", slots[0], slots[1])
	}
	cli(t, servers[0], "cluster", "set-config-epoch", "1")
	cli(t, servers[1], "cluster", "set-config-epoch", "2")
	cli(t, servers[0], "cluster", "meet", "127.0.0.1", fmt.Sprint(servers[1].Port()))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, s := range servers {
			said := cli(t, s, "cluster", "info")
			require.Contains(c, said, "cluster_state:ok")
			require.Contains(c, said, "cluster_known_nodes:2")
		}
	}, patient, 50*time.Millisecond)
	return servers
}

func TestACluster(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	a, b := open(t, redisnode.Options{URL: servers[0].URL()}), open(t, redisnode.Options{URL: servers[1].URL()})

	t.Run("limits", func(t *testing.T) {
		for i := range 20 { // in both halves of the slots
			subject := fmt.Sprint("key:", i)
			one := limiter(t, access.LimiterOptions{Window: age, Max: 5, Shared: a})
			other := limiter(t, access.LimiterOptions{Window: age, Max: 5, Shared: b})
			require.Equal(t, 3, spend(t, one, subject, 3))
			require.Equal(t, 2, spend(t, other, subject, 5))
		}
		for _, s := range servers {
			require.NotEmpty(t, cli(t, s, "--scan", "--pattern", "*:rate:*:key:*"))
		}
		now := time.Now()
		var known []access.Window
		for i := range 50 {
			known = append(known, access.Window{Subject: fmt.Sprint("raised:", i), Start: now.Add(-time.Second), Newest: now, Current: 5})
		}
		rule := access.Rule{Window: age, Max: 5}
		require.NoError(t, a.Raise(t.Context(), rule, known))
		for _, w := range known {
			taken, err := b.Take(t.Context(), rule, access.Window{Subject: w.Subject})
			require.NoError(t, err)
			require.False(t, taken.Allowed)
		}
	})
	t.Run("hints", func(t *testing.T) {
		heard := listen(t, b)
		require.NoError(t, a.Publish(t.Context(), "x"))
		require.Equal(t, "x", next(t, heard))
	})
	t.Run("prompts", func(t *testing.T) {
		store := &counted{ContentStore: repository(t, t.TempDir())}
		files := a.Content(store).Workspace(workspace.Default())
		var refs []string
		for i := range 20 {
			stored, err := files.Put(t.Context(), registry.Key{Name: "p", Version: fmt.Sprintf("%d.0.0", i)},
				fmt.Append(nil, "prompt ", i), registry.Signature{Author: "Ada", Message: "x"})
			require.NoError(t, err)
			refs = append(refs, stored.Ref)
		}
		for i, ref := range refs {
			read(t, files, ref, fmt.Sprint("prompt ", i))
		}
		require.Zero(t, store.reads.Load())
		_, err := files.Remove(t.Context(), []registry.Key{{Name: "p", Version: "3.0.0"}}, registry.Signature{Author: "Ada", Message: "x"})
		require.NoError(t, err)
		keys := func() (all []string) {
			for _, s := range servers {
				all = append(all, strings.Fields(cli(t, s, "--scan", "--pattern", "promptmetrics:content:*"))...)
			}
			return all
		}
		require.Len(t, keys(), 38)
		require.NoError(t, b.ForgetContent(t.Context()))
		require.Empty(t, keys())
	})
}
