package gitstore

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// bundleHeader begins a bundle of version 2; see gitformat-bundle(5).
const bundleHeader = "# v2 git bundle\n"

// Bundle describes what a bundle holds.
type Bundle struct {
	// Head is the branch that HEAD names, such as "refs/heads/main".
	Head string
	// Refs and Objects it holds. Without refs there is no bundle: git knows
	// no empty ones, and nothing was written.
	Refs, Objects int
}

// WriteBundle writes the repository at path as a git bundle, with all its refs:
// "git clone" and "git bundle verify" read it. Others may write into the
// repository meanwhile; every commit that a ref named when the call began is in
// the bundle. What packs hold is copied as it is, after its checksum, so that
// the cost is that of reading the packs; the memory is some bytes an object.
func WriteBundle(ctx context.Context, path string, to io.Writer) (Bundle, error) {
	b := bundler{ctx: ctx, dir: path, step: func() {}}
	return b.write(to)
}

// bundler writes one bundle.
type bundler struct {
	ctx context.Context //nolint:containedctx // of the one call that writes the bundle.
	dir string
	odb *odb
	// step is called before everything that others may come in between; for
	// tests.
	step func()

	packs []*bundled
	loose []plumbing.Hash
	out   *bundleWriter
}

// bundled is a pack that is being copied.
type bundled struct {
	pack *pack
	file *os.File
	// order are the places in the index, by offset; at are the offsets in the
	// bundle's pack by place in the index, -1 for what is not copied.
	order []int32
	at    []int64
}

func (b *bundler) write(to io.Writer) (done Bundle, err error) {
	if err := b.check(); err != nil {
		return done, err
	}
	if done.Head, err = readHead(b.dir); err != nil {
		return done, err
	}
	// What refers before what is referred to: whatever these refs lead to is
	// there from now on, however it is packed anew.
	b.step()
	refs, err := readRefs(b.dir, b.step)
	if err != nil || len(refs) == 0 {
		return done, err
	}
	if b.odb, err = openODB(filepath.Join(b.dir, "objects"), slog.New(slog.DiscardHandler)); err != nil {
		return done, err
	}
	defer b.odb.close()
	defer b.release()
	if err := b.gather(); err != nil {
		return done, err
	}
	if err := b.connected(refs); err != nil {
		return done, err
	}
	if done.Refs, done.Objects, err = b.copy(to, refs, done.Head); err != nil {
		return done, err
	}
	return done, nil
}

// check refuses repositories that a bundle cannot hold as a whole.
func (b *bundler) check() error {
	if err := checkRepository(b.dir); err != nil {
		return err
	}
	for _, part := range []struct{ file, what string }{
		{"objects/info/alternates", "borrows objects from another repository (objects/info/alternates): run \"git repack -a -d\" in it, and remove that file"},
		{"shallow", "is a shallow clone: run \"git fetch --unshallow\" in it"},
	} {
		if exists(filepath.Join(b.dir, filepath.FromSlash(part.file))) {
			return misused(b.dir, part.what, "and try again")
		}
	}
	return nil
}

// gather opens everything that is to be copied. Loose objects become packed,
// never the other way round, so they are listed first.
func (b *bundler) gather() error {
	b.step()
	s := Store{dir: b.dir}
	loose, err := s.loose()
	if err != nil {
		return err
	}
	for range maxSearches {
		b.step()
		if err = b.odb.rescan(); err != nil {
			return err
		}
		b.step()
		if err = b.acquire(); err == nil {
			break
		}
		b.release()
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("gitstore: the packs keep changing: try again when less is published: %w", err)
	}
	for _, h := range loose {
		if _, _, ok := b.find(h, len(b.packs)); !ok {
			b.loose = append(b.loose, h)
		}
	}
	return nil
}

// acquire opens all packs, so that none can vanish any more.
func (b *bundler) acquire() error {
	for _, p := range b.odb.own() {
		f, err := p.acquire()
		if err != nil {
			return err
		}
		b.packs = append(b.packs, &bundled{pack: p, file: f})
	}
	return nil
}

func (b *bundler) release() {
	for _, p := range b.packs {
		p.pack.release()
	}
	b.packs = nil
}

// find looks for an object in the first packs.
func (b *bundler) find(h plumbing.Hash, first int) (in *bundled, place int, ok bool) {
	for _, p := range b.packs[:first] {
		if i, ok := p.pack.index.find(h); ok {
			return p, i, true
		}
	}
	return nil, 0, false
}

// connected wants everything that the refs lead to: what is missing is to be
// noticed now, and not when the backup is needed.
func (b *bundler) connected(refs []ref) error {
	v := newVerifier(b.ctx, b.odb, b.loose)
	if err := v.refs(refs); err != nil {
		return fmt.Errorf("%w; run git fsck in the prompt repository", err)
	}
	return nil
}

// copy writes header, refs and pack.
func (b *bundler) copy(to io.Writer, refs []ref, head string) (written, objects int, err error) {
	objects = len(b.loose)
	for i, p := range b.packs {
		objects += p.plan(func(h plumbing.Hash) bool {
			_, _, ok := b.find(h, i)
			return !ok
		})
	}
	b.out = newBundleWriter(to)
	b.out.text(bundleHeader)
	for _, r := range refs {
		b.out.text(r.hash.String() + " " + r.name + "\n")
		if r.name == head {
			b.out.text(r.hash.String() + " HEAD\n")
		}
	}
	b.out.text("\n")
	b.out.beginPack(objects)
	for i, p := range b.packs {
		if err := b.copyPack(p, i); err != nil {
			return 0, 0, err
		}
	}
	for _, h := range b.loose {
		if err := b.copyLoose(h); err != nil {
			return 0, 0, err
		}
	}
	return len(refs), objects, b.out.end()
}

// plan decides what is copied of a pack, and counts it.
func (p *bundled) plan(wanted func(plumbing.Hash) bool) (n int) {
	x := p.pack.index
	p.order, p.at = make([]int32, x.count()), make([]int64, x.count())
	for i := range p.order {
		p.order[i], p.at[i] = int32(i), -1
	}
	slices.SortFunc(p.order, func(a, b int32) int {
		return int(min(1, max(-1, x.offset(int(a))-x.offset(int(b)))))
	})
	for i := range p.at {
		if wanted(x.hash(i)) {
			p.at[i] = 0
			n++
		}
	}
	return n
}

// copyPack copies what is wanted of a pack, in its order: the base of a delta
// by offset is before it, here or in a pack that was copied earlier.
func (b *bundler) copyPack(p *bundled, number int) error {
	x := p.pack.index
	for n, i := range p.order {
		if p.at[i] < 0 {
			continue
		}
		if err := b.ctx.Err(); err != nil {
			return err
		}
		b.step()
		from, end := x.offset(int(i)), p.pack.size-hashSize
		if n+1 < len(p.order) {
			end = x.offset(int(p.order[n+1]))
		}
		p.at[i] = b.out.at
		if err := b.copyEntry(p, number, from, end, x.crc(int(i))); err != nil {
			return fmt.Errorf("object %s: %w", x.hash(int(i)), err)
		}
	}
	return nil
}

func (b *bundler) copyEntry(p *bundled, number int, from, end int64, crc uint32) error {
	h, err := p.pack.header(p.file, from)
	if err != nil {
		return err
	}
	if h.data > end {
		return damaged("entry beyond the next one")
	}
	head := make([]byte, h.data-from)
	if _, err := p.file.ReadAt(head, from); err != nil {
		return err
	}
	b.out.beginEntry(head)
	if h.kind == plumbing.OFSDeltaObject {
		base, err := b.baseOf(p, number, h.baseAt)
		if err != nil {
			return err
		}
		head = append(entryHeader(h.kind, int(h.size)), offsetTo(b.out.at-base)...)
	}
	b.out.write(head)
	if err := b.out.copy(io.NewSectionReader(p.file, h.data, end-h.data), end-h.data); err != nil {
		return err
	}
	if b.out.crc != crc {
		return damaged("it does not match its checksum: run git fsck in the prompt repository")
	}
	return nil
}

// baseOf tells where the object that lies at an offset of a pack was copied to.
func (b *bundler) baseOf(p *bundled, number int, offset int64) (int64, error) {
	x := p.pack.index
	n, ok := slices.BinarySearchFunc(p.order, offset, func(i int32, at int64) int {
		return int(min(1, max(-1, x.offset(int(i))-at)))
	})
	if !ok {
		return 0, damaged("delta base is not where it should be")
	}
	i := int(p.order[n])
	if p.at[i] >= 0 {
		return p.at[i], nil
	}
	earlier, place, ok := b.find(x.hash(i), number)
	if !ok {
		return 0, damaged("delta base is missing")
	}
	return earlier.at[place], nil
}

// offsetTo encodes how far back the base of a delta lies.
func offsetTo(back int64) []byte {
	text := []byte{byte(back & 0x7f)}
	for back >>= 7; back > 0; back >>= 7 {
		back--
		text = append(text, byte(back&0x7f)|0x80)
	}
	slices.Reverse(text)
	return text
}

// copyLoose packs a loose object. One that vanished meanwhile is in a pack.
func (b *bundler) copyLoose(h plumbing.Hash) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	b.step()
	f, err := os.Open(loosePath(b.odb.dirs[0], h))
	if errors.Is(err, fs.ErrNotExist) {
		kind, data, err := b.odb.read(h, maxObject)
		if err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
		b.out.beginEntry(nil)
		b.out.write(entryHeader(kind, len(data)))
		b.out.write(b.odb.codec.deflate(data))
		return b.out.err
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return b.odb.codec.stream(f, func(plain io.Reader) error {
		in := bufio.NewReaderSize(plain, 64<<10)
		kind, size, err := looseHeader(in)
		if err != nil {
			return err
		}
		b.out.beginEntry(nil)
		b.out.write(entryHeader(kind, int(size)))
		if err := b.out.deflate(in, kind, size, h); err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
		return nil
	})
}

// bundleWriter writes the pack of a bundle and knows where it is.
type bundleWriter struct {
	out *bufio.Writer
	sum hash.Hash
	at  int64  // in the pack
	crc uint32 // of the entry as it was in its source
	err error
}

func newBundleWriter(to io.Writer) *bundleWriter {
	return &bundleWriter{out: bufio.NewWriterSize(to, 256<<10), sum: sha1.New()}
}

// text is before the pack.
func (w *bundleWriter) text(s string) {
	if w.err == nil {
		_, w.err = w.out.WriteString(s)
	}
}

func (w *bundleWriter) beginPack(objects int) {
	head := binary.BigEndian.AppendUint32(append([]byte("PACK"), 0, 0, 0, 2), uint32(objects))
	w.write(head)
}

// Write implements [io.Writer] for the pack.
func (w *bundleWriter) Write(p []byte) (int, error) {
	w.write(p)
	return len(p), w.err
}

func (w *bundleWriter) write(p []byte) {
	if w.err != nil {
		return
	}
	w.sum.Write(p)
	w.at += int64(len(p))
	_, w.err = w.out.Write(p)
}

// end writes the checksum of the pack.
func (w *bundleWriter) end() error {
	w.write(w.sum.Sum(nil))
	if w.err != nil {
		return w.err
	}
	return w.out.Flush()
}
