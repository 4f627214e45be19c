package sqlstore

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/lease"
)

var _ lease.Store = (*Store)(nil)

// TakeLease gives a free lease to a holder; see [lease.Store].
func (s *Store) TakeLease(ctx context.Context, name, holder string, during time.Duration) (taken bool, wait time.Duration, err error) {
	// Most looks find that somebody has it: they only read.
	if wait, err = s.untilFree(ctx, name); err != nil || wait > 0 {
		return false, wait, err
	}
	err = s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := tx.Clock()
		result, err := tx.Run(ctx, `INSERT INTO pm_leases (name, holder, until) VALUES (?, ?, `+now+` + ?)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE pm_leases.until <= `+now,
			name, holder, during.Microseconds())
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		taken = n > 0
		return err
	})
	if err == nil && !taken {
		wait, err = s.untilFree(ctx, name)
	}
	return taken, wait, err
}

func (s *Store) untilFree(ctx context.Context, name string) (wait time.Duration, err error) {
	var left int64
	err = s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.RunRow(ctx, "SELECT until - "+tx.Clock()+" FROM pm_leases WHERE name = ?", name).Scan(&left)
	})
	if db.IsNoRows(err) {
		return 0, nil
	}
	return max(0, time.Duration(left)*time.Microsecond), err
}

// KeepLease moves the end of a lease; see [lease.Store].
func (s *Store) KeepLease(ctx context.Context, name, holder string, during time.Duration) (kept bool, err error) {
	err = s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		result, err := tx.Run(ctx, "UPDATE pm_leases SET until = "+tx.Clock()+" + ? WHERE name = ? AND holder = ?", during.Microseconds(), name, holder)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		kept = n > 0
		return err
	})
	return kept, err
}

// ReleaseLeases frees what a holder has; see [lease.Store].
func (s *Store) ReleaseLeases(ctx context.Context, holder string) error {
	return s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Run(ctx, "UPDATE pm_leases SET until = 0 WHERE holder = ?", holder)
		return err
	})
}
