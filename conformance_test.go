package promptmetrics_test

import (
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/access/accesstest"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry/telemetrytest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// other is the second workspace of every suite.
const other = "acme"

// open opens PromptMetrics on an engine, with no rate limit in the way.
func open(tb testing.TB, e dbtest.Engine) *promptmetrics.Client {
	tb.Helper()
	pm, err := promptmetrics.New(options(tb, e))
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, pm.Close()) })
	return pm
}

func options(tb testing.TB, e dbtest.Engine) promptmetrics.Options {
	tb.Helper()
	o := promptmetrics.Options{
		DataDir:   filepath.Join(tb.TempDir(), "data"),
		RateLimit: promptmetrics.RateLimit{Max: -1},
	}
	if e.Dialect == db.PostgreSQL {
		o.DatabaseURL = e.Config(tb).URL
	}
	return o
}

// remote serves a client over HTTP and gives a way to make clients of it.
func remote(tb testing.TB, pm *promptmetrics.Client) (connect func(spec access.KeySpec, in string) *client.Client) {
	tb.Helper()
	server := httptest.NewServer(httpapi.Handler(pm, httpapi.Options{}))
	tb.Cleanup(server.Close)
	return func(spec access.KeySpec, in string) *client.Client {
		key, err := pm.Keys.Create(tb.Context(), spec)
		require.NoError(tb, err)
		c, err := client.New(server.URL, client.Options{APIKey: key.Secret, Workspace: in, Retries: -1})
		require.NoError(tb, err)
		tb.Cleanup(c.Close)
		return c
	}
}

func full() access.Scopes { return access.Scopes{access.Read, access.Write, access.Admin} }

// matrix runs a test in-process and remote, on every engine.
func matrix(t *testing.T, local, far func(t *testing.T, e dbtest.Engine)) {
	t.Run("in-process", func(t *testing.T) { t.Parallel(); dbtest.Each(t, local) })
	t.Run("remote", func(t *testing.T) { t.Parallel(); dbtest.Each(t, far) })
}

func TestTelemetry(t *testing.T) {
	t.Parallel()
	matrix(t, func(t *testing.T, e dbtest.Engine) {
		telemetrytest.Run(t, func(tb testing.TB) telemetrytest.Env {
			pm := open(tb, e)
			acme, err := pm.Workspace(other)
			require.NoError(tb, err)
			return telemetrytest.Env{Home: pm.Telemetry, Other: acme.Telemetry, Audit: pm.Audit}
		})
	}, func(t *testing.T, e dbtest.Engine) {
		telemetrytest.Run(t, func(tb testing.TB) telemetrytest.Env {
			connect := remote(tb, open(tb, e))
			home := connect(access.KeySpec{Name: "home", Scopes: full()}, "")
			return telemetrytest.Env{
				Home: home.Telemetry, Audit: home.Audit,
				Other: connect(access.KeySpec{Name: "other", Workspace: other}, other).Telemetry,
			}
		})
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	scopes := access.Scopes{access.Write, access.Read, access.Admin}
	matrix(t, func(t *testing.T, e dbtest.Engine) {
		accesstest.Run(t, func(tb testing.TB) accesstest.Env {
			pm := open(tb, e)
			keys := func(name string) access.Keys {
				id, err := workspace.Parse(name)
				require.NoError(tb, err)
				return pm.KeysOf(id, workspace.Actor{Name: name}, access.Identity{Name: name, Workspace: name, Scopes: scopes})
			}
			acme, err := pm.Workspace(other)
			require.NoError(tb, err)
			return accesstest.Env{
				Home: keys("default"), Other: keys(other), Master: pm.Keys, HomeID: "default", OtherID: other,
				HomeAudit: pm.Audit, OtherAudit: acme.Audit, HomeScopes: scopes, Authenticate: authenticate(tb, pm),
			}
		})
	}, func(t *testing.T, e dbtest.Engine) {
		accesstest.Run(t, func(tb testing.TB) accesstest.Env {
			pm := open(tb, e)
			connect := remote(tb, pm)
			home := connect(access.KeySpec{Name: "home", Scopes: scopes}, "")
			acme := connect(access.KeySpec{Name: "other", Scopes: scopes, Workspace: other}, other)
			master := connect(access.KeySpec{Name: "master", Scopes: scopes, Workspace: access.Master}, "")
			return accesstest.Env{
				Home: home.Keys, Other: acme.Keys, Master: master.Keys, HomeID: "default", OtherID: other,
				HomeAudit: home.Audit, OtherAudit: acme.Audit, HomeBefore: 1, OtherBefore: 1,
				HomeScopes: scopes, Authenticate: authenticate(tb, pm),
			}
		})
	})
}

func authenticate(tb testing.TB, pm *promptmetrics.Client) func(string) (access.Identity, error) {
	return func(secret string) (access.Identity, error) { return pm.Authenticate(tb.Context(), secret) }
}

// User code moves between in-process and remote without learning new names.
func TestWorkspacesHaveTheSameFieldsInProcessAndRemote(t *testing.T) {
	t.Parallel()
	require.Equal(t, exported(reflect.TypeFor[promptmetrics.Workspace]()), exported(reflect.TypeFor[client.Workspace]()))
	require.Subset(t, exported(reflect.TypeFor[promptmetrics.Client]()), exported(reflect.TypeFor[promptmetrics.Workspace]()))
	require.Subset(t, exported(reflect.TypeFor[client.Client]()), exported(reflect.TypeFor[client.Workspace]()))
}

func exported(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			names = append(names, t.Field(i).Name)
		}
	}
	return names
}
