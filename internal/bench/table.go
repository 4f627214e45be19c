package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// table prints a figure as soon as it is known, beside its goal.
type table struct{ out io.Writer }

func (t *table) row(what, figure, goal string) {
	fmt.Fprintf(t.out, "%-62s %-46s %s\n", what, figure, goal)
}

// heading names a part and what else the machine does, since figures that are
// measured on a busy one say little.
func (t *table) heading(name string) {
	fmt.Fprintf(t.out, "\n%s\n", strings.TrimRight(fmt.Sprintf("-- %s %s", name, machineLoad()), " "))
}

// machineLoad is the mean number of running processes in the last minute; Linux
// only.
func machineLoad() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), " ")
	return "(load average " + first + ")"
}

func (l load) rate() string {
	rate := fmt.Sprintf("%s/s, p50 %s, p99 %s", thousands(l.perSecond), short(l.p50), short(l.p99))
	if l.cpu > 0 {
		rate += fmt.Sprintf(", %s CPU each", short(l.cpu))
	}
	return rate
}

// times compares a rate with another of the same run.
func (l load) times(reference load) string {
	return fmt.Sprintf(", %.2f × bare", l.perSecond/reference.perSecond)
}

func (l load) latency() string { return fmt.Sprintf("p50 %s, p99 %s", short(l.p50), short(l.p99)) }

// cost is for what computes and waits for nothing: the least time is its own,
// the rest is the machine's.
func (l load) cost() string { return fmt.Sprintf("min %s, %s", short(l.min), l.latency()) }

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
