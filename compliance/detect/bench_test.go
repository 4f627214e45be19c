package detect_test

import (
	"strings"
	"testing"

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

func builtins() *detect.Scanner {
	return detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
}

func BenchmarkProse(b *testing.B) {
	text := strings.Repeat(prose, 100_000/len(prose))
	s := builtins()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.Scan(text)
	}
}

func BenchmarkHostile(b *testing.B) {
	s := builtins()
	for name, text := range hostile.Texts() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Scan(text)
			}
		})
	}
}
