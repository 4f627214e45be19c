// Package registrytest is the behaviour of the interfaces of package registry,
// as a suite that every implementation passes: in-process and over HTTP.
package registrytest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Registry is everything that callers do with prompts.
type Registry interface {
	registry.Prompts
	registry.Lifecycle
	registry.Labels
}

// Env is what a test works with. Its workspaces are empty when it begins.
type Env struct {
	// Mine and Theirs are two workspaces of one store. Both act as admins.
	Mine, Theirs Registry
	// Guest works in the workspace of Mine and is no admin.
	Guest Registry
	// Actor is the name by which the audit log knows who acts through Mine.
	Actor string
	// Audit reads the audit log of the workspace of Mine.
	Audit access.AuditLog
	// Protect replaces the protected labels of the workspace of Mine.
	Protect func(ctx context.Context, labels ...string) error
	// Commits tells that versions are known by the commit that made them. Where
	// the prompt store has none, they must not be said to have one.
	Commits bool
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, Env)
	}{
		{"Create", createCases()},
		{"Get", getCases()},
		{"Render", renderCases()},
		{"List", listCases()},
		{"Diff", diffCases()},
		{"Labels", labelCases()},
		{"Lifecycle", lifecycleCases()},
		{"Audit", auditCases()},
		{"Names", nameCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open(t))
				})
			}
		})
	}
	t.Run("WorkspacesAreIslands", func(t *testing.T) {
		t.Parallel()
		islands(t, open)
	})
}

// prompt makes a prompt of user messages.
func prompt(name, version string, contents ...string) registry.Prompt {
	p := registry.Prompt{Name: name, Version: version}
	for _, content := range contents {
		p.Messages = append(p.Messages, registry.Message{Role: registry.User, Content: content})
	}
	return p
}

// publish creates versions of a prompt whose text is their version.
func publish(tb testing.TB, r registry.Prompts, name string, versions ...string) {
	tb.Helper()
	for _, version := range versions {
		create(tb, r, prompt(name, version, version))
	}
}

func create(tb testing.TB, r registry.Prompts, p registry.Prompt) registry.Version {
	tb.Helper()
	v, err := r.Create(tb.Context(), p, registry.Signature{Author: "Ada <ada@example.com>", Message: "Add " + p.Version})
	require.NoError(tb, err)
	return v
}

// served is the version that a query is answered with.
func served(tb testing.TB, r registry.Prompts, name string, q registry.Query) string {
	tb.Helper()
	e, err := r.Get(tb.Context(), name, q)
	require.NoError(tb, err)
	require.Equal(tb, name, e.Version.Name)
	require.Equal(tb, e.Version.Version, e.Content.Version, "the file is of that version")
	return e.Version.Version
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func ptr[T any](v T) *T { return &v }

// total counts a list.
func total[T any](tb testing.TB, list func(context.Context, page.Request) (page.Of[T], error)) int64 {
	tb.Helper()
	p, err := list(tb.Context(), page.Request{Limit: 1})
	require.NoError(tb, err)
	return p.Total
}
