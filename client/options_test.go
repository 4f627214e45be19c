package client

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestNewNamesWhatCannotWork(t *testing.T) {
	t.Parallel()
	const good = "http://localhost:3000"
	for name, tc := range map[string]struct {
		url     string
		options Options
		fault   string
	}{
		"a base URL without scheme":      {"localhost:3000", Options{}, "baseURL"},
		"a base URL without host":        {"http://", Options{}, "baseURL"},
		"another scheme":                 {"ftp://host", Options{}, "baseURL"},
		"a password in the base URL":     {"http://me:secret@host", Options{}, "baseURL"},
		"a query in the base URL":        {"http://host/?a=b", Options{}, "baseURL"},
		"a fragment in the base URL":     {"http://host/#x", Options{}, "baseURL"},
		"no URL at all":                  {"http://[::1", Options{}, "baseURL"},
		"a key with a line end":          {good, Options{APIKey: testKey + "\n"}, "APIKey"},
		"a workspace that cannot be one": {good, Options{Workspace: "a/b"}, "Workspace"},
		"a user agent with a line end":   {good, Options{UserAgent: "x\r\ny"}, "UserAgent"},
		"a negative timeout":             {good, Options{Timeout: -1}, "Timeout"},
		"too many retries":               {good, Options{Retries: 21}, "Retries"},
		"a negative wait":                {good, Options{MaxWait: -1}, "MaxWait"},
		"a negative answer":              {good, Options{MaxAnswer: -1}, "MaxAnswer"},
		"a negative cache size":          {good, Options{CacheSize: -1}, "CacheSize"},
		"a negative patience":            {good, Options{FallbackAfter: -1}, "FallbackAfter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(tc.url, tc.options)
			require.ErrorIs(t, err, pmerr.ErrValidation)
			fields := pmerr.From(err).Fields
			require.Len(t, fields, 1)
			require.True(t, strings.HasPrefix(fields[0], tc.fault+" "), fields[0])
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), testKey)
		})
	}
}

func TestNewNamesAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New("http://host", Options{Timeout: -1, CacheSize: -1})
	require.Len(t, pmerr.From(err).Fields, 2)
}

func TestNewFillsDefaults(t *testing.T) {
	t.Parallel()
	o := Options{}.withDefaults()
	require.Empty(t, o.validate())
	require.Equal(t, "default", o.Workspace)
	require.Equal(t, 10*time.Second, o.Timeout)
	require.Equal(t, 3, o.Retries)
	require.Equal(t, time.Minute, o.CacheTTL)
	require.Equal(t, 1000, o.CacheSize)
	require.NotNil(t, o.Logger)
	require.NotNil(t, o.Now)
}

func TestPrintingShowsNoKey(t *testing.T) {
	t.Parallel()
	o := Options{APIKey: testKey, Workspace: "team"}
	c, _ := setup(t, "http://localhost:1", o)
	var log text
	log.logger().Info("start", "options", o)
	w, err := c.Workspace("team")
	require.NoError(t, err)
	for _, printed := range []string{
		fmt.Sprint(o), fmt.Sprintf("%+v", o), fmt.Sprintf("%#v", o), slog.AnyValue(o).Resolve().String(), log.String(),
		fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%+v", c.wire), fmt.Sprintf("%#v", c.wire),
		fmt.Sprintf("%+v", c.options), fmt.Sprintf("%+v", w.Keys), fmt.Sprintf("%#v", *w.Registry),
	} {
		require.NotContains(t, printed, testKey)
	}
}

func TestWorkspaceRefusesNamesThatNoneCanHave(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, "http://localhost:1", Options{})
	for _, name := range []string{"", "a b", "../x", strings.Repeat("a", 129)} {
		_, err := c.Workspace(name)
		require.ErrorIs(t, err, pmerr.ErrBadRequest, name)
	}
}
