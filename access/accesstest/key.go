package accesstest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func keyCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a key works with the scopes that it was given": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "ci <main> 🌱", Scopes: access.Scopes{access.Admin, access.Read}})
			require.Regexp(t, `^pm_[0-9a-f]{64}$`, made.Secret)
			require.Positive(t, made.ID)
			require.Equal(t, e.MineName, made.Workspace)
			require.Equal(t, access.Scopes{access.Read, access.Admin}, made.Scopes, "in one order")
			require.WithinDuration(t, time.Now(), made.CreatedAt.Time, time.Minute)
			require.Nil(t, made.ExpiresAt)
			require.Nil(t, made.LastUsedAt)
			who, err := e.Authenticate(t.Context(), made.Secret)
			require.NoError(t, err)
			require.Equal(t, access.Identity{
				KeyID: made.ID, Name: "ci <main> 🌱", Workspace: e.MineName, Scopes: access.Scopes{access.Read, access.Admin},
			}, who)
		},

		"without scopes it reads and writes": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "plain"})
			require.Equal(t, access.Scopes{access.Read, access.Write}, made.Scopes)
		},

		"it ends when it was asked to": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "short", ExpiresInDays: ptr(int64(30))})
			require.WithinDuration(t, time.Now().Add(30*24*time.Hour), made.ExpiresAt.Time, time.Minute)
		},

		"no two secrets are the same": func(t *testing.T, e Env) {
			one, two := create(t, e.Mine, access.KeySpec{Name: "same"}), create(t, e.Mine, access.KeySpec{Name: "same"})
			require.NotEqual(t, one.Secret, two.Secret)
			require.NotEqual(t, one.ID, two.ID)
		},

		"the secret is shown once": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "shown once", ExpiresInDays: ptr(int64(1))})
			p, err := e.Mine.List(t.Context(), page.Request{Limit: 1})
			require.NoError(t, err)
			require.Equal(t, made.Key, p.Items[0], "all but the secret comes back")
			require.NotContains(t, fmt.Sprintf("%+v", p), made.Secret)
		},

		"faults are named and no key is made": func(t *testing.T, e Env) {
			before := audited(t, e.Audit)
			for field, spec := range map[string]access.KeySpec{
				"name none":           {},
				"name blank":          {Name: "  "},
				"name long":           {Name: strings.Repeat("ü", 129)},
				"name of two lines":   {Name: "a\nb"},
				"name with NUL":       {Name: "a\x00"},
				"scopes unknown":      {Name: "x", Scopes: access.Scopes{"root"}},
				"workspace_id":        {Name: "x", Workspace: "no workspace"},
				"workspace_id long":   {Name: "x", Workspace: strings.Repeat("w", 129)},
				"expires_in_days 0":   {Name: "x", ExpiresInDays: ptr(int64(0))},
				"expires_in_days -1":  {Name: "x", ExpiresInDays: ptr(int64(-1))},
				"expires_in_days far": {Name: "x", ExpiresInDays: ptr(int64(1 << 60))},
			} {
				_, err := e.Master.Create(t.Context(), spec)
				require.ErrorIs(t, err, pmerr.ErrValidation, field)
				require.Contains(t, strings.Join(pmerr.From(err).Fields, "\n"), strings.Fields(field)[0], field)
			}
			require.Equal(t, before, audited(t, e.Audit))
			create(t, e.Mine, access.KeySpec{Name: strings.Repeat("ü", 128), ExpiresInDays: ptr(int64(36500))})
		},

		"nobody gives what it has not": func(t *testing.T, e Env) {
			for _, spec := range []access.KeySpec{
				{Name: "x", Scopes: access.Scopes{access.Write}},
				{Name: "x", Scopes: access.Scopes{access.Read, access.Write, access.Admin}},
				{Name: "x"}, // read and write
			} {
				_, err := e.Clerk.Create(t.Context(), spec)
				require.ErrorIs(t, err, pmerr.ErrForbidden, "%+v", spec)
			}
			create(t, e.Clerk, access.KeySpec{Name: "x", Scopes: access.Scopes{access.Read, access.Admin}})
		},

		"only a master makes keys of other workspaces": func(t *testing.T, e Env) {
			for _, foreign := range []string{e.TheirName, access.Master} {
				_, err := e.Mine.Create(t.Context(), access.KeySpec{Name: "x", Workspace: foreign})
				require.ErrorIs(t, err, pmerr.ErrForbidden, foreign)
				made := create(t, e.Master, access.KeySpec{Name: "x", Workspace: foreign})
				require.Equal(t, foreign, made.Workspace)
				who, err := e.Authenticate(t.Context(), made.Secret)
				require.NoError(t, err)
				require.Equal(t, foreign, who.Workspace)
			}
			own := create(t, e.Mine, access.KeySpec{Name: "x", Workspace: e.MineName})
			require.Equal(t, e.MineName, own.Workspace)
			plain := create(t, e.Master, access.KeySpec{Name: "x"})
			require.Equal(t, e.MineName, plain.Workspace, "the one that the master works in")
		},

		"without the scope admin nothing goes": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "kept"})
			_, err := e.Guest.Create(t.Context(), access.KeySpec{Name: "x", Scopes: access.Scopes{access.Read}})
			require.ErrorIs(t, err, pmerr.ErrForbidden)
			_, err = e.Guest.List(t.Context(), page.Request{})
			require.ErrorIs(t, err, pmerr.ErrForbidden)
			require.ErrorIs(t, e.Guest.Revoke(t.Context(), made.ID), pmerr.ErrForbidden)
			_, err = e.Authenticate(t.Context(), made.Secret)
			require.NoError(t, err)
		},

		"in a workspace that is not one's own nothing goes": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "kept"})
			_, err := e.Intruder.Create(t.Context(), access.KeySpec{Name: "x"})
			require.ErrorIs(t, err, pmerr.ErrUnauthorized)
			_, err = e.Intruder.List(t.Context(), page.Request{})
			require.ErrorIs(t, err, pmerr.ErrUnauthorized)
			require.ErrorIs(t, e.Intruder.Revoke(t.Context(), made.ID), pmerr.ErrUnauthorized)
			_, err = e.Authenticate(t.Context(), made.Secret)
			require.NoError(t, err)
		},

		"keys page newest first": func(t *testing.T, e Env) {
			want := pagetest.Keys(t, e.Mine.List, keyName)
			for i := range 6 {
				name := fmt.Sprint("key ", i)
				create(t, e.Mine, access.KeySpec{Name: name})
				want = slices.Insert(want, 0, name)
			}
			pagetest.Check(t, e.Mine.List, keyName, want)
			pagetest.RefusesCursorOf(t, e.Mine.List, entriesOf(e.Audit, access.AuditFilter{}))
		},

		"a master sees the keys of all": func(t *testing.T, e Env) {
			missing := map[int64]bool{}
			for _, k := range []access.Keys{e.Mine, e.Theirs} {
				missing[create(t, k, access.KeySpec{Name: "seen"}).ID] = true
			}
			r := page.Request{Limit: page.MaxLimit}
			for range 1000 {
				p, err := e.Master.List(t.Context(), r)
				require.NoError(t, err)
				for _, key := range p.Items {
					delete(missing, key.ID)
				}
				if r.Cursor = p.NextCursor; r.Cursor == "" {
					break
				}
			}
			require.Empty(t, missing)
		},

		"a revoked key is refused at once": func(t *testing.T, e Env) {
			made, other := create(t, e.Mine, access.KeySpec{Name: "gone"}), create(t, e.Mine, access.KeySpec{Name: "kept"})
			_, err := e.Authenticate(t.Context(), made.Secret)
			require.NoError(t, err)
			require.NoError(t, e.Mine.Revoke(t.Context(), made.ID))
			_, err = e.Authenticate(t.Context(), made.Secret)
			require.ErrorIs(t, err, pmerr.ErrUnauthorized)
			_, err = e.Authenticate(t.Context(), other.Secret)
			require.NoError(t, err)
			require.NotContains(t, pagetest.Keys(t, e.Mine.List, keyName), "gone")
		},

		"a master revokes any key": func(t *testing.T, e Env) {
			made := create(t, e.Theirs, access.KeySpec{Name: "gone"})
			require.NoError(t, e.Master.Revoke(t.Context(), made.ID))
			_, err := e.Authenticate(t.Context(), made.Secret)
			require.ErrorIs(t, err, pmerr.ErrUnauthorized)
		},

		"revoking what does not exist is not found": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "gone"})
			require.NoError(t, e.Mine.Revoke(t.Context(), made.ID))
			for _, id := range []int64{made.ID, 0, -1, 1 << 62} {
				err := e.Mine.Revoke(t.Context(), id)
				require.ErrorIs(t, err, pmerr.ErrNotFound, "%d", id)
				require.Equal(t, "API key not found", pmerr.From(err).Message)
				require.ErrorIs(t, e.Master.Revoke(t.Context(), id), pmerr.ErrNotFound, "%d", id)
			}
		},

		"of many who revoke one key at once exactly one does": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "gone"})
			errs := make([]error, 8)
			var calls sync.WaitGroup
			for i := range errs {
				calls.Go(func() { errs[i] = e.Mine.Revoke(t.Context(), made.ID) })
			}
			calls.Wait()
			done := 0
			for _, err := range errs {
				if err == nil {
					done++
					continue
				}
				require.ErrorIs(t, err, pmerr.ErrNotFound)
			}
			require.Equal(t, 1, done)
			require.Len(t, pagetest.Keys(t, entriesOf(e.Audit, access.AuditFilter{Action: "api_key:revoke"}), actionOf), 1)
		},

		"secrets that were never made are refused": func(t *testing.T, e Env) {
			made := create(t, e.Mine, access.KeySpec{Name: "real"})
			for _, secret := range []string{
				"", "x", "pm_", "pm_" + strings.Repeat("0", 64), strings.ToUpper(made.Secret), made.Secret + "0", made.Secret[:66], " " + made.Secret,
				strconv.FormatInt(made.ID, 10),
			} {
				_, err := e.Authenticate(t.Context(), secret)
				require.ErrorIs(t, err, pmerr.ErrUnauthorized, "%q", secret)
			}
		},

		"every change leaves exactly one entry, a refused one none": func(t *testing.T, e Env) {
			before := audited(t, e.Audit)
			made := create(t, e.Mine, access.KeySpec{Name: "audited"})
			id := strconv.FormatInt(made.ID, 10)
			require.Equal(t, before+1, audited(t, e.Audit))
			_, err := e.Mine.Create(t.Context(), access.KeySpec{})
			require.Error(t, err)
			_, err = e.Clerk.Create(t.Context(), access.KeySpec{Name: "x", Scopes: access.Scopes{access.Write}})
			require.Error(t, err)
			require.Error(t, e.Mine.Revoke(t.Context(), 1<<62))
			require.Equal(t, before+1, audited(t, e.Audit))
			require.NoError(t, e.Mine.Revoke(t.Context(), made.ID))
			p, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 2})
			require.NoError(t, err)
			require.Equal(t, before+2, p.Total)
			for i, action := range []string{"api_key:revoke", "api_key:create"} {
				got := p.Items[i]
				require.Equal(t, action, got.Action)
				require.Equal(t, &id, got.TargetID)
				require.Nil(t, got.PromptName)
				require.Nil(t, got.VersionTag)
				require.Equal(t, &e.Actor, got.APIKeyName)
				require.Equal(t, e.MineName, got.Workspace)
				require.WithinDuration(t, time.Now(), got.Timestamp.Time, time.Minute)
			}
		},

		"what a master does in another workspace stands where it works": func(t *testing.T, e Env) {
			mine, theirs := audited(t, e.Audit), audited(t, e.TheirAudit)
			create(t, e.Master, access.KeySpec{Name: "x", Workspace: e.TheirName})
			require.Equal(t, mine+1, audited(t, e.Audit))
			require.Equal(t, theirs, audited(t, e.TheirAudit))
		},

		"a call that was given up makes no key": func(t *testing.T, e Env) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			before := audited(t, e.Audit)
			_, err := e.Mine.Create(ctx, access.KeySpec{Name: "x"})
			require.Error(t, err)
			require.Equal(t, before, audited(t, e.Audit))
		},
	}
}
