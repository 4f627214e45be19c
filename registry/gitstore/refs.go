package gitstore

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// ref is a name and what it points at.
type ref struct {
	name string
	hash plumbing.Hash
}

const (
	// maxRefs bounds the refs of a repository, and maxPackedRefs the file that
	// holds most of them, in bytes.
	maxRefs       = 1 << 20
	maxPackedRefs = 128 << 20
	maxRefName    = 4096
)

// readRefs gives all refs of a repository, by name. git packs a ref by writing
// packed-refs first and removing the loose file then, so that is read last.
func readRefs(dir string, step func()) ([]ref, error) {
	found, symbolic := map[string]plumbing.Hash{}, map[string]string{}
	root := filepath.Join(dir, "refs")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) && path != root {
				return nil
			}
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || e.IsDir() || !e.Type().IsRegular() || strings.HasSuffix(name, ".lock") {
			return err // .lock is of a write under way, and no ref ends in it
		}
		step()
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted, or packed
		}
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if target, ok := strings.CutPrefix(string(raw), "ref:"); ok {
			symbolic[name] = strings.TrimSpace(target)
			return nil
		}
		found[name], err = parseRef(string(raw))
		return err
	})
	if err != nil {
		return nil, err
	}
	step()
	packed, err := readPackedRefs(dir)
	if err != nil {
		return nil, err
	}
	for _, r := range packed {
		if _, loose := found[r.name]; !loose && symbolic[r.name] == "" {
			found[r.name] = r.hash
		}
	}
	for name, target := range symbolic {
		if h, ok := found[target]; ok {
			found[name] = h
		}
	}
	refs := make([]ref, 0, len(found))
	for name, h := range found {
		if !plainRef(name) {
			return nil, damaged("the ref %q has a name that git does not allow", name)
		}
		refs = append(refs, ref{name, h})
	}
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Compare(a.name, b.name) })
	return refs, nil
}

func readPackedRefs(dir string) (refs []ref, err error) {
	f, err := os.Open(filepath.Join(dir, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxPackedRefs+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxPackedRefs {
		return nil, damaged("packed-refs is too large")
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' || line[0] == '^' { // ^ is what a tag leads to
			continue
		}
		text, name, _ := strings.Cut(line, " ")
		h, ok := parseHash(text)
		if !ok {
			return nil, damaged("packed-refs has a line without a hash")
		}
		refs = append(refs, ref{name, h})
	}
	return refs, nil
}

// plainRef accepts the names of refs that git accepts; see
// git-check-ref-format(1).
func plainRef(name string) bool {
	rest, ok := strings.CutPrefix(name, "refs/")
	if !ok || len(name) > maxRefName || strings.ContainsAny(name, "\\:*?[~^ ") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") || strings.Contains(part, "..") {
			return false
		}
	}
	for i := range len(name) {
		if name[i] < 0x20 || name[i] == 0x7f {
			return false
		}
	}
	return true
}

// nested names a ref that is a folder of another one, which no repository can
// hold.
func nested(refs []ref) (name string, found bool) {
	all := make(map[string]bool, len(refs))
	for _, r := range refs {
		all[r.name] = true
	}
	for _, r := range refs {
		for at := strings.LastIndexByte(r.name, '/'); at > 0; at = strings.LastIndexByte(r.name[:at], '/') {
			if all[r.name[:at]] {
				return r.name[:at], true
			}
		}
	}
	return "", false
}
