package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
)

// environmentOf plays an environment without a .env.
func environmentOf(values map[string]string) *environment {
	return &environment{lookup: func(name string) (string, bool) { value, ok := values[name]; return value, ok }}
}

func TestReadConfig(t *testing.T) {
	t.Parallel()

	t.Run("the defaults are those of the documentation", func(t *testing.T) {
		t.Parallel()
		c, err := readConfig(environmentOf(nil))
		require.NoError(t, err)
		hundred := 100.0
		require.Equal(t, config{
			address: address{host: "0.0.0.0", port: 3000},
			options: promptmetrics.Options{
				DataDir: "data", SQLitePath: filepath.Join("data", "promptmetrics.db"), PromptsPath: filepath.Join("data", "prompts.git"),
				RateLimit:        promptmetrics.RateLimit{Window: time.Minute, Max: 300},
				KeyTouchInterval: time.Minute, ReconcileInterval: time.Minute, MonthlyBudgetUSD: &hundred,
			},
			level: slog.LevelInfo, requestLog: httpapi.LogFailures,
		}, c)
	})

	t.Run("every variable arrives where it belongs", func(t *testing.T) {
		t.Parallel()
		prices := filepath.Join(t.TempDir(), "prices.json")
		require.NoError(t, os.WriteFile(prices, []byte(`{"updated":"2026-01-31","currency":"USD","unit":"1M tokens","providers":{"own":{"models":{"m":{"input":1,"output":2}}}}}`), 0o600))
		c, err := readConfig(environmentOf(map[string]string{
			"PORT": "8080", "HOST": "[::1]", "DATA_DIR": "/d", "SQLITE_PATH": "/s.db", "PROMPTS_PATH": "/p.git", "DATABASE_URL": "postgres://h/d",
			"API_KEY_SALT": "sixteen characters!", "RATE_LIMIT_WINDOW_MS": "1500", "RATE_LIMIT_MAX_REQUESTS": "7",
			"API_KEY_LAST_USED_DEBOUNCE_MS": "0", "PROMPT_RECONCILE_INTERVAL_MS": "10", "RETENTION_DAYS": "30",
			"GITHUB_WEBHOOK_SECRET": "w", "TRUST_PROXY": "TRUE", "LOG_FORMAT": "JSON", "LOG_LEVEL": "Debug", "LOG_REQUESTS": "True", "METRICS_ADDR": "127.0.0.1:9464", "PRICES_PATH": prices,
			"DRIVER": "filesystem", "OTEL_ENABLED": "false", "OPENAI_API_KEY": "k1", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "ANTHROPIC_API_KEY": "k2", "COHERE_API_KEY": "k3",
			"OLLAMA_BASE_URL": "http://127.0.0.1:1", "AZURE_OPENAI_API_KEY": "k4", "AZURE_OPENAI_BASE_URL": "https://acme.openai.azure.com",
			"OPENAI_COMPATIBLE_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_COMPATIBLE_NAME": "litellm", "DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD": "12.5",
		}))
		require.NoError(t, err)
		price, ok := c.options.Prices.Lookup("own", "m")
		require.True(t, ok)
		require.InDelta(t, 2, price.Output, 0)
		c.options.Prices = nil
		providers, err := c.openProviders(slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		var names []string
		for _, p := range providers {
			names = append(names, p.Name())
		}
		require.Equal(t, []string{"openai", "anthropic", "cohere", "ollama", "azure_openai", "litellm"}, names)
		c.providers = nil
		require.InDelta(t, 12.5, *c.options.MonthlyBudgetUSD, 0)
		c.options.MonthlyBudgetUSD = nil
		require.Equal(t, config{
			address: address{host: "::1", port: 8080},
			options: promptmetrics.Options{
				DataDir: "/d", SQLitePath: "/s.db", PromptsPath: "/p.git", DatabaseURL: "postgres://h/d", APIKeySalt: "sixteen characters!",
				RateLimit:        promptmetrics.RateLimit{Window: 1500 * time.Millisecond, Max: 7},
				KeyTouchInterval: -1, ReconcileInterval: 10 * time.Millisecond, Retention: 30 * 24 * time.Hour,
			},
			webhookSecret: "w", trustProxy: true, requestLog: httpapi.LogRequests, metrics: "127.0.0.1:9464", level: slog.LevelDebug, json: true,
			exported: []string{"DATA_DIR=/d", "SQLITE_PATH=/s.db", "PROMPTS_PATH=/p.git"},
			secrets:  []string{"DATABASE_URL", "API_KEY_SALT"},
		}, c)
		require.Equal(t, "[::1]:8080", c.address.String())
	})

	t.Run("SQLITE_PATH and PROMPTS_PATH follow DATA_DIR", func(t *testing.T) {
		t.Parallel()
		c, err := readConfig(environmentOf(map[string]string{"DATA_DIR": "elsewhere"}))
		require.NoError(t, err)
		require.Equal(t, filepath.Join("elsewhere", "promptmetrics.db"), c.options.SQLitePath)
		require.Equal(t, filepath.Join("elsewhere", "prompts.git"), c.options.PromptsPath)
	})
}
