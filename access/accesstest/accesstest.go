// Package accesstest is the behaviour of the interfaces of package access, as a
// suite that every implementation passes: in-process and over HTTP.
package accesstest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
)

// Env is what a test works with. Its workspaces may hold keys of the Env's own
// when it begins, and their entries in the audit log.
type Env struct {
	// Mine and Theirs manage the keys of two workspaces, with every scope.
	Mine, Theirs access.Keys
	// Master works in the workspace of Mine, and may do so in any.
	Master access.Keys
	// Clerk works in the workspace of Mine and has the scopes read and admin.
	Clerk access.Keys
	// Guest works in the workspace of Mine and has the scopes read and write.
	Guest access.Keys
	// Intruder has every scope in the workspace of Theirs and works in that of
	// Mine.
	Intruder access.Keys
	// MineName and TheirName are the workspaces.
	MineName, TheirName string
	// Actor is the name by which the audit log knows who acts through Mine.
	Actor string
	// Audit and TheirAudit read the audit logs.
	Audit, TheirAudit access.AuditLog
	// Authenticate tells who a secret belongs to.
	Authenticate func(ctx context.Context, secret string) (access.Identity, error)
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, Env)
	}{
		{"Keys", keyCases()},
		{"AuditLog", auditCases()},
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

func create(tb testing.TB, k access.Keys, spec access.KeySpec) access.NewKey {
	tb.Helper()
	made, err := k.Create(tb.Context(), spec)
	require.NoError(tb, err)
	return made
}

func keyName(k access.Key) string { return k.Name }

// actionOf names an entry by what was done to which target.
func actionOf(e access.AuditEntry) string {
	if e.TargetID == nil {
		return e.Action
	}
	return e.Action + " " + *e.TargetID
}

func entriesOf(a access.AuditLog, f access.AuditFilter) pagetest.List[access.AuditEntry] {
	return func(ctx context.Context, r page.Request) (page.Of[access.AuditEntry], error) {
		return a.Entries(ctx, f, r)
	}
}

// audited counts the entries of an audit log.
func audited(tb testing.TB, a access.AuditLog) int64 {
	tb.Helper()
	p, err := a.Entries(tb.Context(), access.AuditFilter{}, page.Request{Limit: 1})
	require.NoError(tb, err)
	return p.Total
}

func ptr[T any](v T) *T { return &v }
