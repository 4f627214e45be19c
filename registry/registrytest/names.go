package registrytest

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// impossible lists texts that are the name of nothing.
func impossible() []string {
	return []string{
		"a\x00b", "p\x00", "\xff", "a\xffb", "..", "../p", "a/b", "a b", "p ", "grün", "%41", "p%00", "a\nb", "?p#q", "' OR '1'='1", "*", "p;q",
		strings.Repeat("x", 129),
	}
}

// sendable tells whether a name could be sent to a server: others it may refuse
// before anybody looks for the thing.
func sendable(name string) bool {
	return utf8.ValidString(name) && !strings.Contains(name, "\x00") && utf8.RuneCountInString(name) <= 128
}

// nothing checks that a list about what cannot exist is empty.
func nothing[T any](t *testing.T, name string, list pagetest.List[T]) {
	t.Helper()
	p, err := list(t.Context(), page.Request{})
	if err != nil && !sendable(name) {
		require.ErrorIs(t, err, pmerr.ErrNotFound, "%q", name)
		return
	}
	require.NoError(t, err, "%q", name)
	require.NotNil(t, p.Items)
	require.Empty(t, p.Items)
	require.Zero(t, p.Total)
}

// nameCases checks that names which nothing can have are answered as what does
// not exist, by every engine.
func nameCases() map[string]func(*testing.T, Env) {
	none := registry.Signature{}
	return map[string]func(*testing.T, Env){
		"impossible prompts": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "")
			require.NoError(t, err)
			for _, name := range impossible() {
				_, err := e.Mine.Create(t.Context(), prompt(name, "1.0.0", "x"), none)
				require.ErrorIs(t, err, pmerr.ErrValidation, "Create %q", name)
				for _, q := range []registry.Query{{}, {Version: "1.0.0"}, {Version: "*"}, {Label: "production"}} {
					_, err = e.Mine.Get(t.Context(), name, q)
					require.ErrorIs(t, err, pmerr.ErrNotFound, "Get %q %+v", name, q)
				}
				_, err = e.Mine.Diff(t.Context(), name, "1.0.0", "1.0.0")
				require.ErrorIs(t, err, pmerr.ErrNotFound, "Diff %q", name)
				require.ErrorIs(t, e.Mine.Activate(t.Context(), name, "1.0.0"), pmerr.ErrNotFound, "Activate %q", name)
				require.ErrorIs(t, e.Mine.Activate(t.Context(), name, ""), pmerr.ErrNotFound, "Activate %q", name)
				require.ErrorIs(t, e.Mine.Delete(t.Context(), name, none), pmerr.ErrNotFound, "Delete %q", name)
				require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), name, "1.0.0", none), pmerr.ErrNotFound, "DeleteVersion %q", name)
				_, err = e.Mine.SetLabel(t.Context(), name, "production", "")
				require.ErrorIs(t, err, pmerr.ErrNotFound, "SetLabel %q", name)
				_, err = e.Mine.Label(t.Context(), name, "production")
				require.ErrorIs(t, err, pmerr.ErrNotFound, "Label %q", name)
				require.ErrorIs(t, e.Mine.DeleteLabel(t.Context(), name, "production"), pmerr.ErrNotFound, "DeleteLabel %q", name)

				nothing(t, name, versionsOf(e.Mine, name))
				nothing(t, name, historyOf(e.Mine, name))
				nothing(t, name, labelsOf(e.Mine, name))
			}
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{Label: "production"}), "all is as it was")
		},

		"impossible labels": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, label := range impossible() {
				if label == ".." {
					continue // dots are fine in a label
				}
				_, err := e.Mine.SetLabel(t.Context(), "p", label, "")
				require.ErrorIs(t, err, pmerr.ErrValidation, "SetLabel %q", label)
				_, err = e.Mine.Label(t.Context(), "p", label)
				require.ErrorIs(t, err, pmerr.ErrNotFound, "Label %q", label)
				require.ErrorIs(t, e.Mine.DeleteLabel(t.Context(), "p", label), pmerr.ErrNotFound, "DeleteLabel %q", label)
				_, err = e.Mine.Get(t.Context(), "p", registry.Query{Label: label})
				if !errors.Is(err, pmerr.ErrValidation) || sendable(label) {
					require.ErrorIs(t, err, pmerr.ErrNotFound, "Get %q", label)
				}
			}
		},

		"labels of dots": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, label := range []string{".", "..", "...", "a..b"} {
				_, err := e.Mine.SetLabel(t.Context(), "p", label, "")
				require.NoError(t, err, label)
				got, err := e.Mine.Label(t.Context(), "p", label)
				require.NoError(t, err, label)
				require.Equal(t, label, got.Name)
				require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{Label: label}))
				require.NoError(t, e.Mine.DeleteLabel(t.Context(), "p", label), label)
			}
		},

		"impossible versions": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, version := range append(impossible(), "1.0.0\x00", "1.0.0/..", strings.Repeat("1", 1000)) {
				_, err := e.Mine.Create(t.Context(), prompt("p", version, "x"), none)
				require.ErrorIs(t, err, pmerr.ErrValidation, "Create %q", version)
				require.ErrorIs(t, e.Mine.Activate(t.Context(), "p", version), pmerr.ErrBadRequest, "Activate %q", version)
				require.ErrorIs(t, e.Mine.DeleteVersion(t.Context(), "p", version, none), pmerr.ErrNotFound, "DeleteVersion %q", version)
				_, err = e.Mine.SetLabel(t.Context(), "p", "production", version)
				require.ErrorIs(t, err, pmerr.ErrBadRequest, "SetLabel %q", version)
				if version == "*" {
					continue // the range of everything
				}
				_, err = e.Mine.Get(t.Context(), "p", registry.Query{Version: version})
				require.ErrorIs(t, err, pmerr.ErrValidation, "Get %q", version)
				_, err = e.Mine.Diff(t.Context(), "p", "1.0.0", version)
				require.ErrorIs(t, err, pmerr.ErrValidation, "Diff %q", version)
			}
		},
	}
}
