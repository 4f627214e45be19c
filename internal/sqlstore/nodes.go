package sqlstore

import (
	"context"
	"database/sql"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Beat tells the others that a node is alive, and gives the beats of all that
// have a row, its own included. A node whose beat no longer moves is gone.
func (s *Store) Beat(ctx context.Context, node string, started int64) (beats map[string]int64, err error) {
	err = s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		beats = map[string]int64{}
		now := db.Micros(tx.Now())
		if _, err := tx.Run(ctx, `INSERT INTO pm_nodes (id, beat, started_at, seen_at) VALUES (?, 1, ?, ?)
ON CONFLICT (id) DO UPDATE SET beat = pm_nodes.beat + 1, seen_at = excluded.seen_at`, node, started, now); err != nil {
			return err
		}
		return tx.Each(ctx, "SELECT id, beat FROM pm_nodes", nil, func(rows *sql.Rows) error {
			var id string
			var beat int64
			if err := rows.Scan(&id, &beat); err != nil {
				return err
			}
			beats[id] = beat
			return nil
		})
	})
	return beats, err
}

// Bury removes the row of a node that is gone, unless its beat has moved on.
func (s *Store) Bury(ctx context.Context, node string, beat int64) error {
	return s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Run(ctx, "DELETE FROM pm_nodes WHERE id = ? AND beat = ?", node, beat)
		return err
	})
}
