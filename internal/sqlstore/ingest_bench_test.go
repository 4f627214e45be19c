package sqlstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// typical is a log as programs send it.
func typical() telemetry.Log {
	l := call("p")
	l.Provider, l.Model = ptr("openai"), ptr("gpt-4o-mini")
	l.TokensIn, l.TokensOut, l.LatencyMS = ptr[int64](512), ptr[int64](128), ptr[int64](900)
	l.Metadata = telemetry.Metadata{"customer": []byte(`"a customer"`), "feature": []byte(`"summary"`)}
	return l
}

// BenchmarkIngest measures recorded logs a second, each call durable when it
// returns: callers with batches, and callers with one log a call.
func BenchmarkIngest(b *testing.B) {
	for _, dialect := range []db.Dialect{db.SQLite, db.PostgreSQL} {
		for _, load := range []struct{ callers, rows int }{{1, 100}, {1, 1000}, {4, 1000}, {16, 1}, {64, 1}} {
			b.Run(fmt.Sprintf("%s/%d callers with %d", dialect, load.callers, load.rows), func(b *testing.B) {
				benchIngest(b, dialect, load.callers, load.rows)
			})
		}
	}
}

func benchIngest(b *testing.B, dialect db.Dialect, callers, rows int) {
	b.Helper()
	n := open(b, dbtest.Engine{Dialect: dialect}.Config(b))
	s := n.telemetryOf(b, "a")
	log := typical()
	logs := make([]telemetry.Log, rows)
	for i := range logs {
		logs[i] = log
	}
	var all sync.WaitGroup
	work := make(chan struct{})
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

// BenchmarkInsert compares statements with a stream in transactions of a
// number of rows, on PostgreSQL.
func BenchmarkInsert(b *testing.B) {
	n := open(b, dbtest.Engine{Dialect: db.PostgreSQL}.Config(b))
	log := typical()
	next := int64(1)
	for _, rows := range []int{16, 64, 100, 128, 256, 1000, 4000} {
		for _, streamed := range []bool{false, true} {
			name := map[bool]string{false: "statements", true: "stream"}[streamed]
			b.Run(fmt.Sprintf("%d rows/%s", rows, name), func(b *testing.B) {
				for b.Loop() {
					require.NoError(b, n.db.Update(b.Context(), func(ctx context.Context, tx *db.Tx) error {
						return sqlstore.WriteRows(ctx, tx, "a", &log, next, rows, streamed)
					}))
					next += int64(rows)
				}
				b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
