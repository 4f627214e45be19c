package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// keyLife is how long the answer to an idempotency key is remembered.
const keyLife = 24 * time.Hour

// repeat is a delivery whose key another one of the same transaction has.
type repeat struct{ dup, of *delivery }

// sortOut splits deliveries into those to write and those that were written
// before under their key, which get the ids of then.
func sortOut(ctx context.Context, tx *db.Tx, ws string, all []*delivery) (fresh []*delivery, repeats []repeat, err error) {
	if slices.ContainsFunc(all, func(d *delivery) bool { return d.how.Key != "" }) {
		if err := openKeys(ctx, tx, ws); err != nil {
			return nil, nil, err
		}
	}
	var byKey map[string]*delivery
	for _, d := range all {
		d.err, d.fresh = nil, false
		if d.how.Key == "" {
			fresh = append(fresh, d)
			continue
		}
		if leader := byKey[d.how.Key]; leader != nil {
			if len(leader.logs) != len(d.logs) {
				d.err = errKeyReused()
			} else {
				repeats = append(repeats, repeat{dup: d, of: leader})
			}
			continue
		}
		var first, amount int64
		err := tx.RunRow(ctx, "SELECT first_id, amount FROM pm_idempotency WHERE workspace_id = ? AND name = ?", ws, d.how.Key).Scan(&first, &amount)
		switch {
		case db.IsNoRows(err):
			if byKey == nil {
				byKey = map[string]*delivery{}
			}
			byKey[d.how.Key] = d
			fresh = append(fresh, d)
		case err != nil:
			return nil, nil, err
		case amount != int64(len(d.logs)):
			d.err = errKeyReused()
		default:
			d.first = first
		}
	}
	return fresh, repeats, nil
}

func errKeyReused() error {
	return pmerr.New(pmerr.Conflict, "Idempotency-Key was used for another request")
}

// openKeys keeps other nodes from using keys of the workspace until the
// transaction ends, and drops the keys that are too old.
func openKeys(ctx context.Context, tx *db.Tx, ws string) error {
	if err := recount(ctx, tx, ws, countLogs, 0); err != nil {
		return err
	}
	_, err := tx.Run(ctx, "DELETE FROM pm_idempotency WHERE workspace_id = ? AND created_at < ?", ws, db.Micros(tx.Now().Add(-keyLife)))
	return err
}

// remember keeps the answers to keys.
func remember(ctx context.Context, tx *db.Tx, ws string, fresh []*delivery) error {
	for _, d := range fresh {
		if d.how.Key == "" {
			continue
		}
		if _, err := tx.Run(ctx, "INSERT INTO pm_idempotency (workspace_id, name, first_id, amount, created_at) VALUES (?, ?, ?, ?, ?)",
			ws, d.how.Key, d.first, int64(len(d.logs)), db.Micros(tx.Now())); err != nil {
			return err
		}
	}
	return nil
}
