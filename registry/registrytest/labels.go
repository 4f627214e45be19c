package registrytest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func labelCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a label is set, found and deleted": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.NoError(t, err)
			got, err := e.Mine.Label(t.Context(), "p", "production")
			require.NoError(t, err)
			require.Equal(t, "p", got.PromptName)
			require.Equal(t, "production", got.Name)
			require.Equal(t, "1.0.0", got.Version)
			require.False(t, got.Protected)
			require.WithinDuration(t, time.Now(), got.CreatedAt.Time, time.Minute)
			require.Equal(t, got.CreatedAt, got.UpdatedAt)

			require.NoError(t, e.Mine.DeleteLabel(t.Context(), "p", "production"))
			_, err = e.Mine.Label(t.Context(), "p", "production")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, "Label not found", pmerr.From(err).Message)
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{Version: "1.0.0"}), "the version stays")
		},

		"the answer names the label": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			got, err := e.Mine.SetLabel(t.Context(), "p", "v1.x_a-b", "")
			require.NoError(t, err)
			require.Equal(t, "p", got.PromptName)
			require.Equal(t, "v1.x_a-b", got.Name)
			require.Equal(t, "1.0.0", got.Version)
		},

		"without a version it points at the latest": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.10.0", "1.9.0", "2.0.0-rc.1")
			got, err := e.Mine.SetLabel(t.Context(), "p", "production", "")
			require.NoError(t, err)
			require.Equal(t, "1.10.0", got.Version)
			publish(t, e.Mine, "p", "3.0.0")
			require.Equal(t, "1.10.0", served(t, e.Mine, "p", registry.Query{Label: "production"}), "it does not move by itself")
		},

		"the same label again moves": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.NoError(t, err)
			_, err = e.Mine.SetLabel(t.Context(), "p", "production", "2.0.0")
			require.NoError(t, err)
			require.Equal(t, []string{"production=2.0.0"}, pagetest.Keys(t, labelsOf(e.Mine, "p"), labelOf))
		},

		"labels page by name": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			publish(t, e.Mine, "q", "1.0.0")
			for _, name := range []string{"b", "a.1", "Z", "a-1", "production"} {
				_, err := e.Mine.SetLabel(t.Context(), "p", name, "")
				require.NoError(t, err)
			}
			_, err := e.Mine.SetLabel(t.Context(), "q", "other", "")
			require.NoError(t, err)
			pagetest.Check(t, labelsOf(e.Mine, "p"), labelOf, []string{"Z=1.0.0", "a-1=1.0.0", "a.1=1.0.0", "b=1.0.0", "production=1.0.0"})
		},

		"labels of one name are one for each prompt": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			publish(t, e.Mine, "q", "2.0.0")
			for _, name := range []string{"p", "q"} {
				_, err := e.Mine.SetLabel(t.Context(), name, "production", "")
				require.NoError(t, err)
			}
			require.NoError(t, e.Mine.DeleteLabel(t.Context(), "p", "production"))
			require.Equal(t, "2.0.0", served(t, e.Mine, "q", registry.Query{Label: "production"}))
		},

		"an unknown prompt or label is not found": func(t *testing.T, e Env) {
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, "Prompt not found", pmerr.From(err).Message)
			_, err = e.Mine.Label(t.Context(), "p", "production")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.DeleteLabel(t.Context(), "p", "production"), pmerr.ErrNotFound)
			publish(t, e.Mine, "p", "1.0.0")
			_, err = e.Mine.Label(t.Context(), "p", "production")
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.ErrorIs(t, e.Mine.DeleteLabel(t.Context(), "p", "production"), pmerr.ErrNotFound)
		},

		"an unknown version is a bad request with details": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, version := range []string{"2.0.0", "^1", "latest"} {
				_, err := e.Mine.SetLabel(t.Context(), "p", "production", version)
				require.ErrorIs(t, err, pmerr.ErrBadRequest, version)
				require.Equal(t, map[string]any{"name": "p", "version_tag": version}, pmerr.From(err).Details)
			}
			require.Empty(t, pagetest.Keys(t, labelsOf(e.Mine, "p"), labelOf))
		},

		"a name that cannot be is a fault": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, name := range []string{"", "a b", "a/b", "grün", strings.Repeat("x", 129)} {
				_, err := e.Mine.SetLabel(t.Context(), "p", name, "")
				require.ErrorIs(t, err, pmerr.ErrValidation, "%q", name)
			}
		},

		"protected labels are for admins": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			require.NoError(t, e.Protect(t.Context(), "production"))
			_, err := e.Guest.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.ErrorIs(t, err, pmerr.ErrForbidden, "not even for the first time")
			_, err = e.Mine.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.NoError(t, err)
			_, err = e.Guest.SetLabel(t.Context(), "p", "production", "2.0.0")
			require.ErrorIs(t, err, pmerr.ErrForbidden)
			require.ErrorIs(t, e.Guest.DeleteLabel(t.Context(), "p", "production"), pmerr.ErrForbidden)
			got, err := e.Guest.Label(t.Context(), "p", "production")
			require.NoError(t, err)
			require.Equal(t, "1.0.0", got.Version)
			require.True(t, got.Protected)

			_, err = e.Guest.SetLabel(t.Context(), "p", "staging", "2.0.0")
			require.NoError(t, err)
			require.NoError(t, e.Guest.DeleteLabel(t.Context(), "p", "staging"))
			_, err = e.Mine.SetLabel(t.Context(), "p", "production", "2.0.0")
			require.NoError(t, err)
			require.NoError(t, e.Mine.DeleteLabel(t.Context(), "p", "production"))

			require.NoError(t, e.Protect(t.Context()))
			_, err = e.Guest.SetLabel(t.Context(), "p", "production", "2.0.0")
			require.NoError(t, err, "nothing is protected any more")
		},

		"lists say what is protected": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, name := range []string{"a", "b"} {
				_, err := e.Mine.SetLabel(t.Context(), "p", name, "")
				require.NoError(t, err)
			}
			require.NoError(t, e.Protect(t.Context(), "b", "c"))
			protected := pagetest.Keys(t, labelsOf(e.Mine, "p"), func(l registry.Label) string {
				if l.Protected {
					return l.Name + " protected"
				}
				return l.Name
			})
			require.Equal(t, []string{"a", "b protected"}, protected)
		},
	}
}
