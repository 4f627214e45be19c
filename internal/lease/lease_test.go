package lease_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/lease"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// process is one of many on a database.
type process struct {
	*sqlstore.Store
	dead atomic.Bool
	kept atomic.Int64
}

var errDead = errors.New("this process is dead")

func (p *process) TakeLease(ctx context.Context, name, holder string, during time.Duration) (bool, time.Duration, error) {
	if p.dead.Load() {
		return false, 0, errDead
	}
	return p.Store.TakeLease(ctx, name, holder, during)
}

func (p *process) KeepLease(ctx context.Context, name, holder string, during time.Duration) (bool, error) {
	if p.dead.Load() {
		return false, errDead
	}
	kept, err := p.Store.KeepLease(ctx, name, holder, during)
	if kept {
		p.kept.Add(1)
	}
	return kept, err
}

// open opens processes whose clocks are hours apart.
func open(t *testing.T, e dbtest.Engine, n int) (list []*process) {
	t.Helper()
	c := e.Config(t)
	for i := range n {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(i-n/2) * 3 * time.Hour) }
		s := sqlstore.New(dbtest.OpenConfig(t, c))
		t.Cleanup(s.Close)
		list = append(list, &process{Store: s})
	}
	return list
}

func runner(p *process, during time.Duration) *lease.Runner {
	return lease.New(lease.Options{Store: p, Logger: slog.New(slog.DiscardHandler), During: during, Look: 20 * time.Millisecond})
}

// eventually waits as long as a busy machine may need.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, time.Minute, 5*time.Millisecond, what)
}

func TestManyProcessesRunAJobOnceAtATime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		ctx, stop := context.WithCancel(t.Context())
		var running, together, runs atomic.Int64
		var all sync.WaitGroup
		for _, p := range open(t, e, 5) {
			r := runner(p, time.Minute)
			all.Go(func() {
				r.Run(ctx, "job", 30*time.Millisecond, func(context.Context) {
					together.Store(max(together.Load(), running.Add(1)))
					time.Sleep(time.Millisecond)
					running.Add(-1)
					runs.Add(1)
				})
			})
		}
		eventually(t, "it is run again and again", func() bool { return runs.Load() >= 8 })
		stop()
		all.Wait()
		require.EqualValues(t, 1, together.Load(), "never two at once")
	})
}

func TestAJobThatIsDoneIsNotRunByOthersBeforeItsTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		list := open(t, e, 3)
		var runs, looks atomic.Int64
		var all sync.WaitGroup
		first := runner(list[0], time.Minute)
		all.Go(func() { first.Run(ctx, "job", time.Hour, func(context.Context) { runs.Add(1) }) })
		eventually(t, "it is run at once", func() bool {
			_, wait, err := list[1].Store.TakeLease(ctx, "job", "asks", time.Nanosecond)
			return err == nil && wait > 50*time.Minute
		})
		for _, p := range list[1:] {
			r := runner(p, time.Minute)
			all.Go(func() { r.Run(ctx, "job", time.Hour, func(context.Context) { runs.Add(1) }) })
			all.Go(func() { r.Run(ctx, "look", time.Millisecond, func(context.Context) { looks.Add(1) }) })
		}
		eventually(t, "the others look meanwhile", func() bool { return looks.Load() > 10 })
		require.EqualValues(t, 1, runs.Load())

		stop()
		all.Wait()
		require.NoError(t, first.Release(t.Context()))
		taken, _, err := list[1].Store.TakeLease(t.Context(), "job", "next", time.Minute)
		require.NoError(t, err)
		require.True(t, taken, "who ends leaves it to the next")
	})
}

func TestAJobOfAProcessThatDiesIsTakenOver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		ctx, stop := context.WithCancel(t.Context())
		list := open(t, e, 2)
		const during = 3 * time.Second // long enough for a busy machine
		var all sync.WaitGroup
		begun, lost := make(chan struct{}), make(chan struct{})
		all.Go(func() {
			runner(list[0], during).Run(ctx, "job", time.Hour, func(ctx context.Context) {
				close(begun)
				<-ctx.Done()
				close(lost)
			})
		})
		<-begun
		over := make(chan time.Time, 1)
		all.Go(func() {
			runner(list[1], during).Run(ctx, "job", time.Hour, func(context.Context) { over <- time.Now() })
		})
		// It is kept for as long as its process lives, which is longer than it was
		// taken for.
		eventually(t, "it is kept", func() bool { return list[0].kept.Load() >= 4 })
		require.Empty(t, over)
		list[0].dead.Store(true)
		<-lost // a process that is only cut off stops by itself
		<-over
		stop()
		all.Wait()
	})
}

func TestLeases(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := open(t, e, 1)[0].Store
		take := func(name, holder string, during time.Duration) (bool, time.Duration) {
			t.Helper()
			taken, wait, err := s.TakeLease(t.Context(), name, holder, during)
			require.NoError(t, err)
			return taken, wait
		}
		keep := func(name, holder string) bool {
			t.Helper()
			kept, err := s.KeepLease(t.Context(), name, holder, time.Hour)
			require.NoError(t, err)
			return kept
		}
		taken, _ := take("a", "one", time.Hour)
		require.True(t, taken)
		taken, wait := take("a", "two", time.Hour)
		require.False(t, taken)
		require.InDelta(t, time.Hour.Seconds(), wait.Seconds(), 60)
		taken, _ = take("b", "two", time.Hour)
		require.True(t, taken, "another job's lease is another lease")
		require.True(t, keep("a", "one"))
		require.False(t, keep("a", "two"))
		require.False(t, keep("nothing", "one"))

		require.NoError(t, s.ReleaseLeases(t.Context(), "one"))
		taken, _ = take("a", "two", time.Microsecond)
		require.True(t, taken)
		eventually(t, "it ends", func() bool { taken, _ := take("a", "three", time.Hour); return taken })
		require.False(t, keep("a", "two"), "who was late has lost it")

		t.Run("of many that take it at once one gets it", func(t *testing.T) {
			var all sync.WaitGroup
			var got atomic.Int64
			for i := range 16 {
				all.Go(func() {
					taken, _, err := s.TakeLease(context.Background(), "crowd", fmt.Sprint(i), time.Hour)
					if err != nil {
						t.Error(err)
					}
					if taken {
						got.Add(1)
					}
				})
			}
			all.Wait()
			require.EqualValues(t, 1, got.Load())
		})
	})
}

func TestADatabaseThatIsDownIsWaitedOut(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.Engine{Dialect: db.SQLite}, 1)[0]
	p.dead.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		runner(p, time.Minute).Run(ctx, "job", time.Hour, func(context.Context) { close(ran) })
	})
	p.dead.Store(false)
	<-ran
	stop()
	all.Wait()
}
