package outbox_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/internal/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func one(int) int { return 1 }

func TestBox(t *testing.T) {
	t.Parallel()

	t.Run("does everything in order, and all of it before Close returns", func(t *testing.T) {
		t.Parallel()
		var got []int
		b := outbox.New(10_000, one, func(things []int) { got = append(got, things...) })
		for i := range 5000 {
			b.Offer(2*i, 2*i+1)
		}
		require.NoError(t, b.Close(t.Context()))
		require.Len(t, got, 10_000)
		for i, n := range got {
			require.Equal(t, i, n)
		}
		require.Zero(t, b.Dropped())
	})

	t.Run("does what many offer at once, each once", func(t *testing.T) {
		t.Parallel()
		seen := map[int]int{}
		b := outbox.New(1<<20, one, func(things []int) {
			for _, n := range things {
				seen[n]++
			}
		})
		var callers sync.WaitGroup
		for i := range 50 {
			callers.Go(func() {
				for j := range 200 {
					b.Offer(i*200 + j)
				}
			})
		}
		callers.Wait()
		require.NoError(t, b.Close(t.Context()))
		require.Len(t, seen, 10_000)
		for n, times := range seen {
			require.Equal(t, 1, times, n)
		}
	})

	t.Run("drops and counts what does not fit while it is busy, and takes more when it is not", func(t *testing.T) {
		t.Parallel()
		busy, free := make(chan struct{}), make(chan struct{})
		var got []int
		b := outbox.New(100, func(n int) int { return n }, func(things []int) {
			if got == nil {
				close(busy)
				<-free
			}
			got = append(got, things...)
		})
		b.Offer(60)
		<-busy
		b.Offer(40)
		b.Offer(1)        // 101 in all
		b.Offer(-1, 2, 3) // the first fits; what comes behind one that does not must not overtake it
		close(free)
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, []int{60, 40, -1}, got)
		require.EqualValues(t, 3, b.Dropped())
	})

	t.Run("drops what comes after Close", func(t *testing.T) {
		t.Parallel()
		b := outbox.New(10, one, func([]int) { t.Error("done") })
		require.NoError(t, b.Close(t.Context()))
		b.Offer(1, 2)
		require.EqualValues(t, 2, b.Dropped())
		require.NoError(t, b.Close(t.Context()), "again")
	})

	t.Run("does not wait longer than it may for what hangs", func(t *testing.T) {
		t.Parallel()
		busy, free, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
		b := outbox.New(10, one, func(things []int) {
			close(busy)
			<-free
			close(over)
		})
		b.Offer(1)
		<-busy
		b.Offer(2, 3)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, b.Close(ctx), context.Canceled)
		require.EqualValues(t, 2, b.Dropped(), "what waited is lost")
		close(free)
		<-over
		require.NoError(t, b.Close(t.Context()), "the goroutine has ended")
	})
}
