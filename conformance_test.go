package promptmetrics_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest/abtesttest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/access/accesstest"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance/compliancetest"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/metrics/metricstest"
	"github.com/promptmetrics-go/promptmetrics/playground/playgroundtest"
	"github.com/promptmetrics-go/promptmetrics/registry/registrytest"
	"github.com/promptmetrics-go/promptmetrics/retention/retentiontest"
	"github.com/promptmetrics-go/promptmetrics/telemetry/telemetrytest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

var (
	owner = workspace.Actor{Name: "owner", Admin: true}
	guest = workspace.Actor{Name: "guest"}
)

// parties make what each suite works with.
type parties interface {
	registry(tb testing.TB) registrytest.Env
	telemetry(tb testing.TB) telemetrytest.Env
	evals(tb testing.TB) evalsuite.Env
	evalRuns(tb testing.TB) evalsuite.RunEnv
	abtests(tb testing.TB) abtesttest.Env
	metrics(tb testing.TB) metricstest.Env
	playground(tb testing.TB) playgroundtest.Env
	access(tb testing.TB) accesstest.Env
	retention(tb testing.TB) retentiontest.Env
	compliance(tb testing.TB) compliancetest.Env
}

// runSuites runs every suite.
func runSuites(t *testing.T, p parties) {
	t.Helper()
	for name, run := range map[string]func(*testing.T){
		"Registry":   func(t *testing.T) { registrytest.Run(t, p.registry) },
		"Telemetry":  func(t *testing.T) { telemetrytest.Run(t, p.telemetry) },
		"Evals":      func(t *testing.T) { evalsuite.Run(t, p.evals) },
		"EvalRuns":   func(t *testing.T) { evalsuite.RunRuns(t, p.evalRuns) },
		"ABTests":    func(t *testing.T) { abtesttest.Run(t, p.abtests) },
		"Metrics":    func(t *testing.T) { metricstest.Run(t, p.metrics) },
		"Playground": func(t *testing.T) { playgroundtest.Run(t, p.playground) },
		"Access":     func(t *testing.T) { accesstest.Run(t, p.access) },
		"Retention":  func(t *testing.T) { retentiontest.Run(t, p.retention) },
		"Compliance": func(t *testing.T) { compliancetest.Run(t, p.compliance) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

// TestInProcess runs every suite on the library itself.
func TestInProcess(t *testing.T) {
	t.Parallel()
	pooled := kind{name: "postgresql behind pgbouncer and git", engine: dbtest.Engine{Dialect: db.PostgreSQL, Pooled: true}}
	onEach(t, append(kinds(), pooled), func(t *testing.T, k kind) {
		d := deploy(t, k)
		require.Equal(t, k.driver(), d.Health(t.Context()).DriverType)
		runSuites(t, d)
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
		Actor: owner.Name, Audit: d.In(mine, owner).Audit, Protect: d.protect(mine), Commits: d.kind.commits(),
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
