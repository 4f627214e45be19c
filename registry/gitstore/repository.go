package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const headOfNew = "refs/heads/main"

// configOfNew is the configuration of a repository that the store makes.
// Pushes of people are checked, synced to disk as well as our own writes, and
// must not rewind the branch, which would lose acknowledged prompts. Merging
// packs is the store's work.
const configOfNew = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	fsync = all
[receive]
	fsckObjects = true
	denyNonFastForwards = true
	autogc = false
`

// openRepository makes sure that there is a bare repository at path, creating
// it if there is nothing, and returns the branch that its HEAD names.
func openRepository(path string) (branch string, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := createRepository(path); err != nil {
			return "", err
		}
	case err != nil:
		return "", pmerr.Down(err, "The prompt repository %s cannot be reached: give a path that this process may read and write", path)
	case !info.IsDir():
		return "", misused(path, "is a file", "give the path of a bare git repository, or one that does not exist yet")
	}
	names, err := os.ReadDir(path)
	if err != nil {
		return "", pmerr.Down(err, "The prompt repository %s cannot be read: let this process read and write it", path)
	}
	if unfinished(names) {
		if err := createRepository(path); err != nil {
			return "", err
		}
	} else if err := checkRepository(path); err != nil {
		return "", err
	}
	return readHead(path)
}

func misused(path, what, advice string) error {
	return pmerr.Invalid(fmt.Sprintf("Path: %s %s; %s", path, what, advice))
}

// unfinished tells whether a folder is empty, or was left by a process that
// died while creating the repository: HEAD is written last.
func unfinished(names []os.DirEntry) bool {
	for _, n := range names {
		switch n.Name() {
		case "config", "objects", "refs", "lost+found", ownDir:
		default:
			if !strings.HasPrefix(n.Name(), tempPrefix) {
				return false
			}
		}
	}
	return true
}

// createRepository lays out a bare repository. Two processes may do so at once.
func createRepository(path string) error {
	fail := func(err error) error {
		return pmerr.Down(err, "The prompt repository cannot be created at %s: let this process write there", path)
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return fail(err)
	}
	for _, dir := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", ownDir} {
		if err := os.MkdirAll(filepath.Join(path, filepath.FromSlash(dir)), 0o755); err != nil {
			return fail(err)
		}
	}
	files := [][2]string{{"config", configOfNew}, {"HEAD", "ref: " + headOfNew + "\n"}}
	for _, file := range files {
		if err := placeFile(path, file[0], file[1]); err != nil {
			return fail(err)
		}
	}
	for _, dir := range []string{"objects", "refs", "", ".."} {
		if err := syncDir(filepath.Join(path, dir)); err != nil && dir != ".." {
			return fail(err)
		}
	}
	return nil
}

// placeFile writes a file in one step.
func placeFile(dir, name, text string) error {
	f, err := os.CreateTemp(dir, tempPrefix+"*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, removeIfThere(f.Name()))
	}
	return nil
}

// checkRepository refuses what is no bare repository in a form that we know.
func checkRepository(path string) error {
	const advice = "give the path of a bare git repository (git clone --bare makes one), or one that does not exist yet"
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	if has(".git") {
		return misused(path, "is a working copy, not a bare git repository", advice)
	}
	if !has("HEAD") || !has("objects") || !has("refs") {
		return misused(path, "is not empty and not a bare git repository", advice)
	}
	f, err := os.Open(filepath.Join(path, "config"))
	if err != nil {
		return misused(path, "is a git repository whose config cannot be read", "restore it, or let this process read it")
	}
	defer func() { _ = f.Close() }()
	c := config.New()
	if err := config.NewDecoder(f).Decode(c); err != nil {
		return misused(path, "is a git repository whose config git would not accept", "repair its file \"config\"")
	}
	if strings.EqualFold(c.Section("core").Option("bare"), "false") {
		return misused(path, "is the .git folder of a working copy", advice)
	}
	for _, o := range c.Section("extensions").Options {
		value := strings.ToLower(o.Value)
		switch strings.ToLower(o.Key) {
		case "noop", "preciousobjects", "worktreeconfig":
		case "objectformat":
			if value != "sha1" {
				return misused(path, "names its objects by "+value, "give a repository that was made with --object-format=sha1")
			}
		case "refstorage":
			if value != "files" {
				return misused(path, "keeps its refs as "+value, "give a repository that was made with --ref-format=files")
			}
		default:
			return misused(path, "uses the git extension "+o.Key+", which is not supported", "give a full, plain clone (git clone --bare)")
		}
	}
	return nil
}

// readHead gives the branch that HEAD names.
func readHead(path string) (string, error) {
	name := "HEAD"
	for range 5 {
		raw, err := os.ReadFile(filepath.Join(path, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) && name != "HEAD" {
			return name, nil // an unborn branch, or a packed one
		}
		if err != nil {
			return "", pmerr.Down(err, "The prompt repository %s cannot be read: let this process read and write it", path)
		}
		target, symbolic := strings.CutPrefix(strings.TrimSpace(string(raw)), "ref:")
		if !symbolic {
			if name == "HEAD" {
				return "", misused(path, "is a repository whose HEAD names no branch", "run: git symbolic-ref HEAD "+headOfNew)
			}
			return name, nil
		}
		name = strings.TrimSpace(target)
		if !plainBranch(name) {
			break
		}
	}
	return "", misused(path, "is a repository whose HEAD names an unusual ref", "run: git symbolic-ref HEAD "+headOfNew)
}

// plainBranch accepts the names of branches that are safe as a path.
func plainBranch(name string) bool {
	rest, ok := strings.CutPrefix(name, "refs/heads/")
	if !ok || rest == "" || len(name) > 250 || strings.ContainsAny(name, "\\:*?\"<>|[~^ ") {
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
