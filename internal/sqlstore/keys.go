package sqlstore

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

type keyRow struct {
	bun.BaseModel `bun:"table:pm_api_keys,alias:k"`
	ID            int64 `bun:"id,pk,autoincrement"`
	// WorkspaceID may be "*": keys are found before a workspace is bound.
	WorkspaceID string
	Name        string
	Hash        string
	Scopes      string
	CreatedAt   int64
	ExpiresAt   *int64
	LastUsedAt  *int64
}

// Keys keeps the API keys of all workspaces.
func (s *Store) Keys() access.KeyStore { return keyStore{s.db} }

type keyStore struct{ db *db.DB }

// InsertKey stores a key with its audit entry.
func (k keyStore) InsertKey(ctx context.Context, in workspace.ID, by workspace.Actor, key access.StoredKey) (access.Key, error) {
	row := keyRow{
		WorkspaceID: key.Workspace, Name: key.Name, Hash: hex.EncodeToString(key.Hash[:]), Scopes: key.Scopes.String(),
		CreatedAt: db.Micros(key.CreatedAt.Time), ExpiresAt: storedPtr(key.ExpiresAt),
	}
	err := k.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewInsert().Model(&row).Returning("id").Exec(ctx); err != nil {
			return err
		}
		return audit(ctx, k.db.Workspace(in, by).Scope(tx), entry{action: "api_key:create", target: strconv.FormatInt(row.ID, 10)})
	})
	if err != nil {
		return access.Key{}, err
	}
	return row.key()
}

// KeyByHash finds a key.
func (k keyStore) KeyByHash(ctx context.Context, hash [32]byte) (access.StoredKey, error) {
	var row keyRow
	err := k.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.NewSelect().Model(&row).Where("hash = ?", hex.EncodeToString(hash[:])).Scan(ctx)
	})
	if err != nil {
		return access.StoredKey{}, missing(err, "API key")
	}
	key, err := row.key()
	return access.StoredKey{Key: key, Hash: hash}, err
}

// ListKeys pages through keys, newest first.
func (k keyStore) ListKeys(ctx context.Context, owner string, r page.Request) (out page.Of[access.Key], err error) {
	if r, err = r.Normal(); err != nil {
		return out, err
	}
	var rows []keyRow
	var next string
	var total int64
	err = k.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		if total, err = owned(tx.NewSelect().Model((*keyRow)(nil)), owner).Count(ctx); err != nil {
			return err
		}
		q := owned(tx.NewSelect().Model(&rows), owner).OrderExpr("id DESC").Limit(int64(r.Limit + 1))
		if r.Cursor != "" {
			var at int64
			if err := page.DecodeCursor("keys", r.Cursor, &at); err != nil {
				return err
			}
			q = q.Where("id < ?", at)
		} else {
			q = q.Offset(int64(r.Offset()))
		}
		return q.Scan(ctx)
	})
	if err != nil {
		return out, err
	}
	rows, next = cutPage(rows, r, "keys", func(row keyRow) any { return row.ID })
	keys := make([]access.Key, len(rows))
	for i, row := range rows {
		if keys[i], err = row.key(); err != nil {
			return out, err
		}
	}
	return page.New(r, keys, total, next), nil
}

func owned(q *bun.SelectQuery, owner string) *bun.SelectQuery {
	if owner == access.Master {
		return q
	}
	return q.Where("workspace_id = ?", owner)
}

// DeleteKey removes a key with its audit entry.
func (k keyStore) DeleteKey(ctx context.Context, in workspace.ID, by workspace.Actor, owner string, id int64) (hash [32]byte, err error) {
	err = k.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := move(ctx, tx, KeyChanges); err != nil {
			return err
		}
		var row keyRow
		q := tx.NewDelete().Model(&row).Where("id = ?", id).Returning("hash")
		if owner != access.Master {
			q = q.Where("workspace_id = ?", owner)
		}
		if err := q.Scan(ctx, &row.Hash); err != nil {
			return missing(err, "API key")
		}
		raw, err := hex.DecodeString(row.Hash)
		if err != nil || len(raw) != len(hash) {
			return fmt.Errorf("the stored hash of API key %d is damaged", id)
		}
		copy(hash[:], raw)
		return audit(ctx, k.db.Workspace(in, by).Scope(tx), entry{action: "api_key:revoke", target: strconv.FormatInt(id, 10)})
	})
	return hash, err
}

// TouchKeys sets when keys were last used.
func (k keyStore) TouchKeys(ctx context.Context, used map[int64]time.Time) error {
	return k.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for id, at := range used {
			if _, err := tx.Run(ctx, "UPDATE pm_api_keys SET last_used_at = ? WHERE id = ?", db.Micros(at), id); err != nil {
				return err
			}
		}
		return nil
	})
}

// AnyKey reports whether there is a key.
func (k keyStore) AnyKey(ctx context.Context) (any bool, err error) {
	err = k.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		any, err = tx.NewSelect().Model((*keyRow)(nil)).Exists(ctx)
		return err
	})
	return any, err
}

func (row keyRow) key() (access.Key, error) {
	scopes, err := access.ParseScopes(row.Scopes)
	if err != nil {
		return access.Key{}, fmt.Errorf("the stored scopes of API key %d are damaged: %w", row.ID, err)
	}
	return access.Key{
		ID: row.ID, Name: row.Name, Scopes: scopes, Workspace: row.WorkspaceID,
		CreatedAt: wire(row.CreatedAt), ExpiresAt: wirePtr(row.ExpiresAt), LastUsedAt: wirePtr(row.LastUsedAt),
	}, nil
}

func storedPtr(t *timestamp.Time) *int64 {
	if t == nil {
		return nil
	}
	micros := db.Micros(t.Time)
	return &micros
}

// missing turns "no rows" into "<thing> not found".
func missing(err error, thing string) error {
	if db.IsNoRows(err) {
		return pmerr.Missing(thing)
	}
	return err
}

// Windows keeps the snapshot of the rate limiter.
func (s *Store) Windows() access.WindowStore { return windowStore{s.db} }

type windowStore struct{ db *db.DB }

type windowRow struct {
	bun.BaseModel `bun:"table:pm_rate_windows,alias:w"`
	Subject       string `bun:"subject,pk"`
	StartsAt      int64
	Previous      int64
	Current       int64
}

// LoadWindows reads the snapshot.
func (w windowStore) LoadWindows(ctx context.Context) ([]access.Window, error) {
	var rows []windowRow
	err := w.db.View(ctx, func(ctx context.Context, tx *db.Tx) error { return tx.NewSelect().Model(&rows).Scan(ctx) })
	windows := make([]access.Window, len(rows))
	for i, row := range rows {
		windows[i] = access.Window{Subject: row.Subject, Start: db.Time(row.StartsAt), Previous: row.Previous, Current: row.Current}
	}
	return windows, err
}

// SaveWindows writes the windows that changed and drops the stale ones.
func (w windowStore) SaveWindows(ctx context.Context, windows []access.Window, stale time.Time) error {
	return w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, v := range windows {
			if _, err := tx.Run(ctx, `INSERT INTO pm_rate_windows (subject, starts_at, previous, current) VALUES (?, ?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET starts_at = excluded.starts_at, previous = excluded.previous, current = excluded.current`,
				v.Subject, db.Micros(v.Start), v.Previous, v.Current); err != nil {
				return err
			}
		}
		_, err := tx.Run(ctx, "DELETE FROM pm_rate_windows WHERE starts_at < ?", db.Micros(stale))
		return err
	})
}
