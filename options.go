package promptmetrics

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/requestid"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Dialect names the engine behind Options.DB.
type Dialect string

// The engines.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgresql"
)

// Options say where PromptMetrics keeps its things and how it behaves. The
// zero value works.
type Options struct {
	// DataDir is the folder for what no other option places elsewhere; it is
	// made if it does not exist. Default "./data".
	DataDir string

	// SQLitePath is the database file. Default promptmetrics.db in DataDir.
	SQLitePath string
	// DatabaseURL is a PostgreSQL connection URL; it replaces SQLite.
	DatabaseURL string `json:"-"`
	// DB is a database that your program opened and will close after Close. It
	// replaces SQLitePath and DatabaseURL, and needs Dialect. All tables are
	// named pm_…, so they can live beside your own. On SQLite open it with
	// _pragma=busy_timeout(5000)&_pragma=journal_mode(WAL).
	DB *sql.DB
	// Dialect of DB.
	Dialect Dialect
	// BusyTimeout bounds how long a write waits for another process that holds
	// the SQLite file or the prompt repository; then it is ErrUnavailable.
	// Default 5 s.
	BusyTimeout time.Duration

	// PromptsPath is the bare git repository of the prompts; it is made if it
	// does not exist. Default prompts.git in DataDir.
	PromptsPath string
	// GitRemote is a repository on a git host, such as GitHub, that has the last
	// word; PromptsPath is then its mirror. What others push there is looked for
	// every ReconcileInterval. Default: none.
	GitRemote *gitstore.Remote
	// GitBranches lets workspaces follow a branch of their own, by its name, with
	// their prompts at the top of it; see gitstore.Options. Default: none.
	GitBranches map[workspace.ID]string
	// Content keeps the prompts instead of a git repository. It is not closed.
	Content registry.ContentStore
	// ReconcileInterval is how often the prompt store is searched for what
	// people committed, and at the start. Default 60 s; negative: only on Sync.
	ReconcileInterval time.Duration

	// Idle keeps the client from doing anything by itself: it neither searches
	// the prompt store, nor removes what is too old, nor executes evaluation
	// runs. For programs that look at data that another process serves.
	Idle bool

	// RenderLimits bound what rendering a prompt may cost.
	RenderLimits registry.Limits
	// CacheSize is how many prompt versions stay parsed in memory. Default
	// 10,000.
	CacheSize int
	// Prices override the built-in price table, model by model.
	Prices *telemetry.PriceTable
	// Providers run the models of the playground and of evaluations, such as
	// those of playground/openai. Default: none.
	Providers []playground.Provider
	// MonthlyBudgetUSD bounds what the model calls of a workspace may cost in
	// a month, where the workspace has no budget of its own. Default: no limit.
	MonthlyBudgetUSD *float64
	// Scorers are what rules of evaluations may use beyond the built-in ones.
	Scorers Scorers
	// Compliance finds sensitive data in texts, such as compliance/llmguard or
	// compliance/lakera. Default: the detectors that are built in.
	Compliance compliance.Driver
	// Retention is how long logs, traces, workflow runs, compliance scores and
	// ended evaluation runs are kept where a workspace sets no time of its own;
	// daily sums and the audit log stay. On PostgreSQL a row goes with others of
	// its time, up to a day later, or a week if more than 92 days are kept, or a
	// month if more than two years. Default 0: for ever.
	Retention time.Duration

	// APIKeySalt is the secret under which API keys are hashed, at least 16
	// characters. Default: one is made once and kept in DataDir/api_key_salt.
	APIKeySalt string `json:"-"`
	// KeyTouchInterval is the least time between two writes of a key's last
	// use. Default 60 s.
	KeyTouchInterval time.Duration
	// RateLimit is how many requests a key may make.
	RateLimit RateLimit
	// Limits count requests for all nodes of a service, such as redisnode.Node.
	// It is not closed. Default: each node counts its own.
	Limits access.SharedWindows
	// Bus tells the other nodes at once what this one has changed, such as
	// redisnode.Node. It is not closed. Default: PostgreSQL tells them, or they
	// notice within a quarter of a second.
	Bus Bus

	// Observers hear of the logs, traces and spans that were recorded, such as
	// an exporter of telemetry/otelexport. They are not closed: close them after
	// Close, which is when they have heard of everything.
	Observers []telemetry.Observer

	// Logger hears of what goes wrong in the background. Default: silence.
	Logger *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// RateLimit bounds the requests of each API key in a sliding window.
type RateLimit struct {
	// Window is the length of the window. Default 60 s.
	Window time.Duration
	// Max is how many requests fit into it. Default 300; negative: no limit.
	Max int64
}

// Scorers are what rules of evaluations may use beyond the built-in ones.
type Scorers struct {
	// Functions are Go functions that rules of the type "function" name.
	Functions map[string]scorer.Func
	// WebhookHosts are the hosts that rules of the type "webhook" may call, with
	// or without a port. Without any, such rules are refused.
	WebhookHosts []string
	// WebhookPrivate lets those hosts have loopback, private and link-local
	// addresses.
	WebhookPrivate bool
}

func (o Options) withDefaults() Options {
	if o.DataDir == "" {
		o.DataDir = "data"
	}
	if o.SQLitePath == "" {
		o.SQLitePath = filepath.Join(o.DataDir, "promptmetrics.db")
	}
	if o.PromptsPath == "" {
		o.PromptsPath = filepath.Join(o.DataDir, "prompts.git")
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if o.ReconcileInterval == 0 {
		o.ReconcileInterval = time.Minute
	}
	if o.RateLimit.Window == 0 {
		o.RateLimit.Window = time.Minute
	}
	if o.RateLimit.Max == 0 {
		o.RateLimit.Max = 300
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = requestid.Logger(o.Logger)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Compliance == nil {
		o.Compliance = builtin.Driver(builtin.Options{})
	}
	o.Prices = telemetry.DefaultPrices().Override(o.Prices)
	return o
}

// gitRemote is the remote, which an idle client leaves alone until it needs it.
func (o Options) gitRemote() *gitstore.Remote {
	if o.GitRemote == nil {
		return nil
	}
	remote := *o.GitRemote
	remote.Lazy = remote.Lazy || o.Idle
	return &remote
}

// validate names every option that cannot be.
func (o Options) validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(o.DB == nil || o.Dialect == SQLite || o.Dialect == PostgreSQL,
		"Options.Dialect must be %q or %q when Options.DB is set", SQLite, PostgreSQL)
	check(o.DB == nil || o.DatabaseURL == "", "Options.DB and Options.DatabaseURL exclude each other: set one")
	check(o.DatabaseURL == "" || strings.HasPrefix(o.DatabaseURL, "postgres://") || strings.HasPrefix(o.DatabaseURL, "postgresql://"),
		"Options.DatabaseURL must start with postgres:// or postgresql://")
	check(o.GitRemote == nil || o.Content == nil, "Options.GitRemote and Options.Content exclude each other: set one")
	check(len(o.GitBranches) == 0 || o.Content == nil, "Options.GitBranches and Options.Content exclude each other: set one")
	check(o.BusyTimeout >= 0, "Options.BusyTimeout must not be negative")
	check(o.MonthlyBudgetUSD == nil || *o.MonthlyBudgetUSD >= 0 && *o.MonthlyBudgetUSD <= budget.MaxUSD,
		"Options.MonthlyBudgetUSD must be from 0 to 1e12, or nil")
	check(o.Retention >= 0, "Options.Retention must not be negative")
	check(o.RateLimit.Window >= 0, "Options.RateLimit.Window must not be negative")
	if o.APIKeySalt != "" {
		if err := access.CheckSalt(o.APIKeySalt); err != nil {
			faults = append(faults, fmt.Errorf("Options.APIKeySalt: %w", err))
		}
	}
	return errors.Join(faults...)
}

// Format prints options without secrets, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.APIKeySalt != "" {
		o.APIKeySalt = "[redacted]"
	}
	if o.DatabaseURL != "" {
		o.DatabaseURL = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
