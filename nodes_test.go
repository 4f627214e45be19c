package promptmetrics_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// offering is a provider that offers what a test says.
type offering struct{ model *atomic.Value }

func (offering) Name() string { return "offering" }

func (o offering) Models(context.Context) ([]playground.Model, error) {
	return []playground.Model{{ID: o.model.Load().(string)}}, nil
}

func (offering) Call(context.Context, playground.Call) (playground.Reply, error) {
	return playground.Reply{}, errors.New("it only offers")
}

func (offering) Stream(context.Context, playground.Call) iter.Seq2[playground.Part, error] {
	return func(func(playground.Part, error) bool) {}
}

// service opens nodes on one database and one folder.
type service struct {
	o promptmetrics.Options
	// redis is what the nodes share; no server for none.
	redis redisserver.Server
	// offered is the one model of the one provider.
	offered *atomic.Value
}

func newService(t *testing.T, e dbtest.Engine) *service {
	t.Helper()
	c := e.Config(t)
	offered := &atomic.Value{}
	offered.Store("old")
	return &service{offered: offered, o: promptmetrics.Options{
		Providers: []playground.Provider{offering{offered}},
		DataDir:   t.TempDir(), SQLitePath: c.Path, DatabaseURL: c.URL, BusyTimeout: c.BusyTimeout, ReconcileInterval: -1,
	}}
}

func (s *service) open(t *testing.T) *promptmetrics.Client {
	t.Helper()
	o := s.o
	if s.redis.Server != nil {
		node, err := redisnode.Open(t.Context(), redisnode.Options{URL: s.redis.URL(), Timeout: 2 * time.Second, StartTimeout: 30 * time.Second})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, node.Close()) })
		o.Limits, o.Bus = node, node
	}
	pm, err := promptmetrics.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pm.Close()) })
	return pm
}

// change is something that one node does and another one must know.
type change struct {
	name string
	do   func(t *testing.T, here *promptmetrics.Client)
	// known tells that the other node knows.
	known func(ctx context.Context, there *promptmetrics.Client) bool
}

func (s *service) changes(t *testing.T, here *promptmetrics.Client) []change {
	t.Helper()
	serves := func(q registry.Query, version string) func(context.Context, *promptmetrics.Client) bool {
		return func(ctx context.Context, there *promptmetrics.Client) bool {
			got, err := there.Registry.Get(ctx, "p", q)
			return err == nil && got.Version.Version == version
		}
	}
	budget := 12.5
	key, err := here.Keys.Create(t.Context(), access.KeySpec{Name: "old"})
	require.NoError(t, err)
	var made access.NewKey
	return []change{
		{
			"a version published",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				_, err := here.Registry.Create(t.Context(), hello("p", "2.0.0"), registry.Signature{})
				require.NoError(t, err)
			},
			serves(registry.Query{}, "2.0.0"),
		},
		{
			"a label moved",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				_, err := here.Registry.SetLabel(t.Context(), "p", "production", "2.0.0")
				require.NoError(t, err)
			},
			serves(registry.Query{Label: "production"}, "2.0.0"),
		},
		{
			"a label protected",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				require.NoError(t, here.Registry.SetProtectedLabels(t.Context(), []string{"production"}))
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				_, err := there.In(workspace.Default(), workspace.Actor{Name: "ada"}).Registry.SetLabel(ctx, "p", "production", "2.0.0")
				return errors.Is(err, promptmetrics.ErrForbidden)
			},
		},
		{
			"a rule of compliance",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				_, err := here.Compliance.CreateRule(t.Context(), compliance.Rule{Name: "id", Pattern: `ID-\d+`})
				require.NoError(t, err)
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				report, err := there.Compliance.Scan(ctx, compliance.ScanRequest{Text: "ID-1234"})
				return err == nil && len(report.Findings) == 1
			},
		},
		{
			"a policy of compliance",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				_, err := here.Compliance.SetPolicy(t.Context(), compliance.Policy{OnPromptCreate: compliance.Block})
				require.NoError(t, err)
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				mode, err := there.Compliance.Mode(ctx, compliance.StagePrompt)
				return err == nil && mode == compliance.Block
			},
		},
		{
			"a key revoked",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				require.NoError(t, here.Keys.Revoke(t.Context(), key.ID))
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				_, err := there.Authenticate(ctx, key.Secret)
				return errors.Is(err, promptmetrics.ErrUnauthorized)
			},
		},
		{
			"a key made",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				var err error
				made, err = here.Keys.Create(t.Context(), access.KeySpec{Name: "new"})
				require.NoError(t, err)
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				_, err := there.Authenticate(ctx, made.Secret)
				return err == nil
			},
		},
		{
			"the models asked anew",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				s.offered.Store("new")
				_, err := here.Playground.RefreshModels(t.Context())
				require.NoError(t, err)
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				got, err := there.Playground.Models(ctx, page.Request{})
				return err == nil && len(got.Items) == 1 && got.Items[0].ID == "new"
			},
		},
		{
			"a budget",
			func(t *testing.T, here *promptmetrics.Client) {
				t.Helper()
				_, err := here.Budget.Set(t.Context(), &budget)
				require.NoError(t, err)
			},
			func(ctx context.Context, there *promptmetrics.Client) bool {
				got, err := there.Budget.Get(ctx)
				return err == nil && got.BudgetUSD != nil && *got.BudgetUSD == budget
			},
		},
	}
}

// What one node changes another one knows within a second, whatever tells it:
// PostgreSQL, Redis, or only the next look at the database.
func TestWhatOneNodeChangesTheOthersKnow(t *testing.T) {
	t.Parallel()
	none := func(*testing.T, redisserver.Server) {}
	for name, c := range map[string]struct {
		redis bool
		then  func(*testing.T, redisserver.Server)
	}{
		"without Redis": {false, none},
		"with Redis":    {true, none},
		"while Redis is frozen": {true, func(t *testing.T, s redisserver.Server) {
			t.Helper()
			require.NoError(t, s.Freeze())
		}},
		"while Redis is gone": {true, func(t *testing.T, s redisserver.Server) {
			t.Helper()
			s.Kill()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				s := newService(t, e)
				if c.redis {
					s.redis = redisserver.Start(t)
				}
				here, there := s.open(t), s.open(t)
				_, err := here.Registry.Create(t.Context(), hello("p", "1.0.0"), registry.Signature{})
				require.NoError(t, err)
				_, err = here.Registry.SetLabel(t.Context(), "p", "production", "")
				require.NoError(t, err)
				all := s.changes(t, here)
				for _, c := range all { // the caches are warm
					c.known(t.Context(), there)
				}
				c.then(t, s.redis)
				for _, c := range all {
					require.Eventually(t, func() bool { return !c.known(t.Context(), there) || c.name == "a key made" }, noticed, time.Millisecond, c.name)
					c.do(t, here)
					began := time.Now()
					require.Eventually(t, func() bool { return c.known(t.Context(), there) }, noticed, time.Millisecond, c.name)
					t.Logf("%s: %s", c.name, time.Since(began).Round(100*time.Microsecond))
				}
			})
		})
	}
}

func TestNodesKnowHowManyTheyAre(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := newService(t, e)
		first := s.open(t)
		counts := func(n int) {
			t.Helper()
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				require.Equal(c, n, first.Health(t.Context()).Nodes)
			}, 30*time.Second, 20*time.Millisecond)
		}
		counts(1)
		second := s.open(t)
		counts(2)
		idle := s.o
		idle.Idle = true
		command, err := promptmetrics.New(idle)
		require.NoError(t, err)
		require.Equal(t, 1, command.Health(t.Context()).Nodes, "it does not look for others")
		require.NoError(t, command.Close())
		require.NoError(t, second.Close())
		counts(1)
	})
}

// A limit is that of the service, and so is what is left of it.
func TestNodesShareLimits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := newService(t, e)
		s.redis = redisserver.Start(t)
		s.o.RateLimit = promptmetrics.RateLimit{Window: 300 * 24 * time.Hour, Max: 100}
		nodes := []*promptmetrics.Client{s.open(t), s.open(t)}
		admitted := make([]int, len(nodes))
		var all sync.WaitGroup
		for i, pm := range nodes {
			all.Go(func() {
				for range 100 {
					if pm.Take(t.Context(), "key:1").Allowed {
						admitted[i]++
					}
				}
			})
		}
		all.Wait()
		require.Equal(t, 100, admitted[0]+admitted[1])
		require.Eventually(t, func() bool { return nodes[0].Health(t.Context()).Nodes == 2 && nodes[1].Health(t.Context()).Nodes == 2 },
			30*time.Second, 20*time.Millisecond)

		h := nodes[0].Health(t.Context())
		require.Equal(t, "ok", h.Checks["redis"])
		s.redis.Kill()
		each := func(subject string) (n int) {
			for _, pm := range nodes {
				for range 100 {
					if pm.Take(t.Context(), subject).Allowed {
						n++
					}
				}
			}
			return n
		}
		require.Zero(t, each("key:1"), "what was spent stays spent")
		require.Equal(t, 100, each("key:2"), "each its half")
		require.Eventually(t, func() bool {
			h := nodes[0].Health(t.Context())
			return h.Checks["redis"] == "error" && h.Status == "ok"
		}, 30*time.Second, 50*time.Millisecond)
	})
}
