package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// mergeable chooses the packs to merge.
func (s *Store) mergeable() []*pack {
	packs := s.odb.own()
	packs = slices.DeleteFunc(packs, func(p *pack) bool {
		// .keep: somebody needs it as it is. .promisor, .mtimes: packs of a kind
		// that must not be mixed with others.
		for _, mark := range []string{".keep", ".promisor", ".mtimes"} {
			if exists(p.base + mark) {
				return true
			}
		}
		return false
	})
	slices.SortFunc(packs, func(a, b *pack) int { return a.index.count() - b.index.count() })
	counts := make([]int, len(packs))
	for i, p := range packs {
		counts[i] = p.index.count()
	}
	return packs[:rollUp(counts)]
}

// rollUp tells how many of the packs, given by their number of objects in rising
// order, to merge: such that each pack that stays has at least twice the objects
// of the next smaller one, and of all merged ones together. So few stay, and an
// object is rewritten about log n times, however many packs come.
func rollUp(counts []int) int {
	n := 0
	for i := 1; i < len(counts); i++ {
		if counts[i] < 2*counts[i-1] {
			n = i + 1
		}
	}
	sum := 0
	for _, c := range counts[:n] {
		sum += c
	}
	for n > 0 && n < len(counts) && counts[n] < 2*sum {
		sum += counts[n]
		n++
	}
	return n
}

func allObjects(packs []*pack, loose []plumbing.Hash) []plumbing.Hash {
	seen := map[plumbing.Hash]bool{}
	var all []plumbing.Hash
	add := func(h plumbing.Hash) {
		if !seen[h] {
			seen[h] = true
			all = append(all, h)
		}
	}
	for _, h := range loose {
		add(h)
	}
	for _, p := range packs {
		for i := range p.index.count() {
			add(p.index.hash(i))
		}
	}
	return all
}

// install checks that a merged pack is complete, makes it durable, and gives it
// its place among the packs.
func (s *Store) install(base string, objects []plumbing.Hash) (*pack, error) {
	p, err := loadPack(base, s.odb.codec, s.odb.bases)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.retire() }()
	for _, h := range objects {
		if _, ok := p.index.find(h); !ok {
			return nil, fmt.Errorf("gitstore: the merged pack lacks %s", h)
		}
	}
	for _, ending := range []string{".pack", ".idx"} {
		f, err := os.OpenFile(base+ending, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrPermission) {
			f, err = os.Open(base + ending)
		}
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.Sync(), f.Chmod(0o444), f.Close()); err != nil {
			return nil, err
		}
	}
	final := filepath.Join(s.packs(), "pack-"+p.index.pack.String())
	for _, ending := range []string{".pack", ".idx"} {
		if err := os.Rename(base+ending, final+ending); err != nil {
			return nil, err
		}
	}
	if err := syncDir(s.packs()); err != nil {
		return nil, err
	}
	merged, err := loadPack(final, s.odb.codec, s.odb.bases)
	if err != nil {
		return nil, err
	}
	s.odb.add(merged)
	return merged, nil
}

// dropMerged removes what a merged pack holds, and nothing else.
func (s *Store) dropMerged(merged *pack, packs []*pack, loose []plumbing.Hash) error {
	// git's index over several packs names packs that go away now.
	err := sweep(s.packs(), func(name string) bool { return strings.HasPrefix(name, "multi-pack-index") })
	if err != nil {
		return err
	}
	for _, p := range packs {
		if p.base == merged.base || exists(p.base+".keep") || !merged.index.covers(p.index) {
			continue
		}
		if !exists(merged.base + ".idx") {
			return errors.New("gitstore: something else has replaced the merged pack already")
		}
		// Without its idx a pack does not exist, so that goes first.
		for _, ending := range []string{".idx", ".rev", ".bitmap", ".pack"} {
			if err := removeIfThere(p.base + ending); err != nil {
				return err
			}
		}
	}
	for _, h := range loose {
		if _, ok := merged.index.find(h); !ok {
			continue
		}
		if err := removeIfThere(loosePath(s.objects(), h)); err != nil {
			return err
		}
	}
	return nil
}
