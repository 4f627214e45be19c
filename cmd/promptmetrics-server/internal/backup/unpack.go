package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
)

// unpacker reads a backup into a work folder. Nothing that the file says is
// believed: it may come from anybody.
type unpacker struct {
	ctx context.Context //nolint:containedctx // of the one call that restores.
	// dir is the work folder.
	dir      string
	in       *supply
	tar      *tar.Reader
	root     *os.Root
	came     []File
	manifest Manifest
	wrote    int64
}

// supply counts what was read: no tar unpacks to more.
type supply struct {
	io.Reader
	n int64
}

// Read implements [io.Reader].
func (s *supply) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.n += int64(n)
	return n, err
}

func newUnpacker(ctx context.Context, from io.Reader, dir string, p *Progress) *unpacker {
	p.begin("reading the backup", 0)
	in := &supply{Reader: io.TeeReader(&cancelled{ctx, from}, p)}
	return &unpacker{ctx: ctx, dir: dir, in: in}
}

// path of a file that was unpacked.
func (u *unpacker) path(name string) string { return filepath.Join(u.dir, name) }

func (u *unpacker) has(name string) bool {
	return slices.ContainsFunc(u.came, func(f File) bool { return f.Name == name })
}

var errNoBackup = damagedError{"it is no backup of promptmetrics-server"}

func (u *unpacker) run() (err error) {
	if u.root, err = os.OpenRoot(u.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.root.Close()) }()
	start := bufio.NewReaderSize(u.in, 64<<10)
	if magic, _ := start.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return errDamaged("it is compressed: run \"gunzip -c FILE | promptmetrics-server restore -\"")
	}
	u.tar = tar.NewReader(start)
	about, err := u.about()
	switch {
	case err != nil:
		return err
	case about.Format == 1:
		return u.former(about)
	case about.Format > format:
		return errDamaged("it has format %d and this program knows %d: use a newer program", about.Format, format)
	case about.Format != format:
		return errNoBackup
	}
	for {
		h, err := u.next()
		if errors.Is(err, io.EOF) {
			return errDamaged("it is cut off: it has no manifest")
		}
		if err != nil {
			return err
		}
		switch most, known := limits[h.Name]; {
		case h.Typeflag != tar.TypeReg || !known:
			return errDamaged("it has an entry %q that no backup has", cut(h.Name))
		case h.Size > most:
			return errDamaged("%s is larger than %d bytes", h.Name, most)
		}
		if h.Name == manifestName {
			return u.end()
		}
		if err := u.take(h.Name); err != nil {
			return err
		}
	}
}

// limits are the files of a backup and their most bytes.
var limits = map[string]int64{
	helpName: maxNote, databaseName: 1 << 50, saltName: maxSalt, bundleName: 1 << 50, manifestName: maxNote,
}

// about reads the first entry.
func (u *unpacker) about() (m Manifest, err error) {
	h, err := u.next()
	if errors.Is(err, io.EOF) {
		return m, errNoBackup
	}
	if err != nil {
		return m, err
	}
	if h.Name != aboutName || h.Typeflag != tar.TypeReg || h.Size > maxNote {
		return m, errNoBackup
	}
	if err := u.take(aboutName); err != nil {
		return m, err
	}
	text, err := os.ReadFile(u.path(aboutName))
	if err == nil && json.Unmarshal(text, &m) != nil {
		err = errNoBackup
	}
	return m, err
}

// next gives the next entry.
func (u *unpacker) next() (*tar.Header, error) {
	h, err := u.tar.Next()
	switch {
	case err == nil:
		return h, nil
	case errors.Is(err, io.EOF), u.ctx.Err() != nil:
		return nil, err
	case len(u.came) == 0 && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader)):
		return nil, errNoBackup
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errDamaged("it is cut off")
	case errors.Is(err, tar.ErrHeader):
		return nil, errDamaged("its tar is damaged")
	}
	return nil, err
}

// take unpacks a file, once.
func (u *unpacker) take(name string) error {
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return errDamaged("it has %s twice", cut(name))
	case err != nil:
		if cause, ok := errors.AsType[*fs.PathError](err); ok && strings.Contains(cause.Err.Error(), "escapes") {
			return errDamaged("it has an entry %q that no backup has", cut(name))
		}
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), &sober{u: u})
	u.came = append(u.came, File{name, n, hex.EncodeToString(sum.Sum(nil))})
	if err = errors.Join(err, f.Close()); errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged("it is cut off in %s", cut(name))
	}
	return err
}

// sober reads an entry and stops when more comes out than went in, as it does
// of a file with holes: a few bytes may claim to be a disk full.
type sober struct{ u *unpacker }

// Read implements [io.Reader].
func (s *sober) Read(p []byte) (int, error) {
	n, err := s.u.tar.Read(p)
	if s.u.wrote += int64(n); s.u.wrote > s.u.in.n {
		return 0, errDamaged("it unpacks to more than it is")
	}
	return n, err
}

// end reads the manifest, after which nothing comes.
func (u *unpacker) end() error {
	text, err := io.ReadAll(io.LimitReader(u.tar, maxNote+1))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged("it is cut off in its manifest")
	}
	if err != nil {
		return err
	}
	if u.manifest, err = parseManifest(text, u.came); err != nil {
		return err
	}
	if _, err := u.next(); !errors.Is(err, io.EOF) {
		return errDamaged("something follows its manifest")
	}
	return nil
}

// formerRepository is where the repository of a former backup lies meanwhile.
const formerRepository = "former.git"

// former reads a backup of the former format: no manifest, and the files of
// the repository as they were. Of those only what git keeps in it counts; its
// configuration and hooks are programs, and stay out.
func (u *unpacker) former(about Manifest) error {
	u.manifest = about
	for {
		h, err := u.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.formerEntry(h); err != nil {
			return err
		}
	}
	if !u.has(databaseName) {
		return errDamaged("it is cut off: it has no database")
	}
	return u.formerPrompts()
}

func (u *unpacker) formerEntry(h *tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	inside, isPrompts := strings.CutPrefix(name, repositoryName+"/")
	switch {
	case h.Typeflag == tar.TypeReg && h.Size <= limits[name] && name != manifestName && name != bundleName:
		return u.take(name)
	case name == repositoryName && h.Typeflag == tar.TypeDir:
		return nil
	case !isPrompts || !plainPath(inside) || h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return errDamaged("it has an entry %q that no backup has", cut(h.Name))
	case h.Typeflag == tar.TypeDir || !kept(inside):
		return nil
	}
	to := path.Join(formerRepository, inside)
	if err := u.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return errDamaged("it has an entry %q that no backup has", cut(h.Name))
	}
	return u.take(to)
}

// plainPath accepts paths that lead down.
func plainPath(p string) bool {
	return filepath.IsLocal(filepath.FromSlash(p)) && path.Clean(p) == p && !strings.ContainsAny(p, "\\:\x00")
}

// kept tells which files of a repository are taken over.
func kept(inside string) bool {
	return inside == "HEAD" || inside == "packed-refs" || inside == "shallow" ||
		strings.HasPrefix(inside, "refs/") || strings.HasPrefix(inside, "objects/")
}

// formerPrompts makes a bundle of the former repository, as a backup of today
// would have one.
func (u *unpacker) formerPrompts() error {
	const plain = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	for _, folder := range []string{"refs", "objects/pack", "objects/info"} {
		if err := u.root.MkdirAll(path.Join(formerRepository, folder), 0o700); err != nil {
			return err
		}
	}
	if err := u.root.WriteFile(path.Join(formerRepository, "config"), []byte(plain), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(u.path(bundleName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	b, err := gitstore.WriteBundle(u.ctx, u.path(formerRepository), f)
	if err = errors.Join(err, f.Close()); err != nil {
		if u.ctx.Err() != nil {
			return u.ctx.Err()
		}
		return errDamaged("its prompt repository: %v", err)
	}
	u.manifest.Prompts = &Prompts{Head: b.Head, Refs: b.Refs, Objects: b.Objects}
	return nil
}
