package promptmetrics_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func start(t *testing.T, o promptmetrics.Options) *promptmetrics.Client {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	pm, err := promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	return pm
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	pm := start(t, promptmetrics.Options{})

	t.Run("the client is the workspace default", func(t *testing.T) {
		t.Parallel()
		_, err := pm.Registry.Create(t.Context(), hello("home", "1.0.0"), registry.Signature{})
		require.NoError(t, err)
		w, err := pm.Workspace("default")
		require.NoError(t, err)
		_, err = w.Registry.Get(t.Context(), "home", registry.Query{})
		require.NoError(t, err)
	})

	t.Run("a name that cannot be is a bad request", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"", "a b", "*", strings.Repeat("x", 129)} {
			_, err := pm.Workspace(name)
			require.ErrorIs(t, err, promptmetrics.ErrBadRequest, "%q", name)
		}
	})

	t.Run("what an actor does stands in the audit log under its name", func(t *testing.T) {
		t.Parallel()
		w, err := pm.Workspace("acting")
		require.NoError(t, err)
		ada := w.As(workspace.Actor{Name: "ada", IP: "10.0.0.7"})
		_, err = ada.Registry.Create(t.Context(), hello("p", "1.0.0"), registry.Signature{})
		require.NoError(t, err)
		_, err = ada.Telemetry.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1.0.0"})
		require.NoError(t, err)
		_, err = w.Registry.SetLabel(t.Context(), "p", "production", "")
		require.NoError(t, err)
		p, err := w.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{})
		require.NoError(t, err)
		require.Len(t, p.Items, 3)
		require.Nil(t, p.Items[0].APIKeyName, "the program itself has no name")
		for _, entry := range p.Items[1:] {
			require.Equal(t, "ada", *entry.APIKeyName)
			require.Equal(t, "10.0.0.7", *entry.IPAddress)
		}
	})

	t.Run("only an admin protects labels", func(t *testing.T) {
		t.Parallel()
		w, err := pm.Workspace("protecting")
		require.NoError(t, err)
		none, err := w.Registry.ProtectedLabels(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{}, none)
		guest := w.As(workspace.Actor{Name: "guest"})
		require.ErrorIs(t, guest.Registry.SetProtectedLabels(t.Context(), []string{"a"}), promptmetrics.ErrForbidden)
		for _, labels := range [][]string{{"fine", "a b"}, {""}, strings.Split(strings.Repeat("x ", 100)+"x", " ")} {
			require.ErrorIs(t, w.Registry.SetProtectedLabels(t.Context(), labels), promptmetrics.ErrValidation)
		}
		require.NoError(t, w.Registry.SetProtectedLabels(t.Context(), []string{"production", "staging"}))
		got, err := guest.Registry.ProtectedLabels(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"production", "staging"}, got)
		p, err := w.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{})
		require.NoError(t, err)
		require.Len(t, p.Items, 1)
		require.Equal(t, "settings:protected_labels", p.Items[0].Action)
	})

	t.Run("a single span is named as such", func(t *testing.T) {
		t.Parallel()
		w, err := pm.Workspace("spanning")
		require.NoError(t, err)
		trace, err := w.Telemetry.CreateTrace(t.Context(), telemetry.Trace{})
		require.NoError(t, err)
		_, err = w.Telemetry.AddSpan(t.Context(), trace.ID, telemetry.Span{})
		require.ErrorIs(t, err, promptmetrics.ErrValidation)
		require.NotContains(t, err.Error(), "spans[", "there is no list that it is in")
		span, err := w.Telemetry.AddSpan(t.Context(), trace.ID, telemetry.Span{Name: "s"})
		require.NoError(t, err)
		p, err := w.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{})
		require.NoError(t, err)
		require.Equal(t, "trace:span:create", p.Items[0].Action)
		require.Equal(t, span.ID, *p.Items[0].TargetID)
	})
}

func TestReindexRebuildsTheIndexOfALostDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder})
	require.NoError(t, err)
	want, err := pm.Registry.Create(t.Context(), hello("p", "1.0.0"), registry.Signature{Author: "Ada", Message: "First"})
	require.NoError(t, err)
	require.NoError(t, pm.Close())
	for _, name := range []string{"promptmetrics.db", "promptmetrics.db-wal", "promptmetrics.db-shm"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	again := start(t, promptmetrics.Options{DataDir: folder, ReconcileInterval: -1})
	_, err = again.Reindex(t.Context())
	require.NoError(t, err)
	got, err := again.Registry.Get(t.Context(), "p", registry.Query{})
	require.NoError(t, err)
	require.Equal(t, want, got.Version)
	require.NotNil(t, again.Health(t.Context()).GitSyncLastRun)
}

func TestRetentionRemovesWhatIsOldOnly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	record := func(o promptmetrics.Options) {
		pm, err := promptmetrics.New(o)
		require.NoError(t, err)
		_, err = pm.Telemetry.Log(t.Context(), telemetry.Log{PromptName: "p", VersionTag: "1.0.0"})
		require.NoError(t, err)
		_, err = pm.Registry.Create(t.Context(), hello("p", o.Now().Format("2006.1.2")), registry.Signature{})
		require.NoError(t, err)
		require.NoError(t, pm.Close())
	}
	record(promptmetrics.Options{DataDir: folder, Now: func() time.Time { return now }})
	later := func() time.Time { return now.Add(40 * 24 * time.Hour) }
	record(promptmetrics.Options{DataDir: folder, Now: later})
	pm := start(t, promptmetrics.Options{DataDir: folder, Now: later, Retention: 30 * 24 * time.Hour})
	require.Eventually(t, func() bool {
		p, err := pm.Telemetry.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
		return err == nil && p.Total == 1 && len(p.Items) == 1 && p.Items[0].ID == 2
	}, 10*time.Second, 10*time.Millisecond)
	versions, err := pm.Registry.Versions(t.Context(), "p", page.Request{})
	require.NoError(t, err)
	require.EqualValues(t, 2, versions.Total, "prompts do not age")
	entries, err := pm.Audit.Entries(t.Context(), access.AuditFilter{Action: "log:create"}, page.Request{})
	require.NoError(t, err)
	require.EqualValues(t, 2, entries.Total, "nor does the audit log")
}

func TestRateLimitsAndKeysOutliveARestart(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o := promptmetrics.Options{
		DataDir: t.TempDir(), RateLimit: promptmetrics.RateLimit{Max: 2, Window: time.Hour}, Now: func() time.Time { return now },
	}
	pm, err := promptmetrics.New(o)
	require.NoError(t, err)
	has, err := pm.HasKeys(t.Context())
	require.NoError(t, err)
	require.False(t, has)
	key, err := pm.Keys.Create(t.Context(), access.KeySpec{Name: "ci"})
	require.NoError(t, err)
	require.True(t, pm.Take(t.Context(), "key:1").Allowed)
	require.True(t, pm.Take(t.Context(), "key:1").Allowed)
	require.NoError(t, pm.Close())

	again := start(t, o)
	require.False(t, again.Take(t.Context(), "key:1").Allowed, "the window is not over")
	require.True(t, again.Take(t.Context(), "key:2").Allowed)
	has, err = again.HasKeys(t.Context())
	require.NoError(t, err)
	require.True(t, has)
	who, err := again.Authenticate(t.Context(), key.Secret)
	require.NoError(t, err, "the salt was kept")
	require.Equal(t, "ci", who.Name)
}
