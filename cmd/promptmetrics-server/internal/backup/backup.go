// Package backup copies the data of a server, which may be running, into one
// tar file, and makes a data folder of such a file again:
//
//	backup.json        what this is: format, time, program
//	RESTORE.txt        how to restore it, also without this program
//	promptmetrics.db   the database, as one transaction saw it
//	api_key_salt       the salt of the API keys, if the data folder has it
//	prompts.bundle     the prompt repository, as a git bundle with all refs
//	manifest.json      size and SHA-256 of each of them; it comes last
//
// A prompt is written to the repository first and named by the database then.
// So the database is copied first: everything that the copy names was in the
// repository by then. What was published in between is in the repository only,
// and the server indexes it when it starts on the copy.
package backup

import (
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

	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
)

// Source is what is copied.
type Source struct {
	// Database is the SQLite file, Repository the bare git repository. Either
	// may be empty, for what is kept elsewhere.
	Database, Repository string
	// Salt is the file of the API key salt; empty for none.
	Salt string
	// Scratch is where copies lie meanwhile, for Stream; Write has them beside
	// its file.
	Scratch string
	// Program and Now are noted in the backup.
	Program string
	Now     time.Time
	// Progress hears of how far it is; it may be nil.
	Progress *Progress
}

// Done describes a backup that was written.
type Done struct {
	// Size in bytes.
	Size int64
	Manifest
}

// format is the version of the layout. The former one, 1, had the repository's
// files in the tar, and no manifest.
const format = 2

// The names in the tar, and in the data folder that is made of it.
const (
	aboutName    = "backup.json"
	helpName     = "RESTORE.txt"
	databaseName = "promptmetrics.db"
	saltName     = "api_key_salt"
	bundleName   = "prompts.bundle"
	manifestName = "manifest.json"

	repositoryName = "prompts.git"
)

//go:embed RESTORE.txt
var restoring []byte

// maxSalt bounds a file that holds one line, and maxNote those that tell of
// the backup, in bytes.
const (
	maxSalt = 64 << 10
	maxNote = 1 << 20
)

// workPattern names the folders for copies under way.
const workPattern = ".promptmetrics-backup-"

// Write makes the backup. The file must not exist; it appears whole, on disk,
// with mode 0600, or not at all.
func Write(ctx context.Context, file string, s Source) (done Done, err error) {
	if err := vacant(file); err != nil {
		return done, err
	}
	// Private from the beginning: the database holds hashes, logs and prompts.
	work, err := newWork(filepath.Dir(file), workPattern)
	if err != nil {
		return done, fmt.Errorf("the backup cannot be written beside %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	whole := filepath.Join(work.path, "backup.tar")
	f, err := os.OpenFile(whole, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in a folder of our own.
	if err != nil {
		return done, err
	}
	if done, err = write(ctx, f, work.path, s); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return done, err
	}
	return done, publish(whole, file)
}

// Stream writes the backup to a stream. What was written of one that failed
// has no manifest, and cannot be restored.
func Stream(ctx context.Context, to io.Writer, s Source) (done Done, err error) {
	work, err := newWork(s.Scratch, workPattern)
	if err != nil {
		return done, fmt.Errorf("the copies cannot be made in %s: %w", s.Scratch, err)
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	return write(ctx, to, work.path, s)
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

// write copies everything into work, and from there into the tar.
func write(ctx context.Context, to io.Writer, work string, s Source) (done Done, err error) {
	database, bundle := filepath.Join(work, databaseName), filepath.Join(work, bundleName)
	if s.Database != "" {
		if err := copyDatabase(ctx, s.Database, database, s.Progress); err != nil {
			return done, err
		}
	}
	m := Manifest{Format: format, CreatedAt: s.Now.Unix(), Program: s.Program}
	if s.Repository != "" {
		if m.Prompts, err = copyPrompts(ctx, s.Repository, bundle, s.Progress); err != nil {
			return done, fmt.Errorf("the prompt repository %s cannot be copied: %w", s.Repository, err)
		}
	}
	a := newArchive(ctx, to, s)
	if err := a.fill(m, s, database, bundle); err != nil {
		return done, err
	}
	return Done{Size: a.size(), Manifest: a.manifest}, a.err()
}

// copyPrompts writes the bundle, if there is anything to put into one.
func copyPrompts(ctx context.Context, from, to string, p *Progress) (about *Prompts, err error) {
	if _, err := os.Stat(filepath.Join(from, "HEAD")); err != nil {
		return nil, fmt.Errorf("it is no git repository: check DATA_DIR and PROMPTS_PATH: %w", err)
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in a folder of our own.
	if err != nil {
		return nil, err
	}
	p.begin("prompts", 0)
	b, err := gitstore.WriteBundle(ctx, from, p.writer(f))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return &Prompts{Head: b.Head, Refs: b.Refs, Objects: b.Objects}, nil
}

func (a *archive) fill(m Manifest, s Source, database, bundle string) error {
	a.manifest = m
	about, err := json.MarshalIndent(map[string]any{"format": m.Format, "created_at": m.CreatedAt, "program": m.Program}, "", "  ")
	if err != nil {
		return err
	}
	a.bytes(aboutName, append(about, '\n'))
	a.bytes(helpName, restoring)
	if s.Database != "" {
		a.file(databaseName, database)
	}
	if s.Salt != "" {
		salt, err := readBounded(s.Salt, maxSalt)
		if err != nil {
			return fmt.Errorf("the API key salt cannot be copied: %w", err)
		}
		a.bytes(saltName, salt)
	}
	if m.Prompts != nil && m.Prompts.Refs > 0 {
		a.file(bundleName, bundle)
	}
	text, err := json.MarshalIndent(a.manifest, "", "  ")
	if err != nil {
		return err
	}
	a.bytes(manifestName, append(text, '\n'))
	return a.close()
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
