package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 700, time.UTC)

// newKeys makes the service of an identity that works in a workspace.
func newKeys(tb testing.TB, store *keyStore, ring *access.Keyring, in string, who access.Identity) *access.KeyService {
	tb.Helper()
	id, err := workspace.Parse(in)
	require.NoError(tb, err)
	return access.NewKeyService(store, ring, func() time.Time { return noon }, id, workspace.Actor{Name: who.Name}, who)
}

func identity(owner string, scopes ...access.Scope) access.Identity {
	return access.Identity{KeyID: 99, Name: "maker", Workspace: owner, Scopes: scopes}
}

func TestCreateKey(t *testing.T) {
	t.Parallel()
	all := []access.Scope{access.Read, access.Write, access.Admin}
	days := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		who   access.Identity
		in    string
		spec  access.KeySpec
		code  pmerr.Code // of the refusal, if any.
		fault []string   // each of its parts.
		owner string
		scope string
	}{
		"defaults are read, write and the maker's workspace": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: "ci"},
			owner: "team", scope: "read,write",
		},
		"a master key's default is the workspace it works in": {
			who: identity("*", all...), in: "team", spec: access.KeySpec{Name: "ci"},
			owner: "team", scope: "read,write",
		},
		"a master key may name any workspace": {
			who: identity("*", all...), in: "team", spec: access.KeySpec{Name: "ci", Workspace: "other"},
			owner: "other", scope: "read,write",
		},
		"a master key may make master keys": {
			who: identity("*", all...), in: "team", spec: access.KeySpec{Name: "ci", Workspace: "*"},
			owner: "*", scope: "read,write",
		},
		"the operator may do everything": {
			who: access.Operator(), in: "default", spec: access.KeySpec{Name: "root", Workspace: "*", Scopes: all},
			owner: "*", scope: "read,write,admin",
		},
		"scopes are put in order, once": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: "ci", Scopes: access.Scopes{"admin", "read", "admin"}},
			owner: "team", scope: "read,admin",
		},
		"its own workspace may be named": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: "ci", Workspace: "team"},
			owner: "team", scope: "read,write",
		},
		"128 characters of any script are a name": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: strings.Repeat("名", 128)},
			owner: "team", scope: "read,write",
		},
		"an expiry of 36500 days is the last": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: "ci", ExpiresInDays: days(36500)},
			owner: "team", scope: "read,write",
		},
		"another workspace is forbidden without a master key": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: "ci", Workspace: "other"},
			code: pmerr.Forbidden, fault: []string{"master key"},
		},
		"a master key is forbidden without a master key": {
			who: identity("team", all...), in: "team", spec: access.KeySpec{Name: "ci", Workspace: "*"},
			code: pmerr.Forbidden, fault: []string{"master key"},
		},
		"a scope that the maker lacks is forbidden": {
			who: identity("team", access.Read, access.Admin), in: "team", spec: access.KeySpec{Name: "ci", Scopes: access.Scopes{access.Write}},
			code: pmerr.Forbidden, fault: []string{"scope write"},
		},
		"so are default scopes that it lacks": {
			who: identity("team", access.Read, access.Admin), in: "team", spec: access.KeySpec{Name: "ci"},
			code: pmerr.Forbidden, fault: []string{"scope write"},
		},
		"a master key grants no scope that it lacks": {
			who: identity("*", access.Admin), in: "team", spec: access.KeySpec{Name: "ci", Scopes: access.Scopes{access.Read}},
			code: pmerr.Forbidden, fault: []string{"scope read"},
		},
		"a maker without admin is forbidden": {
			who: identity("team", access.Read, access.Write), in: "team", spec: access.KeySpec{Name: "ci"},
			code: pmerr.Forbidden, fault: []string{"scope admin"},
		},
		"a maker who works elsewhere is unauthorized": {
			who: identity("team", all...), in: "other", spec: access.KeySpec{Name: "ci"},
			code: pmerr.Unauthorized, fault: []string{"API key does not belong to this workspace"},
		},
		"nobody is unauthorized": {
			who: access.Identity{}, in: "default", spec: access.KeySpec{Name: "ci"},
			code: pmerr.Unauthorized, fault: []string{"API key does not belong to this workspace"},
		},
		"no name": {
			who: access.Operator(), in: "team", spec: access.KeySpec{},
			code: pmerr.Validation, fault: []string{"name must be 1 to 128 characters"},
		},
		"a blank name": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: " \u00a0 "},
			code: pmerr.Validation, fault: []string{"name must be 1 to 128 characters"},
		},
		"a name of 129 characters": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: strings.Repeat("名", 129)},
			code: pmerr.Validation, fault: []string{"name must be 1 to 128 characters"},
		},
		"a name with a line break": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci\nroot"},
			code: pmerr.Validation, fault: []string{"name must be UTF-8 without control characters"},
		},
		"a name with a line separator": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci\u2028root"},
			code: pmerr.Validation, fault: []string{"name must be UTF-8 without control characters"},
		},
		"a name with an escape": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci\u009b2J"},
			code: pmerr.Validation, fault: []string{"name must be UTF-8 without control characters"},
		},
		"a name that is no text": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci\xff"},
			code: pmerr.Validation, fault: []string{"name must be UTF-8"},
		},
		"an unknown scope": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci", Scopes: access.Scopes{"root"}},
			code: pmerr.Validation, fault: []string{`scopes must be among read, write, admin; got "root"`},
		},
		"a list of no scopes": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci", Scopes: access.Scopes{}},
			code: pmerr.Validation, fault: []string{"scopes must name at least one"},
		},
		"a workspace that cannot be": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci", Workspace: "a b"},
			code: pmerr.Validation, fault: []string{"workspace_id must be"},
		},
		"0 days": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci", ExpiresInDays: days(0)},
			code: pmerr.Validation, fault: []string{"expires_in_days must be an integer from 1 to 36500"},
		},
		"36501 days": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci", ExpiresInDays: days(36501)},
			code: pmerr.Validation, fault: []string{"expires_in_days must be"},
		},
		"days that overflow": {
			who: access.Operator(), in: "team", spec: access.KeySpec{Name: "ci", ExpiresInDays: days(1 << 62)},
			code: pmerr.Validation, fault: []string{"expires_in_days must be"},
		},
		"all faults are told at once": {
			who: access.Operator(), in: "team",
			spec: access.KeySpec{Scopes: access.Scopes{"root"}, Workspace: "a/b", ExpiresInDays: days(-1)},
			code: pmerr.Validation, fault: []string{"name ", "scopes ", "workspace_id ", "expires_in_days "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newKeyStore()
			ring := newRing(t, store)
			key, err := newKeys(t, store, ring, c.in, c.who).Create(t.Context(), c.spec)
			if c.code != "" {
				require.Error(t, err)
				require.Equal(t, c.code, pmerr.From(err).Code)
				for _, part := range c.fault {
					require.ErrorContains(t, err, part)
				}
				require.Zero(t, key)
				require.Empty(t, store.rows)
				require.Empty(t, store.audit, "a refused request leaves no entry")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.owner, key.Workspace)
			require.Equal(t, c.scope, key.Scopes.String())
			require.Equal(t, noon.Unix(), key.CreatedAt.Unix())
			if c.spec.ExpiresInDays == nil {
				require.Nil(t, key.ExpiresAt)
			} else {
				require.Equal(t, noon.Unix()+*c.spec.ExpiresInDays*86400, key.ExpiresAt.Unix())
			}
			require.Equal(t, []string{"api_key:create " + c.in + " " + c.who.Name}, store.audit)

			row := store.rows[key.ID]
			require.Equal(t, key.Key, row.Key)
			require.Equal(t, access.Hash(testSalt, key.Secret), row.Hash)
			who, err := ring.Authenticate(t.Context(), key.Secret)
			if key.ExpiresAt != nil && !time.Now().Before(key.ExpiresAt.Time) {
				requireRefused(t, err, expired)
				return
			}
			require.NoError(t, err)
			require.Equal(t, access.Identity{KeyID: key.ID, Name: c.spec.Name, Workspace: c.owner, Scopes: key.Scopes}, who)
		})
	}
}

func TestListAndRevokeKeys(t *testing.T) {
	t.Parallel()
	// bundle is a store with the keys 1 and 3 of a, 2 of b, and the master key 4.
	bundle := func(t *testing.T) (*keyStore, *access.Keyring, map[int64]string) {
		t.Helper()
		store := newKeyStore()
		secrets := map[int64]string{}
		for _, owner := range []string{"a", "b", "a", access.Master} {
			id, secret := store.put(t, access.Key{Workspace: owner})
			secrets[id] = secret
		}
		return store, newRing(t, store), secrets
	}
	admin := func(owner string) access.Identity { return identity(owner, access.Admin) }
	for name, c := range map[string]struct {
		who  access.Identity
		in   string
		want []int64
	}{
		"an identity sees and ends the keys of its workspace": {admin("a"), "a", []int64{3, 1}},
		"and of no other":                      {admin("b"), "b", []int64{2}},
		"a master key sees and ends all":       {admin(access.Master), "b", []int64{4, 3, 2, 1}},
		"so does the operator":                 {access.Operator(), "a", []int64{4, 3, 2, 1}},
		"one of a workspace without keys none": {admin("c"), "c", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, ring, secrets := bundle(t)
			keys := newKeys(t, store, ring, c.in, c.who)
			got, err := keys.List(t.Context(), page.Request{})
			require.NoError(t, err)
			var ids []int64
			for _, key := range got.Items {
				ids = append(ids, key.ID)
			}
			require.Equal(t, c.want, ids)
			require.EqualValues(t, len(c.want), got.Total)

			for id, secret := range secrets {
				_, err := ring.Authenticate(t.Context(), secret)
				require.NoError(t, err)
				err = keys.Revoke(t.Context(), id)
				_, after := ring.Authenticate(t.Context(), secret)
				if !slices.Contains(c.want, id) {
					require.ErrorIs(t, err, pmerr.ErrNotFound)
					require.Equal(t, "API key not found", pmerr.From(err).Message)
					require.NoError(t, after)
					continue
				}
				require.NoError(t, err)
				requireRefused(t, after, invalid)
				require.ErrorIs(t, keys.Revoke(t.Context(), id), pmerr.ErrNotFound)
			}
		})
	}
	t.Run("pages are checked", func(t *testing.T) {
		t.Parallel()
		store, ring, _ := bundle(t)
		_, err := newKeys(t, store, ring, "a", admin("a")).List(t.Context(), page.Request{Limit: 101})
		require.ErrorIs(t, err, pmerr.ErrValidation)
		got, err := newKeys(t, store, ring, "a", admin("a")).List(t.Context(), page.Request{Page: 2, Limit: 1})
		require.NoError(t, err)
		require.EqualValues(t, 1, got.Items[0].ID)
	})
	t.Run("ids that cannot be are not found", func(t *testing.T) {
		t.Parallel()
		store, ring, _ := bundle(t)
		for _, id := range []int64{0, -1, 1 << 62} {
			require.ErrorIs(t, newKeys(t, store, ring, "a", admin("a")).Revoke(t.Context(), id), pmerr.ErrNotFound)
		}
	})
	for name, c := range map[string]struct {
		who  access.Identity
		want error
	}{
		"without admin all is forbidden":     {identity("a", access.Read, access.Write), pmerr.ErrForbidden},
		"from elsewhere all is unauthorized": {admin("b"), pmerr.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, ring, _ := bundle(t)
			keys := newKeys(t, store, ring, "a", c.who)
			_, err := keys.List(t.Context(), page.Request{})
			require.ErrorIs(t, err, c.want)
			require.ErrorIs(t, keys.Revoke(t.Context(), 1), c.want)
			require.Len(t, store.rows, 4)
		})
	}
	t.Run("a store that is down is unavailable, and nothing leaks", func(t *testing.T) {
		t.Parallel()
		store, ring, secrets := bundle(t)
		keys := newKeys(t, store, ring, "a", access.Operator())
		store.breakDown(pmerr.Down(errors.New("SELECT failed"), "The database is down"))
		_, err := keys.Create(t.Context(), access.KeySpec{Name: "x"})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		_, err = keys.List(t.Context(), page.Request{})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.ErrorIs(t, keys.Revoke(t.Context(), 1), pmerr.ErrUnavailable)
		store.breakDown(errors.New("SELECT failed"))
		require.NotContains(t, pmerr.From(keys.Revoke(t.Context(), 1)).Message, "SELECT")
		store.breakDown(nil)
		_, err = ring.Authenticate(t.Context(), secrets[1])
		require.NoError(t, err)
	})
}
