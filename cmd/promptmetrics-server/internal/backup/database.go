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

	"modernc.org/sqlite" // and its driver "sqlite"
)

// pagesAtOnce is how much is copied between two looks at the context.
const pagesAtOnce = 1000

// online is what the driver offers beside database/sql.
type online interface {
	NewBackup(target string) (*sqlite.Backup, error)
}

// copyDatabase copies a SQLite file page by page, as one transaction sees it,
// while others write on. The copy is complete and on disk when it returns.
func copyDatabase(ctx context.Context, from, to string) (err error) {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s: check DATA_DIR and SQLITE_PATH", from)
	}
	query := url.Values{"_pragma": {"busy_timeout(5000)"}, "mode": {"rw"}}
	db, err := sql.Open("sqlite", location(from)+"?"+query.Encode())
	if err != nil {
		return fmt.Errorf("the database %s cannot be opened: %w", from, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("the database %s cannot be opened: %w", from, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := copyPages(ctx, conn, to); err != nil {
		return fmt.Errorf("the database %s cannot be copied: %w", from, err)
	}
	return nil
}

// copyPages holds a reading transaction open meanwhile: without one, each write
// of another process would make the copy start over.
func copyPages(ctx context.Context, conn *sql.Conn, to string) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		_, ended := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		err = errors.Join(err, ended)
	}()
	var tables int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err // BEGIN alone takes no snapshot, this does
	}
	if err := conn.Raw(func(driver any) error { return copyAll(ctx, driver, to) }); err != nil {
		return err
	}
	return syncFile(to)
}

func copyAll(ctx context.Context, driver any, to string) error {
	source, ok := driver.(online)
	if !ok {
		return fmt.Errorf("the driver %T cannot copy a database", driver)
	}
	b, err := source.NewBackup(location(to))
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = b.Step(pagesAtOnce)
		}
	}
	return errors.Join(err, b.Finish())
}

func location(path string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}).String()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the copy that was just made.
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
