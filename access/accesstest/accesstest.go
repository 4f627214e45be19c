// Package accesstest is the behaviour that every implementation of access.Keys
// and access.AuditLog shares: in-process and remote, on every database.
package accesstest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Env is a fresh implementation: an admin of workspace Home, an admin of
// another workspace, and a master. None of their own keys is listed among the
// keys that a test makes; Before counts those that exist.
type Env struct {
	Home, Other, Master     access.Keys
	HomeID, OtherID         string
	HomeAudit, OtherAudit   access.AuditLog
	HomeBefore, OtherBefore int64
	Authenticate            func(secret string) (access.Identity, error)
	HomeScopes              access.Scopes
}

// Run runs the suite. open gives a fresh environment each time.
func Run(t *testing.T, open func(tb testing.TB) Env) {
	for name, test := range map[string]func(*testing.T, Env){
		"Create/GivesAKeyThatWorks":             createWorks,
		"Create/RefusesFaults":                  createRefuses,
		"Create/GrantsNoMoreThanTheMakerHas":    createLimits,
		"List/HidesSecretsAndPages":             lists,
		"Revoke/EndsAKeyAtOnce":                 revokes,
		"WorkspacesAreIslands":                  islands,
		"AuditLog/TellsWhoDidWhatAndIsFiltered": audits,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

var all = page.Request{Limit: page.MaxLimit}

func createWorks(t *testing.T, env Env) {
	days := int64(30)
	made, err := env.Home.Create(t.Context(), access.KeySpec{Name: "ci", Scopes: access.Scopes{access.Read}, ExpiresInDays: &days})
	require.NoError(t, err)
	require.Regexp(t, `^pm_[0-9a-f]{64}$`, made.Secret)
	require.Equal(t, env.HomeID, made.Workspace)
	require.Positive(t, made.ID)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), made.ExpiresAt.Time, time.Minute)
	require.Nil(t, made.LastUsedAt)
	who, err := env.Authenticate(made.Secret)
	require.NoError(t, err)
	require.Equal(t, access.Identity{KeyID: made.ID, Name: "ci", Workspace: env.HomeID, Scopes: access.Scopes{access.Read}}, who)

	plain, err := env.Home.Create(t.Context(), access.KeySpec{Name: "plain"})
	require.NoError(t, err)
	require.Equal(t, access.Scopes{access.Read, access.Write}, plain.Scopes)
	require.Nil(t, plain.ExpiresAt)
	require.NotEqual(t, made.Secret, plain.Secret)

	master, err := env.Master.Create(t.Context(), access.KeySpec{Name: "root", Workspace: access.Master})
	require.NoError(t, err)
	require.Equal(t, access.Master, master.Workspace)
	there, err := env.Master.Create(t.Context(), access.KeySpec{Name: "there", Workspace: env.OtherID})
	require.NoError(t, err)
	require.Equal(t, env.OtherID, there.Workspace)
}

func createRefuses(t *testing.T, env Env) {
	zero := int64(0)
	for _, spec := range []access.KeySpec{
		{},
		{Name: strings.Repeat("x", 129)},
		{Name: "x", Scopes: access.Scopes{"root"}},
		{Name: "x", ExpiresInDays: &zero},
		{Name: "x", Workspace: "no workspace"},
	} {
		_, err := env.Master.Create(t.Context(), spec)
		require.ErrorIs(t, err, pmerr.ErrValidation, "%+v", spec)
		require.NotEmpty(t, pmerr.From(err).Fields)
	}
}

func createLimits(t *testing.T, env Env) {
	for _, foreign := range []string{env.OtherID, access.Master} {
		_, err := env.Home.Create(t.Context(), access.KeySpec{Name: "x", Workspace: foreign})
		require.ErrorIs(t, err, pmerr.ErrForbidden, foreign)
	}
	for _, scope := range []access.Scope{access.Read, access.Write, access.Admin} {
		_, err := env.Home.Create(t.Context(), access.KeySpec{Name: "x", Scopes: access.Scopes{scope}})
		if env.HomeScopes.Has(scope) {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, pmerr.ErrForbidden)
		}
	}
}

func lists(t *testing.T, env Env) {
	for _, name := range []string{"a", "b", "c"} {
		_, err := env.Home.Create(t.Context(), access.KeySpec{Name: name})
		require.NoError(t, err)
	}
	p, err := env.Home.List(t.Context(), page.Request{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, env.HomeBefore+3, p.Total)
	require.Equal(t, []string{"c", "b"}, []string{p.Items[0].Name, p.Items[1].Name})
	rest, err := env.Home.List(t.Context(), page.Request{Limit: 2, Cursor: p.NextCursor})
	require.NoError(t, err)
	require.Equal(t, "a", rest.Items[0].Name)
	for _, bad := range []page.Request{{Limit: 101}, {Page: -1}} {
		_, err = env.Home.List(t.Context(), bad)
		require.ErrorIs(t, err, pmerr.ErrValidation)
	}
	_, err = env.Home.List(t.Context(), page.Request{Cursor: "x"})
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	everything, err := env.Master.List(t.Context(), all)
	require.NoError(t, err)
	require.GreaterOrEqual(t, everything.Total, p.Total+env.OtherBefore)
}

func revokes(t *testing.T, env Env) {
	made, err := env.Home.Create(t.Context(), access.KeySpec{Name: "gone"})
	require.NoError(t, err)
	_, err = env.Authenticate(made.Secret)
	require.NoError(t, err)
	require.NoError(t, env.Home.Revoke(t.Context(), made.ID))
	_, err = env.Authenticate(made.Secret)
	require.ErrorIs(t, err, pmerr.ErrUnauthorized)
	require.ErrorIs(t, env.Home.Revoke(t.Context(), made.ID), pmerr.ErrNotFound)
	require.Equal(t, "API key not found", pmerr.From(env.Home.Revoke(t.Context(), made.ID)).Message)
}

// islands tries every method of Keys and AuditLog from another workspace.
func islands(t *testing.T, env Env) {
	made, err := env.Home.Create(t.Context(), access.KeySpec{Name: "secret"})
	require.NoError(t, err)
	cases := map[string]func(){
		"Create": func() {
			_, err := env.Other.Create(t.Context(), access.KeySpec{Name: "x", Workspace: env.HomeID})
			require.ErrorIs(t, err, pmerr.ErrForbidden)
		},
		"List": func() {
			p, err := env.Other.List(t.Context(), all)
			require.NoError(t, err)
			require.Equal(t, env.OtherBefore, p.Total)
			for _, key := range p.Items {
				require.Equal(t, env.OtherID, key.Workspace)
			}
		},
		"Revoke": func() {
			require.ErrorIs(t, env.Other.Revoke(t.Context(), made.ID), pmerr.ErrNotFound)
			_, err := env.Authenticate(made.Secret)
			require.NoError(t, err)
		},
		"Entries": func() {
			p, err := env.OtherAudit.Entries(t.Context(), access.AuditFilter{Action: "api_key:create"}, all)
			require.NoError(t, err)
			require.Empty(t, p.Items)
		},
	}
	for _, api := range []reflect.Type{reflect.TypeFor[access.Keys](), reflect.TypeFor[access.AuditLog]()} {
		for i := range api.NumMethod() {
			try := cases[api.Method(i).Name]
			require.NotNil(t, try, "method %s has no case", api.Method(i).Name)
			try()
		}
	}
}

func audits(t *testing.T, env Env) {
	made, err := env.Home.Create(t.Context(), access.KeySpec{Name: "audited"})
	require.NoError(t, err)
	require.NoError(t, env.Home.Revoke(t.Context(), made.ID))
	require.Error(t, env.Home.Revoke(t.Context(), made.ID))
	p, err := env.HomeAudit.Entries(t.Context(), access.AuditFilter{}, all)
	require.NoError(t, err)
	require.EqualValues(t, len(p.Items), p.Total)
	require.Equal(t, "api_key:revoke", p.Items[0].Action)
	require.Equal(t, "api_key:create", p.Items[1].Action)
	require.Equal(t, env.HomeID, p.Items[0].Workspace)
	require.NotNil(t, p.Items[0].TargetID)
	require.Equal(t, p.Items[0].TargetID, p.Items[1].TargetID)

	now := time.Now()
	for name, c := range map[string]struct {
		filter access.AuditFilter
		want   int
	}{
		"action":       {access.AuditFilter{Action: "api_key:revoke"}, 1},
		"other action": {access.AuditFilter{Action: "create_prompt"}, 0},
		"mass action":  {access.AuditFilter{Action: "log:create"}, 0},
		"other name":   {access.AuditFilter{APIKeyName: "nobody"}, 0},
		"from":         {access.AuditFilter{Action: "api_key:revoke", From: timestamp.Of(now.Add(time.Hour))}, 0},
		"to":           {access.AuditFilter{Action: "api_key:revoke", To: timestamp.Of(now.Add(time.Hour))}, 1},
	} {
		p, err := env.HomeAudit.Entries(t.Context(), c.filter, all)
		require.NoError(t, err, name)
		require.Len(t, p.Items, c.want, name)
		require.EqualValues(t, c.want, p.Total, name)
	}
	_, err = env.HomeAudit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 101})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	one, err := env.HomeAudit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 1})
	require.NoError(t, err)
	two, err := env.HomeAudit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 1, Cursor: one.NextCursor})
	require.NoError(t, err)
	require.Equal(t, "api_key:create", two.Items[0].Action)
}
