package registrytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func lifecycleCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a pinned version is served until it is unpinned": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			require.NoError(t, e.Mine.Activate(t.Context(), "p", "1.0.0"))
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}))
			publish(t, e.Mine, "p", "3.0.0")
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}), "what is newer waits")
			require.Equal(t, "3.0.0", served(t, e.Mine, "p", registry.Query{Version: "*"}), "a range does not know of pins")
			require.NoError(t, e.Mine.Activate(t.Context(), "p", "2.0.0"))
			require.Equal(t, "2.0.0", served(t, e.Mine, "p", registry.Query{}))
			require.NoError(t, e.Mine.Activate(t.Context(), "p", ""))
			require.Equal(t, "3.0.0", served(t, e.Mine, "p", registry.Query{}))
			require.NoError(t, e.Mine.Activate(t.Context(), "p", ""), "unpinning again is fine")
		},

		"pinning what does not exist is refused": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.Activate(t.Context(), "p", "1.0.0"), pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.Activate(t.Context(), "p", ""), pmerr.ErrNotFound)
			publish(t, e.Mine, "p", "1.0.0")
			for _, version := range []string{"2.0.0", "^1", "x"} {
				err := e.Mine.Activate(t.Context(), "p", version)
				require.ErrorIs(t, err, pmerr.ErrBadRequest, version)
				require.Equal(t, map[string]any{"name": "p", "version_tag": version}, pmerr.From(err).Details)
			}
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}))
		},

		"a deleted version is gone, the rest stays": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0", "3.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "old", "1.0.0")
			require.NoError(t, err)
			_, err = e.Mine.SetLabel(t.Context(), "p", "new", "3.0.0")
			require.NoError(t, err)
			require.NoError(t, e.Mine.Activate(t.Context(), "p", "3.0.0"))
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "p", "3.0.0", registry.Signature{}))

			require.Equal(t, "2.0.0", served(t, e.Mine, "p", registry.Query{}), "neither pin nor latest lead to it")
			_, err = e.Mine.Get(t.Context(), "p", registry.Query{Version: "3.0.0"})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, "2.0.0", served(t, e.Mine, "p", registry.Query{Version: "*"}))
			require.Equal(t, []string{"old=1.0.0"}, pagetest.Keys(t, labelsOf(e.Mine, "p"), labelOf), "its labels go too")
			require.Equal(t, []string{"2.0.0", "1.0.0"}, pagetest.Keys(t, versionsOf(e.Mine, "p"), versionOf))
		},

		"a pin on another version stays": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0", "3.0.0")
			require.NoError(t, e.Mine.Activate(t.Context(), "p", "1.0.0"))
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "p", "3.0.0", registry.Signature{}))
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}))
		},

		"a prompt without its last version is gone": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			publish(t, e.Mine, "q", "1.0.0")
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "p", "1.0.0", registry.Signature{}))
			_, err := e.Mine.Get(t.Context(), "p", registry.Query{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, []string{"q"}, pagetest.Keys(t, listOf(e.Mine, registry.Filter{}), nameOf))
		},

		"a deleted prompt is gone, others stay": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			publish(t, e.Mine, "p2", "1.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "")
			require.NoError(t, err)
			require.NoError(t, e.Mine.Delete(t.Context(), "p", registry.Signature{Author: "Eve", Message: "No longer used"}))
			for _, q := range []registry.Query{{}, {Version: "1.0.0"}, {Version: "^1"}, {Label: "production"}} {
				_, err := e.Mine.Get(t.Context(), "p", q)
				require.ErrorIs(t, err, pmerr.ErrNotFound, "%+v", q)
			}
			require.Empty(t, pagetest.Keys(t, versionsOf(e.Mine, "p"), versionOf))
			require.Empty(t, pagetest.Keys(t, labelsOf(e.Mine, "p"), labelOf))
			require.Equal(t, []string{"p2"}, pagetest.Keys(t, listOf(e.Mine, registry.Filter{}), nameOf))
			require.Equal(t, "1.0.0", served(t, e.Mine, "p2", registry.Query{}))
		},

		"what was deleted can be published again": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}))
			require.NoError(t, e.Mine.Delete(t.Context(), "p", registry.Signature{}))
			create(t, e.Mine, prompt("p", "1.0.0", "another text"))
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{})
			require.NoError(t, err)
			require.Equal(t, "another text", got.Content.Messages[0].Content)
		},

		"deleting what does not exist is not found": func(t *testing.T, e Env) {
			require.ErrorIs(t, e.Mine.Delete(t.Context(), "p", registry.Signature{}), pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), "p", "1.0.0", registry.Signature{}), pmerr.ErrNotFound)
			publish(t, e.Mine, "p", "1.0.0")
			require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), "p", "2.0.0", registry.Signature{}), pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), "p", "^1", registry.Signature{}), pmerr.ErrNotFound)
			require.NoError(t, e.Mine.Delete(t.Context(), "p", registry.Signature{}))
			require.ErrorIs(t, e.Mine.Delete(t.Context(), "p", registry.Signature{}), pmerr.ErrNotFound)
		},

		"what is under a protected label cannot be deleted": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.NoError(t, err)
			require.NoError(t, e.Protect(t.Context(), "production"))
			for _, remove := range []func() error{
				func() error { return e.Mine.Delete(t.Context(), "p", registry.Signature{}) },
				func() error { return e.Mine.DeleteVersion(t.Context(), "p", "1.0.0", registry.Signature{}) },
				func() error { return e.Guest.Delete(t.Context(), "p", registry.Signature{}) },
			} {
				err := remove()
				require.ErrorIs(t, err, pmerr.ErrConflict)
				require.Equal(t, map[string]any{"label": "production", "version_tag": "1.0.0"}, pmerr.From(err).Details)
			}
			require.Equal(t, []string{"2.0.0", "1.0.0"}, pagetest.Keys(t, versionsOf(e.Mine, "p"), versionOf), "nothing was deleted")
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{Label: "production"}))
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "p", "2.0.0", registry.Signature{}), "the other version can go")
			require.NoError(t, e.Mine.DeleteLabel(t.Context(), "p", "production"))
			require.NoError(t, e.Mine.Delete(t.Context(), "p", registry.Signature{}))
		},
	}
}
