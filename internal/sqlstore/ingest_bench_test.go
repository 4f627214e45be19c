package sqlstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// BenchmarkIngest measures recorded logs a second: one caller with batches, and
// many callers with one log a call.
func BenchmarkIngest(b *testing.B) {
	for _, dialect := range []db.Dialect{db.SQLite, db.PostgreSQL} {
		for _, rows := range []int{100, 1000, 4000} {
			b.Run(fmt.Sprintf("%s/batches of %d", dialect, rows), func(b *testing.B) {
				ingest(b, dialect, 1, rows)
			})
		}
		for _, callers := range []int{16, 64} {
			b.Run(fmt.Sprintf("%s/%d callers", dialect, callers), func(b *testing.B) {
				ingest(b, dialect, callers, 1)
			})
		}
	}
}

func ingest(b *testing.B, dialect db.Dialect, callers, rows int) {
	b.Helper()
	n := open(b, dbtest.Engine{Dialect: dialect}.Config(b))
	s := n.telemetryOf(b, "a")
	log := call("p")
	log.Provider, log.Model = ptr("openai"), ptr("gpt-4o-mini")
	log.TokensIn, log.TokensOut, log.LatencyMS = ptr[int64](512), ptr[int64](128), ptr[int64](900)
	log.Metadata = telemetry.Metadata{"customer": []byte(`"a customer"`), "feature": []byte(`"summary"`)}
	logs := make([]telemetry.Log, rows)
	for i := range logs {
		logs[i] = log
	}
	var all sync.WaitGroup
	work := make(chan struct{})
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			for range work {
				var err error
				if rows == 1 {
					_, err = s.Log(context.Background(), log)
				} else {
					_, err = s.LogBatch(context.Background(), logs)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	all.Wait()
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "logs/s")
}
