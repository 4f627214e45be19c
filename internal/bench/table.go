package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// table prints a figure as soon as it is known, beside its goal.
type table struct{ out io.Writer }

func (t *table) row(what, figure, goal string) {
	fmt.Fprintf(t.out, "%-52s %-44s %s\n", what, figure, goal)
}

func (l load) rate() string {
	return fmt.Sprintf("%s/s, p50 %s, p99 %s", thousands(l.perSecond), short(l.p50), short(l.p99))
}

func (l load) latency() string { return fmt.Sprintf("p50 %s, p99 %s", short(l.p50), short(l.p99)) }

func short(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func thousands(f float64) string {
	s := strconv.FormatInt(int64(f), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// spread runs fn for 0 to total-1 from so many goroutines.
func spread(ctx context.Context, workers, total int, fn func(ctx context.Context, n int) error) error {
	var all sync.WaitGroup
	faults := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for n := w; n < total && faults[w] == nil; n += workers {
				faults[w] = fn(ctx, n)
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}
