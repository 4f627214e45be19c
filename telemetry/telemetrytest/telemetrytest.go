// Package telemetrytest is the behaviour that every implementation of
// telemetry's interfaces shares: in-process and remote, on every database.
package telemetrytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// API is all of telemetry.
type API interface {
	telemetry.Recorder
	telemetry.Reader
	telemetry.Eraser
}

// Env is a fresh implementation with two workspaces.
type Env struct {
	Home, Other API
	// Audit is the audit log of Home.
	Audit access.AuditLog
}

// Run runs the suite. open gives a fresh, empty environment each time.
func Run(t *testing.T, open func(tb testing.TB) Env) {
	for _, group := range []map[string]func(*testing.T, Env){logs, traces, runs, islands} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

func ptr[T any](v T) *T { return &v }

// all asks for the largest page.
var all = page.Request{Limit: page.MaxLimit}

// requireFaults checks that an error is a validation error with these faults.
func requireFaults(tb testing.TB, err error, faults ...string) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrValidation)
	require.ElementsMatch(tb, faults, pmerr.From(err).Fields)
}

// requireAudit checks how often an action stands in the audit log.
func requireAudit(t *testing.T, env Env, action string, times int) {
	t.Helper()
	entries, err := env.Audit.Entries(t.Context(), access.AuditFilter{Action: action}, all)
	require.NoError(t, err)
	require.Len(t, entries.Items, times, action)
	require.EqualValues(t, times, entries.Total, action)
}

// walk reads a list page by page with the cursor.
func walk[T any](tb testing.TB, list func(r page.Request) (page.Of[T], error)) (items []T) {
	tb.Helper()
	r := page.Request{Limit: 2}
	for {
		p, err := list(r)
		require.NoError(tb, err)
		items = append(items, p.Items...)
		if p.NextCursor == "" {
			return items
		}
		r.Cursor = p.NextCursor
	}
}

// badPages checks what every list refuses.
func badPages[T any](tb testing.TB, list func(r page.Request) (page.Of[T], error)) {
	tb.Helper()
	for _, r := range []page.Request{{Page: -1}, {Limit: 101}, {Limit: -1}} {
		_, err := list(r)
		require.ErrorIs(tb, err, pmerr.ErrValidation, "%+v", r)
	}
	for _, cursor := range []string{"x", page.EncodeCursor("elsewhere", [2]int64{1, 1})} {
		_, err := list(page.Request{Cursor: cursor})
		require.ErrorIs(tb, err, pmerr.ErrBadRequest, cursor)
	}
}
