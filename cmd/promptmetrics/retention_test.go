package main_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRetention(t *testing.T) {
	t.Parallel()
	u := newUser(t, "RETENTION_DAYS=90")
	admin := userOf(t, u.server, "--scopes", "read,write,admin")
	require.Equal(t, "kept for 90 days, as the server does by default\n", u.must(t, "retention"))
	for set, want := range map[string]string{
		"1":       "kept for 1 day, by the workspace's own setting\n",
		"30":      "kept for 30 days, by the workspace's own setting\n",
		"forever": "kept for ever, by the workspace's own setting\n",
		"default": "kept for 90 days, as the server does by default\n",
	} {
		require.Equal(t, want, admin.must(t, "retention", "--set", set))
		require.Equal(t, want, u.must(t, "retention"))
	}
	require.JSONEq(t, `{"days":7,"default_days":90}`, admin.must(t, "retention", "--set", "7", "--json"))
	for _, bad := range []string{"-1", "0", "1.5", "month", "36501", ""} {
		r := admin.run(t, "retention", "--set", bad)
		require.Equal(t, 2, r.Code, bad)
		require.Contains(t, r.Err, "--set must be a number of days from 1 to 36500, forever, or default\n")
	}
	r := u.run(t, "retention", "--set", "5")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "scope")
	require.JSONEq(t, `{"days":7,"default_days":90}`, u.must(t, "retention", "--json"))
}
