package promptmetrics_test

import (
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval/evalsuite"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/playgroundtest"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// defaultDays is how long a deployment keeps telemetry: longer than any test.
const defaultDays = 400

// place is where a deployment keeps its prompts.
type place int

const (
	// ownGit is a bare repository of the node's own.
	ownGit place = iota
	// gitHost is a repository on a git host, with a mirror here.
	gitHost
	// inBucket is a bucket of an S3 server.
	inBucket
)

// kind is one of the ways to deploy PromptMetrics.
type kind struct {
	name    string
	engine  dbtest.Engine
	prompts place
	// redis shares limits, hints and read prompts among the nodes.
	redis bool
}

// kinds are the deployments that every suite runs on.
func kinds() []kind {
	sqlite, postgresql := dbtest.Engine{Dialect: db.SQLite}, dbtest.Engine{Dialect: db.PostgreSQL}
	return []kind{
		{name: "sqlite and git", engine: sqlite},
		{name: "postgresql and git", engine: postgresql},
		postgresS3Redis(),
		{name: "sqlite and a git host", engine: sqlite, prompts: gitHost},
	}
}

func postgresS3Redis() kind {
	return kind{
		name: "postgresql, s3 and redis", engine: dbtest.Engine{Dialect: db.PostgreSQL}, prompts: inBucket, redis: true,
	}
}

// driver is what the health report calls the place of the prompts.
func (k kind) driver() string {
	return map[place]string{ownGit: "filesystem", gitHost: "github", inBucket: "s3"}[k.prompts]
}

// commits tells that versions are known by the commits that made them.
func (k kind) commits() bool { return k.prompts != inBucket }

// onEach runs a test on each kind, as parallel subtests.
func onEach(t *testing.T, kinds []kind, test func(*testing.T, kind)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// site is what the nodes of one deployment share: servers that nothing else
// uses, or a part of them.
type site struct {
	kind

	database   db.Config
	repository *githost.Repository
	s3         *s3server.Server
	bucket     string
	cache      redisserver.Server
}

func (k kind) site(t *testing.T) *site {
	t.Helper()
	s := &site{kind: k, database: k.engine.Config(t)}
	switch k.prompts {
	case ownGit:
	case gitHost:
		s.repository = githost.Start(t).Create("prompts")
	case inBucket:
		s.s3 = s3server.Start(t)
		s.bucket = s.s3.Bucket(t)
	}
	if k.redis {
		s.cache = redisserver.Start(t)
	}
	return s
}

// reconcile is how often a node searches its prompts for what others did: all
// the time, so that suites run into it, but without keeping a server busy.
func (s *site) reconcile() time.Duration {
	if s.prompts == ownGit {
		return 50 * time.Millisecond
	}
	return 200 * time.Millisecond
}

// options are those of one more node.
func (s *site) options(t *testing.T) promptmetrics.Options {
	t.Helper()
	o := promptmetrics.Options{
		DataDir: t.TempDir(), SQLitePath: s.database.Path, DatabaseURL: s.database.URL, BusyTimeout: s.database.BusyTimeout,
		ReconcileInterval: s.reconcile(), RateLimit: promptmetrics.RateLimit{Max: -1},
		Retention: defaultDays * 24 * time.Hour, APIKeySalt: "the salt of all nodes of a site",
	}
	switch s.prompts {
	case ownGit:
	case gitHost:
		o.GitRemote = &gitstore.Remote{URL: s.repository.URL(), Token: githost.Token, Timeout: time.Minute}
	case inBucket:
		o.Content = bucket(t, s.s3, s.bucket)
	}
	if s.redis {
		node, err := redisnode.Open(t.Context(), redisnode.Options{
			URL: s.cache.URL(), Prefix: s.bucket + ":", Timeout: 2 * time.Second, StartTimeout: 30 * time.Second,
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, node.Close()) })
		o.Limits, o.Bus = node, node
		if o.Content != nil {
			o.Content = node.Content(o.Content)
		}
	}
	return o
}

// node opens one more node, which is closed with the test.
func (s *site) node(t *testing.T, change func(*promptmetrics.Options)) *promptmetrics.Client {
	t.Helper()
	o := s.options(t)
	if change != nil {
		change(&o)
	}
	pm, err := promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := pm.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return pm
}

// bucket opens the prompt store of a bucket, which several nodes may share.
func bucket(tb testing.TB, server *s3server.Server, name string) *s3store.Store {
	tb.Helper()
	store, err := s3store.Open(tb.Context(), s3store.Options{
		Endpoint: server.Endpoint(), Region: s3server.Region, Bucket: name, PathStyle: true,
		AccessKey: s3server.AccessKey, SecretKey: s3server.SecretKey,
	})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	return store
}

// deployment is one PromptMetrics that all suites share, each test in
// workspaces of its own.
type deployment struct {
	*promptmetrics.Client

	kind kind
	// stage plays the provider "openai".
	stage *playgroundtest.Stage
	// model plays the provider of evaluation runs.
	model *evalsuite.Model
	made  atomic.Int64
}

// deploy opens a deployment of one node.
func deploy(t *testing.T, k kind) *deployment {
	t.Helper()
	model := evalsuite.NewModel()
	stage := playgroundtest.NewStage()
	played := httptest.NewServer(stage)
	t.Cleanup(played.Close)
	// Tests make the provider fail side by side: the breaker would take that for
	// an outage.
	provider, err := openai.New(openai.Options{APIKey: "played-secret", BaseURL: played.URL, Retries: -1, BreakAfter: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, provider.Close()) })
	pm := k.site(t).node(t, func(o *promptmetrics.Options) {
		o.Providers, o.Prices = []playground.Provider{provider, playedProvider{model}}, playedPrices(t)
	})
	return &deployment{Client: pm, kind: k, stage: stage, model: model}
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
