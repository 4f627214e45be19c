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
	// Checks are "ok" or "error" by name: the database and the prompt store.
	Checks map[string]string `json:"checks"`
	// DBType is "sqlite" or "postgresql".
	DBType      string `json:"dbType"`
	DBConnected bool   `json:"dbConnected"`
	// DriverType is "filesystem", or "custom" for Options.Content.
	DriverType string `json:"driverType"`
	// GitSyncLastRun is when the prompt store was last searched for changes,
	// in Unix milliseconds; null before the first time.
	GitSyncLastRun        *int64 `json:"gitSyncLastRun"`
	ReconciliationRunning bool   `json:"reconciliationRunning"`
}

// healthLife is how long a check is good for.
const healthLife = 5 * time.Second

// checkTimeout bounds a check: a store that takes longer is down.
const checkTimeout = 5 * time.Second

type healthCache struct {
	mu               sync.Mutex
	at               time.Time
	database, driver error
}

// Health writes to and reads back from the database and the prompt store. The
// outcome is kept for 5 s, whoever asks.
func (c *Client) Health(ctx context.Context) Health {
	database, driver := c.check(ctx)
	h := Health{
		Status: "ok", DBType: string(c.db.Dialect()), DBConnected: database == nil,
		DriverType: "filesystem", ReconciliationRunning: c.syncing.Load(),
		Checks: map[string]string{string(c.db.Dialect()): verdict(database), "driver": verdict(driver)},
	}
	if c.git == nil {
		h.DriverType = "custom"
	}
	if database != nil || driver != nil {
		h.Status = "degraded"
	}
	if last := c.lastSync.Load(); last != 0 {
		h.GitSyncLastRun = &last
	}
	return h
}

func (c *Client) check(ctx context.Context) (database, driver error) {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	now := c.now()
	if age := now.Sub(c.health.at); !c.health.at.IsZero() && age >= 0 && age < healthLife {
		return c.health.database, c.health.driver
	}
	// The outcome is for others too: one caller going away must not spoil it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() { c.health.database = c.store.Check(ctx, db.Micros(now)) })
	both.Go(func() { c.health.driver = c.content.Check(ctx) })
	both.Wait()
	c.health.at = now
	for name, err := range map[string]error{"database": c.health.database, "prompt store": c.health.driver} {
		if err != nil {
			c.log.ErrorContext(ctx, "health check failed", "check", name, "error", err)
		}
	}
	return c.health.database, c.health.driver
}

func verdict(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
