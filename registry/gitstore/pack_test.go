package gitstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestPacksOfGitAreReadToTheLastByte(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "r.git")
	git(t, t.TempDir(), "init", "-q", "--bare", dir)
	var stream strings.Builder
	for i := range 60 { // similar files, so that git makes deltas
		text := strings.Repeat(fmt.Sprintf("line of file %d\n", i%5), 400) + strings.Repeat("x", i)
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 3\nabc\nM 644 inline f%d\ndata %d\n%s\n", 1_700_000_000+i, i%7, len(text), text)
		fmt.Fprintf(&stream, "M 644 inline g%d\ndata 1\n%d\n", i, i%10)
	}
	stream.WriteString("tag v1\nfrom refs/heads/main\ntagger A <a@b> 1700000000 +0000\ndata 3\nabc\n")
	gitInput(t, dir, stream.String(), "fast-import", "--quiet")
	for name, prepare := range map[string][]string{
		"as imported":       nil,
		"offset deltas":     {"repack", "-adfq", "--depth=50", "--window=50"},
		"reference deltas":  {"-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50", "--window=50"},
		"loose":             {"unpack-objects", "-q"},
		"no compression":    {"-c", "pack.compression=0", "repack", "-adFq"},
		"multi-pack-index":  {"multi-pack-index", "write"},
		"best, long chains": {"-c", "pack.compression=9", "repack", "-adFq", "--depth=250", "--window=250"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := filepath.Join(t.TempDir(), "r.git")
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			if name == "loose" {
				packs, err := filepath.Glob(filepath.Join(copied, "objects/pack/*.pack"))
				require.NoError(t, err)
				for _, p := range packs {
					raw, err := os.ReadFile(p)
					require.NoError(t, err)
					require.NoError(t, os.Remove(p))
					require.NoError(t, os.Remove(strings.TrimSuffix(p, ".pack")+".idx"))
					gitInput(t, copied, string(raw), prepare...)
				}
			} else if prepare != nil {
				git(t, copied, prepare...)
			}
			o, err := openODB(filepath.Join(copied, "objects"), discard())
			require.NoError(t, err)
			defer o.close()
			list := git(t, copied, "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", "--batch-all-objects")
			n := 0
			for line := range strings.Lines(list) {
				about := strings.Fields(line)
				h, ok := parseHash(about[0])
				require.True(t, ok)
				kind, data, err := o.read(h, maxObject)
				require.NoError(t, err)
				require.Equal(t, about[1], kind.String())
				require.Equal(t, h, hashOf(kind, data))
				require.Equal(t, about[2], fmt.Sprint(len(data)))
				n++
			}
			require.Greater(t, n, 150)
		})
	}
}

func TestIndexesHoldLargeOffsets(t *testing.T) {
	t.Parallel()
	objects := []packed{{hashFor(1), 12, 7}, {hashFor(2), 1<<31 - 1, 8}, {hashFor(3), 1 << 31, 9}, {hashFor(4), 1 << 40, 10}}
	want := map[plumbing.Hash]packed{}
	for _, o := range objects {
		want[o.hash] = o
	}
	x, err := parsePackIndex(encodePackIndex(objects, hashFor(9)))
	require.NoError(t, err)
	require.Equal(t, hashFor(9), x.pack)
	for h, o := range want {
		i, ok := x.find(h)
		require.True(t, ok)
		require.Equal(t, o, packed{x.hash(i), x.offset(i), x.crc(i)})
	}
	_, ok := x.find(hashFor(5))
	require.False(t, ok)
}

func TestDamagedPacksGiveErrorsNotBytes(t *testing.T) {
	t.Parallel()
	s := open(t, Options{RepackAt: -1})
	c := s.Workspace(workspace.Default())
	text := []byte(strings.Repeat("a prompt of some length, ", 40))
	stored, err := c.Put(t.Context(), key("welcome"), text, by("Ada"))
	require.NoError(t, err)
	packs, err := filepath.Glob(filepath.Join(s.packs(), "*.pack"))
	require.NoError(t, err)
	require.Len(t, packs, 1)
	whole, err := os.ReadFile(packs[0])
	require.NoError(t, err)
	require.NoError(t, os.Chmod(packs[0], 0o644))
	wrong := 0
	for i := packHeaderSize; i < len(whole)-hashSize; i++ {
		broken := bytes.Clone(whole)
		broken[i] ^= 0x41
		require.NoError(t, os.WriteFile(packs[0], broken, 0o644))
		data, err := c.Read(t.Context(), stored.Ref)
		if err == nil {
			require.Equal(t, text, data, "byte %d", i)
			continue
		}
		require.NotContains(t, pmerr.From(err).Message, s.dir)
		wrong++
	}
	require.Greater(t, wrong, 20)
	require.NoError(t, os.WriteFile(packs[0], whole, 0o644))
	data, err := c.Read(t.Context(), stored.Ref)
	require.NoError(t, err)
	require.Equal(t, text, data)
}

func TestDamagedLooseObjectsGiveErrors(t *testing.T) {
	t.Parallel()
	c := &codec{}
	dir := t.TempDir()
	o, err := openODB(mkdir(t, dir, "pack"), discard())
	require.NoError(t, err)
	h := hashFor(1)
	require.NoError(t, os.MkdirAll(filepath.Dir(loosePath(dir, h)), 0o755))
	for name, raw := range map[string][]byte{
		"empty":         {},
		"not zlib":      []byte("blob 1\x001"),
		"no header":     c.deflate([]byte("blob")),
		"long header":   c.deflate([]byte(strings.Repeat("blob", 100))),
		"no size":       c.deflate([]byte("blob \x001")),
		"negative size": c.deflate([]byte("blob -1\x001")),
		"huge size":     c.deflate([]byte("blob 99999999999999999999\x001")),
		"odd type":      c.deflate([]byte("blub 1\x001")),
		"delta type":    c.deflate([]byte("ofs-delta 1\x001")),
		"too short":     c.deflate([]byte("blob 3\x0012")),
		"too long":      c.deflate([]byte("blob 1\x0012")),
		"cut off":       c.deflate([]byte("blob 3\x00123"))[:8],
	} {
		require.NoError(t, os.WriteFile(loosePath(dir, h), raw, 0o644))
		_, _, err := o.read(h, maxBlob)
		require.ErrorIs(t, err, errDamaged, name)
	}
	require.NoError(t, os.WriteFile(loosePath(dir, h), c.deflate([]byte("blob 10485761\x001")), 0o644))
	_, _, err = o.read(h, maxBlob)
	require.ErrorIs(t, err, errTooLarge, "the size is looked at first")
	require.NoError(t, os.WriteFile(loosePath(dir, h), store([]byte("blob 1\x001")), 0o644))
	_, data, err := o.read(h, maxBlob)
	require.NoError(t, err)
	require.Equal(t, "1", string(data))
}

func TestStoredStreamsOfAnyLength(t *testing.T) {
	t.Parallel()
	c := &codec{}
	for _, n := range []int{0, 1, 0xfffe, 0xffff, 0x10000, 0x1fffe, 300_000} {
		data := bytes.Repeat([]byte{7}, n)
		back, err := c.inflate(bytes.NewReader(store(data)), int64(n))
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, back))
	}
}

func TestAlternatesAreReadToo(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	c := s.Workspace(workspace.Default())
	stored, err := c.Put(t.Context(), key("welcome"), []byte("text"), by("Ada"))
	require.NoError(t, err)
	borrower := filepath.Join(t.TempDir(), "b.git")
	git(t, t.TempDir(), "clone", "-q", "--bare", "--shared", s.dir, borrower)
	b := open(t, Options{Path: borrower})
	data, err := b.Workspace(workspace.Default()).Read(t.Context(), stored.Ref)
	require.NoError(t, err)
	require.Equal(t, "text", string(data))
	_, err = b.Workspace(workspace.Default()).Put(t.Context(), key("farewell"), []byte("bye"), by("Ada"))
	require.NoError(t, err)
	require.Len(t, inHead(t, borrower), 2)
	require.Len(t, inHead(t, s.dir), 1)
}

// store joins the pieces of a stored stream.
func store(data []byte) []byte { return bytes.Join(stored(data), nil) }

// deltaHeader encodes the header of a delta whose base lies back bytes before.
func deltaHeader(size int, back int64) []byte {
	var buf [10]byte
	i := len(buf) - 1
	buf[i] = byte(back & 0x7f)
	for back >>= 7; back > 0; back >>= 7 {
		back--
		i--
		buf[i] = 0x80 | byte(back&0x7f)
	}
	return append(entryHeader(plumbing.OFSDeltaObject, size), buf[i:]...)
}

func FuzzEntryHeader(f *testing.F) {
	f.Add(uint32(0), int64(1))
	f.Add(uint32(1<<31), int64(1<<40))
	f.Fuzz(func(t *testing.T, size uint32, back int64) {
		h, err := parseHeader(entryHeader(plumbing.TreeObject, int(size)), 100)
		require.NoError(t, err)
		require.Equal(t, int64(size), h.size)
		require.Equal(t, plumbing.TreeObject, h.kind)
		if back <= 0 || back > 1<<50 {
			return
		}
		at := back + packHeaderSize
		h, err = parseHeader(deltaHeader(int(size), back), at)
		require.NoError(t, err)
		require.Equal(t, int64(packHeaderSize), h.baseAt)
		require.Equal(t, int64(size), h.size)
	})
}

func FuzzPackIndex(f *testing.F) {
	f.Add(encodePackIndex([]packed{{hashFor(1), 12, 7}, {hashFor(2), 1 << 33, 8}}, hashFor(9)), []byte{1})
	f.Fuzz(func(t *testing.T, raw, name []byte) {
		if len(raw) > hashSize { // let the checksum be right, or nothing else is tried
			sum := sha(raw[:len(raw)-hashSize])
			raw = append(bytes.Clone(raw[:len(raw)-hashSize]), sum[:]...)
		}
		x, err := parsePackIndex(raw)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		var h plumbing.Hash
		copy(h[:], name)
		x.find(h)
		for i := range x.count() {
			x.offset(i)
			x.crc(i)
		}
		require.NotNil(t, x.covers(x))
	})
}

// FuzzPack reads objects at every offset of a pack made of hostile bytes.
func FuzzPack(f *testing.F) {
	c := &codec{}
	f.Add(append(entryHeader(plumbing.BlobObject, 4), c.deflate([]byte("text"))...))
	blob := append(entryHeader(plumbing.BlobObject, 4), store([]byte("text"))...)
	delta := []byte{4, 6, 0x90, 4, 2, '!', '?'} // copy four bytes, add two
	f.Add(append(append(blob, deltaHeader(len(delta), int64(len(blob)))...), store(delta)...))
	f.Add([]byte{0x7f, 0x01, 0x78})
	f.Fuzz(func(t *testing.T, entries []byte) {
		base := filepath.Join(t.TempDir(), "p")
		raw := append([]byte("PACK\x00\x00\x00\x02"), 0, 0, 0, 1)
		raw = append(raw, entries...)
		sum := sha(raw)
		require.NoError(t, os.WriteFile(base+".pack", append(raw, sum[:]...), 0o600))
		idx := encodePackIndex([]packed{{hashFor(1), packHeaderSize, 0}}, plumbing.Hash(sum))
		require.NoError(t, os.WriteFile(base+".idx", idx, 0o600))
		p, err := loadPack(base, c, newLRU[place, whole](1<<20))
		require.NoError(t, err)
		defer func() { require.NoError(t, p.retire()) }()
		for at := range min(len(entries), 64) {
			_, data, err := p.read(int64(packHeaderSize+at), 1<<10)
			if err == nil {
				require.LessOrEqual(t, len(data), 1<<10)
			}
		}
		for _, at := range []int64{-1, 0, 11, int64(len(raw)), 1 << 40} {
			_, _, err := p.read(at, 1<<10)
			require.Error(t, err)
		}
	})
}

func TestDeltasAgainstThemselvesEnd(t *testing.T) {
	t.Parallel()
	// A reference delta whose base is itself.
	base := filepath.Join(t.TempDir(), "p")
	name := hashFor(1)
	entry := append(entryHeader(plumbing.REFDeltaObject, 4), name[:]...)
	entry = append(entry, store([]byte{4, 4, 0x90, 4})...)
	raw := append(binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), 1), entry...)
	sum := sha(raw)
	require.NoError(t, os.WriteFile(base+".pack", append(raw, sum[:]...), 0o600))
	require.NoError(t, os.WriteFile(base+".idx", encodePackIndex([]packed{{name, packHeaderSize, 0}}, plumbing.Hash(sum)), 0o600))
	p, err := loadPack(base, &codec{}, newLRU[place, whole](1<<20))
	require.NoError(t, err)
	_, _, err = p.read(packHeaderSize, maxBlob)
	require.ErrorIs(t, err, errDamaged)
	require.NoError(t, p.retire())
}
