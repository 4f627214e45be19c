package promptmetrics

import (
	"context"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Health is the state of what a client stands on.
type Health struct {
	// Status is "ok", or "degraded" if any check failed.
	Status string `json:"status"`
	// Checks are "ok" or "error" by name: the database, the prompt store, and
	// "redis" where Options.Bus is set, whose error degrades nothing.
	Checks map[string]string `json:"checks"`
	// Nodes is how many nodes serve the database now, this one included.
	Nodes int `json:"nodes"`
	// DBType is "sqlite" or "postgresql".
	DBType      string `json:"dbType"`
	DBConnected bool   `json:"dbConnected"`
	// DriverType is "filesystem"; "github" if the prompts are on a git host,
	// whichever; or what Options.Content calls itself with a method
	// Driver() string, such as "s3"; "custom" if it has none.
	DriverType string `json:"driverType"`
	// GitSyncLastRun is when the prompt store was last searched for changes,
	// in Unix milliseconds; null before the first time.
	GitSyncLastRun        *int64 `json:"gitSyncLastRun"`
	ReconciliationRunning bool   `json:"reconciliationRunning"`
	// Problems are files of the prompt store that are not served, "path:
	// reason", at most 50. They do not change the status.
	Problems []string `json:"problems"`
}

// maxShownProblems bounds the problems in a health report.
const maxShownProblems = 50

// healthLife is how long a check is good for.
const healthLife = 5 * time.Second

// checkTimeout bounds a check: a store that takes longer is down.
const checkTimeout = 5 * time.Second

type healthCache struct {
	mu       sync.Mutex
	at       time.Time
	found    checked
	problems []string
}

// checked is what the checks found.
type checked struct{ database, driver, bus error }

// Health writes to and reads back from the database and the prompt store. The
// outcome is kept for 5 s, whoever asks.
func (c *Client) Health(ctx context.Context) Health {
	found, problems := c.check(ctx)
	h := Health{
		Status: "ok", DBType: string(c.db.Dialect()), DBConnected: found.database == nil, Nodes: c.nodes.count(),
		DriverType: c.driver(), ReconciliationRunning: c.syncing.Load(), Problems: problems,
		Checks: map[string]string{string(c.db.Dialect()): verdict(found.database), "driver": verdict(found.driver)},
	}
	if c.bus != nil {
		// Nothing but speed depends on it, and all nodes lose it together: who
		// balances the load by this report must not take them all away.
		h.Checks["redis"] = verdict(found.bus)
	}
	if found.database != nil || found.driver != nil {
		h.Status = "degraded"
	}
	if last := c.lastSync.Load(); last != 0 {
		h.GitSyncLastRun = &last
	}
	return h
}

// driver asks the prompt store what it is.
func (c *Client) driver() string {
	if named, ok := c.content.(interface{ Driver() string }); ok {
		return named.Driver()
	}
	return "custom"
}

func (c *Client) check(ctx context.Context) (checked, []string) {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	now := c.now()
	if age := now.Sub(c.health.at); !c.health.at.IsZero() && age >= 0 && age < healthLife {
		return c.health.found, c.health.problems
	}
	// The outcome is for others too: one caller going away must not spoil it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	var found checked
	var all sync.WaitGroup
	all.Go(func() { found.database = c.store.Check(ctx, db.Micros(now)) })
	all.Go(func() { found.driver = c.content.Check(ctx) })
	if c.bus != nil {
		all.Go(func() { found.bus = c.bus.Check(ctx) })
	}
	all.Wait()
	c.health.problems = c.problems(ctx)
	c.health.found, c.health.at = found, now
	for name, err := range map[string]error{"database": found.database, "prompt store": found.driver, "redis": found.bus} {
		if err != nil {
			c.log.ErrorContext(ctx, "health check failed", "check", name, "error", err)
		}
	}
	return found, c.health.problems
}

// problems are those that the index remembers. A database that is down has told
// so already.
func (c *Client) problems(ctx context.Context) []string {
	shown := []string{}
	problems, err := c.registry.Problems(ctx)
	if err != nil {
		return shown
	}
	for _, p := range problems[:min(len(problems), maxShownProblems)] {
		shown = append(shown, p.String())
	}
	return shown
}

func verdict(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
