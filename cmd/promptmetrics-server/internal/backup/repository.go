package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxPlain bounds the files of a repository that are no objects: refs, config,
// hooks. packed-refs with a million tags fits.
const maxPlain = 128 << 20

// maxRounds bounds how often packs are looked for again. They change every few
// seconds at most, and a round without a change takes milliseconds.
const maxRounds = 100

// repository adds a bare git repository that others write into. What refers
// comes before what is referred to: first the refs, then loose objects, then
// packs. Objects never vanish, they only move from the former to the latter,
// and a merged pack is in place before those that it replaces go.
func (a *archive) repository(name, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return fmt.Errorf("it is no git repository: check DATA_DIR and PROMPTS_PATH: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "objects", "info", "alternates")); err == nil {
		return errors.New("it borrows objects from another repository (objects/info/alternates): " +
			"run \"git repack -a -d\" in it, and remove that file")
	}
	if err := a.folder(name); err != nil {
		return err
	}
	if err := a.plain(name, dir, true); err != nil {
		return err
	}
	// A ref that is being packed is written here before its own file goes.
	const packed = "packed-refs"
	if err := a.plainEntry(path.Join(name, packed), filepath.Join(dir, packed)); err != nil {
		return err
	}
	// git wants these folders also when they are empty.
	for _, folder := range []string{"objects", "objects/info", "objects/pack"} {
		if err := a.folder(path.Join(name, folder)); err != nil {
			return err
		}
	}
	objects := filepath.Join(dir, "objects")
	if err := a.loose(name, objects); err != nil {
		return err
	}
	return a.packs(path.Join(name, "objects", "pack"), filepath.Join(objects, "pack"))
}

// plain adds everything that is not added in a way of its own.
func (a *archive) plain(name, dir string, top bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil && (top || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	for _, entry := range entries {
		if err := a.ctx.Err(); err != nil {
			return err
		}
		if strings.HasSuffix(entry.Name(), ".lock") || (top && apart(entry.Name())) {
			continue // .lock is of a write under way, and no ref ends in it
		}
		if err := a.plainEntry(path.Join(name, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// apart are entries of the top folder that are added in a way of their own, or
// belong to work under way.
func apart(name string) bool {
	return slices.Contains([]string{"objects", "packed-refs", "promptmetrics", "gc.pid"}, name) || strings.HasPrefix(name, "tmp_")
}

func (a *archive) plainEntry(name, file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a ref was packed or deleted
		return nil
	case err != nil:
		return err
	case info.IsDir():
		if err := a.folder(name); err != nil {
			return err
		}
		return a.plain(name, file, false)
	case !info.Mode().IsRegular():
		return nil // a socket of a daemon holds no data
	}
	data, err := readBounded(file, maxPlain)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.bytes(name, data, int64(info.Mode().Perm()))
}

// loose adds the loose objects. One that vanishes meanwhile is in a pack.
func (a *archive) loose(name, objects string) error {
	folders, err := os.ReadDir(objects)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !hexadecimal(folder.Name(), 2) {
			continue
		}
		files, err := os.ReadDir(filepath.Join(objects, folder.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, file := range files {
			if !hexadecimal(file.Name(), 38) {
				continue
			}
			err := a.object(path.Join(name, "objects", folder.Name(), file.Name()), filepath.Join(objects, folder.Name(), file.Name()))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func hexadecimal(s string, length int) bool {
	return len(s) == length && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
}

// object adds files that never change: an object, or a pack with its index.
// All are opened before anything is written, so that either all or none is.
func (a *archive) object(name string, files ...string) (err error) {
	var open []*os.File
	defer func() {
		for _, f := range open {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, file := range files {
		f, err := os.Open(file) //nolint:gosec // in the operator's repository.
		if err != nil {
			return err
		}
		open = append(open, f)
	}
	for _, f := range open {
		if err := a.file(path.Join(path.Dir(name), filepath.Base(f.Name())), f, 0o444); err != nil {
			return err
		}
	}
	return nil
}

// packs adds packs until a look at the folder finds none that is new, and none
// went away meanwhile.
func (a *archive) packs(name, dir string) error {
	written := map[string]bool{}
	var last []string
	for round := range maxRounds {
		present, err := packNames(dir)
		if err != nil {
			return err
		}
		if round > 0 && slices.Equal(present, last) {
			return nil
		}
		last = present
		for _, base := range present {
			if written[base] {
				continue
			}
			err := a.object(path.Join(name, base), filepath.Join(dir, base+".pack"), filepath.Join(dir, base+".idx"))
			if errors.Is(err, fs.ErrNotExist) {
				continue // merged into another, which the next look finds
			}
			if err != nil {
				return err
			}
			written[base] = true
		}
	}
	return errors.New("its packs keep changing: try again when less is published")
}

// packNames lists the packs, which are those that have an index.
func packNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		base, index := strings.CutSuffix(entry.Name(), ".idx")
		if index && strings.HasPrefix(base, "pack-") {
			names = append(names, base)
		}
	}
	return names, nil
}
