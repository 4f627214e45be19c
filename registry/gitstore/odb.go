package gitstore

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxOpenPacks is how many pack files stay open; further ones are opened
	// for each read, until the background merge has made them fewer.
	maxOpenPacks = 256
	// baseCache and treeCache bound the memory for trees, in bytes.
	baseCache = 4 << 20
	treeCache = 8 << 20
	// maxSearches bounds how often an object is looked for while the packs
	// keep changing.
	maxSearches = 100
	// maxAlternates bounds how many folders one list may add.
	maxAlternates = 8
)

// odb reads the objects of a repository: packed, loose, and those of alternate
// object folders. It is safe for concurrent use, and finds objects that other
// processes have added or packed anew since it looked last.
type odb struct {
	// dirs are the object folders; the first is the repository's own.
	dirs  []string
	log   *slog.Logger
	codec *codec
	bases *lru[place, whole]

	mu    sync.RWMutex
	packs []*pack // the newest first
	// state counts the changes of packs.
	state int

	// scan is held by who changes packs; readers of packs need mu only.
	scan   sync.Mutex
	closed bool
	// broken names the packs that could not be loaded, to report them once.
	broken map[string]bool
}

func openODB(dir string, log *slog.Logger) (*odb, error) {
	o := &odb{
		dirs:   append([]string{dir}, alternates(dir, 3)...),
		log:    log,
		codec:  &codec{},
		bases:  newLRU[place, whole](baseCache),
		broken: map[string]bool{},
	}
	return o, o.rescan()
}

// alternates lists the object folders that a repository borrows from.
func alternates(dir string, depth int) []string {
	raw, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
	if err != nil || depth == 0 {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(raw)) {
		if len(found) >= maxAlternates {
			break
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' || line[0] == '"' {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		found = append(found, line)
		found = append(found, alternates(line, depth-1)...)
	}
	return found
}

// read finds an object by its name. It returns errMissing, errTooLarge if it
// has more than limit bytes, errDamaged, or a failure of the file system.
func (o *odb) read(h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	unchanged := 0
	for range maxSearches {
		o.mu.RLock()
		packs, state := o.packs, o.state
		o.mu.RUnlock()
		kind, data, err := o.readFrom(packs, h, limit)
		if !errors.Is(err, errMissing) && !errors.Is(err, fs.ErrNotExist) {
			return kind, data, err
		}
		// Another process may have added or merged packs, and a merge may have
		// hidden both the old and the new ones from a listing of the folder. So
		// an object is missing if it is in nothing that two listings found.
		if err := o.rescan(); err != nil {
			return 0, nil, err
		}
		o.mu.RLock()
		if o.state == state {
			unchanged++
		}
		o.mu.RUnlock()
		if unchanged == 2 {
			break
		}
	}
	return 0, nil, errMissing
}

// has tells whether an object is there, as far as is known: an object that
// another process has just added may be overlooked.
func (o *odb) has(h plumbing.Hash) bool {
	o.mu.RLock()
	packs := o.packs
	o.mu.RUnlock()
	for _, p := range packs {
		if _, ok := p.index.find(h); ok {
			return true
		}
	}
	for _, dir := range o.dirs {
		if exists(loosePath(dir, h)) {
			return true
		}
	}
	return false
}

func (o *odb) readFrom(packs []*pack, h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	failure := errMissing
	for _, p := range packs {
		i, ok := p.index.find(h)
		if !ok {
			continue
		}
		kind, data, err := p.read(p.index.offset(i), limit)
		if err == nil || errors.Is(err, errTooLarge) {
			return kind, data, err
		}
		failure = err // another copy may be whole
	}
	for _, dir := range o.dirs {
		kind, data, err := o.readLoose(loosePath(dir, h), limit)
		if err == nil || errors.Is(err, errTooLarge) {
			return kind, data, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			failure = err
		}
	}
	return 0, nil, failure
}

// rescan brings the list of packs up to date.
func (o *odb) rescan() error {
	o.scan.Lock()
	defer o.scan.Unlock()
	if o.closed {
		return os.ErrClosed
	}
	for {
		whole, err := o.rescanOnce()
		if whole || err != nil {
			return err
		}
	}
}

// rescanOnce reports false if a pack has vanished between listing and loading:
// what replaces it may not have been listed.
func (o *odb) rescanOnce() (whole bool, err error) {
	known := map[string]*pack{}
	for _, p := range o.packs { // only changed by holders of scan
		known[p.base] = p
	}
	whole = true
	var fresh, kept []*pack
	for i, dir := range o.dirs {
		names, err := packNames(filepath.Join(dir, "pack"))
		if err != nil {
			if i == 0 {
				return false, err
			}
			o.log.Warn("alternate object folder cannot be read", "error", err)
		}
		for _, base := range names {
			if p := known[base]; p != nil {
				kept = append(kept, p)
				delete(known, base)
				continue
			}
			p, err := loadPack(base, o.codec, o.bases)
			switch {
			case err == nil:
				fresh = append(fresh, p)
			case errors.Is(err, fs.ErrNotExist) && !exists(base+".idx"):
				whole = false
			case !o.broken[base]:
				o.broken[base] = true
				o.log.Error("pack cannot be used, run git fsck in the prompt repository", "pack", filepath.Base(base), "error", err)
			}
		}
	}
	if len(fresh) > 0 || len(known) > 0 {
		o.replace(append(fresh, kept...), known)
	}
	return whole, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// replace sets the list of packs and lets go of those that are gone.
func (o *odb) replace(packs []*pack, gone map[string]*pack) {
	o.mu.Lock()
	o.packs = packs
	o.state++
	o.mu.Unlock()
	for i, p := range packs {
		if i >= maxOpenPacks {
			_ = p.retire() // the file was only read
		}
	}
	for _, p := range gone {
		_ = p.retire()
	}
}

// own lists the packs of the repository's own object folder.
func (o *odb) own() []*pack {
	o.mu.RLock()
	defer o.mu.RUnlock()
	dir := filepath.Join(o.dirs[0], "pack")
	var packs []*pack
	for _, p := range o.packs {
		if filepath.Dir(p.base) == dir {
			packs = append(packs, p)
		}
	}
	return packs
}

// add makes a pack known that this process has just written.
func (o *odb) add(p *pack) {
	o.scan.Lock()
	defer o.scan.Unlock()
	for _, known := range o.packs {
		if known.base == p.base { // a rescan was faster
			_ = p.retire()
			return
		}
	}
	o.replace(append([]*pack{p}, o.packs...), nil)
}

func (o *odb) close() {
	gone := map[string]*pack{}
	o.scan.Lock()
	defer o.scan.Unlock()
	for _, p := range o.packs {
		gone[p.base] = p
	}
	o.closed = true
	o.replace(nil, gone)
}

// packNames lists the packs of a folder that have an idx file, as paths without
// ending.
func packNames(dir string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".idx")
		if ok && strings.HasPrefix(name, "pack-") {
			names = append(names, filepath.Join(dir, name))
		}
	}
	return names, nil
}
