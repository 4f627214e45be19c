package registrytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func getCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"the latest is the highest, not the last": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.10.0", "1.9.0", "1.2.0")
			require.Equal(t, "1.10.0", served(t, e.Mine, "p", registry.Query{}))
		},

		"a release comes before every pre-release": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "2.0.0-rc.1")
			require.Equal(t, "2.0.0-rc.1", served(t, e.Mine, "p", registry.Query{}), "there is nothing else")
			publish(t, e.Mine, "p", "1.0.0", "2.0.0-rc.11", "2.0.0-rc.2")
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}))
			publish(t, e.Mine, "p", "2.0.0")
			require.Equal(t, "2.0.0", served(t, e.Mine, "p", registry.Query{}))
		},

		"of pre-releases the latest is the highest": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0-alpha", "1.0.0-rc.11", "1.0.0-rc.2", "1.0.0-beta")
			require.Equal(t, "1.0.0-rc.11", served(t, e.Mine, "p", registry.Query{}))
		},

		"a range takes the highest in it": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.2.0", "1.2.9", "1.4.0", "1.4.7", "1.10.1", "1.11.0-rc.1", "2.0.0")
			for selector, want := range map[string]string{
				"^1.2": "1.10.1", "~1.4.0": "1.4.7", ">=1 <2": "1.10.1", "1.x": "1.10.1", "*": "2.0.0", "~1.2 || ~1.4": "1.4.7",
				"1.2.9": "1.2.9", "1.11.0-rc.1": "1.11.0-rc.1", "1.2": "1.2.9",
			} {
				require.Equal(t, want, served(t, e.Mine, "p", registry.Query{Version: selector}), selector)
			}
			publish(t, e.Mine, "p", "1.12.0")
			require.Equal(t, "1.12.0", served(t, e.Mine, "p", registry.Query{Version: "^1.2"}), "what is published later too")
		},

		"a range that nothing is in is not found": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, selector := range []string{"^2", "~1.1", "9.9.9", "1.0.0+build"} {
				_, err := e.Mine.Get(t.Context(), "p", registry.Query{Version: selector})
				require.ErrorIs(t, err, pmerr.ErrNotFound, selector)
				require.Equal(t, "Prompt not found", pmerr.From(err).Message)
			}
		},

		"what is neither version nor range is a fault": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, selector := range []string{"latest", "production", "1.2.3.4", "^^1", ">="} {
				_, err := e.Mine.Get(t.Context(), "p", registry.Query{Version: selector})
				require.ErrorIs(t, err, pmerr.ErrValidation, selector)
				require.Contains(t, pmerr.From(err).Fields[0], "version must be")
			}
		},

		"a label leads to its version": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.NoError(t, err)
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{Label: "production"}))
			require.Equal(t, "2.0.0", served(t, e.Mine, "p", registry.Query{}))
			_, err = e.Mine.SetLabel(t.Context(), "p", "production", "2.0.0")
			require.NoError(t, err)
			require.Equal(t, "2.0.0", served(t, e.Mine, "p", registry.Query{Label: "production"}), "at once")
		},

		"a label that does not exist is not found, without a fall-back": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			_, err := e.Mine.Get(t.Context(), "p", registry.Query{Label: "production"})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			require.Equal(t, "Label not found", pmerr.From(err).Message)
			_, err = e.Mine.SetLabel(t.Context(), "p", "production", "")
			require.NoError(t, err)
			require.NoError(t, e.Mine.DeleteLabel(t.Context(), "p", "production"))
			_, err = e.Mine.Get(t.Context(), "p", registry.Query{Label: "production"})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
		},

		"version and label together are refused": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			_, err := e.Mine.Get(t.Context(), "p", registry.Query{Version: "1.0.0", Label: "production"})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		},

		"a prompt that does not exist is not found": func(t *testing.T, e Env) {
			for _, q := range []registry.Query{{}, {Version: "1.0.0"}, {Version: "^1"}, {Label: "production"}, {Raw: true}} {
				_, err := e.Mine.Get(t.Context(), "p", q)
				require.ErrorIs(t, err, pmerr.ErrNotFound, "%+v", q)
				require.Equal(t, "Prompt not found", pmerr.From(err).Message)
			}
		},

		"what was not found is found once it is there": func(t *testing.T, e Env) {
			_, err := e.Mine.Get(t.Context(), "p", registry.Query{})
			require.ErrorIs(t, err, pmerr.ErrNotFound)
			publish(t, e.Mine, "p", "1.0.0")
			require.Equal(t, "1.0.0", served(t, e.Mine, "p", registry.Query{}))
		},

		"the messages are the caller's own": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, q := range []registry.Query{{}, {Raw: true}, {Variables: map[string]any{"x": 1}}} {
				first, err := e.Mine.Get(t.Context(), "p", q)
				require.NoError(t, err)
				first.Content.Messages[0].Content = "scribbled over"
				second, err := e.Mine.Get(t.Context(), "p", q)
				require.NoError(t, err)
				require.Equal(t, "1.0.0", second.Content.Messages[0].Content)
			}
		},

		"the answer is fresh": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			got, err := e.Mine.Get(t.Context(), "p", registry.Query{})
			require.NoError(t, err)
			require.Equal(t, registry.Fresh, got.Source)
		},
	}
}
