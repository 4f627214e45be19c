package gitstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// refused opens a store that must not open, and gives what it says.
func refused(tb testing.TB, remote Remote) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "m.git")
	_, err := Open(tb.Context(), Options{Path: path, Remote: &remote})
	require.Error(tb, err)
	require.NotContains(tb, err.Error(), githost.Token)
	require.NotContains(tb, err.Error(), "hunter2")
	if fields := pmerr.From(err).Fields; len(fields) > 0 {
		return strings.Join(fields, "\n")
	}
	return err.Error()
}

func TestWrongRemotesAreRefusedBeforeTheHostIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remote Remote
		want   string
	}{
		"no URL":                        {Remote{}, "Remote.URL is empty"},
		"unreadable":                    {Remote{URL: "https://hunter2@[::1/x"}, "Remote.URL cannot be read"},
		"ssh":                           {Remote{URL: "ssh://git@host/a/b"}, "repositories over ssh are reached by https"},
		"ssh, short":                    {Remote{URL: "git@github.com:a/b.git"}, "Remote.URL"},
		"no repository":                 {Remote{URL: "https://host/"}, "Remote.URL must name a host and a repository"},
		"a query":                       {Remote{URL: "https://host/a?token=hunter2"}, "Remote.URL must not have a query"},
		"a token in the clear":          {Remote{URL: "http://host.example/a/b", Token: "hunter2"}, "over http:// anybody on the way reads the token"},
		"a token of the URL as well":    {Remote{URL: "http://u:hunter2@host.example/a/b"}, "over http:// anybody on the way reads the token"},
		"another machine's file":        {Remote{URL: "file://host/a"}, "must name a path of this machine"},
		"a branch with its folder, bad": {Remote{URL: "https://h/a", Branch: "a..b"}, "Remote.Branch must be the name of a branch"},
		"a token with a line break":     {Remote{URL: "https://h/a", Token: "hunter2\n"}, "Remote.Token and Remote.Username must be printable"},
		"a user with a colon":           {Remote{URL: "https://h/a", Username: "a:hunter2"}, "Username without a colon"},
		"negative":                      {Remote{URL: "https://h/a", Timeout: -1, MaxPack: -1}, "Remote.Timeout is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, refused(t, c.remote), c.want)
		})
	}
	require.NoError(t, Remote{URL: "http://localhost:3000/a/b", Token: "x"}.Validate())
	require.NoError(t, Remote{URL: "http://host.example/a/b", Token: "x", AllowCleartext: true}.Validate())
	require.NoError(t, Remote{URL: "http://host.example/a/b"}.Validate(), "nothing secret")
}

func TestHostsThatRefuseAreNamedAtTheStart(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	p := r.Person()
	p.Git("checkout", "-q", "-B", "trunk")
	p.Write("README.md", "x")
	p.Commit("x")
	p.Push()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome</html>") }))
	t.Cleanup(page.Close)
	good := *remoteOf(r)
	with := func(change func(*Remote)) Remote {
		remote := good
		change(&remote)
		return remote
	}
	for name, c := range map[string]struct {
		remote Remote
		want   string
	}{
		"a wrong token": {with(func(r *Remote) { r.Token = "hunter2" }), "Remote.Token is refused: it may be wrong or expired: the git host answers 401: Bad credentials"},
		"no token":      {with(func(r *Remote) { r.Token = "" }), "Remote.Token is empty, and the repository needs one: the git host answers 401"},
		"no repository": {with(func(r *Remote) { r.URL = h.URL + "/other.git" }), "Remote.URL names no repository that the token may see: the git host answers 404: Repository not found."},
		"nobody there":  {with(func(r *Remote) { r.URL = closed.URL + "/a/b.git" }), "connection refused"},
		"no such host":  {with(func(r *Remote) { r.URL = "https://no-such-host.invalid/a/b.git" }), "Remote.URL cannot be used now"},
		"a web page":    {with(func(r *Remote) { r.URL = page.URL + "/a/b.git" }), "answers, but not as a git host does"},
		"a branch that is not there": {
			with(func(r *Remote) { r.Branch = "production" }),
			"Remote.Branch: the repository has no branch production; it has trunk",
		},
		"no path": {Remote{URL: "/no/such/folder"}, "404: Repository not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, refused(t, c.remote), c.want)
		})
	}
	t.Run("the only branch is found, and the token in the URL is taken out", func(t *testing.T) {
		t.Parallel()
		remote := &Remote{URL: strings.Replace(r.URL(), "http://", "http://me:"+githost.Token+"@", 1), Timeout: time.Minute}
		s := open(t, Options{Remote: remote})
		putOne(t, s, "one")
		require.Len(t, r.Files("trunk"), 2)
		require.NotContains(t, filesOf(t, s.dir), githost.Token)
	})
}

func TestATokenThatMayOnlyReadIsNotEnough(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	h.Break(githost.Fault{Service: receivePack, Status: 403, Body: "Write access to repository not granted."})
	require.Contains(t, refused(t, *remoteOf(r)), "Remote.Token is not enough: it must be allowed to read and push: the git host answers 403: Write access to repository not granted.")
}

func TestAStartWhileTheHostIsDown(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	path := filepath.Join(t.TempDir(), "mirror.git")
	s := open(t, Options{Path: path, Remote: remoteOf(r)})
	one := putOne(t, s, "one")
	require.NoError(t, s.Close())
	h.Break(githost.Fault{Status: 503})
	require.Contains(t, refused(t, *remoteOf(r)), "Remote.URL cannot be used now, and there is no earlier copy of the prompts here: the git host answers 503")
	said, log := logbook()
	s = open(t, Options{Path: path, Remote: remoteOf(r), Logger: log})
	require.Contains(t, said(), "prompts are served from the mirror")
	require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
	require.Len(t, files(t, s), 1)
	_, err := tryPut(t, s, "two")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	h.Mend()
	eventually(t, "the host is called again", func() bool { return s.Check(t.Context()) == nil })
	_, err = tryPut(t, s, "two")
	require.NoError(t, err)
	require.NotEmpty(t, one.Commit)
}

func TestTheTokenStaysWithItsHost(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	var heard []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(thief.Close)
	s := node(t, r)
	putOne(t, s, "one")
	for _, elsewhere := range []string{strings.Replace(thief.URL, "127.0.0.1", "localhost", 1), thief.URL} {
		h.Break(githost.Fault{Redirect: elsewhere})
		require.ErrorIs(t, s.Fetch(t.Context()), pmerr.ErrUnavailable)
		_, err := tryPut(t, s, "two")
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.Contains(t, refused(t, *remoteOf(r)), "Remote.URL leads elsewhere")
	}
	require.Empty(t, heard, "another host, or another port of it, is not even asked")
}

func TestARepositoryThatMovedWithinItsHostIsFollowed(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	s := node(t, r)
	putOne(t, s, "one")
	h.Break(githost.Fault{Serve: func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, strings.Replace(q.URL.RequestURI(), "/prompts.git", "/new/prompts.git", 1), http.StatusMovedPermanently)
	}, Times: 1})
	require.NoError(t, os.MkdirAll(filepath.Join(filepath.Dir(r.Path), "new"), 0o750))
	require.NoError(t, os.Rename(r.Path, filepath.Join(filepath.Dir(r.Path), "new", "prompts.git")))
	require.NoError(t, s.Fetch(t.Context()))
	_, err := tryPut(t, s, "two")
	require.NoError(t, err)
}

// hostile serves a branch whose pack is of somebody's making.
func hostile(tb testing.TB, advertised string, pack []byte) *Remote {
	tb.Helper()
	line := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service := "git-upload-pack"
		if strings.Contains(r.URL.RequestURI(), receivePack) {
			service = receivePack
		}
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
			if advertised != "" {
				fmt.Fprint(w, advertised)
				return
			}
			fmt.Fprint(w, line("# service="+service+"\n")+"0000"+
				line(strings.Repeat("a", 40)+" refs/heads/main\x00report-status ofs-delta side-band-64k\n")+"0000")
			return
		}
		w.Header().Set("Content-Type", "application/x-"+service+"-result")
		fmt.Fprint(w, line("NAK\n"))
		for rest := pack; len(rest) > 0; {
			n := min(len(rest), 60000)
			fmt.Fprintf(w, "%04x\x01%s", n+5, rest[:n])
			rest = rest[n:]
		}
		fmt.Fprint(w, "0000")
	}))
	tb.Cleanup(s.Close)
	return &Remote{URL: s.URL + "/a/b.git", Branch: "main", MaxPack: 1 << 20, Timeout: 30 * time.Second}
}

// packOf makes a pack of entries that need not be sound.
func packOf(count uint32, entries ...[]byte) []byte {
	pack := append([]byte("PACK"), 0, 0, 0, 2)
	pack = binary.BigEndian.AppendUint32(pack, count)
	for _, e := range entries {
		pack = append(pack, e...)
	}
	sum := sha(pack)
	return append(pack, sum[:]...)
}

func entryOf(kind plumbing.ObjectType, claimed int, data []byte) []byte {
	return append(entryHeader(kind, claimed), (&codec{}).deflate(data)...)
}

func TestHostilePacksAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	deep := [][]byte{entryOf(plumbing.BlobObject, 1, []byte("x"))}
	delta := []byte{1, 1, 0x90, 1} // copies the base
	for range maxChain + 2 {
		size := len(deep[len(deep)-1])
		e := entryHeader(plumbing.OFSDeltaObject, len(delta))
		e = append(e, byte(size)) // small enough for one byte
		deep = append(deep, append(e, (&codec{}).deflate(delta)...))
	}
	bomb := bytes.Repeat([]byte{0}, 8<<20)
	for name, pack := range map[string][]byte{
		"no pack":                      []byte("hello, this is no pack at all, but long enough"),
		"empty":                        {},
		"more objects than allowed":    packOf(maxFetched + 1),
		"fewer objects than announced": packOf(3, entryOf(plumbing.BlobObject, 1, []byte("x"))),
		"an object of a terabyte":      packOf(1, entryOf(plumbing.BlobObject, 1<<40, []byte("x"))),
		"larger than it says":          packOf(1, entryOf(plumbing.BlobObject, 10, bomb)),
		"smaller than it says":         packOf(1, entryOf(plumbing.BlobObject, 1000, []byte("x"))),
		"deltas upon deltas":           packOf(uint32(len(deep)), deep...),
		"a delta to a terabyte": packOf(2, entryOf(plumbing.BlobObject, 1, []byte("x")),
			append(append(entryHeader(plumbing.REFDeltaObject, 9), make([]byte, 20)...), (&codec{}).deflate([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0x90})...)),
		"another object than was asked for": packOf(1, entryOf(plumbing.BlobObject, 1, []byte("x"))),
		"larger than MaxPack":               append(packOf(1, entryOf(plumbing.BlobObject, 1, []byte("x"))), bytes.Repeat([]byte("x"), 2<<20)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "m.git")
			_, err := Open(t.Context(), Options{Path: path, Remote: hostile(t, "", pack)})
			require.Error(t, err)
			left, err := filepath.Glob(filepath.Join(path, "objects", "pack", "*"))
			require.NoError(t, err)
			require.Empty(t, left)
			require.NoDirExists(t, filepath.Join(path, ownDir, "fetch"))
		})
	}
}

func TestHostileListsOfRefsAreRefused(t *testing.T) {
	t.Parallel()
	endless := strings.Repeat(fmt.Sprintf("%04x%s refs/heads/%0900d\n", 4+40+1+11+900+1, strings.Repeat("b", 40), 1), maxRefs/900)
	for name, text := range map[string]string{
		"garbage":       "zzzz",
		"cut":           "00ff",
		"endless":       endless,
		"no hash":       "000bhello\n0000",
		"hash is short": "0031" + strings.Repeat("a", 44) + "\n0000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, refused(t, *hostile(t, text, nil)))
		})
	}
}

// A history that is not whole must not become the mirror's.
func TestAHistoryWithHolesIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	tree := append([]byte("40000 prompts\x00"), bytes.Repeat([]byte{7}, 20)...)
	root := object{hash: hashOf(plumbing.TreeObject, tree), kind: plumbing.TreeObject, size: len(tree), plain: tree}
	c := commit{tree: root.hash, author: committer(), at: time.Unix(1, 0), message: "x"}.encode()
	top := object{hash: hashOf(plumbing.CommitObject, c), kind: plumbing.CommitObject, size: len(c), plain: c}
	base, err := writePack(s.packs(), []object{root, top}, nil)
	require.NoError(t, err)
	p, err := loadPack(base, s.odb.codec, s.odb.bases)
	require.NoError(t, err)
	require.NoError(t, s.odb.rescan())
	require.ErrorContains(t, s.connected(t.Context(), top.hash, p), "the fetched history is not whole")
	require.ErrorContains(t, s.connected(t.Context(), plumbing.NewHash(strings.Repeat("c", 40)), p), "the fetched history is not whole")
	require.NoError(t, s.forgetPack(p))
	require.False(t, s.odb.has(top.hash))
}

func FuzzExaminePack(f *testing.F) {
	f.Add(packOf(0))
	f.Add(packOf(2, entryOf(plumbing.BlobObject, 1, []byte("x")), entryOf(plumbing.CommitObject, 3, []byte("abc"))))
	f.Add(packOf(1, entryOf(plumbing.OFSDeltaObject, 4, []byte{1, 1, 0x90, 1})))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := os.CreateTemp(t.TempDir(), "")
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		_, err = file.Write(data)
		require.NoError(t, err)
		if examinePack(t.Context(), file) != nil {
			return
		}
		idx, err := indexFetched(t.Context(), file)
		if err != nil {
			return
		}
		if _, err := parsePackIndex(idx); err != nil {
			t.Fatal(err)
		}
	})
}
