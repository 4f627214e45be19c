package accesstest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// hours is a bound of a filter, so many hours from now.
func hours(n int) timestamp.Time { return timestamp.Of(time.Now().Add(time.Duration(n) * time.Hour)) }

func auditCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"entries page newest first": func(t *testing.T, e Env) {
			want := pagetest.Keys(t, entriesOf(e.Audit, access.AuditFilter{}), actionOf)
			for i := range 4 {
				made := create(t, e.Mine, access.KeySpec{Name: fmt.Sprint("key ", i)})
				require.NoError(t, e.Mine.Revoke(t.Context(), made.ID))
				want = slices.Insert(want, 0, fmt.Sprint("api_key:revoke ", made.ID), fmt.Sprint("api_key:create ", made.ID))
			}
			pagetest.Check(t, entriesOf(e.Audit, access.AuditFilter{}), actionOf, want)
		},

		"ids grow": func(t *testing.T, e Env) {
			for i := range 3 {
				create(t, e.Mine, access.KeySpec{Name: fmt.Sprint("key ", i)})
			}
			p, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{})
			require.NoError(t, err)
			for i := 1; i < len(p.Items); i++ {
				require.Equal(t, p.Items[i-1].ID-1, p.Items[i].ID)
			}
		},

		"filters": func(t *testing.T, e Env) {
			revoked := []string{}
			for i := range 4 {
				made := create(t, e.Mine, access.KeySpec{Name: fmt.Sprint("key ", i)})
				require.NoError(t, e.Mine.Revoke(t.Context(), made.ID))
				revoked = slices.Insert(revoked, 0, fmt.Sprint("api_key:revoke ", made.ID))
			}
			for _, f := range []access.AuditFilter{
				{Action: "api_key:revoke"},
				{Action: "api_key:revoke", APIKeyName: e.Actor},
				{Action: "api_key:revoke", From: hours(-1), To: hours(1)},
			} {
				pagetest.Check(t, entriesOf(e.Audit, f), actionOf, revoked)
			}
			for _, f := range []access.AuditFilter{
				{Action: "create_prompt"},
				{Action: "log:create"},
				{Action: "API_KEY:REVOKE"},
				{Action: "' OR '1'='1"},
				{APIKeyName: "nobody"},
				{Action: "api_key:revoke", APIKeyName: "nobody"},
				{From: hours(1)},
				{To: hours(-1)},
				{Action: "api_key:revoke", From: hours(1)},
			} {
				require.Empty(t, pagetest.Keys(t, entriesOf(e.Audit, f), actionOf), "%+v", f)
				require.Zero(t, func() int64 {
					p, err := e.Audit.Entries(t.Context(), f, page.Request{})
					require.NoError(t, err)
					return p.Total
				}(), "%+v", f)
			}
		},

		"filters that cannot be are faults": func(t *testing.T, e Env) {
			for _, f := range []access.AuditFilter{{Action: "a\x00"}, {APIKeyName: "a\x00"}} {
				_, err := e.Audit.Entries(t.Context(), f, page.Request{})
				require.ErrorIs(t, err, pmerr.ErrValidation, "%+v", f)
				require.NotEmpty(t, pmerr.From(err).Fields)
			}
		},
	}
}
