package promptmetrics

import (
	"context"
	"errors"
	"time"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

// watchInterval is how soon the writes of another process are noticed.
const watchInterval = 250 * time.Millisecond

// retentionInterval is how often old telemetry is looked for.
const retentionInterval = 10 * time.Minute

// start runs what happens without being asked. Close waits for all of it. The
// caches are empty and changes is the state of the database from before.
func (c *Client) start(o Options, changes []watched) {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.tasks.Go(func() { c.watch(ctx, changes) })
	if o.Idle {
		return
	}
	if o.ReconcileInterval > 0 {
		c.tasks.Go(func() { c.reconcile(ctx, o.ReconcileInterval) })
	}
	c.tasks.Go(func() { c.runner.Work(ctx) })
	if o.Retention > 0 {
		c.tasks.Go(func() { c.retain(ctx, o.Retention) })
	}
}

// every calls do at once and then at each interval.
func every(ctx context.Context, interval time.Duration, do func()) {
	do()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (c *Client) reconcile(ctx context.Context, interval time.Duration) {
	every(ctx, interval, func() {
		done, err := c.Sync(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			c.log.Error("the prompt store could not be searched for changes", "error", err)
		case done.Indexed+done.Removed > 0:
			c.log.Info("prompts changed in the prompt store", "indexed", done.Indexed, "removed", done.Removed)
		}
	})
}

// Sync indexes what changed in the prompt store since the last time: what
// people committed or pushed to the git host, and what a crash left unindexed.
// If the host does not answer, what is here is indexed all the same.
// ErrUnavailable.
func (c *Client) Sync(ctx context.Context) (registry.Reconciled, error) { return c.sync(ctx, false) }

// Reindex compares the whole prompt store with the index, and so rebuilds the
// prompts of a lost database. Labels and pins are not in the prompt store.
// ErrUnavailable.
func (c *Client) Reindex(ctx context.Context) (registry.Reconciled, error) { return c.sync(ctx, true) }

func (c *Client) sync(ctx context.Context, full bool) (registry.Reconciled, error) {
	c.syncing.Store(true)
	defer c.syncing.Store(false)
	var fetched error
	if remote, ok := c.content.(fetcher); ok {
		fetched = remote.Fetch(ctx)
	}
	done, err := c.registry.Reconcile(ctx, full)
	if err = errors.Join(fetched, err); err == nil {
		c.lastSync.Store(c.now().UnixMilli())
	}
	return done, err
}

// fetcher is a prompt store that is a copy of another one.
type fetcher interface {
	// Fetch brings the copy up to date. ErrUnavailable.
	Fetch(ctx context.Context) error
}

// watched is something that other processes on the same database may change.
type watched struct {
	// changes differs from seen if they have, and forget drops what the caches
	// know about it.
	changes func(context.Context) (string, error)
	forget  func()
	seen    string
}

// watched gives all that is watched, as it is now.
func (c *Client) watched(ctx context.Context) ([]watched, error) {
	all := []watched{
		{changes: c.store.RegistryChanges, forget: c.registry.ForgetAll},
		{changes: c.store.ComplianceChanges, forget: c.compliance.ForgetAll},
	}
	for i := range all {
		var err error
		if all[i].seen, err = all[i].changes(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// watch notices that another process has changed something since it was seen.
func (c *Client) watch(ctx context.Context, all []watched) {
	every(ctx, watchInterval, func() {
		for i := range all {
			w := &all[i]
			now, err := w.changes(ctx)
			if err != nil || now == w.seen {
				continue // a database that is down is reported by who needs it
			}
			w.forget()
			w.seen = now
		}
	})
}

func (c *Client) retain(ctx context.Context, keep time.Duration) {
	every(ctx, retentionInterval, func() {
		removed, err := c.store.Expire(ctx, c.now().Add(-keep))
		switch {
		case ctx.Err() != nil:
		case err != nil:
			c.log.Error("old telemetry could not be removed", "error", err)
		case removed > 0:
			c.log.Info("old telemetry was removed", "rows", removed)
		}
	})
}
