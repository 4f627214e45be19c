package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// config is what the environment asks for.
type config struct {
	address
	// options of the library, with every path filled, but for the logger.
	options promptmetrics.Options
	// s3 is the bucket of the prompts; nil with another driver.
	s3        *s3store.Options
	providers []makeProvider
	observing observing
	// redisURL names the Redis that the nodes share; empty for none. redis is
	// the connection, while a server runs.
	redisURL      string
	redis         *redisnode.Node
	webhookSecret string
	trustProxy    bool
	requestLog    httpapi.RequestLog
	metrics       string // the address; empty for none
	level         slog.Level
	json          bool
	// remoteNames turns the library's names of the remote's options into those of
	// variables.
	remoteNames []string
	// exported are the settings that another shell lacks to work on the same
	// data: NAME=value, with absolute paths.
	exported []string
	// secrets are the names of those whose values are not for a screen.
	secrets []string
}

// address is where the server listens.
type address struct {
	host string
	port int64
}

func (a address) String() string { return net.JoinHostPort(a.host, strconv.FormatInt(a.port, 10)) }

const (
	msPerDay      = 24 * 60 * 60 * 1000
	maxPricesFile = 1 << 20
)

// readConfig reads the environment. The error lists every fault, one a line.
func readConfig(e *environment) (config, error) {
	c := config{address: readAddress(e)}
	checkDriver(e)
	o := &c.options
	o.DataDir = e.text("DATA_DIR", "data")
	o.SQLitePath = e.text("SQLITE_PATH", filepath.Join(o.DataDir, "promptmetrics.db"))
	o.PromptsPath = e.text("PROMPTS_PATH", filepath.Join(o.DataDir, "prompts.git"))
	o.DatabaseURL = readDatabaseURL(e)
	o.APIKeySalt = readSalt(e)
	o.RateLimit.Window = milliseconds(e.integer("RATE_LIMIT_WINDOW_MS", 60_000, 1, 366*msPerDay))
	o.RateLimit.Max = e.integer("RATE_LIMIT_MAX_REQUESTS", 300, 1, 1e15)
	o.KeyTouchInterval = milliseconds(e.integer("API_KEY_LAST_USED_DEBOUNCE_MS", 60_000, 0, 366*msPerDay))
	if o.KeyTouchInterval == 0 {
		o.KeyTouchInterval = -1 // every use; to the library zero is the default
	}
	o.ReconcileInterval = milliseconds(e.integer("PROMPT_RECONCILE_INTERVAL_MS", 60_000, 10, 366*msPerDay))
	o.GitRemote, c.remoteNames = readGitRemote(e)
	o.GitBranches = readGitBranches(e)
	if len(o.GitBranches) > 0 {
		c.remoteNames = append(c.remoteNames, "Branches:", "GIT_BRANCHES:", "Branches are", "GIT_BRANCHES are")
	}
	if interval := milliseconds(e.integer("GITHUB_SYNC_INTERVAL_MS", 60_000, 100, 366*msPerDay)); o.GitRemote != nil {
		o.ReconcileInterval = interval
	}
	o.Retention = 24 * time.Hour * time.Duration(e.integer("RETENTION_DAYS", 0, 0, 36_500))
	o.Prices = readPrices(e)
	o.Compliance = readCompliance(e)
	o.MonthlyBudgetUSD = readBudget(e)
	c.providers = readProviders(e)
	c.redisURL = readRedisURL(e)
	c.observing = readObserving(e, c.address)
	o.Scorers.WebhookHosts = e.list("EVALUATION_WEBHOOK_HOSTS")
	o.Scorers.WebhookPrivate = e.boolean("EVALUATION_WEBHOOK_PRIVATE")
	c.webhookSecret = e.text("GITHUB_WEBHOOK_SECRET", "")
	c.trustProxy = e.boolean("TRUST_PROXY")
	c.requestLog = readRequestLog(e)
	c.metrics = readMetricsAddress(e)
	c.json = e.oneOf("LOG_FORMAT", "text", "text", "json") == "json"
	c.level = map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[e.oneOf("LOG_LEVEL", "info", "debug", "info", "warn", "error")]
	for _, name := range []string{"DATA_DIR", "SQLITE_PATH", "PROMPTS_PATH"} {
		if e.exported(name) {
			c.exported = append(c.exported, name+"="+quoted(absolute(e.text(name, ""))))
		}
	}
	for _, name := range []string{"DATABASE_URL", "API_KEY_SALT"} {
		if e.exported(name) {
			c.secrets = append(c.secrets, name)
		}
	}
	c.readS3(e)
	return c, e.err()
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func readAddress(e *environment) address {
	a := address{host: e.text("HOST", "0.0.0.0"), port: e.integer("PORT", 3000, 0, 65535)}
	a.host = strings.TrimSuffix(strings.TrimPrefix(a.host, "["), "]")
	if strings.ContainsAny(a.host, "/ @?#[]") || strings.Count(a.host, ":") == 1 {
		e.fault("HOST must be an address or a host name without a port, such as 127.0.0.1, not %s", excerpt(a.host))
	}
	return a
}

// checkDriver refuses a driver that is none.
func checkDriver(e *environment) {
	switch driver, set := e.raw("DRIVER"); {
	case !set, driver == "filesystem", driver == "github", driver == driverS3:
	case driver == "":
		e.fault("DRIVER is empty: set it to filesystem, github or s3, or remove it")
	default:
		e.fault("DRIVER must be filesystem, github or s3, not %s", excerpt(driver))
	}
}

// readDatabaseURL never shows the value: a password is part of it.
func readDatabaseURL(e *environment) string {
	text := e.text("DATABASE_URL", "")
	if text == "" {
		return ""
	}
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		e.fault("DATABASE_URL must start with postgres:// or postgresql://; remove it to use SQLite")
	} else if _, err := url.Parse(text); err != nil {
		e.fault("DATABASE_URL cannot be read: it must look like postgres://user:password@host:5432/database")
	}
	return text
}

// readSalt refuses an empty salt: to make one instead would end every key that
// was made under the salt that got lost on the way.
func readSalt(e *environment) string {
	salt, set := e.raw("API_KEY_SALT")
	if !set {
		return ""
	}
	if err := access.CheckSalt(salt); err != nil {
		for _, fault := range pmerr.From(err).Fields {
			e.fault("%s", fault)
		}
	}
	return salt
}

func readPrices(e *environment) *telemetry.PriceTable {
	path := e.text("PRICES_PATH", "")
	if path == "" {
		return nil
	}
	data, err := readBounded(path, maxPricesFile)
	if err != nil {
		e.fault("PRICES_PATH: the price file %s cannot be read: %v", excerpt(path), bare(err))
		return nil
	}
	table, err := telemetry.ParsePrices(data)
	if err == nil {
		return table
	}
	faults := pmerr.From(err).Fields
	if len(faults) == 0 {
		faults = []string{pmerr.From(err).Message}
	}
	for _, fault := range faults {
		e.fault("PRICES_PATH: %s", fault)
	}
	return nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it.
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = errors.New("it is larger than 1 MiB")
	}
	return data, err
}

// absolute makes a path mean the same in every folder.
func absolute(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil { // the working folder is gone
		return path
	}
	return whole
}

// quoted makes a value safe to paste into a shell.
func quoted(value string) string {
	plain := func(r rune) bool {
		return !strings.ContainsRune("_-./:@%+,=", r) && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}
	if !strings.ContainsFunc(value, plain) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
