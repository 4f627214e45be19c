package accesstest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// islandCases has one case for every method: what it does through Mine must
// neither show nor change anything of Theirs, where the key theirs is.
func islandCases() map[string]func(t *testing.T, e Env, theirs access.NewKey) {
	return map[string]func(t *testing.T, e Env, theirs access.NewKey){
		"Create": func(t *testing.T, e Env, _ access.NewKey) {
			_, err := e.Mine.Create(t.Context(), access.KeySpec{Name: "x", Workspace: e.TheirName})
			require.ErrorIs(t, err, pmerr.ErrForbidden)
			create(t, e.Mine, access.KeySpec{Name: "theirs"})
		},
		"List": func(t *testing.T, e Env, theirs access.NewKey) {
			p, err := e.Mine.List(t.Context(), page.Request{Limit: page.MaxLimit})
			require.NoError(t, err)
			require.Empty(t, p.NextCursor)
			require.EqualValues(t, len(p.Items), p.Total)
			for _, key := range p.Items {
				require.Equal(t, e.MineName, key.Workspace)
				require.NotEqual(t, theirs.ID, key.ID)
			}
		},
		"Revoke": func(t *testing.T, e Env, theirs access.NewKey) {
			require.ErrorIs(t, e.Mine.Revoke(t.Context(), theirs.ID), pmerr.ErrNotFound)
		},
		"Entries": func(t *testing.T, e Env, theirs access.NewKey) {
			for _, f := range []access.AuditFilter{{}, {Action: "api_key:create"}, {From: hours(-1), To: hours(1)}} {
				p, err := e.Audit.Entries(t.Context(), f, page.Request{Limit: page.MaxLimit})
				require.NoError(t, err)
				for _, entry := range p.Items {
					require.Equal(t, e.MineName, entry.Workspace)
					require.NotEqual(t, strconv.FormatInt(theirs.ID, 10), *entry.TargetID)
				}
			}
		},
	}
}

func islands(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	cases := islandCases()
	unknown := slices.Collect(maps.Keys(cases))
	for _, api := range []reflect.Type{reflect.TypeFor[access.Keys](), reflect.TypeFor[access.AuditLog]()} {
		for method := range api.Methods() {
			run, ok := cases[method.Name]
			require.True(t, ok, "%s has no case: how could it reach another workspace?", method.Name)
			unknown = slices.DeleteFunc(unknown, func(name string) bool { return name == method.Name })
			t.Run(method.Name, func(t *testing.T) {
				t.Parallel()
				e := open(t)
				theirs := create(t, e.Theirs, access.KeySpec{Name: "theirs"})
				keys := pagetest.Keys(t, e.Theirs.List, keyName)
				entries := pagetest.Keys(t, entriesOf(e.TheirAudit, access.AuditFilter{}), actionOf)
				run(t, e, theirs)
				require.Equal(t, keys, pagetest.Keys(t, e.Theirs.List, keyName), "their keys have changed")
				require.Equal(t, entries, pagetest.Keys(t, entriesOf(e.TheirAudit, access.AuditFilter{}), actionOf), "their audit log has changed")
				_, err := e.Authenticate(t.Context(), theirs.Secret)
				require.NoError(t, err)
			})
		}
	}
	require.Empty(t, unknown, "cases of methods that are gone")
}
