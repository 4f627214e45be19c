// Package prom makes Prometheus metrics of a PromptMetrics client and of its
// HTTP API, to be registered on any registry:
//
//	requests := prom.NewHTTP()
//	registry.MustRegister(requests, prom.NewCollector(pm))
//	httpapi.Mount(mux, pm, httpapi.Options{Observer: requests})
//
// All names begin with promptmetrics_, units are base units, and no label is a
// caller's choice: there are no workspaces, prompts or keys in them. What each
// metric means, and which to be paged on, is in docs/operations.md.
package prom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/census"
)

// namespace begins the name of every metric.
const namespace = "promptmetrics"

// Collector reads [promptmetrics.Client.Stats] at each scrape. It asks neither
// the database nor the prompt store.
type Collector struct {
	pm   *promptmetrics.Client
	desc descriptions
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector makes a collector of one client. To register those of several
// clients on one registry, tell them apart by prometheus.WrapRegistererWith.
func NewCollector(pm *promptmetrics.Client) *Collector {
	return &Collector{pm: pm, desc: describe()}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.desc.all {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	s, d := c.pm.Stats(), &c.desc
	e := emitter{to}
	e.gauge(d.engine, 1, s.Engine)
	e.database(d, s.Database)
	for name, q := range s.Queues {
		e.gauge(d.queued, float64(q.Queued), name)
		e.histogram(d.commitRows, q.Rows, name)
		e.histogram(d.commitTook, q.Took, name)
		e.counter(d.commitFailed, q.Failed, name)
	}
	if g := s.Git; g != nil {
		e.gauge(d.gitQueued, float64(g.Queued))
		e.gauge(d.gitQueuedBytes, float64(g.QueuedBytes))
		e.histogram(d.gitChanges, g.Changes)
		e.histogram(d.gitTook, g.Took)
		e.counter(d.gitFailed, g.Failed)
		e.gauge(d.gitPacks, float64(g.Packs))
		e.counter(d.gitMerges, g.Merges)
		e.counter(d.gitMergesFailed, g.FailedMerges)
	}
	for name, l := range s.Caches {
		e.counter(d.lookups, l.Hits, name, "hit")
		e.counter(d.lookups, l.Misses, name, "miss")
	}
	e.counter(d.refused, s.RateLimited)
	for name, p := range s.Providers {
		e.histogram(d.providerTook, p.Took, name)
		for code, n := range p.Failed {
			e.counter(d.providerFailed, n, name, code)
		}
	}
	e.gauge(d.evaluating, float64(s.Evaluations.Active))
	e.counter(d.evaluated, s.Evaluations.Done, "done")
	e.counter(d.evaluated, s.Evaluations.Failed, "failed")
	e.background(d, s)
}

func (e emitter) database(d *descriptions, s promptmetrics.DatabaseStats) {
	for name, p := range s.Pools {
		e.gauge(d.connections, float64(p.InUse), name, "in_use")
		e.gauge(d.connections, float64(p.Idle), name, "idle")
		e.gauge(d.connectionsMax, float64(p.MaxOpenConnections), name)
		e.counter(d.connectionWaits, uint64(max(p.WaitCount, 0)), name)
		e.seconds(d.connectionWaited, p.WaitDuration.Seconds(), name)
	}
	e.histogram(d.transactionTook, s.Transactions)
	e.histogram(d.transactionCallers, s.Callers)
	e.counter(d.transactionsFailed, s.Failed)
	e.gauge(d.writerQueued, float64(s.Queued))
	e.counter(d.audited, s.Audited)
}

// background tells of what happens without being asked.
func (e emitter) background(d *descriptions, s promptmetrics.Stats) {
	r := s.Reconciler
	e.counter(d.reconciled, r.Runs)
	e.counter(d.reconcileFailed, r.Failed)
	e.counter(d.reconcileChanges, r.Indexed, "indexed")
	e.counter(d.reconcileChanges, r.Removed, "removed")
	e.gauge(d.reconcileProblems, float64(r.Problems))
	last := 0.0 // never: an alert on the age must see that too
	if !r.Last.IsZero() {
		last = float64(r.Last.UnixMilli()) / 1000
	}
	e.gauge(d.reconcileLast, last)
	e.counter(d.expired, s.Retention.Rows)
	e.counter(d.expireFailed, s.Retention.Failed)
	if !s.Retention.Last.IsZero() {
		e.gauge(d.expireLast, float64(s.Retention.Last.UnixMilli())/1000)
	}
}

// emitter sends metrics to whoever scrapes.
type emitter struct{ to chan<- prometheus.Metric }

func (e emitter) gauge(d *prometheus.Desc, v float64, labels ...string) {
	e.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (e emitter) counter(d *prometheus.Desc, n uint64, labels ...string) {
	e.seconds(d, float64(n), labels...)
}

// seconds is a counter that counts no whole things.
func (e emitter) seconds(d *prometheus.Desc, v float64, labels ...string) {
	e.to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (e emitter) histogram(d *prometheus.Desc, counted census.Distribution, labels ...string) {
	buckets := make(map[float64]uint64, len(counted.Buckets))
	for _, b := range counted.Buckets {
		buckets[b.UpTo] = b.Count
	}
	e.to <- prometheus.MustNewConstHistogram(d, counted.Count, counted.Sum, buckets, labels...)
}

// NewBuildInfo makes the metric promptmetrics_build_info, which is always 1 and
// tells the version of your program.
func NewBuildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "The version of the program; the value is always 1.",
		ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
}
