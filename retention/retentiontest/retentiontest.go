// Package retentiontest is the behaviour of the interface of package retention,
// as a suite that every implementation passes: in-process and over HTTP.
package retentiontest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/retention"
)

// Env is what a test works with. Nobody has set anything when it begins.
type Env struct {
	// Mine and Theirs are of two workspaces of one store.
	Mine, Theirs retention.Settings
	// Actor is the name under which Mine stands in Audit.
	Actor string
	Audit access.AuditLog
	// DefaultDays is what the server keeps by default.
	DefaultDays float64
}

// Run checks an implementation. open gives an Env that nothing else uses.
func Run(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	for name, run := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

func of(days int64) *int64 { return &days }

func cases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"the server's time holds until one is set": func(t *testing.T, e Env) {
			got, err := e.Mine.Get(t.Context())
			require.NoError(t, err)
			require.Equal(t, retention.Retention{DefaultDays: e.DefaultDays}, got)
		},
		"what is set is kept, for ever and the server's too": func(t *testing.T, e Env) {
			for _, days := range []*int64{of(1), of(90), of(0), of(retention.MaxDays), nil} {
				want := retention.Retention{Days: days, DefaultDays: e.DefaultDays}
				got, err := e.Mine.Set(t.Context(), days)
				require.NoError(t, err)
				require.Equal(t, want, got)
				got, err = e.Mine.Get(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		},
		"what cannot be is refused and changes nothing": func(t *testing.T, e Env) {
			_, err := e.Mine.Set(t.Context(), of(12))
			require.NoError(t, err)
			for _, days := range []int64{-1, retention.MaxDays + 1} {
				_, err := e.Mine.Set(t.Context(), of(days))
				require.ErrorIs(t, err, pmerr.ErrValidation)
				require.ErrorContains(t, err, "days must be from 0 to 36500")
			}
			got, err := e.Mine.Get(t.Context())
			require.NoError(t, err)
			require.Equal(t, int64(12), *got.Days)
		},
		"a change is in the audit log": func(t *testing.T, e Env) {
			_, err := e.Mine.Set(t.Context(), of(5))
			require.NoError(t, err)
			p, err := e.Audit.Entries(t.Context(), access.AuditFilter{Action: "retention:set"}, page.Request{})
			require.NoError(t, err)
			require.Len(t, p.Items, 1)
			require.Equal(t, e.Actor, *p.Items[0].APIKeyName)
		},
		"workspaces are islands": func(t *testing.T, e Env) {
			_, err := e.Mine.Set(t.Context(), of(5))
			require.NoError(t, err)
			got, err := e.Theirs.Get(t.Context())
			require.NoError(t, err)
			require.Nil(t, got.Days)
		},
	}
}
