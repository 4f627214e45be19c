package workspace_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"default", "a", "A-b_9", "_", "-", strings.Repeat("x", 128)} {
		id, err := workspace.Parse(name)
		require.NoError(t, err, name)
		require.Equal(t, name, id.String())
		require.False(t, id.IsZero())
		value, err := id.Value()
		require.NoError(t, err)
		require.Equal(t, name, value)
	}
	for _, name := range []string{"", strings.Repeat("x", 129), "a b", "a/b", "..", "*", "a\x00", "grün", "a.b", "a\n", "%41"} {
		id, err := workspace.Parse(name)
		require.ErrorIs(t, err, pmerr.ErrBadRequest, "%q", name)
		require.True(t, id.IsZero())
	}
}

func TestZero(t *testing.T) {
	t.Parallel()
	var id workspace.ID
	require.True(t, id.IsZero())
	require.Panics(t, func() { _ = id.String() })
	require.Panics(t, func() { _, _ = id.Value() }, "it never reaches a query")
	require.Equal(t, "default", workspace.Default().String())
	require.Equal(t, workspace.Default(), must(workspace.Parse("default")), "names are compared, not identities")
}

func must(id workspace.ID, err error) workspace.ID {
	if err != nil {
		panic(err)
	}
	return id
}

// FuzzWorkspaceID compares with the expression of the contract.
func FuzzWorkspaceID(f *testing.F) {
	contract := regexp.MustCompile(`\A[a-zA-Z0-9_-]{1,128}\z`)
	for _, seed := range []string{"default", "", "a b", "../x", strings.Repeat("a", 129), "a\n", "ſ", "K"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, err := workspace.Parse(name)
		require.Equal(t, contract.MatchString(name), err == nil)
		require.Equal(t, err == nil, workspace.Valid(name))
		if err == nil {
			require.Equal(t, name, id.String())
		}
	})
}
