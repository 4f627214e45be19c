package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// house is a registry on a real git repository and a real database.
type house struct {
	*registry.Registry
	store *sqlstore.Store
	git   *gitstore.Store
	bare  string
	db    db.Config
}

// build makes a registry of its own for a test.
func build(tb testing.TB) *house {
	tb.Helper()
	return rebuild(tb, filepath.Join(tb.TempDir(), "prompts.git"), dbtest.Engine{Dialect: db.SQLite}.Config(tb))
}

// rebuild opens a registry on a repository and a database, as a process does
// that starts.
func rebuild(tb testing.TB, bare string, c db.Config) *house {
	tb.Helper()
	h := &house{bare: bare, db: c, store: sqlstore.New(dbtest.OpenConfig(tb, c))}
	tb.Cleanup(h.store.Close)
	var err error
	h.git, err = gitstore.Open(tb.Context(), gitstore.Options{Path: bare})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, h.git.Close()) })
	h.Registry = on(h.store.Prompts(), h.git)
	return h
}

func on(index registry.IndexStore, content registry.ContentStore) *registry.Registry {
	return registry.New(registry.Config{Index: index, Content: content, Logger: slog.New(slog.DiscardHandler)})
}

var editor = workspace.Actor{Name: "editor", Admin: true}

func (h *house) home() *registry.Service { return h.Workspace(workspace.Default(), editor) }

func (h *house) in(tb testing.TB, name string) *registry.Service {
	tb.Helper()
	id, err := workspace.Parse(name)
	require.NoError(tb, err)
	return h.Workspace(id, editor)
}

func (h *house) reconcile(tb testing.TB) registry.Reconciled {
	tb.Helper()
	done, err := h.Reconcile(tb.Context(), false)
	require.NoError(tb, err)
	return done
}

// audited counts the audit entries of the default workspace.
func (h *house) audited(tb testing.TB) int64 {
	tb.Helper()
	p, err := h.store.Audit(workspace.Default()).Entries(tb.Context(), access.AuditFilter{}, page.Request{Limit: 1})
	require.NoError(tb, err)
	return p.Total
}

// publish creates a version whose text is its version.
func publish(tb testing.TB, s *registry.Service, name, version string) registry.Version {
	tb.Helper()
	v, err := s.Create(tb.Context(), prompt(name, version, version), registry.Signature{Author: "Ada", Message: "Add " + version})
	require.NoError(tb, err)
	return v
}

// serves checks which text a query is answered with.
func serves(tb testing.TB, s registry.Prompts, name, version, text string) {
	tb.Helper()
	e, err := s.Get(tb.Context(), name, registry.Query{Version: version})
	require.NoError(tb, err)
	require.Equal(tb, text, e.Content.Messages[0].Content)
}

func versions(tb testing.TB, s registry.Prompts, name string) (all []string) {
	tb.Helper()
	p, err := s.Versions(tb.Context(), name, page.Request{Limit: page.MaxLimit})
	require.NoError(tb, err)
	for _, item := range p.Items {
		all = append(all, item.Version.Version)
	}
	return all
}

func history(tb testing.TB, s registry.Prompts, name string) (all []string) {
	tb.Helper()
	p, err := s.History(tb.Context(), name, page.Request{Limit: page.MaxLimit})
	require.NoError(tb, err)
	for _, item := range p.Items {
		all = append(all, fmt.Sprintf("%s %s by %s", item.Action, item.Version, item.Author))
	}
	return all
}

// checkout is a clone in which somebody works with git.
type checkout struct {
	tb     testing.TB
	folder string
}

// clone gives somebody a working copy.
func (h *house) clone(tb testing.TB) *checkout {
	tb.Helper()
	c := &checkout{tb: tb, folder: filepath.Join(tb.TempDir(), "work")}
	run(tb, filepath.Dir(c.folder), "clone", "--quiet", h.bare, c.folder)
	return c
}

// run runs git as Grace, at a time of her own.
func run(tb testing.TB, folder string, args ...string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=Grace Hopper", "GIT_AUTHOR_EMAIL=grace@example.com", "GIT_AUTHOR_DATE=2026-03-04T05:06:07Z",
		"GIT_COMMITTER_NAME=Grace Hopper", "GIT_COMMITTER_EMAIL=grace@example.com", "GIT_COMMITTER_DATE=2026-03-04T05:06:07Z")
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

func (c *checkout) git(args ...string) string {
	c.tb.Helper()
	return run(c.tb, c.folder, args...)
}

func (c *checkout) write(path, text string) *checkout {
	c.tb.Helper()
	full := filepath.Join(c.folder, path)
	require.NoError(c.tb, os.MkdirAll(filepath.Dir(full), 0o750))
	require.NoError(c.tb, os.WriteFile(full, []byte(text), 0o600))
	return c
}

func (c *checkout) remove(path string) *checkout {
	c.tb.Helper()
	require.NoError(c.tb, os.Remove(filepath.Join(c.folder, path)))
	return c
}

// push commits everything and pushes it.
func (c *checkout) push(message string, flags ...string) {
	c.tb.Helper()
	c.git("add", "--all")
	c.git("commit", "--quiet", "--message", message)
	c.git(append([]string{"push", "--quiet", "origin", "HEAD"}, flags...)...)
}

// file is a prompt file as people write it.
func file(name, version, text string) string {
	return fmt.Sprintf(`{"name": %q, "version": %q, "messages": [{"role": "user", "content": %q}]}`, name, version, text)
}
