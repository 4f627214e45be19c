package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// openDatabase opens a SQLite file that exists. The driver "sqlite" is the one
// that the library registers.
func openDatabase(path string, query url.Values) (*sql.DB, error) {
	location := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: query.Encode()}
	return sql.Open("sqlite", location.String())
}

// copyDatabase copies a SQLite file as one transaction sees it, while others
// write on. The copy is complete when it returns.
//
// It is VACUUM INTO and not SQLite's backup interface, which begins anew
// whenever another process has written, and so would never end on a busy
// server.
func copyDatabase(ctx context.Context, from, to string, p *Progress) (err error) {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s: check DATA_DIR and SQLITE_PATH", from)
	}
	if err != nil {
		return fmt.Errorf("the database %s cannot be read: %w", from, err)
	}
	db, err := openDatabase(from, url.Values{"_pragma": {"busy_timeout(5000)"}, "mode": {"rw"}})
	if err != nil {
		return fmt.Errorf("the database %s cannot be opened: %w", from, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p.polled("database", info.Size(), func() int64 { return sizeOf(to) })
	// It reads every row, so a damaged database is noticed here, and not when
	// the backup is needed.
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("the database %s cannot be copied: %w", from, err)
	}
	return nil
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// checkDatabase reads a restored database from end to end.
func checkDatabase(ctx context.Context, path string, p *Progress) (err error) {
	// Of a hostile file nothing may run that its schema says.
	db, err := openDatabase(path, url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"trusted_schema(0)", "cell_size_check(1)"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p.begin("checking the database", 0)
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errDamaged("its database is none: %v", err)
	}
	if verdict != "ok" {
		return errDamaged("its database is damaged: %s", cut(verdict))
	}
	var ours int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'pm_migrations'").Scan(&ours)
	if err == nil && ours != 1 {
		err = errDamaged("its database is not one of PromptMetrics")
	}
	return err
}
