package redisnode_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

func TestManyNodesAdmitExactlyTheLimit(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	const limit, nodes, takers, each = 1000, 3, 8, 100
	var allowed, refused atomic.Int64
	var seen [limit]atomic.Int64
	var all sync.WaitGroup
	for range nodes {
		l := limiter(t, access.LimiterOptions{Window: age, Max: limit, Shared: open(t, redisnode.Options{URL: server.URL()})})
		for range takers {
			all.Go(func() {
				for range each {
					d := l.Take(t.Context(), "key:1")
					if !d.Allowed {
						refused.Add(1)
						continue
					}
					allowed.Add(1)
					seen[d.Remaining].Add(1)
				}
			})
		}
	}
	all.Wait()
	require.EqualValues(t, limit, allowed.Load())
	require.EqualValues(t, nodes*takers*each-limit, refused.Load())
	for i := range seen {
		require.EqualValues(t, 1, seen[i].Load(), "each number remains once")
	}
}

// witnessed notes when Redis took a unit.
type witnessed struct {
	access.SharedWindows

	at atomic.Int64
}

func (w *witnessed) Take(ctx context.Context, rule access.Rule, known access.Window) (access.Taken, error) {
	taken, err := w.SharedWindows.Take(ctx, rule, known)
	w.at.Store(taken.At.UnixNano())
	return taken, err
}

// Whatever comes, Redis decides as a limiter in memory does at the same times.
func TestRedisCountsAsALimiterDoes(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	var refused atomic.Int64
	t.Cleanup(func() { require.Positive(t, refused.Load(), "limits were reached") })
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 11))
		limit := 1 + random.Int64N(40)
		window := time.Duration(20+random.Int64N(100)) * time.Millisecond
		t.Run(fmt.Sprintf("seed %d, %d in %s", seed, limit, window), func(t *testing.T) {
			t.Parallel()
			shared := &witnessed{SharedWindows: open(t, redisnode.Options{URL: server.URL(), Prefix: fmt.Sprint("seed", seed)})}
			ours := limiter(t, access.LimiterOptions{Window: window, Max: limit, Shared: shared})
			born := time.Now().Add(-time.Hour)
			shared.at.Store(born.UnixNano())
			model := limiter(t, access.LimiterOptions{
				Window: window, Max: limit, SnapshotEvery: time.Hour, Now: func() time.Time { return time.Unix(0, shared.at.Load()) },
			})
			admitted := 0
			for i := range 400 {
				d := ours.Take(t.Context(), "key:1")
				want := model.Take(t.Context(), "key:1")
				require.Equal(t, want.Allowed, d.Allowed, "take %d", i)
				require.Equal(t, want.Remaining, d.Remaining, "take %d", i)
				require.Equal(t, want.RetryAfter, d.RetryAfter, "take %d", i)
				if d.Allowed {
					admitted++
				}
				switch random.IntN(20) {
				case 0:
					time.Sleep(time.Duration(random.Int64N(int64(2 * window))))
				case 1, 2, 3, 4, 5, 6:
					time.Sleep(time.Duration(random.Int64N(2 * int64(window) / limit)))
				}
			}
			require.Positive(t, admitted)
			refused.Add(int64(400 - admitted))
		})
	}
}

func TestSubjectsAndRulesAreLimitedApart(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	node := open(t, redisnode.Options{URL: server.URL()})
	one := limiter(t, access.LimiterOptions{Window: age, Max: 1, Shared: node})
	for _, subject := range []string{"key:1", "key:2", "login:a:{b}", "login:a:\x00 \n"} {
		require.True(t, one.Take(t.Context(), subject).Allowed)
		require.False(t, one.Take(t.Context(), subject).Allowed)
	}
	other := limiter(t, access.LimiterOptions{Window: age + time.Hour, Max: 1, Shared: node})
	require.True(t, other.Take(t.Context(), "key:1").Allowed)
	stranger := limiter(t, access.LimiterOptions{Window: age, Max: 1, Shared: open(t, redisnode.Options{URL: server.URL(), Prefix: "other:"})})
	require.True(t, stranger.Take(t.Context(), "key:1").Allowed)
}

func TestNoLimitAsksNobody(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	l := limiter(t, access.LimiterOptions{Max: -1, Shared: open(t, redisnode.Options{URL: server.URL()})})
	before := cli(t, server, "info", "commandstats")
	for range 100 {
		require.Equal(t, access.Decision{Allowed: true}, l.Take(t.Context(), "key:1"))
	}
	require.NotContains(t, cli(t, server, "keys", "*"), "key:1")
	require.Regexp(t, `cmdstat_eval:calls=1,`, before)
	require.NotContains(t, cli(t, server, "info", "commandstats"), "cmdstat_evalsha:calls=2")
}

func TestWhatIsInRedisIsNotBelieved(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	node := open(t, redisnode.Options{URL: server.URL()})
	rule := access.Rule{Window: age, Max: 2}
	key := fmt.Sprintf("promptmetrics:rate:%d:k", age.Microseconds())
	for name, text := range map[string]string{
		"no numbers":       "hello",
		"numbers too many": "1 2 3 4 5",
		"a huge number":    "1 1 1 99999999999999999999999999",
		"below zero":       "-1 -1 -1 -1",
		"nothing":          "",
	} {
		cli(t, server, "set", key, text)
		taken, err := node.Take(t.Context(), rule, access.Window{Subject: "k"})
		require.NoError(t, err, name)
		require.True(t, taken.Allowed, name)
		require.EqualValues(t, 1, taken.Window.Current, name)
	}
	t.Run("a counter from the future counts from now", func(t *testing.T) {
		future := time.Now().Add(24 * time.Hour).UnixMicro()
		cli(t, server, "set", key, fmt.Sprintf("%d %d 0 2", future, future))
		taken, err := node.Take(t.Context(), rule, access.Window{Subject: "k"})
		require.NoError(t, err)
		require.False(t, taken.Allowed, "nothing is refilled")
		require.LessOrEqual(t, taken.Window.Start, taken.At)
	})
	t.Run("another type is a fault of that key alone", func(t *testing.T) {
		cli(t, server, "del", key)
		cli(t, server, "lpush", key, "x")
		_, err := node.Take(t.Context(), rule, access.Window{Subject: "k"})
		require.ErrorContains(t, err, "WRONGTYPE")
		_, err = node.Take(t.Context(), rule, access.Window{Subject: "other"})
		require.NoError(t, err)
	})
}

func TestCountersGoAwayByThemselves(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	node := open(t, redisnode.Options{URL: server.URL()})
	_, err := node.Take(t.Context(), access.Rule{Window: 10 * time.Millisecond, Max: 1}, access.Window{Subject: "k"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return cli(t, server, "--scan", "--pattern", "*:rate:*") == "" }, patient, 50*time.Millisecond)
}

// pair are two nodes with a limiter each.
func pair(t *testing.T, server redisserver.Server, limit int64, timeout time.Duration) (nodes [2]*redisnode.Node, limiters [2]*access.Limiter) {
	t.Helper()
	for i := range nodes {
		nodes[i] = open(t, redisnode.Options{URL: server.URL(), Timeout: timeout})
		limiters[i] = limiter(t, access.LimiterOptions{Window: age, Max: limit, Shared: nodes[i], Nodes: func() int { return 2 }})
	}
	return nodes, limiters
}

// spend takes units one after the other and tells how many were admitted.
func spend(t *testing.T, l *access.Limiter, subject string, n int) (admitted int) {
	t.Helper()
	for range n {
		if l.Take(t.Context(), subject).Allowed {
			admitted++
		}
	}
	return admitted
}

// answers waits until a node asks Redis again.
func answers(t *testing.T, nodes ...*redisnode.Node) {
	t.Helper()
	for _, n := range nodes {
		require.EventuallyWithT(t, func(c *assert.CollectT) { require.NoError(c, n.Check(t.Context())) }, patient, 10*time.Millisecond)
	}
}

func TestLimitsHoldOverAnOutage(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]struct {
		begin, end func(*testing.T, redisserver.Server)
	}{
		"Redis is stopped and comes back empty": {
			func(t *testing.T, s redisserver.Server) { t.Helper(); require.NoError(t, s.Halt(t.Context())) },
			func(t *testing.T, s redisserver.Server) { t.Helper(); require.NoError(t, s.Resume(t.Context())) },
		},
		"Redis freezes": {
			func(t *testing.T, s redisserver.Server) { t.Helper(); require.NoError(t, s.Freeze()) },
			func(t *testing.T, s redisserver.Server) { t.Helper(); require.NoError(t, s.Thaw()) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redisserver.Start(t)
			nodes, limiters := pair(t, server, 300, 2*time.Second)
			a, b := limiters[0], limiters[1]
			require.Equal(t, 50, spend(t, a, "k", 50))
			require.Equal(t, 50, spend(t, b, "k", 50))
			require.Equal(t, 250, spend(t, a, "spent", 250)+spend(t, b, "idle", 0))

			outage.begin(t, server)
			// a last heard of 50 and b of 100: each counts double from there.
			require.Equal(t, 20, spend(t, a, "k", 20))
			require.Equal(t, 100, spend(t, b, "k", 200), "its half of what is left")
			require.False(t, b.Take(t.Context(), "k").Allowed)
			require.Equal(t, 150, spend(t, b, "new", 300), "half of a limit")
			require.Equal(t, 150, spend(t, a, "new", 300))

			outage.end(t, server)
			answers(t, nodes[0], nodes[1])
			// Nobody gets a second allowance, from whichever node.
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				require.False(c, a.Take(t.Context(), "new").Allowed)
				require.False(c, b.Take(t.Context(), "new").Allowed)
			}, patient, 10*time.Millisecond)
			require.LessOrEqual(t, spend(t, a, "spent", 300)+spend(t, b, "spent", 300), 60)
			require.Zero(t, spend(t, b, "k", 5), "what b knew came back, though only b knew it")
		})
	}
}

func TestADeadRedisIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	journal := &journal{}
	n, err := redisnode.Open(t.Context(), redisnode.Options{URL: server.URL(), Timeout: 2 * time.Second, StartTimeout: patient, Logger: journal.logger()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	require.NoError(t, server.Freeze())
	rule := access.Rule{Window: age, Max: 1e9}
	_, err = n.Take(t.Context(), rule, access.Window{Subject: "k"})
	require.Error(t, err)
	// A thousand times the timeout would be half an hour.
	for range 1000 {
		_, err := n.Take(t.Context(), rule, access.Window{Subject: "k"})
		require.EqualError(t, err, "it has not answered lately")
	}
	require.Error(t, n.Check(t.Context()))
	require.NoError(t, server.Thaw())
	answers(t, n)
	require.Contains(t, journal.String(), "level=WARN msg=\"Redis does not answer as it should")
	require.Contains(t, journal.String(), "level=INFO msg=\"Redis answers again\"")
}

// A Redis that is emptied while nobody looks is filled again by those who know.
func TestAnEmptiedRedisIsToldWhatNodesKnow(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	_, limiters := pair(t, server, 100, patient)
	require.Equal(t, 100, spend(t, limiters[0], "k", 200))
	cli(t, server, "flushall")
	stranger := limiter(t, access.LimiterOptions{Window: age, Max: 100, Shared: open(t, redisnode.Options{URL: server.URL()})})
	require.Eventually(t, func() bool { return cli(t, server, "--scan", "--pattern", "*:rate:*:k") != "" }, patient, 50*time.Millisecond)
	require.False(t, stranger.Take(t.Context(), "k").Allowed)
}

func TestManySubjectsAreRaised(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	node := open(t, redisnode.Options{URL: server.URL()})
	rule := access.Rule{Window: age, Max: 100}
	now := time.Now()
	known := make([]access.Window, 5000)
	for i := range known {
		known[i] = access.Window{Subject: fmt.Sprint("key:", i), Start: now.Add(-time.Second), Newest: now, Current: int64(1 + i%100)}
	}
	require.NoError(t, node.Raise(t.Context(), rule, known))
	for i := range known {
		known[i].Current = 1 // lower than before
	}
	require.NoError(t, node.Raise(t.Context(), rule, known))
	require.NoError(t, node.Raise(t.Context(), rule, nil))
	for _, i := range []int{0, 7, 99, 4998} {
		taken, err := node.Take(t.Context(), rule, access.Window{Subject: fmt.Sprint("key:", i)})
		require.NoError(t, err)
		require.Equal(t, i%100 != 99, taken.Allowed)
		require.EqualValues(t, min(2+i%100, 100), taken.Window.Current)
	}
}

func BenchmarkTake(b *testing.B) {
	server := redisserver.Start(b)
	node := open(b, redisnode.Options{URL: server.URL()})
	l := limiter(b, access.LimiterOptions{Window: age, Max: 1 << 40, Shared: node})
	b.Run("one caller", func(b *testing.B) {
		for b.Loop() {
			l.Take(b.Context(), "key:1")
		}
	})
	b.Run("many callers", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l.Take(b.Context(), "key:1")
			}
		})
	})
	b.Run("dead", func(b *testing.B) {
		server.Kill()
		l.Take(b.Context(), "key:1")
		for b.Loop() {
			l.Take(b.Context(), "key:1")
		}
	})
}
