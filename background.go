package promptmetrics

import (
	"context"
	"errors"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

const (
	// watchInterval is how soon the writes of another process are noticed where
	// no hint tells of them sooner.
	watchInterval = 250 * time.Millisecond
	// watchTimeout bounds one look at the database.
	watchTimeout = 2 * time.Second
	// watchPause is the least time between two looks: a burst of hints is one.
	watchPause = 5 * time.Millisecond
)

// How often old telemetry is looked for, and how often slices of tables are made
// ahead; one process does it for all that share a database.
const (
	retentionInterval = 10 * time.Minute
	partitionInterval = time.Hour
)

// start runs what happens without being asked. Close waits for all of it. The
// caches are empty and changes is the state of the database from before.
func (c *Client) start(o Options, changes []watched) {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.tasks.Go(func() { c.watch(ctx, changes) })
	if o.Bus != nil {
		c.tasks.Go(func() { c.publish(ctx, o.Bus) })
	}
	if o.Idle {
		return
	}
	c.tasks.Go(func() { c.store.Listen(ctx, c.signals.heard) })
	if o.Bus != nil {
		c.tasks.Go(func() { o.Bus.Listen(ctx, c.signals.heard) })
	}
	c.tasks.Go(func() { c.beat(ctx) })
	if o.ReconcileInterval > 0 {
		c.tasks.Go(func() { c.reconcile(ctx, o.ReconcileInterval) })
	}
	c.tasks.Go(func() { c.runner.Work(ctx) })
	c.leads = true
	c.tasks.Go(func() { c.leases.Run(ctx, "partitions", partitionInterval, c.partition) })
	c.tasks.Go(func() { c.leases.Run(ctx, "retention", retentionInterval, c.retain) })
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
	err = errors.Join(fetched, err)
	c.counts.reconciled(done, err)
	if err == nil {
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
	// counter differs from seen if they have, and forget drops what the caches
	// know about it.
	counter string
	forget  func()
	seen    string
}

// watched gives all that is watched, as it is now.
func (c *Client) watched(ctx context.Context) ([]watched, error) {
	all := []watched{
		{counter: sqlstore.RegistryChanges, forget: c.registry.ForgetAll},
		{counter: sqlstore.ComplianceChanges, forget: c.compliance.ForgetAll},
		{counter: sqlstore.KeyChanges, forget: c.keyring.ForgetAll},
		{counter: sqlstore.ModelChanges, forget: c.playground.ForgetModels},
	}
	counters, err := c.store.Changes(ctx)
	for i := range all {
		all[i].seen = counters[all[i].counter]
	}
	return all, err
}

// watch notices that another process has changed something since it was seen: at
// once where a hint says so, else at the next look. Only the look counts, so that
// a hint that is lost, late or made up changes nothing but the time.
func (c *Client) watch(ctx context.Context, all []watched) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		c.look(ctx, all)
		rest := time.NewTimer(watchPause)
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-c.signals.wake:
		case <-ctx.Done():
			return
		}
	}
}

// look compares the change counters with what was seen.
func (c *Client) look(ctx context.Context, all []watched) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	counters, err := c.store.Changes(ctx)
	if err != nil {
		return // a database that is down is reported by who needs it
	}
	for i := range all {
		if w := &all[i]; counters[w.counter] != w.seen {
			w.forget()
			w.seen = counters[w.counter]
		}
	}
}

// partition makes slices of tables ahead of time.
func (c *Client) partition(ctx context.Context) {
	made, err := c.store.MakePartitions(ctx, c.keep)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.log.Error("partitions of the time to come could not be made", "error", err)
	case made > 0:
		c.log.Info("partitions of the time to come were made", "partitions", made)
	}
}

// retain removes what is older than its workspace keeps it.
func (c *Client) retain(ctx context.Context) {
	gone, err := c.store.Expire(ctx, c.now(), c.keep)
	c.counts.expired(gone.Sum(), err, c.now())
	if gone.Sum() > 0 {
		c.log.Info("old telemetry was removed", "rows", gone.Sum(), "partitions", gone.Partitions)
	}
	if err != nil && ctx.Err() == nil {
		c.log.Error("old telemetry could not be removed", "error", err)
	}
}
