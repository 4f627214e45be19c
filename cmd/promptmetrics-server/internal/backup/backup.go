// Package backup copies the data of a server, which may be running, into one
// tar file that needs nothing but tar to be restored:
//
//	backup.json        what this is: format, time, program
//	RESTORE.txt        how to restore it
//	promptmetrics.db   the database, as one transaction saw it
//	api_key_salt       the salt of the API keys, if the data folder has it
//	prompts.git/       the prompt repository
//
// Unpacked into an empty folder it is a data folder.
//
// A prompt is written to the repository first and named by the database then.
// So the database is copied first: everything that the copy names was in the
// repository by then. What was published in between is in the repository only,
// and the server indexes it when it starts on the copy.
package backup

import (
	"archive/tar"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Source is what is copied.
type Source struct {
	// Database is the SQLite file, Repository the bare git repository.
	Database, Repository string
	// Salt is the file of the API key salt; empty for none.
	Salt string
	// Program and Now are noted in the backup.
	Program string
	Now     time.Time
}

// Done describes a backup that was written.
type Done struct {
	// Size in bytes.
	Size int64
}

// format is the version of the layout.
const format = 1

//go:embed RESTORE.txt
var restoring []byte

// maxSalt bounds a file that holds one line.
const maxSalt = 64 << 10

// Write makes the backup. The file must not exist; it appears whole, on disk,
// with mode 0600, or not at all.
func Write(ctx context.Context, file string, s Source) (done Done, err error) {
	if err := vacant(file); err != nil {
		return done, err
	}
	// Private from the beginning: the database holds hashes, logs and prompts.
	work, err := os.MkdirTemp(filepath.Dir(file), ".promptmetrics-backup-*")
	if err != nil {
		return done, fmt.Errorf("the backup cannot be written beside %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	database := filepath.Join(work, "promptmetrics.db")
	if err := copyDatabase(ctx, s.Database, database); err != nil {
		return done, err
	}
	whole := filepath.Join(work, "backup.tar")
	if done.Size, err = pack(ctx, whole, database, s); err != nil {
		return done, err
	}
	return done, publish(whole, file)
}

func vacant(file string) error {
	switch _, err := os.Lstat(file); {
	case err == nil:
		return fmt.Errorf("%s exists already: name another file, backups are never overwritten", file)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	return nil
}

// publish gives a finished file its name, which nobody may have taken.
func publish(whole, file string) error {
	err := os.Link(whole, file)
	switch {
	case errors.Is(err, fs.ErrExist):
		return vacant(file)
	case err != nil: // no hard links here
		if err := vacant(file); err != nil {
			return err
		}
		if err := os.Rename(whole, file); err != nil {
			return fmt.Errorf("the backup cannot be written: %w", err)
		}
	}
	return syncFolder(filepath.Dir(file))
}

func syncFolder(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator names it.
	if err != nil {
		return err
	}
	// Some systems cannot sync a folder; there the name is safe by itself.
	_ = f.Sync()
	return f.Close()
}

// pack writes the tar file and syncs it.
func pack(ctx context.Context, whole, database string, s Source) (size int64, err error) {
	f, err := os.OpenFile(whole, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in a folder of our own.
	if err != nil {
		return 0, err
	}
	a := &archive{ctx: ctx, tar: tar.NewWriter(f), at: s.Now}
	if err = a.fill(database, s); err == nil {
		err = a.tar.Close()
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	return size, errors.Join(err, f.Close())
}

func (a *archive) fill(database string, s Source) error {
	about, err := json.MarshalIndent(map[string]any{
		"format": format, "created_at": s.Now.Unix(), "program": s.Program,
		"database": "promptmetrics.db", "repository": "prompts.git", "salt": s.Salt != "",
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := a.bytes("backup.json", append(about, '\n'), 0o600); err != nil {
		return err
	}
	if err := a.bytes("RESTORE.txt", restoring, 0o600); err != nil {
		return err
	}
	db, err := os.Open(database) //nolint:gosec // the copy that was just made.
	if err != nil {
		return err
	}
	if err := errors.Join(a.file("promptmetrics.db", db, 0o600), db.Close()); err != nil {
		return err
	}
	if s.Salt != "" {
		salt, err := readBounded(s.Salt, maxSalt)
		if err != nil {
			return fmt.Errorf("the API key salt cannot be copied: %w", err)
		}
		if err := a.bytes("api_key_salt", salt, 0o600); err != nil {
			return err
		}
	}
	if err := a.repository("prompts.git", s.Repository); err != nil {
		return fmt.Errorf("the prompt repository %s cannot be copied: %w", s.Repository, err)
	}
	return nil
}

// archive is a tar file that is being written.
type archive struct {
	ctx context.Context //nolint:containedctx // of the one call that makes the archive.
	tar *tar.Writer
	at  time.Time
}

func (a *archive) folder(name string) error {
	return a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o750, ModTime: a.at})
}

func (a *archive) bytes(name string, data []byte, mode int64) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: mode, ModTime: a.at}); err != nil {
		return err
	}
	_, err := a.tar.Write(data)
	return err
}

// file adds an open file that does not change.
func (a *archive) file(name string, f *os.File, mode int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Size: info.Size(), Mode: mode, ModTime: a.at}); err != nil {
		return err
	}
	_, err = io.CopyN(a.tar, &cancelled{a.ctx, f}, info.Size())
	return err
}

// cancelled is a reader that ends with a context.
type cancelled struct {
	ctx context.Context //nolint:containedctx // a reader has no other way to learn of it.
	io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own data.
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return data, err
}
