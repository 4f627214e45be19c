package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/internal/hostile"
)

// prose is ordinary text without anything to find.
const prose = `The committee met on Tuesday to discuss the schedule for the coming year. Most of the members
agreed that the old plan no longer fits the way in which people work: teams are smaller, decisions are
faster, and nobody reads a report of eighty pages. After a short break, the chair asked for proposals.
One suggestion was to publish a summary every month; another, to let each team choose its own rhythm.
In the end a compromise was found, and 12 of the 15 members voted for it. The minutes will follow.
`

// detectors measures the built-in detectors without anything around them.
func (b *bench) detectors(ctx context.Context) error {
	start := time.Now()
	scanner := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
	scanner.Scan(prose)
	b.row("first scan, with all detectors made", short(time.Since(start)), "")
	for _, size := range []int{1000, 100_000} {
		text := strings.Repeat(prose, size/len(prose)+1)[:size]
		l, err := callers(ctx, 1, b.during, func(context.Context, int) error {
			if found := scanner.Scan(text).Findings; len(found) > 0 {
				return fmt.Errorf("clean prose has %d findings", len(found))
			}
			return nil
		})
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("detectors on %s bytes of clean prose, one core", thousands(float64(size))),
			fmt.Sprintf("%.0f MB/s, median %.0f", float64(size)/1e6/l.min.Seconds(), float64(size)/1e6/l.p50.Seconds()), "≥ 100 MB/s")
	}
	return b.pathological(ctx, scanner)
}

// pathological finds the hostile text that takes the longest. Of nine scans the
// least time counts, so that what else the machine does is not taken for the
// scanner's.
func (b *bench) pathological(ctx context.Context, scanner *detect.Scanner) error {
	var worst time.Duration
	var which string
	texts := hostile.Texts()
	for name, text := range texts {
		if err := ctx.Err(); err != nil {
			return err
		}
		took := make([]time.Duration, 9)
		for i := range took {
			start := time.Now()
			scanner.Scan(text)
			took[i] = time.Since(start)
		}
		if slices.Min(took) > worst {
			worst, which = slices.Min(took), name
		}
	}
	b.row(fmt.Sprintf("detectors, worst of %d hostile texts of 100 kB", len(texts)),
		fmt.Sprintf("%s (%s)", short(worst), which), "≤ 50 ms")
	return nil
}
