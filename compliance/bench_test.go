package compliance_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// memory is a store that keeps nothing.
type memory struct{ compliance.Store }

func (m memory) Workspace(workspace.ID, workspace.Actor) compliance.Store { return m }

func (memory) Settings(context.Context) (compliance.Settings, error) {
	return compliance.Settings{}, nil
}

func (memory) InsertScore(_ context.Context, s compliance.Score) (compliance.Score, error) {
	s.ID = 1
	return s, nil
}

// BenchmarkScan measures a scan of 1 kB without the database.
func BenchmarkScan(b *testing.B) {
	const prose = "The committee met on Tuesday to talk about the budget for the coming year, and most members agreed that the library needs a new roof. "
	clean := strings.Repeat(prose, 8)[:1000]
	s := compliance.New(compliance.Config{
		Driver: builtin.Driver(builtin.Options{}), Store: memory{}, Now: time.Now, Key: []byte("key"),
	}).Workspace(workspace.Default(), workspace.Actor{}, nil)
	for name, text := range map[string]string{"clean": clean, "dirty": clean[:900] + " Write to ann.lee@example.com, or call her card 4111 1111 1111 1111."} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Scan(b.Context(), compliance.ScanRequest{Text: text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
