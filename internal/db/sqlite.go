package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// pragmas are set on every connection, busy_timeout first: the others may have
// to wait. They are read back once, since SQLite ignores what it cannot do.
func pragmas(busy time.Duration) [][2]string {
	return [][2]string{
		{"busy_timeout", fmt.Sprint(busy.Milliseconds())},
		{"journal_mode", "wal"},
		{"synchronous", "2"}, // FULL: a commit that was answered survives a power cut
		{"foreign_keys", "1"},
		{"wal_autocheckpoint", "4000"},
		{"temp_store", "2"},
		{"cache_size", "-4000"},
	}
}

func (d *DB) openSQLite(ctx context.Context, c Config) error {
	if info, err := os.Stat(c.Path); err == nil && info.IsDir() {
		return fmt.Errorf("the SQLite file %s is a folder: name a file", c.Path)
	}
	// Made here and not by SQLite, which would also make it when a connection of
	// the pool is renewed after somebody has removed it.
	if err := makeFile(c.Path); err != nil {
		return fmt.Errorf("the SQLite file %s cannot be made: %w", c.Path, err)
	}
	query := url.Values{"mode": {"rw"}}
	for _, p := range pragmas(c.BusyTimeout) {
		query.Add("_pragma", p[0]+"("+p[1]+")")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(c.Path)}).EscapedPath(), RawQuery: query.Encode()}).String()
	write, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fmt.Errorf("the SQLite file %s cannot be opened: %w", c.Path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn)
	if err != nil {
		return errors.Join(fmt.Errorf("the SQLite file %s cannot be opened: %w", c.Path, err), write.Close())
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	d.write, d.read = d.wrap(write), d.wrap(read)
	if err := checkPragmas(ctx, write, c); err != nil {
		return errors.Join(err, write.Close(), read.Close())
	}
	d.file, err = newFileGuard(c.Path)
	if err != nil {
		return errors.Join(err, write.Close(), read.Close())
	}
	return nil
}

// makeFile makes an empty file, which is an empty database, if there is none.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600) //nolint:gosec // the operator's own path.
	if err != nil {
		return err
	}
	return f.Close()
}

func checkPragmas(ctx context.Context, db *sql.DB, c Config) error {
	for _, p := range pragmas(c.BusyTimeout) {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+p[0]).Scan(&got); err != nil {
			return fmt.Errorf("the SQLite file %s cannot be opened (check that the folder is writable and the file is a database): %w", c.Path, err)
		}
		if got != p[1] {
			return fmt.Errorf("the SQLite file %s refuses %s=%s and stays at %s: use a local disk", c.Path, p[0], p[1], got)
		}
	}
	return nil
}

var errFileGone = errors.New("the database file was removed or replaced while it was open; restart the program")

// fileGuard notices that the file behind an open database was removed: SQLite
// would go on and write into a file without a name.
type fileGuard struct {
	path string
	info os.FileInfo
}

func newFileGuard(path string) (*fileGuard, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return &fileGuard{path: path, info: info}, nil
}

func (g *fileGuard) check() error {
	if g == nil {
		return nil
	}
	info, err := os.Stat(g.path)
	if err != nil || !os.SameFile(info, g.info) {
		return errFileGone
	}
	return nil
}
