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

// copyDatabase copies a SQLite file as one transaction sees it, while others
// write on. The copy is complete and on disk when it returns. The driver
// "sqlite" is the one that the library registers.
func copyDatabase(ctx context.Context, from, to string) (err error) {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s: check DATA_DIR and SQLITE_PATH", from)
	}
	query := url.Values{"_pragma": {"busy_timeout(5000)"}, "mode": {"rw"}}
	location := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(from)}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", location.String())
	if err != nil {
		return fmt.Errorf("the database %s cannot be opened: %w", from, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// It reads every row, so a damaged database is noticed here, and not when
	// the backup is needed.
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("the database %s cannot be copied: %w", from, err)
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0) //nolint:gosec // the copy that was just made.
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
