package promptmetrics_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest/abtesttest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/access/accesstest"
	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance/compliancetest"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/metrics/metricstest"
	"github.com/promptmetrics-go/promptmetrics/playground/playgroundtest"
	"github.com/promptmetrics-go/promptmetrics/registry/registrytest"
	"github.com/promptmetrics-go/promptmetrics/retention/retentiontest"
	"github.com/promptmetrics-go/promptmetrics/telemetry/telemetrytest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// remote is a deployment behind a real HTTP server.
type remote struct {
	*deployment
	url string
}

// TestRemote runs every suite through the client, over HTTP.
func TestRemote(t *testing.T) {
	t.Parallel()
	onEach(t, kinds(), func(t *testing.T, k kind) {
		d := deploy(t, k)
		server := httptest.NewServer(httpapi.Handler(d.Client, httpapi.Options{}))
		t.Cleanup(server.Close)
		runSuites(t, remote{deployment: d, url: server.URL})
	})
}

// connect makes a client with an API key of a workspace, or of [access.Master],
// that works in another.
func (r remote) connect(tb testing.TB, name, of string, scopes access.Scopes, in workspace.ID) *client.Client {
	tb.Helper()
	key, err := r.Keys.Create(tb.Context(), access.KeySpec{Name: name, Workspace: of, Scopes: scopes})
	require.NoError(tb, err)
	c, err := client.New(r.url, client.Options{APIKey: key.Secret, Workspace: in.String(), Retries: -1, Timeout: 2 * time.Minute})
	require.NoError(tb, err)
	tb.Cleanup(c.Close)
	return c
}

func (r remote) registry(tb testing.TB) registrytest.Env {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	return registrytest.Env{
		Mine: own.Registry, Theirs: r.connect(tb, "foreign", theirs.String(), everything, theirs).Registry,
		Guest: r.connect(tb, "guest", mine.String(), ordinary, mine).Registry,
		Actor: "own", Audit: own.Audit, Protect: r.protect(mine), Commits: r.kind.commits(),
	}
}

func (r remote) telemetry(tb testing.TB) telemetrytest.Env {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	return telemetrytest.Env{
		Mine: own.Telemetry, Theirs: r.connect(tb, "foreign", theirs.String(), everything, theirs).Telemetry,
		Actor: "own", Audit: own.Audit,
	}
}

func (r remote) evals(tb testing.TB) evalsuite.Env {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	foreign := r.connect(tb, "foreign", theirs.String(), everything, theirs)
	return evalsuite.Env{
		Mine: own.Evals, Theirs: foreign.Evals, Recorder: own.Telemetry, TheirRecorder: foreign.Telemetry,
		Actor: "own", Audit: own.Audit,
	}
}

func (r remote) abtests(tb testing.TB) abtesttest.Env {
	tb.Helper()
	one, two := r.pair(tb)
	mine := r.connect(tb, "own", one.String(), everything, one)
	theirs := r.connect(tb, "foreign", two.String(), everything, two)
	return abtesttest.Env{
		Mine: mine.ABTests, Theirs: theirs.ABTests, Guest: r.connect(tb, "guest", one.String(), ordinary, one).ABTests,
		Registry: mine.Registry, Evals: mine.Evals, Recorder: mine.Telemetry, TheirRecorder: theirs.Telemetry,
		Protect: r.protect(one), Actor: "own", Audit: mine.Audit,
	}
}

func (r remote) metrics(tb testing.TB) metricstest.Env {
	tb.Helper()
	one, two := r.pair(tb)
	mine := r.connect(tb, "own", one.String(), everything, one)
	theirs := r.connect(tb, "foreign", two.String(), everything, two)
	return metricstest.Env{
		Mine: mine.Metrics, Theirs: theirs.Metrics, Records: mine.Telemetry, TheirRecords: theirs.Telemetry,
		Evaluations: mine.Evals, TheirEvaluations: theirs.Evals,
	}
}

func (r remote) compliance(tb testing.TB) compliancetest.Env {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	return compliancetest.Env{
		Mine: own.Compliance, Theirs: r.connect(tb, "foreign", theirs.String(), everything, theirs).Compliance,
		Guest:   r.connect(tb, "guest", mine.String(), ordinary, mine).Compliance,
		Prompts: own.Registry, Logs: own.Telemetry, Actor: "own", Audit: own.Audit,
	}
}

func (r remote) retention(tb testing.TB) retentiontest.Env {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	return retentiontest.Env{
		Mine: own.Retention, Theirs: r.connect(tb, "foreign", theirs.String(), everything, theirs).Retention,
		Actor: "own", Audit: own.Audit, DefaultDays: defaultDays,
	}
}

func (r remote) playground(tb testing.TB) playgroundtest.Env {
	tb.Helper()
	one, two := r.pair(tb)
	mine := r.connect(tb, "own", one.String(), everything, one)
	theirs := r.connect(tb, "foreign", two.String(), everything, two)
	return playgroundtest.Env{
		Mine: mine.Playground, Theirs: theirs.Playground, Budget: mine.Budget, TheirBudget: theirs.Budget,
		Logs: mine.Telemetry, TheirLogs: theirs.Telemetry, Audit: mine.Audit,
		Provider: "openai", Stage: r.stage, Scene: one.String(),
	}
}

func (r remote) access(tb testing.TB) accesstest.Env {
	tb.Helper()
	mine, theirs := r.pair(tb)
	own := r.connect(tb, "own", mine.String(), everything, mine)
	foreign := r.connect(tb, "foreign", theirs.String(), everything, theirs)
	return accesstest.Env{
		Mine: own.Keys, Theirs: foreign.Keys,
		Master:   r.connect(tb, "master", access.Master, everything, mine).Keys,
		Clerk:    r.connect(tb, "clerk", mine.String(), clerical, mine).Keys,
		Guest:    r.connect(tb, "guest", mine.String(), ordinary, mine).Keys,
		Intruder: r.connect(tb, "intruder", theirs.String(), everything, mine).Keys,
		MineName: mine.String(), TheirName: theirs.String(), Actor: "own",
		Audit: own.Audit, TheirAudit: foreign.Audit, Authenticate: r.Authenticate,
	}
}
