package sqlstore

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// WriteRows writes copies of a log into a workspace, by a stream or by
// statements, without counters and sums.
func WriteRows(ctx context.Context, tx *db.Tx, ws string, l *telemetry.Log, first int64, rows int, streamed bool) error {
	made, err := newLogInsert(l)
	if err != nil {
		return err
	}
	w := &rowWriter{tx: tx, texts: &logInserts, width: logWidth}
	if streamed {
		w = w.streamed(logStream, max(rows, streamFrom))
	}
	for i := range int64(rows) {
		if err := w.add(ctx, append([]any{ws, db.Micros(tx.Now()), first + i}, made.values[:]...)); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}
