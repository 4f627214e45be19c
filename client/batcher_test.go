package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// sink records what is delivered. It refuses logs of the model "bad", as a
// recorder does: the whole batch.
type sink struct {
	mu      sync.Mutex
	batches [][]string // prompt names
	keys    []string
	// answer decides about a batch before it is recorded.
	answer func(ctx context.Context, n int, logs []telemetry.Log) error
}

func (s *sink) LogBatch(ctx context.Context, logs []telemetry.Log) ([]int64, error) {
	s.mu.Lock()
	n := len(s.keys)
	s.keys = append(s.keys, idempotencyKeyOf(ctx))
	s.mu.Unlock()
	if s.answer != nil {
		if err := s.answer(ctx, n, logs); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, namesOf(logs))
	return make([]int64, len(logs)), nil
}

func (s *sink) delivered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.batches...)
}

func (s *sink) sizes() (sizes []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		sizes = append(sizes, len(b))
	}
	return sizes
}

func namesOf(logs []telemetry.Log) []string {
	names := make([]string, len(logs))
	for i, l := range logs {
		names[i] = l.PromptName
	}
	return names
}

// lostLogs collects what a batcher reports.
type lostLogs struct {
	mu    sync.Mutex
	names []string
	errs  map[string]error
}

func (l *lostLogs) take(logs []telemetry.Log, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.errs == nil {
		l.errs = map[string]error{}
	}
	for _, name := range namesOf(logs) {
		l.names = append(l.names, name)
		l.errs[name] = err
	}
}

func (l *lostLogs) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.names)
}

func batcher(tb testing.TB, s LogSink, o BatcherOptions) (*Batcher, *lostLogs) {
	tb.Helper()
	lost := &lostLogs{}
	o.OnUndelivered = lost.take
	if o.Logger == nil {
		o.Logger = (&text{}).logger()
	}
	b, err := NewBatcher(s, o)
	require.NoError(tb, err)
	return b, lost
}

func logNamed(name string) telemetry.Log { return telemetry.Log{PromptName: name, VersionTag: "1.0.0"} }

func TestBatcherOptionsNameTheirFaults(t *testing.T) {
	t.Parallel()
	_, err := NewBatcher(nil, BatcherOptions{MaxQueue: -1, MaxBatch: 1001, FlushEvery: -1, Timeout: -1, Attempts: -1})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	fields := strings.Join(pmerr.From(err).Fields, "\n")
	for _, name := range []string{"MaxQueue", "MaxBatch", "FlushEvery", "Timeout", "Attempts", "sink"} {
		require.Contains(t, fields, name+" must be")
	}
}

func TestAFullBatchIsSentAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		b, _ := batcher(t, s, BatcherOptions{MaxBatch: 3, FlushEvery: time.Hour})
		for i := range 7 {
			require.NoError(t, b.Log(logNamed(fmt.Sprint(i))))
		}
		synctest.Wait()
		require.Equal(t, []string{"0", "1", "2", "3", "4", "5"}, s.delivered())
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, []int{3, 3, 1}, s.sizes())
	})
}

func TestALonelyLogIsSentAfterFlushEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		b, _ := batcher(t, s, BatcherOptions{FlushEvery: time.Minute})
		time.Sleep(50 * time.Second)
		require.NoError(t, b.Log(logNamed("a")))
		time.Sleep(59 * time.Second)
		require.NoError(t, b.Log(logNamed("b")))
		synctest.Wait()
		require.Empty(t, s.delivered())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []int{2}, s.sizes(), "the first log sets the time")
		require.NoError(t, b.Log(logNamed("c")))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []int{2, 1}, s.sizes())
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, BatcherStats{Accepted: 3, Delivered: 3, Batches: 2}, b.Stats())
	})
}

func TestAFullQueueRefusesAndTellsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := &sink{answer: func(context.Context, int, []telemetry.Log) error { <-gate; return nil }}
		var log text
		b, lost := batcher(t, s, BatcherOptions{MaxQueue: 5, MaxBatch: 2, FlushEvery: time.Second, Logger: log.logger()})
		require.NoError(t, b.Log(logNamed("0")))
		require.NoError(t, b.Log(logNamed("1")))
		synctest.Wait() // these two are being sent
		for i := range 5 {
			require.NoError(t, b.Log(logNamed(fmt.Sprint(2+i))))
		}
		for range 3 {
			err := b.Log(logNamed("refused"))
			require.ErrorIs(t, err, ErrQueueFull)
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
		}
		require.Equal(t, BatcherStats{Accepted: 7, Pending: 7, Refused: 3}, b.Stats())
		close(gate)
		require.NoError(t, b.Flush(t.Context()))
		require.NoError(t, b.Log(logNamed("7")), "there is room again")
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, s.delivered())
		require.Empty(t, lost.all())
		require.Contains(t, log.String(), "logs=3")
		require.ErrorIs(t, b.Log(logNamed("late")), ErrBatcherClosed)
		require.EqualValues(t, 4, b.Stats().Refused)
	})
}

func TestFlushWaitsForWhatWasAcceptedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(context.Context, int, []telemetry.Log) error { time.Sleep(time.Second); return nil }}
		b, _ := batcher(t, s, BatcherOptions{MaxBatch: 10, FlushEvery: time.Hour})
		require.NoError(t, b.Flush(t.Context()), "nothing to wait for")
		for i := range 25 {
			require.NoError(t, b.Log(logNamed(fmt.Sprint(i))))
		}
		begin := time.Now()
		require.NoError(t, b.Flush(t.Context()))
		require.Equal(t, 3*time.Second, time.Since(begin))
		require.Len(t, s.delivered(), 25)

		require.NoError(t, b.Log(logNamed("x")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, b.Flush(ctx), context.DeadlineExceeded)
		require.NoError(t, b.Flush(t.Context()), "giving up one Flush loses nothing")
		require.Len(t, s.delivered(), 26)
		require.NoError(t, b.Close(t.Context()))
	})
}

func TestFlushAndCloseTellOfLostLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(context.Context, int, []telemetry.Log) error { return pmerr.New(pmerr.Forbidden, "no write scope") }}
		b, lost := batcher(t, s, BatcherOptions{MaxBatch: 10})
		for i := range 5 {
			require.NoError(t, b.Log(logNamed(fmt.Sprint(i))))
		}
		err := b.Flush(t.Context())
		require.ErrorIs(t, err, pmerr.ErrForbidden)
		require.ErrorContains(t, err, "5 of the logs")
		require.Equal(t, []string{"0", "1", "2", "3", "4"}, lost.all())
		require.NoError(t, b.Flush(t.Context()), "told once")
		require.NoError(t, b.Log(logNamed("5")))
		require.ErrorIs(t, b.Close(t.Context()), pmerr.ErrForbidden)
		require.Equal(t, BatcherStats{Accepted: 6, Undelivered: 6}, b.Stats())
	})
}

// refuseBad refuses batches with logs whose name begins with "bad"; named
// tells whether the faults say which.
func refuseBad(named bool) func(context.Context, int, []telemetry.Log) error {
	return func(_ context.Context, _ int, logs []telemetry.Log) error {
		var faults []string
		for i, l := range logs {
			if strings.HasPrefix(l.PromptName, "bad") {
				if !named {
					return pmerr.New(pmerr.BadRequest, "something is wrong")
				}
				faults = append(faults, fmt.Sprintf("logs[%d].tokens_in must be at least 0", i), fmt.Sprintf("logs[%d].status must be ok or error", i))
			}
		}
		if faults != nil {
			return pmerr.Invalid(faults...)
		}
		return nil
	}
}

func TestABadLogDoesNotLoseTheOthers(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]bool{"faults that name it": true, "faults that do not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &sink{answer: refuseBad(named)}
				b, lost := batcher(t, s, BatcherOptions{MaxBatch: 1000})
				var good []string
				for i := range 1000 {
					name := fmt.Sprint(i)
					if i == 0 || i == 357 || i == 999 {
						name = "bad" + name
					} else {
						good = append(good, name)
					}
					require.NoError(t, b.Log(logNamed(name)))
				}
				_ = b.Close(t.Context()) // tells of the loss, if it was not over before
				require.Equal(t, good, s.delivered(), "in order, each once")
				require.Equal(t, []string{"bad0", "bad357", "bad999"}, lost.all())
				if named {
					require.Equal(t, []string{"tokens_in must be at least 0", "status must be ok or error"}, pmerr.From(lost.errs["bad357"]).Fields)
					require.Len(t, s.keys, 2)
				}
				require.LessOrEqual(t, len(s.keys), 3*2*10+1)
				require.Equal(t, BatcherStats{Accepted: 1000, Delivered: 997, Undelivered: 3, Batches: 1}, b.Stats())
			})
		})
	}
}

func TestABatchThatIsTooLargeIsSentInParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(_ context.Context, _ int, logs []telemetry.Log) error {
			if len(logs) > 30 || slices.Contains(namesOf(logs), "huge") {
				return pmerr.New(pmerr.TooLarge, "body over 10 MB")
			}
			return nil
		}}
		b, lost := batcher(t, s, BatcherOptions{MaxBatch: 200})
		for i := range 99 {
			require.NoError(t, b.Log(logNamed(fmt.Sprint(i))))
		}
		require.NoError(t, b.Log(logNamed("huge")))
		require.ErrorIs(t, b.Close(t.Context()), pmerr.ErrTooLarge)
		require.Len(t, s.delivered(), 99)
		require.Equal(t, []string{"huge"}, lost.all())
	})
}

func TestFaultsThatNameNobodyOfTheBatchAreNotBelieved(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"logs[7].x must", "logs[-1].x must", "logs[x].y must", "logs[1", "other[0].x must", "logs[99999999999999999999].x"} {
		bad, good := accused(make([]item, 2), pmerr.Invalid(fault))
		require.Empty(t, bad, fault)
		require.Len(t, good, 2)
	}
}

func TestASinkThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err      error
		attempts int
		least    time.Duration
	}{
		"unavailable":          {pmerr.New(pmerr.Unavailable, "down"), 5, 2 * time.Second},
		"as long as it asks":   {&pmerr.Error{Code: pmerr.RateLimited, RetryAfter: time.Minute}, 5, 4 * time.Minute},
		"not after a refusal":  {pmerr.New(pmerr.Unauthorized, "no"), 1, 0},
		"not when in doubt":    {pmerr.New(pmerr.Internal, "x"), 1, 0},
		"not on other errors":  {errors.New("x"), 1, 0},
		"not after a deadline": {context.DeadlineExceeded, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &sink{answer: func(context.Context, int, []telemetry.Log) error { return tc.err }}
				b, lost := batcher(t, s, BatcherOptions{})
				require.NoError(t, b.Log(logNamed("a")))
				begin := time.Now()
				require.ErrorIs(t, b.Close(t.Context()), tc.err)
				require.GreaterOrEqual(t, time.Since(begin), tc.least)
				require.Len(t, s.keys, tc.attempts)
				require.Len(t, slices.Compact(s.keys), 1, "all attempts carry one key")
				require.Equal(t, []string{"a"}, lost.all())
			})
		})
	}
}

func TestASinkThatRecoversGetsTheBatchOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(_ context.Context, n int, _ []telemetry.Log) error {
			if n < 3 {
				return pmerr.New(pmerr.Unavailable, "down")
			}
			return nil
		}}
		b, lost := batcher(t, s, BatcherOptions{})
		require.NoError(t, b.Log(logNamed("a")))
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, []string{"a"}, s.delivered())
		require.Empty(t, lost.all())
	})
}

func TestASinkThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(ctx context.Context, _ int, _ []telemetry.Log) error { <-ctx.Done(); return ctx.Err() }}
		b, lost := batcher(t, s, BatcherOptions{Timeout: time.Second})
		require.NoError(t, b.Log(logNamed("a")))
		require.Error(t, b.Close(t.Context()))
		require.ErrorIs(t, lost.errs["a"], context.DeadlineExceeded)
	})
}

func TestCloseThatRunsOutOfTimeReportsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(ctx context.Context, n int, _ []telemetry.Log) error {
			if n == 0 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		b, lost := batcher(t, s, BatcherOptions{MaxBatch: 2, FlushEvery: time.Hour})
		for i := range 7 {
			require.NoError(t, b.Log(logNamed(fmt.Sprint(i))))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		require.ErrorIs(t, b.Close(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begin))
		require.Equal(t, []string{"0", "1"}, s.delivered())
		require.Equal(t, []string{"2", "3", "4", "5", "6"}, lost.all())
		require.ErrorIs(t, lost.errs["6"], pmerr.ErrUnavailable)
		require.Equal(t, BatcherStats{Accepted: 7, Delivered: 2, Undelivered: 5, Batches: 1}, b.Stats())
		require.NoError(t, b.Close(t.Context()), "closing again is allowed")
	})
}

func TestWithoutOnUndeliveredTheLoggerHears(t *testing.T) {
	t.Parallel()
	var log text
	s := &sink{answer: refuseBad(true)}
	b, err := NewBatcher(s, BatcherOptions{Logger: log.logger()})
	require.NoError(t, err)
	require.NoError(t, b.Log(logNamed("bad secret contents")))
	require.Error(t, b.Close(t.Context()))
	require.Contains(t, log.String(), "logs were not delivered")
	require.NotContains(t, log.String(), "secret contents")
}

// Every accepted log ends in exactly one place, whatever the sink does.
func TestNothingIsEverLost(t *testing.T) {
	t.Parallel()
	s := &sink{answer: func(ctx context.Context, n int, logs []telemetry.Log) error {
		if n%7 == 3 {
			return pmerr.New(pmerr.Forbidden, "no")
		}
		return refuseBad(n%2 == 0)(ctx, n, logs)
	}}
	b, lost := batcher(t, s, BatcherOptions{MaxQueue: 300, MaxBatch: 37, FlushEvery: time.Millisecond})
	var mu sync.Mutex
	var accepted []string
	var refused int64
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				name := fmt.Sprintf("%d-%d", w, i)
				if rand.IntN(50) == 0 {
					name = "bad" + name
				}
				err := b.Log(logNamed(name))
				mu.Lock()
				if err == nil {
					accepted = append(accepted, name)
				} else {
					refused++
				}
				mu.Unlock()
				if i%100 == 0 {
					_ = b.Flush(t.Context())
				}
			}
		})
	}
	wg.Wait()
	_ = b.Close(t.Context())
	ended := append(s.delivered(), lost.all()...)
	slices.Sort(ended)
	slices.Sort(accepted)
	require.Equal(t, accepted, ended)
	stats := b.Stats()
	require.EqualValues(t, len(accepted), stats.Accepted)
	require.Equal(t, stats.Accepted, stats.Delivered+stats.Undelivered)
	require.Equal(t, refused, stats.Refused)
	require.Zero(t, stats.Pending)
}

func TestTheBatcherDeliversOverHTTP(t *testing.T) {
	t.Parallel()
	s := play(t, func(n int, r seen) reply {
		switch n {
		case 0:
			return reply{cut: true}
		case 1:
			return reply{status: 500, body: "{}"}
		}
		return reply{status: 202, body: `{"ids":[1,2]}`}
	})
	c, _ := setup(t, s.url, Options{Retries: -1})
	b, lost := batcher(t, c.Telemetry, BatcherOptions{FlushEvery: time.Hour})
	require.NoError(t, b.Log(logNamed("a")))
	require.NoError(t, b.Log(telemetry.Log{PromptName: "c", CostUSD: new(math.Inf(1))}))
	require.NoError(t, b.Log(logNamed("b")))
	require.ErrorIs(t, b.Close(t.Context()), pmerr.ErrValidation)
	require.Equal(t, []string{"c"}, lost.all(), "only what JSON cannot express")
	require.Equal(t, 3, s.count())
	for _, r := range s.all() {
		require.JSONEq(t, `{"logs":[{"prompt_name":"a","version_tag":"1.0.0"},{"prompt_name":"b","version_tag":"1.0.0"}]}`, r.body)
		require.Equal(t, s.all()[0].header.Get("Idempotency-Key"), r.header.Get("Idempotency-Key"))
	}
}
