package layout_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func id(t testing.TB, name string) workspace.ID {
	t.Helper()
	id, err := workspace.Parse(name)
	require.NoError(t, err)
	return id
}

func TestPathAndParseAreInverse(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]registry.File{
		"prompts/welcome/1.0.0.json":                 {Workspace: workspace.Default(), Key: registry.Key{Name: "welcome", Version: "1.0.0"}},
		"prompts/welcome/1.0.0-rc.1+b.yaml":          {Workspace: workspace.Default(), Key: registry.Key{Name: "welcome", Version: "1.0.0-rc.1+b"}},
		"workspaces/team/prompts/welcome/1.0.0.yml":  {Workspace: id(t, "team"), Key: registry.Key{Name: "welcome", Version: "1.0.0"}},
		"workspaces/prompts/prompts/prompts/1.json":  {Workspace: id(t, "prompts"), Key: registry.Key{Name: "prompts", Version: "1"}},
		"prompts/welcome/not a version, but one.yml": {Workspace: workspace.Default(), Key: registry.Key{Name: "welcome", Version: "not a version, but one"}},
	} {
		file, extension, ok := layout.Parse(path)
		require.True(t, ok, path)
		require.Equal(t, want, file)
		require.Equal(t, path, layout.Path(file.Workspace, file.Key, extension))
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"", "prompts", "prompts/", "prompts/welcome", "prompts/welcome/", "prompts/welcome/1.0.0", "prompts/welcome/1.0.0.txt",
		"prompts/welcome/.json", "prompts//1.0.0.json", "prompts/../1.0.0.json", "prompts/ä/1.0.0.json", "prompts/a/b/1.0.0.json",
		"prompts/welcome/\x00.json", "prompts/welcome/\xff.json", "prompts/welcome/" + strings.Repeat("1", 65) + ".json",
		"/prompts/welcome/1.0.0.json", "prompts/welcome/1.0.0.json/", "other/welcome/1.0.0.json",
		"workspaces/default/prompts/welcome/1.0.0.json", "workspaces/*/prompts/welcome/1.0.0.json",
		"workspaces/../prompts/welcome/1.0.0.json", "workspaces/team/welcome/1.0.0.json", "workspaces/team/other/welcome/1.0.0.json",
	} {
		_, _, ok := layout.Parse(path)
		require.False(t, ok, "%q", path)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, layout.Check(registry.Key{Name: "welcome", Version: "1.0.0-rc.1+b"}))
	for _, key := range []registry.Key{
		{},
		{Name: "..", Version: "1.0.0"},
		{Name: "a/b", Version: "1.0.0"},
		{Name: "ａ", Version: "1.0.0"},
		{Name: "a", Version: ".."},
		{Name: "a", Version: "../b"},
		{Name: "a", Version: "1／0"},
		{Name: "a", Version: "-1"},
		{Name: "a", Version: strings.Repeat("1", 65)},
	} {
		require.ErrorIs(t, layout.Check(key), pmerr.ErrValidation, "%q", key)
	}
	require.Len(t, pmerr.From(layout.Check(registry.Key{})).Fields, 2)
}

func TestReadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "prompts/ä b.json", layout.Readable("prompts/ä b.json"))
	require.Equal(t, "a\uFFFD[31m\uFFFD", layout.Readable("a\x1b[31m\xff"))
	require.Len(t, layout.Readable(strings.Repeat("x", 5000)), 512)
}

// FuzzParse holds that what is parsed names exactly the path that it came from,
// so that two paths never stand for one file with one ending.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"prompts/welcome/1.0.0.json", "workspaces/team/prompts/a/1.yml", "prompts/a/.json", "workspaces/default/prompts/a/1.yml", "\x00/\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		file, extension, ok := layout.Parse(path)
		if ok && layout.Path(file.Workspace, file.Key, extension) != path {
			t.Fatalf("%q is read as %v %q", path, file, extension)
		}
		if shown := layout.Readable(path); !utf8.ValidString(shown) {
			t.Fatalf("%q is shown as %q", path, shown)
		}
	})
}
