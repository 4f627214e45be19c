package contenttest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func emptyDiff(t *testing.T, s *suite) {
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.True(t, d.Full)
	require.Empty(t, d.Changes)
	require.Empty(t, d.Strange)
	again, err := s.Diff(t.Context(), d.Head)
	require.NoError(t, err)
	require.Empty(t, again.Changes)
}

func fullDiff(t *testing.T, s *suite) {
	want := map[registry.File]string{}
	for i := range 40 {
		id := []workspace.ID{workspace.Default(), parse(t, "team")}[i%2]
		k := key(fmt.Sprintf("prompt-%d", i%7), fmt.Sprintf("1.%d.0", i))
		want[file(id, k)] = put(t, s.Workspace(id), k, fmt.Sprint(i)).Ref
	}
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.True(t, d.Full)
	require.NotEmpty(t, d.Head)
	require.Equal(t, s.lacks(NoCommits), d.Commit == "", "%q", d.Commit)
	require.Empty(t, d.Strange)
	require.Equal(t, want, byFile(t, d))
}

func unknownState(t *testing.T, s *suite) {
	stored := put(t, s.content(), key("welcome", "1.0.0"), "one")
	for _, since := range []string{
		"x", strings.Repeat("0", 40), strings.Repeat("a", 40), "../../HEAD", "HEAD", "\x00", strings.Repeat("z", 1<<16), stored.Ref,
	} {
		d, err := s.Diff(t.Context(), since)
		require.NoError(t, err, "%.80q", since)
		require.True(t, d.Full, "%.80q", since)
		require.Len(t, d.Changes, 1)
	}
}

func incrementalDiff(t *testing.T, s *suite) {
	c, team := s.content(), s.Workspace(parse(t, "team"))
	put(t, c, key("stays", "1.0.0"), "stays")
	old := put(t, c, key("goes", "1.0.0"), "goes")
	put(t, c, key("changes", "1.0.0"), "before")
	put(t, team, key("stays", "1.0.0"), "stays")
	since := head(t, s)

	_, err := c.Remove(t.Context(), []registry.Key{key("goes", "1.0.0"), key("changes", "1.0.0")}, by("Ada", ""))
	require.NoError(t, err)
	changed := put(t, c, key("changes", "1.0.0"), "after")
	put(t, c, key("comes-and-goes", "1.0.0"), "x")
	_, err = c.Remove(t.Context(), []registry.Key{key("comes-and-goes", "1.0.0")}, by("Ada", ""))
	require.NoError(t, err)
	fresh := put(t, team, key("new", "1.0.0"), "new")

	d, err := s.Diff(t.Context(), since)
	require.NoError(t, err)
	require.False(t, d.Full)
	require.NotEqual(t, since, d.Head)
	require.Equal(t, map[registry.File]string{
		file(workspace.Default(), key("goes", "1.0.0")):    "",
		file(workspace.Default(), key("changes", "1.0.0")): changed.Ref,
		file(parse(t, "team"), key("new", "1.0.0")):        fresh.Ref,
	}, byFile(t, d))

	put(t, c, key("goes", "1.0.0"), "goes")
	d, err = s.Diff(t.Context(), d.Head)
	require.NoError(t, err)
	require.Equal(t, map[registry.File]string{
		file(workspace.Default(), key("goes", "1.0.0")): old.Ref,
	}, byFile(t, d))
}

func unchangedDiff(t *testing.T, s *suite) {
	put(t, s.content(), key("welcome", "1.0.0"), "one")
	now := head(t, s)
	d, err := s.Diff(t.Context(), now)
	require.NoError(t, err)
	require.False(t, d.Full)
	require.Equal(t, now, d.Head)
	require.Empty(t, d.Changes)
}

// origins publishes from many callers at once, so that stores which batch do.
func origins(t *testing.T, s *suite) {
	const callers = 20
	ids := []workspace.ID{workspace.Default(), parse(t, "a"), parse(t, "b")}
	stored := make([]registry.Stored, callers)
	errs := make([]error, callers)
	of := func(i int) (registry.File, registry.Signature) {
		return file(ids[i%3], key(fmt.Sprintf("prompt-%d", i%4), fmt.Sprintf("1.%d.0", i))),
			by(fmt.Sprintf("Author %d <a%d@example.org>", i%2, i%2), fmt.Sprintf("Secret of %s, %d\n\n    with more\n\nprompts/x/1.0.0.json", ids[i%3], i))
	}
	atOnce(callers, func(i int) {
		f, signature := of(i)
		stored[i], errs[i] = s.Workspace(f.Workspace).Put(t.Context(), f.Key, fmt.Append(nil, i), signature)
	})
	asked := []registry.File{file(workspace.Default(), key("unknown", "1.0.0"))}
	for i := range callers {
		require.NoError(t, errs[i])
		f, _ := of(i)
		asked = append(asked, f)
	}
	found, err := s.Explain(t.Context(), head(t, s), asked)
	require.NoError(t, err)
	require.Len(t, found, callers)
	for i := range callers {
		f, signature := of(i)
		o := found[f]
		require.Equal(t, signature.Message, o.Message)
		require.Equal(t, signature.Author, o.Author)
		require.Equal(t, stored[i].Commit, o.Commit)
		require.WithinDuration(t, stored[i].At, o.At, time.Second)
	}
}

func newOrigin(t *testing.T, s *suite) {
	c, k := s.content(), key("welcome", "1.0.0")
	f := file(workspace.Default(), k)
	write := func(text, message string) registry.Origin {
		_, err := c.Remove(t.Context(), []registry.Key{k}, by("Eve", "Delete it"))
		require.NoError(t, err)
		_, err = c.Put(t.Context(), k, []byte(text), by("Ada", message))
		require.NoError(t, err)
		put(t, c, key("other", "1.0."+fmt.Sprint(len(files(t, s)))), message) // what comes later changes nothing
		found, err := s.Explain(t.Context(), head(t, s), []registry.File{f})
		require.NoError(t, err)
		return found[f]
	}
	require.Equal(t, "first", write("one", "first").Message)
	require.Equal(t, "second", write("two", "second").Message)
	again := write("one", "the same as at first")
	require.Equal(t, "the same as at first", again.Message)
	require.Equal(t, "Ada", again.Author)
}

func unknownOrigins(t *testing.T, s *suite) {
	put(t, s.content(), key("welcome", "1.0.0"), "one")
	known := file(workspace.Default(), key("welcome", "1.0.0"))
	for _, h := range []string{"", "x", strings.Repeat("0", 40), strings.Repeat("a", 40), "../HEAD", "\x00"} {
		found, err := s.Explain(t.Context(), h, []registry.File{known})
		require.NoError(t, err, "%q", h)
		require.Empty(t, found, "%q", h)
	}
	found, err := s.Explain(t.Context(), head(t, s), []registry.File{
		file(workspace.Default(), key("welcome", "2.0.0")), file(workspace.Default(), key("../welcome", "1.0.0")),
		file(parse(t, "other"), key("welcome", "1.0.0")),
	})
	require.NoError(t, err)
	require.Empty(t, found)
	found, err = s.Explain(t.Context(), head(t, s), nil)
	require.NoError(t, err)
	require.Empty(t, found)
}
