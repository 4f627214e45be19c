package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
)

// Restored describes a data folder that was made of a backup.
type Restored struct {
	Manifest
	// Folder is its absolute path.
	Folder string
	// DatabaseSize in bytes; 0 if the backup has no database.
	DatabaseSize int64
	// Salt tells that the backup had one.
	Salt bool
}

// restorePattern names the folders for restores under way.
const restorePattern = ".promptmetrics-restore-"

// Restore makes a data folder of a backup. The folder must be empty, or not
// exist; then it appears whole, or not at all. Everything is unpacked and
// checked beside or, where the folder exists, inside it first: the checksums,
// the database from end to end, every object of the prompt repository.
func Restore(ctx context.Context, from io.Reader, into string, p *Progress) (done Restored, err error) {
	if done.Folder, err = filepath.Abs(into); err != nil {
		return done, err
	}
	exists, err := lookAt(done.Folder)
	if err != nil {
		return done, err
	}
	beside := done.Folder
	if !exists {
		beside = filepath.Dir(done.Folder)
		if err := os.MkdirAll(beside, 0o750); err != nil {
			return done, fmt.Errorf("the folder %s cannot be made: %w", done.Folder, err)
		}
	}
	work, err := newWork(beside, restorePattern)
	if err != nil {
		return done, fmt.Errorf("the folder %s cannot be written to: %w", beside, err)
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	tree := filepath.Join(work.path, "tree")
	if err := os.Mkdir(tree, 0o750); err != nil {
		return done, err
	}
	if err := unpack(ctx, from, work.path, tree, &done, p); err != nil {
		return done, err
	}
	p.begin("writing to disk", 0)
	if err := syncTree(tree); err != nil {
		return done, err
	}
	if exists {
		return done, moveInto(tree, done.Folder)
	}
	if err := os.Rename(tree, done.Folder); err != nil {
		return done, fmt.Errorf("the folder %s cannot be made: %w", done.Folder, err)
	}
	return done, syncFolder(beside)
}

// lookAt tells whether a folder exists, and refuses what is not empty.
func lookAt(folder string) (exists bool, err error) {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s cannot be restored into: %w", folder, err)
	}
	for _, e := range entries {
		name := e.Name()
		if name == "lost+found" || strings.HasPrefix(name, restorePattern) && abandoned(filepath.Join(folder, name)) {
			continue // of a file system of its own, or of a restore that was killed
		}
		return true, fmt.Errorf("the folder %s is not empty, there is %s in it: name another folder, or move that one away; "+
			"a restore never overwrites", folder, cut(name))
	}
	return true, nil
}

// unpack fills tree with what a data folder needs.
func unpack(ctx context.Context, from io.Reader, work, tree string, done *Restored, p *Progress) error {
	in := newUnpacker(ctx, from, work, p)
	if err := in.run(); err != nil {
		return err
	}
	done.Manifest = in.manifest
	if in.has(saltName) {
		done.Salt = true
		if err := in.salt(filepath.Join(tree, saltName)); err != nil {
			return err
		}
	}
	if in.has(databaseName) {
		if err := checkDatabase(ctx, in.path(databaseName), p); err != nil {
			return err
		}
		done.DatabaseSize = sizeOf(in.path(databaseName))
		if err := os.Rename(in.path(databaseName), filepath.Join(tree, databaseName)); err != nil {
			return err
		}
	}
	if in.manifest.Prompts == nil {
		return nil
	}
	return in.prompts(filepath.Join(tree, repositoryName), done, p)
}

// salt takes over a salt that is one.
func (u *unpacker) salt(to string) error {
	text, err := readBounded(u.path(saltName), maxSalt)
	if err != nil {
		return err
	}
	if err := access.CheckSalt(strings.TrimSpace(string(text))); err != nil {
		return errDamaged("its salt of the API keys is none")
	}
	return os.WriteFile(to, text, 0o600)
}

// prompts makes the repository of the bundle.
func (u *unpacker) prompts(to string, done *Restored, p *Progress) (err error) {
	var bundle io.Reader
	if done.Prompts.Refs > 0 {
		f, err := os.Open(u.path(bundleName))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		p.begin("checking the prompts", sizeOf(u.path(bundleName)))
		bundle = io.TeeReader(f, p)
	}
	made, err := gitstore.Unbundle(u.ctx, bundle, to, done.Prompts.Head)
	switch {
	case u.ctx.Err() != nil:
		return u.ctx.Err()
	case err != nil:
		return fmt.Errorf("the prompt repository cannot be made of the backup: %w", err)
	case made != gitstore.Bundle{Head: done.Prompts.Head, Refs: done.Prompts.Refs, Objects: done.Prompts.Objects}:
		return errDamaged("its manifest tells of %d refs and %d objects, and there are %d and %d",
			done.Prompts.Refs, done.Prompts.Objects, made.Refs, made.Objects)
	}
	return nil
}

// syncTree puts the files on disk that are not there yet; gitstore has done so
// with its own.
func syncTree(tree string) error {
	for _, name := range []string{databaseName, saltName} {
		f, err := os.OpenFile(filepath.Join(tree, name), os.O_RDWR, 0) //nolint:gosec // made just now.
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
		}
		if err != nil {
			return err
		}
	}
	return syncFolder(tree)
}

// moveInto moves everything into a folder that exists, such as the root of a
// volume. The database comes last: without it no server has ever run there.
func moveInto(tree, folder string) error {
	for _, name := range []string{saltName, repositoryName, databaseName} {
		err := os.Rename(filepath.Join(tree, name), filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s cannot be moved into %s: %w", name, folder, err)
		}
	}
	return syncFolder(folder)
}
