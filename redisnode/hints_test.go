package redisnode_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

// listen gives what a node hears.
func listen(t *testing.T, n *redisnode.Node) <-chan string {
	t.Helper()
	heard := make(chan string, 1000)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var listening sync.WaitGroup
	listening.Go(func() { n.Listen(ctx, func(hint string) { heard <- hint }) })
	t.Cleanup(func() { cancel(); listening.Wait() })
	require.Empty(t, next(t, heard), "it says when it begins")
	return heard
}

func next(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case hint := <-heard:
		return hint
	case <-time.After(patient):
		require.FailNow(t, "nothing was heard")
		return ""
	}
}

func TestHintsReachTheOtherNodes(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	a, b := open(t, redisnode.Options{URL: server.URL()}), open(t, redisnode.Options{URL: server.URL()})
	stranger := open(t, redisnode.Options{URL: server.URL(), Prefix: "other:"})
	elsewhere := open(t, redisnode.Options{URL: server.URL() + "/1"})
	atA, atB, atStranger, atElsewhere := listen(t, a), listen(t, b), listen(t, stranger), listen(t, elsewhere)
	for _, hint := range []string{"changes:registry", "two words"} {
		require.NoError(t, a.Publish(t.Context(), hint))
		require.Equal(t, hint, next(t, atB))
	}
	require.NoError(t, b.Publish(t.Context(), "back"))
	require.Equal(t, "back", next(t, atA), "and nothing of what it said itself")
	cli(t, server, "publish", "promptmetrics:hints:0", "junk")
	cli(t, server, "publish", "promptmetrics:hints:0", "somebody else")
	require.Equal(t, "else", next(t, atA))
	require.Empty(t, atStranger)
	require.Empty(t, atElsewhere)
}

func TestListeningGoesOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	a, b := open(t, redisnode.Options{URL: server.URL()}), open(t, redisnode.Options{URL: server.URL()})
	heard := listen(t, b)
	server.Kill()
	require.NoError(t, server.Resume(t.Context()))
	require.Empty(t, next(t, heard), "it says that it may have missed some")
	answers(t, a, b)
	require.NoError(t, a.Publish(t.Context(), "x"))
	require.Equal(t, "x", next(t, heard))
}

func TestListeningEndsWithTheContext(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	n := open(t, redisnode.Options{URL: server.URL()})
	ctx, cancel := context.WithCancel(t.Context())
	done, heard := make(chan struct{}), make(chan string, 10)
	go func() {
		defer close(done)
		n.Listen(ctx, func(hint string) { heard <- hint })
	}()
	require.Empty(t, next(t, heard))
	require.NoError(t, server.Freeze())
	cancel()
	select {
	case <-done:
	case <-time.After(patient):
		require.FailNow(t, "it still listens")
	}
	require.NoError(t, server.Thaw())
}
