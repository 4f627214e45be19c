package promptmetrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/lease"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Client is an open PromptMetrics. Its own handles are those of the workspace
// "default", in which the program itself acts. It is safe for concurrent use,
// and several may live in one process.
type Client struct {
	Handles

	now         func() time.Time
	log         *slog.Logger
	db          *db.DB
	store       *sqlstore.Store
	registry    *registry.Registry
	telemetry   telemetry.StoreOf
	evaluations eval.StoreOf
	experiments abtest.StoreOf
	runner      *eval.Runner
	playground  *playground.Playground
	compliance  *compliance.Engine
	scans       compliance.Driver
	scorers     Scorers
	prices      *telemetry.PriceTable
	monthly     *float64 // the budget of a workspace that has none of its own
	leases      *lease.Runner
	keep        time.Duration // how long telemetry is kept where a workspace says nothing
	content     registry.ContentStore
	git         *gitstore.Store // nil if Options.Content was given
	keys        access.KeyStore
	keyring     *access.Keyring
	limiter     *access.Limiter
	bus         Bus // nil without Options.Bus
	nodes       *nodes
	signals     *signals
	health      healthCache
	inUse       *otter.Cache[use, *Workspace]

	counts   counts
	syncing  atomic.Bool
	lastSync atomic.Int64 // Unix milliseconds; 0 never
	leads    bool         // whether it does jobs for all processes
	stop     context.CancelFunc
	tasks    sync.WaitGroup
	closing  sync.Once
	closed   error
}

// startTimeout bounds how long opening may take, but for a migration of the
// schema: that takes as long as it takes, and db.Open bounds everything else.
const startTimeout = 30 * time.Second

// New opens PromptMetrics. The error says in one sentence what is wrong with
// an option, the data folder, the database or the prompt repository, and what
// to do. Call Close when you are done.
func New(o Options) (*Client, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	ctx := context.Background()
	c := &Client{
		now: o.Now, log: o.Logger, prices: o.Prices, monthly: o.MonthlyBudgetUSD, keep: o.Retention,
		scans: o.Compliance, scorers: o.Scorers, bus: o.Bus,
	}
	c.nodes, c.signals = newNodes(o.Now), newSignals()
	c.inUse = otter.Must(&otter.Options[use, *Workspace]{MaximumSize: maxInUse})
	if err := c.open(ctx, o); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	changes, err := c.watched(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.start(o, changes)
	return c, nil
}

// open brings up what the client stands on, from the bottom up.
func (c *Client) open(ctx context.Context, o Options) (err error) {
	if err := os.MkdirAll(o.DataDir, 0o750); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w; make it, or choose another with Options.DataDir (DATA_DIR)", err)
	}
	salt, err := c.salt(o)
	if err != nil {
		return err
	}
	if c.db, err = db.Open(ctx, c.databaseConfig(o)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c.store = sqlstore.NewObserved(c.db, observer(o))
	c.leases = lease.New(lease.Options{Store: c.store, Logger: o.Logger})
	if c.content = o.Content; c.content == nil {
		if c.git, err = gitstore.Open(ctx, gitstore.Options{
			Path: o.PromptsPath, Logger: o.Logger, Now: o.Now, LockWait: o.BusyTimeout, Remote: o.gitRemote(),
			Branches: o.GitBranches,
		}); err != nil {
			return err
		}
		c.content = c.git
	}
	key, err := redactionKey(salt)
	if err != nil {
		return err
	}
	c.compliance = compliance.New(compliance.Config{
		Driver: o.Compliance, Store: c.store.Compliance(), Logger: o.Logger, Now: o.Now, Key: key,
	})
	c.registry = registry.New(registry.Config{
		Index: c.store.Prompts(), Content: c.content, Logger: o.Logger, Limits: o.RenderLimits, CacheSize: o.CacheSize,
		Guard: promptGuard{c.compliance},
	})
	c.telemetry = c.store.Telemetry()
	if c.playground, err = playground.New(playground.Config{
		Providers: o.Providers, Logger: o.Logger, Now: o.Now, Heard: len(o.Observers) > 0,
	}); err != nil {
		return fmt.Errorf("Options.Providers: %w", err)
	}
	c.evaluations = c.store.Evaluations()
	c.experiments = c.store.ABTests()
	c.runner = c.newRunner()
	c.keys = c.store.Keys()
	if c.keyring, err = access.NewKeyring(c.keys, access.KeyringOptions{
		Salt: salt, Now: o.Now, Logger: o.Logger, TouchEvery: o.KeyTouchInterval,
	}); err != nil {
		return err
	}
	if c.limiter, err = access.NewLimiter(access.LimiterOptions{
		Window: o.RateLimit.Window, Max: o.RateLimit.Max, Now: o.Now, Store: c.store.Windows(), Logger: o.Logger,
		Shared: o.Limits, Nodes: c.nodes.count,
	}); err != nil {
		return err
	}
	if err := c.limiter.Load(ctx); err != nil {
		return err
	}
	c.Handles = c.In(workspace.Default(), owner).Handles
	return nil
}

// observer is who hears of telemetry; nil if nobody does.
func observer(o Options) telemetry.Observer {
	if len(o.Observers) == 0 {
		return nil
	}
	return telemetry.Observers(o.Logger, o.Observers...)
}

func (c *Client) databaseConfig(o Options) db.Config {
	config := db.Config{
		Dialect: db.SQLite, Path: o.SQLitePath, URL: o.DatabaseURL, Pool: o.DB,
		BusyTimeout: o.BusyTimeout, Logger: o.Logger, Now: o.Now,
	}
	if o.Bus != nil {
		config.Moved = c.signals.tell
	}
	switch {
	case o.DB != nil:
		config.Dialect = db.Dialect(o.Dialect)
	case o.DatabaseURL != "":
		config.Dialect = db.PostgreSQL
	}
	return config
}

// Close stops what runs in the background, waits until what was accepted is
// durable, and closes what New opened. Call it once nothing uses the client.
func (c *Client) Close() error {
	c.closing.Do(func() { c.closed = c.shutdown() })
	return c.closed
}

// closeTimeout bounds the last writes of keys and rate limits, and
// releaseTimeout that of leases before it.
const (
	closeTimeout   = 25 * time.Second
	releaseTimeout = 3 * time.Second
)

func (c *Client) shutdown() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if c.stop != nil {
		c.stop()
	}
	c.tasks.Wait()
	if c.leads {
		// Best effort: whoever comes next need not wait for them to end.
		limited, done := context.WithTimeout(ctx, releaseTimeout)
		if fault := c.leases.Release(limited); fault != nil {
			c.log.Warn("the leases of background jobs could not be released", "error", fault)
		}
		done()
	}
	if c.keyring != nil {
		err = errors.Join(err, c.keyring.Close(ctx))
	}
	if c.limiter != nil {
		err = errors.Join(err, c.limiter.Close(ctx))
	}
	if c.git != nil {
		err = errors.Join(err, c.git.Close())
	}
	if c.store != nil {
		c.store.Close()
	}
	if c.db != nil {
		err = errors.Join(err, c.db.Close())
	}
	return err
}

// Authenticate finds who an API key belongs to. Missing, unknown or expired:
// ErrUnauthorized. ErrUnavailable.
func (c *Client) Authenticate(ctx context.Context, secret string) (access.Identity, error) {
	return c.keyring.Authenticate(ctx, secret)
}

// HasKeys reports whether any API key exists. ErrUnavailable.
func (c *Client) HasKeys(ctx context.Context) (bool, error) { return c.keyring.HasKeys(ctx) }

// Take counts one request of a subject against the rate limit.
func (c *Client) Take(ctx context.Context, subject string) access.Decision {
	return c.limiter.Take(ctx, subject)
}
