package contenttest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func putAndRead(t *testing.T, s *suite) {
	c := s.content()
	stored := put(t, c, key("welcome", "1.0.0"), `{"a":1}`)
	require.False(t, stored.Existed)
	require.NotEmpty(t, stored.Ref)
	require.Equal(t, s.lacks(NoCommits), stored.Commit == "")
	require.False(t, stored.At.IsZero())
	require.Equal(t, `{"a":1}`, read(t, c, stored.Ref))
}

func anyBytes(t *testing.T, s *suite) {
	c := s.content()
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	for version, data := range map[string][]byte{
		"1.0.0": {},
		"1.0.1": []byte("\x00\xff\r\n\x1a"),
		"1.0.2": []byte("prompt – Grüße 🎈\n"),
		"1.0.3": noise,
		"1.0.4": bytes.Repeat([]byte("again "), 200_000),
	} {
		handed := bytes.Clone(data)
		stored, err := c.Put(t.Context(), key("bytes", version), handed, by("Ada", ""))
		require.NoError(t, err)
		for i := range handed {
			handed[i] ^= 0x55 // the store must not have kept the slice
		}
		got, err := c.Read(t.Context(), stored.Ref)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got), "version %s came back changed", version)
	}
}

func sameBytes(t *testing.T, s *suite) {
	c := s.content()
	first := put(t, c, key("welcome", "1.0.0"), "text")
	again, err := c.Put(t.Context(), key("welcome", "1.0.0"), []byte("text"), by("Bob", "another message"))
	require.NoError(t, err)
	require.True(t, again.Existed)
	require.Equal(t, first.Ref, again.Ref)
	require.Equal(t, s.lacks(NoCommits), again.Commit == "")
	require.Len(t, files(t, s), 1)

	other := put(t, c, key("welcome", "1.0.1"), "text")
	require.False(t, other.Existed, "another version with the same bytes is new")
}

func otherBytes(t *testing.T, s *suite) {
	c := s.content()
	first := put(t, c, key("welcome", "1.0.0"), "text")
	_, err := c.Put(t.Context(), key("welcome", "1.0.0"), []byte("other"), by("Bob", ""))
	require.ErrorIs(t, err, pmerr.ErrConflict)
	require.Equal(t, map[registry.File]string{
		file(workspace.Default(), key("welcome", "1.0.0")): first.Ref,
	}, files(t, s))
}

func longVersions(t *testing.T, s *suite) {
	c := s.content()
	want := map[registry.File]string{}
	for _, v := range []string{"1.0.0", "1.0.0-rc.1", "1.0.0-rc.1+build.5", "1.0.0+20260101", "0.0.0-" + strings.Repeat("x", 58)} {
		want[file(workspace.Default(), key("welcome", v))] = put(t, c, key("welcome", v), v).Ref
	}
	require.Equal(t, want, files(t, s))
}

func hostileKeys(t *testing.T, s *suite) {
	c := s.content()
	keys := []registry.Key{
		key("", "1.0.0"), key("a", ""), key("..", "1.0.0"), key("a", ".."), key("a/b", "1.0.0"),
		key("a", "../../x"), key("a", "1.0.0/../../b"), key("a\x00", "1.0.0"), key("a", "1.0.0\n"),
		key("a", ".git"), key(`a\b`, "1.0.0"), key("ä", "1.0.0"), key(strings.Repeat("n", 129), "1.0.0"),
		key("a", strings.Repeat("1", 65)), key("a", "-1"), key("a b", "1.0.0"),
	}
	for _, k := range keys {
		_, err := c.Put(t.Context(), k, []byte("text"), by("Ada", ""))
		require.ErrorIs(t, err, pmerr.ErrValidation, "%q", k)
	}
	_, err := c.Remove(t.Context(), keys, by("Ada", ""))
	require.NoError(t, err, "they do not exist, so there is nothing to remove")
	require.Empty(t, files(t, s))
}

func hostileSignatures(t *testing.T, s *suite) {
	c := s.content()
	for i, hostile := range []registry.Signature{
		{},
		by("<>", "<>"),
		by("Ada\nauthor Eve <eve@example.org> 0 +0000", "text\n\nparent 0000000000000000000000000000000000000000"),
		by("Ada <<ada@example.org>>\x00\x1b[31m", "\x00\x07\x1b[31mred"),
		by("\xff\xfe", "\xff\xfe"),
		by(strings.Repeat("long ", 10_000), strings.Repeat("line\n", 100_000)),
		by("  . , ; ", "\r\n\r\n"),
		by("Ada <ada@example.org", "\tindented\r\nlines\r"),
	} {
		k := key("welcome", "1.0."+string(rune('0'+i)))
		_, err := c.Put(t.Context(), k, []byte(k.Version), hostile)
		require.NoError(t, err, "%d", i)
		found, err := s.Explain(t.Context(), head(t, s), []registry.File{file(workspace.Default(), k)})
		require.NoError(t, err)
		if s.lacks(NoOrigins) {
			continue
		}
		o := found[file(workspace.Default(), k)]
		require.NotEmpty(t, o.Author)
		require.NotEmpty(t, o.Message)
		require.NotContains(t, o.Author, "\n")
		require.NotContains(t, o.Author+o.Message, "\x00")
		require.NotContains(t, o.Author+o.Message, "\x1b")
		require.NotContains(t, o.Message, "\r")
		require.Less(t, len(o.Author)+len(o.Message), 64<<10)
	}
	require.Len(t, files(t, s), 8)
}

func hostileRefs(t *testing.T, s *suite) {
	c := s.content()
	stored := put(t, c, key("welcome", "1.0.0"), "text")
	for _, ref := range []string{
		"", "x", "HEAD", "refs/heads/main", "../../../etc/passwd", "/etc/passwd", "\x00", strings.Repeat("a", 1<<16),
		strings.Repeat("0", 40), strings.Repeat("f", 40), strings.Repeat("g", 40), strings.Repeat("0", 64),
		stored.Ref + "0", stored.Ref + "\n", " " + stored.Ref, stored.Ref[1:], stored.Ref + "/../" + stored.Ref,
	} {
		_, err := c.Read(t.Context(), ref)
		require.ErrorIs(t, err, pmerr.ErrNotFound, "%.80q", ref)
	}
	if stored.Commit != "" {
		_, err := c.Read(t.Context(), stored.Commit)
		require.ErrorIs(t, err, pmerr.ErrNotFound, "a commit is no file")
	}
}

func remove(t *testing.T, s *suite) {
	c := s.content()
	one := put(t, c, key("welcome", "1.0.0"), "one")
	put(t, c, key("welcome", "1.1.0"), "two")
	three := put(t, c, key("farewell", "1.0.0"), "three")
	commit, err := c.Remove(t.Context(), []registry.Key{
		key("welcome", "1.0.0"), key("welcome", "1.1.0"), key("welcome", "9.9.9"), key("welcome", "1.0.0"),
	}, by("Bob", "Delete welcome"))
	require.NoError(t, err)
	require.Equal(t, s.lacks(NoCommits), commit == "")
	require.Equal(t, map[registry.File]string{
		file(workspace.Default(), key("farewell", "1.0.0")): three.Ref,
	}, files(t, s))
	require.Equal(t, "one", read(t, c, one.Ref))
}

func removeMissing(t *testing.T, s *suite) {
	c := s.content()
	commit, err := c.Remove(t.Context(), []registry.Key{key("welcome", "1.0.0")}, by("Bob", ""))
	require.NoError(t, err)
	require.Empty(t, commit)
	put(t, c, key("welcome", "1.0.0"), "one")
	before := head(t, s)
	for _, keys := range [][]registry.Key{nil, {}, {key("welcome", "2.0.0")}, {key("other", "1.0.0")}} {
		_, err = c.Remove(t.Context(), keys, by("Bob", ""))
		require.NoError(t, err)
	}
	require.Equal(t, before, head(t, s))
	require.Len(t, files(t, s), 1)
}

func removeAndPut(t *testing.T, s *suite) {
	c := s.content()
	one := put(t, c, key("welcome", "1.0.0"), "one")
	for _, text := range []string{"two", "one", "three"} {
		_, err := c.Remove(t.Context(), []registry.Key{key("welcome", "1.0.0")}, by("Bob", ""))
		require.NoError(t, err)
		require.Empty(t, files(t, s))
		stored := put(t, c, key("welcome", "1.0.0"), text)
		require.False(t, stored.Existed)
		require.Equal(t, stored.Ref, files(t, s)[file(workspace.Default(), key("welcome", "1.0.0"))])
		require.Equal(t, text, read(t, c, stored.Ref))
	}
	require.Equal(t, "one", read(t, c, one.Ref))
}

func islands(t *testing.T, s *suite) {
	mine, yours := parse(t, "team-a"), parse(t, "prompts") // a name that could be taken for a folder
	k := key("welcome", "1.0.0")
	a := put(t, s.Workspace(mine), k, "of a")
	b := put(t, s.Workspace(yours), k, "of b")
	d := put(t, s.content(), k, "of default")
	want := map[registry.File]string{
		file(mine, k): a.Ref, file(yours, k): b.Ref, file(workspace.Default(), k): d.Ref,
	}
	require.Equal(t, want, files(t, s))

	_, err := s.Workspace(mine).Put(t.Context(), k, []byte("of b"), by("Eve", ""))
	require.ErrorIs(t, err, pmerr.ErrConflict, "what others have makes no difference")

	_, err = s.Workspace(yours).Remove(t.Context(), []registry.Key{k}, by("Bob", ""))
	require.NoError(t, err)
	delete(want, file(yours, k))
	require.Equal(t, want, files(t, s))
}

func zeroWorkspace(t *testing.T, s *suite) {
	require.Panics(t, func() {
		_, _ = s.Workspace(workspace.ID{}).Put(context.Background(), key("welcome", "1.0.0"), nil, by("Ada", ""))
	})
}

func cancelled(t *testing.T, s *suite) {
	c := s.content()
	stored := put(t, c, key("welcome", "1.0.0"), "one")
	_, err := c.Put(gone(t), key("welcome", "2.0.0"), []byte("two"), by("Ada", ""))
	require.ErrorIs(t, err, context.Canceled)
	_, err = c.Remove(gone(t), []registry.Key{key("welcome", "1.0.0")}, by("Ada", ""))
	require.ErrorIs(t, err, context.Canceled)
	_, err = c.Read(gone(t), stored.Ref)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Check(gone(t)), context.Canceled)
	require.Len(t, files(t, s), 1)
}

func check(t *testing.T, s *suite) {
	require.NoError(t, s.Check(t.Context()), "of an empty store")
	put(t, s.content(), key("welcome", "1.0.0"), "one")
	before := head(t, s)
	for range 3 {
		require.NoError(t, s.Check(t.Context()))
	}
	require.Equal(t, before, head(t, s))
	require.Len(t, files(t, s), 1)
}
