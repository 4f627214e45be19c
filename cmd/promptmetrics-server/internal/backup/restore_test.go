package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/backup"
)

const salt = "0123456789abcdef0123456789abcdef\n"

// whole is a source with everything, such as a server leaves it.
func whole(tb testing.TB) backup.Source {
	tb.Helper()
	s := source(tb)
	_, err := open(tb, s.Database).ExecContext(tb.Context(), "CREATE TABLE pm_migrations (number INTEGER); INSERT INTO t VALUES (7, 'x')")
	require.NoError(tb, err)
	s.Salt = filepath.Join(tb.TempDir(), "salt")
	require.NoError(tb, os.WriteFile(s.Salt, []byte(salt), 0o600))
	git(tb, s.Repository, "tag", "v1")
	return s
}

func restore(tb testing.TB, data []byte, into string) (backup.Restored, error) {
	tb.Helper()
	return backup.Restore(tb.Context(), bytes.NewReader(data), into, nil)
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := whole(t)
	data := written(t, s)
	parent := t.TempDir()
	empty := filepath.Join(parent, "empty")
	require.NoError(t, os.Mkdir(empty, 0o711)) //nolint:gosec // to be kept as it is.
	for name, into := range map[string]string{
		"a new folder": filepath.Join(parent, "new"), "a new folder in a new folder": filepath.Join(parent, "a", "b"), "an empty folder": empty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			progress := &backup.Progress{}
			done, err := backup.Restore(t.Context(), bytes.NewReader(data), into, progress)
			require.NoError(t, err)
			require.Equal(t, into, done.Folder)
			require.True(t, done.Salt)
			require.Equal(t, int64(1_700_000_000), done.CreatedAt)
			stage, _, _ := progress.State()
			require.Equal(t, "writing to disk", stage)

			names := []string{}
			entries, err := os.ReadDir(into)
			require.NoError(t, err)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			require.Equal(t, []string{"api_key_salt", "promptmetrics.db", "prompts.git"}, names)
			for _, private := range names[:2] {
				info, err := os.Stat(filepath.Join(into, private))
				require.NoError(t, err)
				require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), private)
			}
			text, err := os.ReadFile(filepath.Join(into, "api_key_salt"))
			require.NoError(t, err)
			require.Equal(t, salt, string(text))
			var n int
			require.NoError(t, open(t, filepath.Join(into, "promptmetrics.db")).QueryRowContext(t.Context(), "SELECT n FROM t").Scan(&n))
			require.Equal(t, 7, n)
			restored := filepath.Join(into, "prompts.git")
			git(t, restored, "fsck", "--full", "--strict")
			require.Equal(t, git(t, s.Repository, "for-each-ref"), git(t, restored, "for-each-ref"))
			require.Equal(t, git(t, s.Repository, "symbolic-ref", "HEAD"), git(t, restored, "symbolic-ref", "HEAD"))
		})
	}
	t.Cleanup(func() {
		info, err := os.Stat(empty)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o711), info.Mode().Perm(), "a folder that was there stays what it was")
		left, err := filepath.Glob(filepath.Join(parent, ".promptmetrics-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func TestRestoreOfParts(t *testing.T) {
	t.Parallel()
	t.Run("prompts alone", func(t *testing.T) {
		t.Parallel()
		s := whole(t)
		s.Database = ""
		done, err := restore(t, written(t, s), filepath.Join(t.TempDir(), "x"))
		require.NoError(t, err)
		require.Zero(t, done.DatabaseSize)
		require.NoFileExists(t, filepath.Join(done.Folder, "promptmetrics.db"))
		git(t, filepath.Join(done.Folder, "prompts.git"), "fsck", "--full", "--strict")
	})
	t.Run("the database alone", func(t *testing.T) {
		t.Parallel()
		s := whole(t)
		s.Repository, s.Salt = "", ""
		done, err := restore(t, written(t, s), filepath.Join(t.TempDir(), "x"))
		require.NoError(t, err)
		require.Nil(t, done.Prompts)
		require.False(t, done.Salt)
		require.NoDirExists(t, filepath.Join(done.Folder, "prompts.git"))
	})
	t.Run("no prompts yet", func(t *testing.T) {
		t.Parallel()
		s := whole(t)
		s.Repository = filepath.Join(t.TempDir(), "empty.git")
		git(t, t.TempDir(), "init", "-q", "--bare", "-b", "trunk", s.Repository)
		data := written(t, s)
		require.False(t, slices.ContainsFunc(parts(t, data), func(p part) bool { return p.Name == "prompts.bundle" }))
		done, err := restore(t, data, filepath.Join(t.TempDir(), "x"))
		require.NoError(t, err)
		require.Equal(t, "refs/heads/trunk", git(t, filepath.Join(done.Folder, "prompts.git"), "symbolic-ref", "HEAD"))
	})
	t.Run("the former format", func(t *testing.T) {
		t.Parallel()
		done, err := restore(t, former(t), filepath.Join(t.TempDir(), "x"))
		require.NoError(t, err)
		require.Equal(t, backup.Prompts{Head: "refs/heads/main", Refs: 1, Objects: done.Prompts.Objects}, *done.Prompts)
		require.True(t, done.Salt)
		restored := filepath.Join(done.Folder, "prompts.git")
		git(t, restored, "fsck", "--full", "--strict")
		require.Equal(t, "2", git(t, restored, "rev-list", "--count", "HEAD"))
		require.Contains(t, git(t, restored, "show", "HEAD:prompts/welcome/1.1.0.json"), "Hello {{name}}, 1.1.0")
		var n int
		require.NoError(t, open(t, filepath.Join(done.Folder, "promptmetrics.db")).QueryRowContext(t.Context(), "SELECT count(*) FROM pm_logs").Scan(&n))
		require.Equal(t, 1, n)
		config, err := os.ReadFile(filepath.Join(restored, "config"))
		require.NoError(t, err)
		require.Contains(t, string(config), "denyNonFastForwards", "the configuration is our own")
	})
}

func TestWhereNothingIsRestored(t *testing.T) {
	t.Parallel()
	data := written(t, whole(t))
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		want string
	}{
		"a folder with something": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "precious"), []byte("mine"), 0o600))
		}, "is not empty, there is precious in it"},
		"a folder with something hidden": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("mine"), 0o600))
		}, "is not empty, there is .env in it"},
		"a file": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Remove(dir))
			require.NoError(t, os.WriteFile(dir, []byte("mine"), 0o600))
		}, "cannot be restored into"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "x")
			require.NoError(t, os.Mkdir(dir, 0o700))
			c.make(t, dir)
			before := listing(t, filepath.Dir(dir))
			_, err := restore(t, data, dir)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, before, listing(t, filepath.Dir(dir)), "nothing was changed")
		})
	}
	t.Run("what a killed restore left is no obstacle", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		left := filepath.Join(dir, ".promptmetrics-restore-123", "tree")
		require.NoError(t, os.MkdirAll(left, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".promptmetrics-restore-123", "lock"), nil, 0o600))
		_, err := restore(t, data, dir)
		require.NoError(t, err)
		require.NoDirExists(t, left)
	})
}

func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return names
}

// TestHostileBackups changes a good backup in every way that has a meaning,
// and wants no folder of any of them.
func TestHostileBackups(t *testing.T) {
	t.Parallel()
	good := parts(t, written(t, whole(t)))
	old := parts(t, former(t))
	find := func(all []part, name string) int {
		return slices.IndexFunc(all, func(p part) bool { return p.Name == name })
	}
	with := func(all []part, name string, change func(*part)) []part {
		all = slices.Clone(all)
		change(&all[find(all, name)])
		return all
	}
	insert := func(all []part, before string, p part) []part {
		return slices.Insert(slices.Clone(all), find(all, before), p)
	}
	regular := func(name string) part {
		return part{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, []byte("x")}
	}
	link := func(kind byte, name, to string) part {
		return part{tar.Header{Typeflag: kind, Name: name, Linkname: to, Mode: 0o644}, nil}
	}
	manifest := func(change func(*backup.Manifest)) []byte {
		return tarOf(t, with(good, "manifest.json", func(p *part) {
			var m backup.Manifest
			require.NoError(t, json.Unmarshal(p.data, &m))
			change(&m)
			p.data, _ = json.Marshal(m)
		}))
	}
	whole := tarOf(t, good)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":                      {nil, "it is no backup of promptmetrics-server"},
		"zeros":                        {make([]byte, 4096), "it is no backup of promptmetrics-server"},
		"no tar":                       {bytes.Repeat([]byte("hello, world. "), 1000), "it is no backup of promptmetrics-server"},
		"a tar of others":              {tarOf(t, []part{regular("etc/passwd")}), "it is no backup of promptmetrics-server"},
		"compressed":                   {[]byte("\x1f\x8b\x08 whatever"), "it is compressed: run \"gunzip -c FILE | promptmetrics-server restore -\""},
		"a newer format":               {tarOf(t, with(good, "backup.json", func(p *part) { p.data = []byte(`{"format":3}`) })), "it has format 3 and this program knows 2"},
		"a format of nobody":           {tarOf(t, with(good, "backup.json", func(p *part) { p.data = []byte(`{"format":-1}`) })), "it is no backup"},
		"about no JSON":                {tarOf(t, with(good, "backup.json", func(p *part) { p.data = []byte(`{`) })), "it is no backup"},
		"no manifest":                  {tarOf(t, good[:len(good)-1]), "it is cut off: it has no manifest"},
		"cut off":                      {whole[:len(whole)/2], "it is cut off"},
		"another byte in the database": {tarOf(t, with(good, "promptmetrics.db", func(p *part) { p.data = bytes.Clone(p.data); p.data[len(p.data)/2] ^= 1 })), "promptmetrics.db does not match its checksum"},
		"another byte in the bundle":   {tarOf(t, with(good, "prompts.bundle", func(p *part) { p.data = bytes.Clone(p.data); p.data[len(p.data)/2] ^= 1 })), "prompts.bundle does not match its checksum"},
		"a file less":                  {tarOf(t, slices.Delete(slices.Clone(good), 3, 4)), "files and its manifest"},
		"something after the manifest": {tarOf(t, append(slices.Clone(good), regular("RESTORE.txt"))), "something follows its manifest"},
		"a file twice":                 {tarOf(t, insert(good, "manifest.json", regular("promptmetrics.db"))), "it has promptmetrics.db twice"},
		"a file that no backup has":    {tarOf(t, insert(good, "manifest.json", regular("extra"))), `it has an entry "extra" that no backup has`},
		"a path that climbs":           {tarOf(t, insert(good, "manifest.json", regular("../../etc/cron.d/x"))), `it has an entry "../../etc/cron.d/x" that no backup has`},
		"an absolute path":             {tarOf(t, insert(good, "manifest.json", regular("/etc/cron.d/x"))), "that no backup has"},
		"a symbolic link":              {tarOf(t, insert(good, "promptmetrics.db", link(tar.TypeSymlink, "promptmetrics.db", "/etc/passwd"))), "that no backup has"},
		"a hard link":                  {tarOf(t, insert(good, "promptmetrics.db", link(tar.TypeLink, "promptmetrics.db", "backup.json"))), "that no backup has"},
		"a device":                     {tarOf(t, insert(good, "promptmetrics.db", link(tar.TypeChar, "promptmetrics.db", ""))), "that no backup has"},
		"a folder":                     {tarOf(t, insert(good, "promptmetrics.db", link(tar.TypeDir, "prompts.git/", ""))), "that no backup has"},
		"a huge salt":                  {tarOf(t, with(good, "api_key_salt", func(p *part) { p.data = make([]byte, 70<<10) })), "api_key_salt is larger than 65536 bytes"},
		"a manifest no JSON":           {tarOf(t, with(good, "manifest.json", func(p *part) { p.data = []byte("x") })), "is no JSON of a manifest"},
		"a manifest of another format": {manifest(func(m *backup.Manifest) { m.Format = 1 }), "its manifest is of format 1"},
		"a manifest that knows less":   {manifest(func(m *backup.Manifest) { m.Prompts = nil }), "does not tell of the prompts"},
		"a manifest of other names":    {manifest(func(m *backup.Manifest) { m.Files[0].Name = strings.Repeat("x", 1000) }), "its manifest names"},
		"a manifest of more objects":   {manifest(func(m *backup.Manifest) { m.Prompts.Objects++ }), "its manifest tells of"},
		"a HEAD that climbs":           {manifest(func(m *backup.Manifest) { m.Prompts.Head = "refs/heads/../../x" }), "which is no branch"},
		"holes":                        {sparse(), "it unpacks to more than it is"},
		"a size beyond the file":       {huge(t), "it is cut off in promptmetrics.db"},

		"former: a path that climbs":    {tarOf(t, insert(old, "prompts.git/objects/", regular("prompts.git/../../x"))), "that no backup has"},
		"former: a link":                {tarOf(t, insert(old, "prompts.git/objects/", link(tar.TypeSymlink, "prompts.git/objects/info", "/etc"))), "that no backup has"},
		"former: a file twice":          {tarOf(t, append(slices.Clone(old), old[find(old, "prompts.git/refs/heads/main")])), "twice"},
		"former: a file that is folder": {tarOf(t, append(slices.Clone(old), regular("prompts.git/refs/heads/main/x"))), "that no backup has"},
		"former: something else":        {tarOf(t, append(slices.Clone(old), regular("etc/passwd"))), "that no backup has"},
		"former: borrowed objects":      {tarOf(t, append(slices.Clone(old), regular("prompts.git/objects/info/alternates"))), "borrows objects"},
		"former: a pack is missing":     {tarOf(t, slices.DeleteFunc(slices.Clone(old), func(p part) bool { return strings.HasSuffix(p.Name, ".idx") })), "no such object"},
		"former: no database":           {tarOf(t, slices.DeleteFunc(slices.Clone(old), func(p part) bool { return p.Name == "promptmetrics.db" })), "it has no database"},
		"former: no repository":         {tarOf(t, old[:4]), "its prompt repository"},
		"former: a damaged database":    {tarOf(t, with(old, "promptmetrics.db", func(p *part) { p.data = bytes.Clone(p.data); copy(p.data[8192:], bytes.Repeat([]byte{0xff}, 4096)) })), "its database"},
		"former: no database at all":    {tarOf(t, with(old, "promptmetrics.db", func(p *part) { p.data = []byte("no database") })), "its database is none"},
		"former: no salt":               {tarOf(t, with(old, "api_key_salt", func(p *part) { p.data = []byte("short") })), "its salt of the API keys is none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			_, err := restore(t, c.data, filepath.Join(parent, "x"))
			require.ErrorContains(t, err, c.want)
			left, err := os.ReadDir(parent)
			require.NoError(t, err)
			require.Empty(t, left, "a failed restore leaves nothing behind")
		})
	}
}

// sparse is a backup whose database claims a terabyte of zeros in a few bytes.
func sparse() []byte {
	about := []byte(`{"format":2}`)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "backup.json", Size: int64(len(about)), Mode: 0o600})
	_, _ = w.Write(about)
	_ = w.Flush()
	// PAX 1.0 sparse: the map "1 block at 1 TiB of 0 bytes" stands in the data.
	sparseMap := fmt.Sprintf("1\n%d\n0\n", 1<<40)
	records := ""
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=promptmetrics.db", fmt.Sprintf("GNU.sparse.realsize=%d", 1<<40)} {
		for n := len(r) + 3; ; n++ {
			if line := fmt.Sprintf("%d %s\n", n, r); len(line) == n {
				records += line
				break
			}
		}
	}
	raw := func(kind byte, name string, data []byte) {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[100:], "0000600\x00")
		copy(h[108:], "0000000\x00")
		copy(h[116:], "0000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x00", len(data)))
		copy(h[136:], "00000000000\x00")
		copy(h[148:], "        ")
		h[156] = kind
		copy(h[257:], "ustar\x0000")
		sum := 0
		for _, b := range h {
			sum += int(b)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		out.Write(h)
		out.Write(data)
		out.Write(make([]byte, (512-len(data)%512)%512))
	}
	raw('x', "PaxHeaders/x", []byte(records))
	block := make([]byte, 512)
	copy(block, sparseMap)
	raw('0', "GNUSparseFile.0/x", block)
	return append(out.Bytes(), make([]byte, 1024)...)
}

// huge is a backup whose database claims more than comes.
func huge(tb testing.TB) []byte {
	tb.Helper()
	about := []byte(`{"format":2}`)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	require.NoError(tb, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "backup.json", Size: int64(len(about)), Mode: 0o600}))
	_, err := w.Write(about)
	require.NoError(tb, err)
	require.NoError(tb, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "promptmetrics.db", Size: 1 << 45, Mode: 0o600}))
	_, err = w.Write([]byte("a few bytes"))
	require.NoError(tb, err)
	return out.Bytes() // without its end
}

func TestRestoreThatIsInterrupted(t *testing.T) {
	t.Parallel()
	data := written(t, whole(t))
	for n := 0; n < len(data); n += 4096 {
		ctx, cancel := context.WithCancel(t.Context())
		from := io.MultiReader(bytes.NewReader(data[:n]), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, errors.New("the line is cut")
		}))
		parent := t.TempDir()
		_, err := backup.Restore(ctx, from, filepath.Join(parent, "x"), nil)
		require.Error(t, err)
		left, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
