package registrytest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// islandCases has one case for every method: what it does through Mine must
// neither show nor change anything of Theirs. Theirs holds the prompt "theirs"
// and both hold a prompt "shared", with different texts, labels and pins.
func islandCases() map[string]func(*testing.T, Env) {
	none := registry.Signature{}
	return map[string]func(*testing.T, Env){
		"Create": func(t *testing.T, e Env) {
			create(t, e.Mine, prompt("theirs", "1.0.0", "my own of that name"))
			got, err := e.Mine.Get(t.Context(), "theirs", registry.Query{})
			require.NoError(t, err)
			require.Equal(t, "my own of that name", got.Content.Messages[0].Content)
		},
		"Get": func(t *testing.T, e Env) {
			for _, q := range []registry.Query{{}, {Version: "1.0.0"}, {Version: "*"}, {Label: "production"}, {Raw: true}} {
				_, err := e.Mine.Get(t.Context(), "theirs", q)
				require.ErrorIs(t, err, pmerr.ErrNotFound, "%+v", q)
			}
			got, err := e.Mine.Get(t.Context(), "shared", registry.Query{Version: "1.0.0"})
			require.NoError(t, err)
			require.Equal(t, "mine 1.0.0", got.Content.Messages[0].Content)
			_, err = e.Mine.Get(t.Context(), "shared", registry.Query{Version: "3.0.0"})
			require.ErrorIs(t, err, pmerr.ErrNotFound, "a version that only they have")
			require.Equal(t, "2.0.0", served(t, e.Mine, "shared", registry.Query{}), "my latest, not theirs")
		},
		"List": func(t *testing.T, e Env) {
			require.Equal(t, []string{"shared"}, pagetest.Keys(t, listOf(e.Mine, registry.Filter{}), nameOf))
			require.Empty(t, pagetest.Keys(t, listOf(e.Mine, registry.Filter{Label: "theirs-only"}), nameOf))
			require.Empty(t, pagetest.Keys(t, listOf(e.Mine, registry.Filter{Tag: "theirs"}), nameOf))
			require.EqualValues(t, 1, total(t, listOf(e.Mine, registry.Filter{})))
		},
		"Versions": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, versionsOf(e.Mine, "theirs"), versionOf))
			require.Equal(t, []string{"2.0.0", "1.0.0"}, pagetest.Keys(t, versionsOf(e.Mine, "shared"), versionOf))
		},
		"Diff": func(t *testing.T, e Env) {
			_, err := e.Mine.Diff(t.Context(), "theirs", "1.0.0", "2.0.0")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Mine.Diff(t.Context(), "shared", "1.0.0", "3.0.0")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},
		"History": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, historyOf(e.Mine, "theirs"), changeOf))
			require.Equal(t, []string{"publish 2.0.0", "publish 1.0.0"}, pagetest.Keys(t, historyOf(e.Mine, "shared"), changeOf))
		},
		"Activate": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.Activate(t.Context(), "theirs", "1.0.0"), pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.Activate(t.Context(), "shared", "3.0.0"), pmerr.ErrBadRequest)
			require.NoError(t, e.Mine.Activate(t.Context(), "shared", "1.0.0"))
		},
		"Delete": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.Delete(t.Context(), "theirs", none), pmerr.ErrNotFound)
			require.NoError(t, e.Mine.Delete(t.Context(), "shared", none))
		},
		"DeleteVersion": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), "theirs", "1.0.0", none), pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), "shared", "3.0.0", none), pmerr.ErrNotFound)
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "shared", "1.0.0", none))
		},
		"SetLabel": func(t *testing.T, e Env) {
			_, err := e.Mine.SetLabel(t.Context(), "theirs", "production", "")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Mine.SetLabel(t.Context(), "shared", "production", "3.0.0")
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			_, err = e.Mine.SetLabel(t.Context(), "shared", "production", "1.0.0")
			require.NoError(t, err)
		},
		"Label": func(t *testing.T, e Env) {
			_, err := e.Mine.Label(t.Context(), "theirs", "theirs-only")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			_, err = e.Mine.Label(t.Context(), "shared", "theirs-only")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			got, err := e.Mine.Label(t.Context(), "shared", "production")
			require.NoError(t, err)
			require.Equal(t, "2.0.0", got.Version)
		},
		"Labels": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, labelsOf(e.Mine, "theirs"), labelOf))
			require.Equal(t, []string{"production=2.0.0"}, pagetest.Keys(t, labelsOf(e.Mine, "shared"), labelOf))
		},
		"DeleteLabel": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.DeleteLabel(t.Context(), "theirs", "theirs-only"), pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.DeleteLabel(t.Context(), "shared", "theirs-only"), pmerr.ErrNotFound)
			require.NoError(t, e.Mine.DeleteLabel(t.Context(), "shared", "production"))
		},
	}
}

func islands(t *testing.T, open func(testing.TB) Env) {
	t.Helper()
	cases := islandCases()
	for method := range reflect.TypeFor[Registry]().Methods() {
		run, ok := cases[method.Name]
		require.True(t, ok, "%s has no case: how could it reach another workspace?", method.Name)
		delete(cases, method.Name)
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			settle(t, e)
			before := theirState(t, e)
			run(t, e)
			require.Equal(t, before, theirState(t, e), "their workspace has changed")
		})
	}
	require.Empty(t, cases, "cases of methods that are gone")

	t.Run("protected labels", func(t *testing.T) {
		t.Parallel()
		e := open(t)
		settle(t, e)
		require.NoError(t, e.Protect(t.Context(), "production"))
		got, err := e.Theirs.Label(t.Context(), "shared", "production")
		require.NoError(t, err)
		require.False(t, got.Protected, "protected in my workspace only")
	})
}

// settle fills both workspaces.
func settle(t *testing.T, e Env) {
	t.Helper()
	label := func(r Registry, name, label, version string) {
		_, err := r.SetLabel(t.Context(), name, label, version)
		require.NoError(t, err)
	}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		create(t, e.Mine, prompt("shared", version, "mine "+version))
	}
	label(e.Mine, "shared", "production", "2.0.0")

	tagged := prompt("theirs", "1.0.0", "theirs")
	tagged.Tags = []string{"theirs"}
	create(t, e.Theirs, tagged)
	create(t, e.Theirs, prompt("theirs", "2.0.0-rc.1", "theirs"))
	label(e.Theirs, "theirs", "theirs-only", "1.0.0")
	for _, version := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		create(t, e.Theirs, prompt("shared", version, "theirs "+version))
	}
	label(e.Theirs, "shared", "production", "1.0.0")
	label(e.Theirs, "shared", "theirs-only", "3.0.0")
	require.NoError(t, e.Theirs.Activate(t.Context(), "shared", "2.0.0"))
}

// theirState is all that can be seen of their workspace.
func theirState(t *testing.T, e Env) []string {
	t.Helper()
	state := pagetest.Keys(t, listOf(e.Theirs, registry.Filter{}), func(s registry.Summary) string {
		return s.Name + " latest " + s.LatestVersion + " active " + s.ActiveVersion
	})
	for _, name := range []string{"shared", "theirs"} {
		got, err := e.Theirs.Get(t.Context(), name, registry.Query{})
		require.NoError(t, err)
		state = append(state, got.Version.Version+" "+got.Content.Messages[0].Content)
		state = append(state, pagetest.Keys(t, versionsOf(e.Theirs, name), versionOf)...)
		state = append(state, pagetest.Keys(t, labelsOf(e.Theirs, name), labelOf)...)
		state = append(state, pagetest.Keys(t, historyOf(e.Theirs, name), changeOf)...)
	}
	return state
}
