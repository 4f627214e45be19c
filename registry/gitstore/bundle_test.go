package gitstore

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repositoryOf makes a bare repository by a script that git runs in it.
func repositoryOf(tb testing.TB, script string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "live.git")
	git(tb, tb.TempDir(), "init", "-q", "--bare", "-b", "main", "--template=", dir)
	require.NoError(tb, os.MkdirAll(filepath.Join(dir, "objects", "info"), 0o750))
	shell(tb, dir, script)
	return dir
}

// shell runs a script in a repository. "change NAME [N]" commits a file with N
// lines, the first of which is different each time.
func shell(tb testing.TB, dir, script string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "sh", "-e", "-c", `
		change() {
			blob=$( (echo "$1 $$ ${3-0}"; seq ${2-10}) | git hash-object -w --stdin)
			(git ls-tree HEAD 2>/dev/null | grep -v "	$1\$" || true; printf '100644 blob %s\t%s\n' "$blob" "$1") > tree.$$
			tree=$(git mktree < tree.$$); rm tree.$$
			parent=$(git rev-parse -q --verify HEAD) || parent=
			git update-ref HEAD $(git commit-tree $tree -m "$1" ${parent:+-p $parent})
		}
`+script)
	cmd.Dir = dir
	cmd.Env = []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin",
		"GIT_AUTHOR_NAME=Grace", "GIT_AUTHOR_EMAIL=g@example.org", "GIT_COMMITTER_NAME=Grace", "GIT_COMMITTER_EMAIL=g@example.org",
	}
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, string(out))
}

// TestBundles packs repositories in every state that git and the store leave
// them in. git itself reads the bundle, and what is made of it again.
func TestBundles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script string }{
		{"loose objects", "change a; change b"},
		{"one pack", "change a; change b; change a 50 1; git repack -q -a -d"},
		{"deltas by offset", "change a 5000; change a 5000 1; change a 5000 2; change a 5000 3; git repack -q -a -d -f --depth=50"},
		{"deltas by name", "change a 5000; change a 5000 1; change a 5000 2; git config repack.useDeltaBaseOffset false; git repack -q -a -d -f"},
		{"packs that overlap, and loose copies", `change a 3000; change a 3000 1; git repack -q -a -d -f; mv objects/pack/*.pack keep.pack; rm -f objects/pack/*
			git unpack-objects -q < keep.pack; change a 3000 2; change b; git repack -q -a -d -f; cp keep.pack x.pack; git index-pack x.pack; mv -f x.pack objects/pack/pack-$(git hash-object x.pack).pack
			mv x.idx objects/pack/$(basename objects/pack/pack-*.pack .pack | tail -1).idx 2>/dev/null || true; rm -f keep.pack; git prune-packed; git fsck --full >/dev/null 2>&1 || rm -f objects/pack/nothing`},
		{"many packs", "for n in 1 2 3 4 5 6 7 8; do change f$n 100 $n; change f1 3000 $n; git repack -q -d; done; change last"},
		{"refs of all kinds", "change a; git tag light; git tag -a -m tagged heavy; git update-ref refs/notes/x HEAD; git branch team/one; git pack-refs --all; change b; git branch later; git symbolic-ref refs/heads/alias refs/heads/later; git tag blob $(git rev-parse HEAD:a)"},
		{"a branch of another name", "change a; git branch -m trunk; git symbolic-ref HEAD refs/heads/trunk"},
		{"objects that no ref leads to", "change a; git branch other; change b; git reset -q --soft HEAD 2>/dev/null || true; git update-ref refs/heads/main refs/heads/other; git repack -q -a -d -k"},
		{"an empty tree and a merge", "change a; git branch side; change b; git update-ref HEAD $(git commit-tree HEAD^{tree} -p HEAD -p side -m merge)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			live := repositoryOf(t, c.script)
			var bundle bytes.Buffer
			done, err := WriteBundle(t.Context(), live, &bundle)
			require.NoError(t, err)
			require.Equal(t, git(t, live, "symbolic-ref", "HEAD"), done.Head)

			dir := t.TempDir()
			file := filepath.Join(dir, "prompts.bundle")
			require.NoError(t, os.WriteFile(file, bundle.Bytes(), 0o600))
			git(t, live, "bundle", "verify", file)
			git(t, dir, "clone", "-q", "prompts.bundle", "cloned")
			require.Equal(t, git(t, live, "rev-parse", "HEAD"), git(t, filepath.Join(dir, "cloned"), "rev-parse", "HEAD"))

			again := filepath.Join(dir, "again.git")
			back, err := Unbundle(t.Context(), &bundle, again, done.Head)
			require.NoError(t, err)
			require.Equal(t, done, back)
			require.Zero(t, bundle.Len())
			fsck(t, again)
			require.Equal(t, git(t, live, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)"), git(t, again, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)"))
			require.Equal(t, git(t, live, "symbolic-ref", "HEAD"), git(t, again, "symbolic-ref", "HEAD"))
			require.NoError(t, verify(t.Context(), live))
			s := open(t, Options{Path: again})
			require.NoError(t, s.Check(t.Context()), "the store works on it")
		})
	}
}

func TestBundleOfAnEmptyRepository(t *testing.T) {
	t.Parallel()
	live := repositoryOf(t, "true")
	var bundle bytes.Buffer
	done, err := WriteBundle(t.Context(), live, &bundle)
	require.NoError(t, err)
	require.Equal(t, Bundle{Head: "refs/heads/main"}, done)
	require.Zero(t, bundle.Len(), "git knows no empty bundles")
	again := filepath.Join(t.TempDir(), "again.git")
	_, err = Unbundle(t.Context(), nil, again, done.Head)
	require.NoError(t, err)
	fsck(t, again)
	require.NoError(t, open(t, Options{Path: again}).Check(t.Context()))
}

// TestBundleWhileOthersChangeThings makes what others may do to a repository
// happen at every single moment of a copy.
func TestBundleWhileOthersChangeThings(t *testing.T) {
	t.Parallel()
	template := repositoryOf(t, "change a 300; git repack -q -d; change b; change a 300 1; git repack -q -d; git branch old; change c")
	for _, c := range []struct{ name, script string }{
		{"a commit", "change new"},
		{"loose objects become a pack", "git repack -q -d"},
		{"everything becomes one pack and refs are packed", "change new; git repack -q -a -d; git pack-refs --all"},
		{"a branch is deleted", "git update-ref -d refs/heads/old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				dir := t.TempDir()
				live := filepath.Join(dir, "live.git")
				require.NoError(t, os.CopyFS(live, os.DirFS(template)))
				n, hit := 0, false
				b := bundler{ctx: t.Context(), dir: live, step: func() {
					if n == at {
						hit = true
						shell(t, live, c.script)
					}
					n++
				}}
				var bundle bytes.Buffer
				done, err := b.write(&bundle)
				require.NoError(t, err)
				if !hit {
					require.Greater(t, at, 12, "a copy has that many moments")
					return
				}
				again := filepath.Join(dir, "again.git")
				_, err = Unbundle(t.Context(), &bundle, again, done.Head)
				require.NoError(t, err)
				fsck(t, again)
				git(t, again, "merge-base", "--is-ancestor", git(t, template, "rev-parse", "HEAD"), "HEAD")
			}
		})
	}
}

func TestWhatCannotBeBundled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script, want string }{
		{"borrowed objects", "change a; echo /x > objects/info/alternates", "borrows objects from another repository"},
		{"a shallow clone", "change a; git rev-parse HEAD > shallow", "is a shallow clone"},
		{"a ref to nothing", "change a; echo 0123456789012345678901234567890123456789 > refs/heads/odd", "refs/heads/odd: object 0123456789012345678901234567890123456789: gitstore: no such object; run git fsck"},
		{"a damaged ref", "change a; echo zero > refs/heads/odd", "the branch does not hold a hash"},
		{"a damaged pack", "change a 3000; git repack -q -a -d; chmod u+w objects/pack/*.pack; printf x | dd of=$(ls objects/pack/*.pack) bs=1 seek=2000 conv=notrunc 2>/dev/null", "does not match its checksum"},
		{"a damaged loose object", "change a; f=$(ls objects/??/* | head -1); chmod u+w $f; echo x > $f", "no zlib stream"},
		{"a loose object under a wrong name", "change a; change b; a=$(git rev-parse HEAD:a); b=$(git rev-parse HEAD:b); cp -f objects/${a%${a#??}}/${a#??} objects/${b%${b#??}}/${b#??}", "is not what its name says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := WriteBundle(t.Context(), repositoryOf(t, c.script), io.Discard)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := WriteBundle(t.Context(), t.TempDir(), io.Discard)
	require.ErrorContains(t, err, "not a bare git repository")
}

// TestHostileBundles spoils a good bundle in every way that has a meaning.
func TestHostileBundles(t *testing.T) {
	t.Parallel()
	live := repositoryOf(t, "change a 2000; change a 2000 1; git tag -a -m x v1; git repack -q -a -d -f")
	var good bytes.Buffer
	_, err := WriteBundle(t.Context(), live, &good)
	require.NoError(t, err)
	head, pack, ok := strings.Cut(good.String(), "\n\n")
	require.True(t, ok)
	hash := git(t, live, "rev-parse", "HEAD")
	const zero = "0123456789012345678901234567890123456789"
	objects := binary.BigEndian.Uint32([]byte(pack[8:]))
	for _, c := range []struct{ name, bundle, want string }{
		{"nothing", "", "cut off"},
		{"no bundle", "PK\x03\x04\n", "no git bundle of version 2"},
		{"version 3", strings.Replace(good.String(), "v2", "v3", 1), "no git bundle of version 2"},
		{"a line without end", bundleHeader + strings.Repeat("x", 100_000), "too long"},
		{"a long line", bundleHeader + hash + " refs/heads/" + strings.Repeat("x", 5000) + "\n\n" + pack, "too long"},
		{"no refs", bundleHeader + "\n" + pack, "has no refs"},
		{"HEAD alone", bundleHeader + hash + " HEAD\n\n" + pack, "has no refs"},
		{"a part", strings.Replace(good.String(), "\n", "\n-"+hash+" before\n", 1), "needs other commits"},
		{"a ref outside", bundleHeader + hash + " ../config\n\n" + pack, "git does not allow"},
		{"a ref that climbs", bundleHeader + hash + " refs/heads/../../config\n\n" + pack, "git does not allow"},
		{"a ref twice", bundleHeader + hash + " refs/heads/main\n" + hash + " refs/heads/main\n\n" + pack, "twice"},
		{"a ref below a ref", bundleHeader + hash + " refs/heads/main\n" + hash + " refs/heads/main/x\n\n" + pack, "refs below it"},
		{"a ref to nothing", bundleHeader + zero + " refs/heads/main\n\n" + pack, "no such object"},
		{"a branch that is a tag", strings.Replace(head, hash+" refs/heads/main", git(t, live, "rev-parse", "v1")+" refs/heads/main", 1) + "\n\n" + pack, "names no commit"},
		{"cut off in the head", head[:len(head)-3], "cut off"},
		{"cut off in the pack", good.String()[:good.Len()-100], "cut off"},
		{"cut off in the checksum", good.String()[:good.Len()-1], "cut off"},
		{"something follows", good.String() + "x", "something follows"},
		{"no pack", head + "\n\nPUCK" + pack[4:], "no pack of version 2"},
		{"more objects than there are", head + "\n\n" + counted(pack, objects+1), ""},
		{"a billion objects", head + "\n\n" + counted(pack, 1<<30), ""},
		{"fewer objects than there are", head + "\n\n" + counted(pack, objects-1), "checksum"},
		{"another byte", head + "\n\n" + pack[:len(pack)/2] + "\x00\x01" + pack[len(pack)/2+2:], ""},
		{"an object of a huge size", head + "\n\n" + packWith(1, "\xbf\xff\xff\xff\xff\xff\x7f\x78\x9c\x03\x00\x00\x00\x00\x01"), "has not the size"},
		{"a delta of itself", head + "\n\n" + packWith(1, "\x60\x00\x78\x9c\x03\x00\x00\x00\x00\x01"), "delta base beyond the pack"},
		{"a delta of nothing", head + "\n\n" + packWith(1, "\x70"+strings.Repeat("\x11", 20)+"\x78\x9c\x03\x00\x00\x00\x00\x01"), "build upon others that are missing"},
		{"an unknown type", head + "\n\n" + packWith(1, "\x50\x78\x9c\x03\x00\x00\x00\x00\x01"), "unknown object type"},
		{"an object twice", head + "\n\n" + packWith(2, strings.Repeat("\x30\x78\x9c\x03\x00\x00\x00\x00\x01", 2)), "twice"},
		{"a pack without the commits", head + "\n\n" + packWith(1, "\x30\x78\x9c\x03\x00\x00\x00\x00\x01"), "no such object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Unbundle(t.Context(), strings.NewReader(c.bundle), filepath.Join(t.TempDir(), "x.git"), "refs/heads/main")
			require.Error(t, err)
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Run("a HEAD that climbs", func(t *testing.T) {
		t.Parallel()
		_, err := Unbundle(t.Context(), bytes.NewReader(good.Bytes()), filepath.Join(t.TempDir(), "x.git"), "refs/heads/../../x")
		require.ErrorContains(t, err, "which is no branch")
	})
	t.Run("a folder that exists", func(t *testing.T) {
		t.Parallel()
		_, err := Unbundle(t.Context(), bytes.NewReader(good.Bytes()), t.TempDir(), "refs/heads/main")
		require.ErrorContains(t, err, "exists already")
	})
}

// counted is a pack with another number of objects, and the right checksum.
func counted(pack string, n uint32) string {
	body := pack[:8] + string(binary.BigEndian.AppendUint32(nil, n)) + pack[12:len(pack)-hashSize]
	sum := sha1.Sum([]byte(body))
	return body + string(sum[:])
}

// packWith is a pack of raw entries.
func packWith(n uint32, entries string) string {
	return counted("PACK\x00\x00\x00\x02    "+entries+strings.Repeat("x", hashSize), n)
}

// TestVerifyFindsWhatIsMissing takes every single object away in turn.
func TestVerifyFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	live := repositoryOf(t, "change a; change b; git tag -a -m x v1")
	objects, err := filepath.Glob(filepath.Join(live, "objects", "??", "*"))
	require.NoError(t, err)
	require.Greater(t, len(objects), 5)
	for n, object := range objects {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "x.git")
			require.NoError(t, os.CopyFS(dir, os.DirFS(live)))
			name, err := filepath.Rel(live, object)
			require.NoError(t, err)
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
			require.Error(t, verify(t.Context(), dir))
		})
	}
}

// FuzzIndexPack feeds the reader of packs, which are what is hardest to read in
// a bundle. What it accepts, git accepts, and calls by the same names.
func FuzzIndexPack(f *testing.F) {
	live := repositoryOf(f, "change a 200; change a 200 1; git tag -a -m x v1; git repack -q -a -d -f")
	var good bytes.Buffer
	_, err := WriteBundle(f.Context(), live, &good)
	require.NoError(f, err)
	_, pack, _ := strings.Cut(good.String(), "\n\n")
	f.Add([]byte(pack[packHeaderSize:len(pack)-hashSize]), binary.BigEndian.Uint32([]byte(pack[8:])))
	f.Add([]byte("\x30\x78\x9c\x03\x00\x00\x00\x00\x01"), uint32(1))
	f.Fuzz(func(t *testing.T, entries []byte, n uint32) {
		data := packWith(n, string(entries)) // with the right checksum, to get past it
		dir := t.TempDir()
		w, err := newRawPack(dir)
		require.NoError(t, err)
		defer func() { require.NoError(t, w.discard()) }()
		x := indexer{ctx: t.Context(), in: &packStream{from: strings.NewReader(data), to: w, sum: sha1.New()}, file: w.file}
		if x.run() != nil {
			return
		}
		require.Len(t, x.done, int(n))
		if n == 0 {
			return // git makes no such packs
		}
		file := filepath.Join(dir, "x.pack")
		require.NoError(t, os.WriteFile(file, []byte(data), 0o600))
		out, err := tryGit(t, dir, "", "index-pack", "x.pack")
		require.NoError(t, err, out)
	})
}

func FuzzBundleHead(f *testing.F) {
	const hash = "0123456789012345678901234567890123456789"
	f.Add(bundleHeader + hash + " refs/heads/main\n" + hash + " HEAD\n\n")
	f.Add(bundleHeader + "-" + hash + " x\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		refs, err := readBundleHead(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		require.NotEmpty(t, refs)
		for _, r := range refs {
			require.True(t, filepath.IsLocal(r.name), r.name)
			require.NotContains(t, r.name, "..")
		}
	})
}
