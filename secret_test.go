package promptmetrics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/lakera"
	"github.com/promptmetrics-go/promptmetrics/compliance/llmguard"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/playground/anthropic"
	"github.com/promptmetrics-go/promptmetrics/playground/cohere"
	"github.com/promptmetrics-go/promptmetrics/playground/ollama"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
)

// TestSecretsAreNotPrinted prints whatever holds a secret in every way in which
// programs print things.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const secret = "marker-0123456789abcdef"
	made := func(v any, err error) any {
		require.NoError(t, err)
		return v
	}
	options := openai.Options{APIKey: secret, BaseURL: "https://models.example"}
	things := map[string]any{
		"promptmetrics.Options": promptmetrics.Options{APIKeySalt: secret, DatabaseURL: "postgres://u:" + secret + "@db/x", DataDir: "kept"},
		"promptmetrics.Options, remote": promptmetrics.Options{GitRemote: &gitstore.Remote{
			URL: "https://u:" + secret + "@git.example/a/b.git", Token: secret,
		}},
		"gitstore.Remote":        gitstore.Remote{URL: "https://" + secret + "@git.example/a/b.git?x=" + secret, Token: secret},
		"gitstore.Options":       gitstore.Options{Remote: &gitstore.Remote{URL: "https://h/a", Token: secret}},
		"httpapi.Options":        httpapi.Options{WebhookSecret: secret},
		"client.Options":         client.Options{APIKey: secret},
		"access.KeyringOptions":  access.KeyringOptions{Salt: []byte(secret)},
		"compliance.Config":      compliance.Config{Key: []byte(secret)},
		"openai.Options":         options,
		"anthropic.Options":      anthropic.Options{APIKey: secret},
		"cohere.Options":         cohere.Options{APIKey: secret},
		"ollama.Options":         ollama.Options{APIKey: secret},
		"lakera.Options":         lakera.Options{APIKey: secret},
		"otelexport.Options":     otelexport.Options{Headers: map[string]string{"authorization": secret}, TracesURL: "https://collector.example/v1/traces?key=" + secret},
		"llmguard.Options":       llmguard.Options{Token: secret},
		"s3store.Options":        s3store.Options{AccessKey: secret, SecretKey: secret, SessionToken: secret},
		"openai.Provider":        made(openai.New(options)),
		"openai.Provider, Azure": made(openai.NewAzure(options)),
		"openai.Provider, other": made(openai.NewCompatible("other", options)),
		"anthropic.Provider":     made(anthropic.New(anthropic.Options{APIKey: secret})),
		"cohere.Provider":        made(cohere.New(cohere.Options{APIKey: secret})),
		"ollama.Provider":        made(ollama.New(ollama.Options{APIKey: secret, BaseURL: "https://models.example"})),
		"lakera.Driver":          made(lakera.New(lakera.Options{APIKey: secret})),
		"llmguard.Driver":        made(llmguard.New(llmguard.Options{Token: secret, BaseURL: "https://guard.example"})),
	}
	for name, thing := range things {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&said, verb+"\n", thing)
				fmt.Fprintf(&said, verb+"\n", []any{thing})
			}
			slog.New(slog.NewTextHandler(&said, nil)).Info("x", "thing", thing)
			slog.New(slog.NewJSONHandler(&said, nil)).Info("x", "thing", thing)
			if data, err := json.Marshal(thing); err == nil {
				said.Write(data)
			}
			require.NotContains(t, said.String(), secret)
			require.NotContains(t, said.String(), fmt.Sprintf("%x", secret))
			require.NotContains(t, said.String(), fmt.Sprintf("%d", []byte(secret)))
		})
	}
	require.Contains(t, fmt.Sprintf("%+v", things["promptmetrics.Options"]), "DataDir:kept", "the rest is printed")
}
