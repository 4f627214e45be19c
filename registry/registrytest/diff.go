package registrytest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func diffCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"messages and settings that differ": func(t *testing.T, e Env) {
			from := prompt("p", "1.0.0", "one\ntwo", "same")
			from.ModelConfig = &registry.ModelConfig{Model: "gpt-4o", Temperature: ptr(0.5)}
			create(t, e.Mine, from)
			to := prompt("p", "1.1.0", "one\n2", "same", "new")
			to.ModelConfig = &registry.ModelConfig{Model: "gpt-4o", Temperature: ptr(1.0)}
			to.Extra = map[string]json.RawMessage{"owner": raw(`"me"`)}
			create(t, e.Mine, to)

			got, err := e.Mine.Diff(t.Context(), "p", "1.0.0", "1.1.0")
			require.NoError(t, err)
			require.Equal(t, "p", got.Name)
			require.Equal(t, "1.0.0", got.From)
			require.Equal(t, "1.1.0", got.To)
			require.Len(t, got.Messages, 2)
			require.Equal(t, registry.MessageDiff{
				Index: 0, Change: "changed", FromRole: registry.User, ToRole: registry.User,
				Unified: "--- 1.0.0/messages[0]\n+++ 1.1.0/messages[0]\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n",
			}, got.Messages[0])
			require.Equal(t, 2, got.Messages[1].Index)
			require.Equal(t, "added", got.Messages[1].Change)
			settings, err := json.Marshal(got.Settings)
			require.NoError(t, err)
			require.JSONEq(t, `[{"path":"model_config.temperature","from":0.5,"to":1},{"path":"owner","from":null,"to":"me"}]`, string(settings))
		},

		"ranges are resolved": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "1.5.0", "2.0.0")
			got, err := e.Mine.Diff(t.Context(), "p", "^1", "^2")
			require.NoError(t, err)
			require.Equal(t, "1.5.0", got.From)
			require.Equal(t, "2.0.0", got.To)
		},

		"a version with itself differs in nothing": func(t *testing.T, e Env) {
			create(t, e.Mine, everyField())
			name, version := everyField().Name, everyField().Version
			got, err := e.Mine.Diff(t.Context(), name, version, version)
			require.NoError(t, err)
			require.Equal(t, []registry.MessageDiff{}, got.Messages)
			require.Equal(t, []registry.SettingDiff{}, got.Settings)
		},

		"what does not exist is not found": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, ask := range [][3]string{{"q", "1.0.0", "1.0.0"}, {"p", "1.0.0", "2.0.0"}, {"p", "2.0.0", "1.0.0"}} {
				_, err := e.Mine.Diff(t.Context(), ask[0], ask[1], ask[2])
				require.ErrorIs(t, err, pmerr.ErrNotFound, "%v", ask)
			}
		},

		"both versions must be named": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0")
			for _, ask := range [][2]string{{"", ""}, {"1.0.0", ""}, {"", "1.0.0"}, {"latest", "1.0.0"}} {
				_, err := e.Mine.Diff(t.Context(), "p", ask[0], ask[1])
				require.ErrorIs(t, err, pmerr.ErrValidation, "%v", ask)
			}
		},
	}
}
