package promptmetrics_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest/abtesttest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/access/accesstest"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance/compliancetest"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/metrics/metricstest"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/playgroundtest"
	"github.com/promptmetrics-go/promptmetrics/registry/registrytest"
	"github.com/promptmetrics-go/promptmetrics/retention/retentiontest"
	"github.com/promptmetrics-go/promptmetrics/telemetry/telemetrytest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// defaultDays is how long a deployment keeps telemetry: longer than any test.
const defaultDays = 400

// deployment is one PromptMetrics that all suites share, each test in
// workspaces of its own.
type deployment struct {
	*promptmetrics.Client
	// stage plays the provider "openai".
	stage *playgroundtest.Stage
	// model plays the provider of evaluation runs.
	model *evalsuite.Model
	made  atomic.Int64
}

// deploy opens a client on an engine. The reconciler runs all the time, as it
// does in production, only more often.
func deploy(t *testing.T, e dbtest.Engine) *deployment {
	t.Helper()
	c := e.Config(t)
	model := evalsuite.NewModel()
	stage := playgroundtest.NewStage()
	played := httptest.NewServer(stage)
	t.Cleanup(played.Close)
	// Tests make the provider fail side by side: the breaker would take that for
	// an outage.
	provider, err := openai.New(openai.Options{APIKey: "played-secret", BaseURL: played.URL, Retries: -1, BreakAfter: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, provider.Close()) })
	pm, err := promptmetrics.New(promptmetrics.Options{
		DataDir: t.TempDir(), SQLitePath: c.Path, DatabaseURL: c.URL, BusyTimeout: c.BusyTimeout,
		ReconcileInterval: 50 * time.Millisecond, RateLimit: promptmetrics.RateLimit{Max: -1},
		Providers: []playground.Provider{provider, playedProvider{model}}, Prices: playedPrices(t),
		Retention: defaultDays * 24 * time.Hour,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := pm.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return &deployment{Client: pm, stage: stage, model: model}
}

// pair names two workspaces that nothing has used.
func (d *deployment) pair(tb testing.TB) (mine, theirs workspace.ID) {
	tb.Helper()
	n := d.made.Add(1)
	mine, err := workspace.Parse(fmt.Sprintf("mine-%d", n))
	require.NoError(tb, err)
	theirs, err = workspace.Parse(fmt.Sprintf("theirs-%d", n))
	require.NoError(tb, err)
	return mine, theirs
}

var (
	owner = workspace.Actor{Name: "owner", Admin: true}
	guest = workspace.Actor{Name: "guest"}
)

// TestInProcess runs every suite on the library itself.
func TestInProcess(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		d := deploy(t, e)
		t.Run("Registry", func(t *testing.T) {
			t.Parallel()
			registrytest.Run(t, d.registry)
		})
		t.Run("Telemetry", func(t *testing.T) {
			t.Parallel()
			telemetrytest.Run(t, d.telemetry)
		})
		t.Run("Evals", func(t *testing.T) {
			t.Parallel()
			evalsuite.Run(t, d.evals)
		})
		t.Run("ABTests", func(t *testing.T) {
			t.Parallel()
			abtesttest.Run(t, d.abtests)
		})
		t.Run("EvalRuns", func(t *testing.T) {
			t.Parallel()
			evalsuite.RunRuns(t, d.evalRuns)
		})
		t.Run("Metrics", func(t *testing.T) {
			t.Parallel()
			metricstest.Run(t, d.metrics)
		})
		t.Run("Playground", func(t *testing.T) {
			t.Parallel()
			playgroundtest.Run(t, d.playground)
		})
		t.Run("Access", func(t *testing.T) {
			t.Parallel()
			accesstest.Run(t, d.access)
		})
		t.Run("Retention", func(t *testing.T) {
			t.Parallel()
			retentiontest.Run(t, d.retention)
		})
		t.Run("Compliance", func(t *testing.T) {
			t.Parallel()
			compliancetest.Run(t, d.compliance)
		})
		t.Run("Repeats", func(t *testing.T) {
			t.Parallel()
			telemetrytest.RunRepeats(t, func(tb testing.TB) (mine, theirs telemetrytest.Repeater) {
				tb.Helper()
				own, foreign := d.pair(tb)
				return d.In(own, owner).Telemetry, d.In(foreign, owner).Telemetry
			})
		})
	})
}

func (d *deployment) registry(tb testing.TB) registrytest.Env {
	tb.Helper()
	mine, theirs := d.pair(tb)
	return registrytest.Env{
		Mine: d.In(mine, owner).Registry, Theirs: d.In(theirs, owner).Registry, Guest: d.In(mine, guest).Registry,
		Actor: owner.Name, Audit: d.In(mine, owner).Audit, Protect: d.protect(mine),
	}
}

func (d *deployment) protect(id workspace.ID) func(context.Context, ...string) error {
	return func(ctx context.Context, labels ...string) error {
		return d.In(id, owner).Registry.SetProtectedLabels(ctx, labels)
	}
}

func (d *deployment) telemetry(tb testing.TB) telemetrytest.Env {
	tb.Helper()
	mine, theirs := d.pair(tb)
	return telemetrytest.Env{
		Mine: d.In(mine, owner).Telemetry, Theirs: d.In(theirs, owner).Telemetry,
		Actor: owner.Name, Audit: d.In(mine, owner).Audit,
	}
}

func (d *deployment) evals(tb testing.TB) evalsuite.Env {
	tb.Helper()
	mine, theirs := d.pair(tb)
	own, foreign := d.In(mine, owner), d.In(theirs, owner)
	return evalsuite.Env{
		Mine: own.Evals, Theirs: foreign.Evals, Recorder: own.Telemetry, TheirRecorder: foreign.Telemetry,
		Actor: owner.Name, Audit: own.Audit,
	}
}

func (d *deployment) abtests(tb testing.TB) abtesttest.Env {
	tb.Helper()
	one, two := d.pair(tb)
	mine, theirs := d.In(one, owner), d.In(two, owner)
	return abtesttest.Env{
		Mine: mine.ABTests, Theirs: theirs.ABTests, Guest: d.In(one, guest).ABTests,
		Registry: mine.Registry, Evals: mine.Evals, Recorder: mine.Telemetry, TheirRecorder: theirs.Telemetry,
		Protect: d.protect(one), Actor: owner.Name, Audit: mine.Audit,
	}
}

func (d *deployment) metrics(tb testing.TB) metricstest.Env {
	tb.Helper()
	one, two := d.pair(tb)
	mine, theirs := d.In(one, owner), d.In(two, owner)
	return metricstest.Env{
		Mine: mine.Metrics, Theirs: theirs.Metrics, Records: mine.Telemetry, TheirRecords: theirs.Telemetry,
		Evaluations: mine.Evals, TheirEvaluations: theirs.Evals,
	}
}

func (d *deployment) compliance(tb testing.TB) compliancetest.Env {
	tb.Helper()
	mine, theirs := d.pair(tb)
	own := d.In(mine, owner)
	return compliancetest.Env{
		Mine: own.Compliance, Theirs: d.In(theirs, owner).Compliance, Guest: d.In(mine, guest).Compliance,
		Prompts: own.Registry, Logs: own.Telemetry, Actor: owner.Name, Audit: own.Audit,
	}
}

func (d *deployment) retention(tb testing.TB) retentiontest.Env {
	tb.Helper()
	mine, theirs := d.pair(tb)
	own := d.In(mine, owner)
	return retentiontest.Env{
		Mine: own.Retention, Theirs: d.In(theirs, owner).Retention,
		Actor: owner.Name, Audit: own.Audit, DefaultDays: defaultDays,
	}
}

func (d *deployment) playground(tb testing.TB) playgroundtest.Env {
	tb.Helper()
	one, two := d.pair(tb)
	mine, theirs := d.In(one, owner), d.In(two, owner)
	return playgroundtest.Env{
		Mine: mine.Playground, Theirs: theirs.Playground, Budget: mine.Budget, TheirBudget: theirs.Budget,
		Logs: mine.Telemetry, TheirLogs: theirs.Telemetry, Audit: mine.Audit,
		Provider: "openai", Stage: d.stage, Scene: one.String(),
	}
}

var (
	everything = access.Scopes{access.Read, access.Write, access.Admin}
	clerical   = access.Scopes{access.Read, access.Admin}
	ordinary   = access.Scopes{access.Read, access.Write}
)

func (d *deployment) access(tb testing.TB) accesstest.Env {
	tb.Helper()
	mine, theirs := d.pair(tb)
	keys := func(in workspace.ID, of string, scopes access.Scopes) access.Keys {
		return d.KeysOf(in, owner, access.Identity{Name: owner.Name, Workspace: of, Scopes: scopes})
	}
	return accesstest.Env{
		Mine: keys(mine, mine.String(), everything), Theirs: keys(theirs, theirs.String(), everything),
		Master: keys(mine, access.Master, everything), Clerk: keys(mine, mine.String(), clerical),
		Guest: keys(mine, mine.String(), ordinary), Intruder: keys(mine, theirs.String(), everything),
		MineName: mine.String(), TheirName: theirs.String(), Actor: owner.Name,
		Audit: d.In(mine, owner).Audit, TheirAudit: d.In(theirs, owner).Audit, Authenticate: d.Authenticate,
	}
}

// TestWorkspacesHaveTheSameFields keeps code that uses a workspace the same
// in-process and remote.
func TestWorkspacesHaveTheSameFields(t *testing.T) {
	t.Parallel()
	exported := func(of reflect.Type) (names []string) {
		for field := range of.Fields() {
			if field.IsExported() {
				names = append(names, field.Name)
			}
		}
		return names
	}
	here, there := reflect.TypeFor[promptmetrics.Handles](), reflect.TypeFor[client.Handles]()
	require.Equal(t, exported(here), exported(there))
	require.NotEmpty(t, exported(here))
	for _, owner := range []reflect.Type{
		reflect.TypeFor[promptmetrics.Client](), reflect.TypeFor[promptmetrics.Workspace](),
		reflect.TypeFor[client.Client](), reflect.TypeFor[client.Workspace](),
	} {
		require.Equal(t, []string{"Handles"}, exported(owner), owner)
	}
}
