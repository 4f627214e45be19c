package transfer_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics/internal/transfer"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// real is a registry of a workspace of its own.
func real(t *testing.T) transfer.Registry {
	t.Helper()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	return pm.Registry
}

func prompt(name, version string) registry.Prompt {
	return registry.Prompt{Name: name, Version: version, Messages: []registry.Message{{Role: registry.User, Content: "Hi"}}}
}

// hostile is a server that answers what it likes.
type hostile struct {
	transfer.Registry
	names    []string
	versions []string
	answer   func(name, version string) registry.Prompt
}

func (h hostile) List(context.Context, registry.Filter, page.Request) (page.Of[registry.Summary], error) {
	var items []registry.Summary
	for _, name := range h.names {
		items = append(items, registry.Summary{Name: name})
	}
	return page.Of[registry.Summary]{Items: items}, nil
}

func (h hostile) Versions(_ context.Context, name string, _ page.Request) (page.Of[registry.VersionItem], error) {
	var items []registry.VersionItem
	for _, version := range h.versions {
		items = append(items, registry.VersionItem{Version: registry.Version{Name: name, Version: version}})
	}
	return page.Of[registry.VersionItem]{Items: items}, nil
}

func (h hostile) Get(_ context.Context, name string, q registry.Query) (registry.Entry, error) {
	return registry.Entry{Content: h.answer(name, q.Version)}, nil
}

func (h hostile) Labels(context.Context, string, page.Request) (page.Of[registry.Label], error) {
	return page.Of[registry.Label]{Items: []registry.Label{{Name: "../x", Version: "../y"}}}, nil
}

func TestExportStaysInItsFolder(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	out := filepath.Join(outside, "in", "out")
	done, err := transfer.Export(t.Context(), hostile{
		names:    []string{"../../evil", "/evil", "..", ".", "", "a/b", "fine", strings.Repeat("x", 300)},
		versions: []string{"1.0.0", "../../../1.0.0", "/1.0.0", "..", "1.0.0/../../x", ""},
		answer:   prompt,
	}, out, transfer.Progress{})
	require.NoError(t, err)
	require.Equal(t, 1, done.Versions)
	require.Len(t, done.Failures, 7+5)
	var files []string
	require.NoError(t, filepath.WalkDir(outside, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(outside, path)
			files = append(files, name)
		}
		return err
	}))
	require.Equal(t, []string{"in/out/labels.json", "in/out/prompts/fine/1.0.0.json"}, files)
}

func TestExportDoesNotFollowLinksOutside(t *testing.T) {
	t.Parallel()
	outside, out := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(out, "prompts")))
	done, err := transfer.Export(t.Context(), hostile{names: []string{"p"}, versions: []string{"1.0.0"}, answer: prompt}, out, transfer.Progress{})
	require.NoError(t, err)
	require.Zero(t, done.Versions)
	require.Len(t, done.Failures, 1)
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestExportDoesNotTakeAnotherPromptForTheOneItAskedFor(t *testing.T) {
	t.Parallel()
	done, err := transfer.Export(t.Context(), hostile{
		names: []string{"p"}, versions: []string{"1.0.0"},
		answer: func(string, string) registry.Prompt { return prompt("q", "../../x") },
	}, t.TempDir(), transfer.Progress{})
	require.NoError(t, err)
	require.Equal(t, `p 1.0.0: the server answered "q" version "../../x"`, done.Failures[0].String())
}

func TestExportReplacesFilesAndLeavesOthers(t *testing.T) {
	t.Parallel()
	from, out := real(t), t.TempDir()
	_, err := from.Create(t.Context(), prompt("p", "1.0.0"), registry.Signature{})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(out, "prompts", "p"), 0o700))
	for _, name := range []string{"prompts/p/1.0.0.json", "prompts/p/0.9.0.json", "mine.txt", "pins.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(out, name), []byte("old"), 0o600))
	}
	_, err = transfer.Export(t.Context(), from, out, transfer.Progress{})
	require.NoError(t, err)
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(out, name)) //nolint:gosec // a test's folder.
		require.NoError(t, err)
		return string(data)
	}
	require.Contains(t, read("prompts/p/1.0.0.json"), `"name": "p"`)
	require.Equal(t, []string{"old", "old"}, []string{read("prompts/p/0.9.0.json"), read("mine.txt")})
	require.Equal(t, "{}\n", read("labels.json"))
	require.NoFileExists(t, filepath.Join(out, "pins.txt"), "nothing is pinned any more")
}

// recorder notes the order of publications.
type recorder struct {
	transfer.Registry
	mu    sync.Mutex
	order map[string][]string
}

func (r *recorder) Create(ctx context.Context, p registry.Prompt, by registry.Signature) (registry.Version, error) {
	r.mu.Lock()
	r.order[p.Name] = append(r.order[p.Name], p.Version)
	r.mu.Unlock()
	return r.Registry.Create(ctx, p, by)
}

func TestImportPublishesOldVersionsFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"1.10.0", "1.9.0", "2.0.0-rc.1", "1.9.0-beta", "0.1.0"} {
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			data, err := registry.FormatFile(prompt(name, version))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+version+".json"), data, 0o600))
		}
	}
	r := &recorder{Registry: real(t), order: map[string][]string{}}
	var total, steps int
	done, err := transfer.Import(t.Context(), r, dir, registry.Signature{}, transfer.Progress{Begin: func(n int) { total = n }, Step: func() { steps++ }})
	require.NoError(t, err)
	require.Equal(t, 30, done.Created)
	require.Equal(t, []int{6, 6}, []int{total, steps})
	for _, order := range r.order {
		require.Equal(t, []string{"1.9.0-beta", "2.0.0-rc.1", "0.1.0", "1.9.0", "1.10.0"}, order, "pre-releases come before all releases, as the registry orders them")
	}
}

// down answers the first publications and is gone then.
type down struct {
	transfer.Registry
	mu   sync.Mutex
	left int
}

func (d *down) Create(ctx context.Context, p registry.Prompt, by registry.Signature) (registry.Version, error) {
	d.mu.Lock()
	d.left--
	gone := d.left < 0
	d.mu.Unlock()
	if gone {
		return registry.Version{}, pmerr.Down(nil, "the server is gone")
	}
	return d.Registry.Create(ctx, p, by)
}

func TestImportEndsWithTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 40 {
		name := "p" + strings.Repeat("x", i)
		data, err := registry.FormatFile(prompt(name, "1.0.0"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".json"), data, 0o600))
	}
	d := &down{Registry: real(t), left: 10}
	done, err := transfer.Import(t.Context(), d, dir, registry.Signature{}, transfer.Progress{})
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.ErrorContains(t, err, ".json: the server is gone")
	require.Equal(t, 10, done.Created)
	require.Empty(t, done.Failures)
	require.Greater(t, d.left, -10, "the rest was not tried")

	d.left = 1000
	done, err = transfer.Import(t.Context(), d, dir, registry.Signature{}, transfer.Progress{})
	require.NoError(t, err)
	require.Equal(t, []int{30, 10}, []int{done.Created, done.Skipped}, "the next import goes on where this one stopped")
}

func TestInterruptedCopies(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := t.TempDir()
	_, err := transfer.Export(ctx, real(t), out, transfer.Progress{})
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Empty(t, left)
}
