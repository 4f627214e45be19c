package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/internal/bench/bulk"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// scale measures PostgreSQL with so many logs.
type scale struct {
	rows   int
	url    string // of a database without logs; a server is started if empty
	folder string // of that server
	during time.Duration

	pm    *promptmetrics.Client
	table [][]string
	began time.Time
}

// Of the measurement.
const (
	scaleDays    = 90
	scaleWriters = 8
	scaleBatch   = 100
	// Retention keeps all but the oldest days, which go as slices, and of one
	// workspace less, whose rows go.
	scaleKept    = 87
	scaleKeptRow = 60
	scaleShort   = "umbrella"
)

func (s *scale) run(ctx context.Context) (err error) {
	s.began = time.Now()
	if s.url == "" {
		server, err := s.server(ctx)
		if err != nil {
			return err
		}
		defer server.Stop() //nolint:contextcheck // it must stop however the measurement ends.
		if s.url, err = server.CreateDatabase(ctx, ""); err != nil {
			return err
		}
	}
	filled, err := s.fill(ctx)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "promptmetrics-scale-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	// Idle, so that retention runs when it is measured and not before.
	if s.pm, err = promptmetrics.New(promptmetrics.Options{DataDir: folder, DatabaseURL: s.url, Idle: true}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.pm.Close()) }()
	if err := s.measure(ctx); err != nil {
		return err
	}
	return s.report(ctx, filled)
}

// server is a PostgreSQL as an operator would run it, on a disk.
func (s *scale) server(ctx context.Context) (*pgserver.Server, error) {
	s.say("starting PostgreSQL in %s", s.folder)
	return pgserver.Start(ctx, pgserver.Options{Parent: s.folder, Settings: map[string]string{
		"shared_buffers": "1GB", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on",
		"maintenance_work_mem": "256MB", "max_wal_size": "2GB", "checkpoint_timeout": "5min", "effective_cache_size": "4GB",
		"random_page_cost": "1.1",
	}})
}

func (s *scale) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1f s  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *scale) fill(ctx context.Context) (bulk.Filled, error) {
	var mu sync.Mutex
	var last time.Time
	return bulk.Fill(ctx, bulk.Options{URL: s.url, Rows: s.rows, Days: scaleDays, Progress: func(rows int64, doing string) {
		mu.Lock()
		defer mu.Unlock()
		if doing == "logs" && time.Since(last) < 5*time.Second {
			return
		}
		last = time.Now()
		s.say("%s of %s logs, %s", thousands(float64(rows)), thousands(float64(s.rows)), doing)
	}})
}

// add adds a line to the table.
func (s *scale) add(cells ...string) { s.table = append(s.table, cells) }

// read is something that a request reads.
type read struct {
	name string
	do   func(ctx context.Context, n int) error
}

// reads are measured in the workspaces from the largest on, which take turns.
func (s *scale) reads(ctx context.Context) ([]read, error) {
	shares := bulk.Shares()[:4]
	var all []*promptmetrics.Workspace
	for _, share := range shares {
		w, err := s.pm.Workspace(share.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	logs := func(f func(n int) telemetry.LogFilter, r func(n int) page.Request) func(context.Context, int) error {
		return func(ctx context.Context, n int) error {
			p, err := all[n%len(all)].Telemetry.Logs(ctx, f(n), r(n))
			if err == nil && len(p.Items) == 0 {
				err = errors.New("a page is empty")
			}
			return err
		}
	}
	first := func(int) page.Request { return page.Request{} }
	every := func(int) telemetry.LogFilter { return telemetry.LogFilter{} }
	s.say("walking to page 1,000")
	cursors := make([]string, len(all))
	for i, w := range all {
		r := page.Request{Limit: 50}
		for range min(1000, int(shares[i].Part*float64(s.rows))/60) {
			p, err := w.Telemetry.Logs(ctx, telemetry.LogFilter{}, r)
			if err != nil {
				return nil, err
			}
			r.Cursor = p.NextCursor
		}
		cursors[i] = r.Cursor
	}
	span := func(window string, do func(context.Context, *promptmetrics.Workspace, metrics.Range) error) func(context.Context, int) error {
		return func(ctx context.Context, n int) error { return do(ctx, all[n%len(all)], metrics.Range{Window: window}) }
	}
	series := func(ctx context.Context, w *promptmetrics.Workspace, r metrics.Range) error {
		_, err := w.Metrics.TimeSeries(ctx, r)
		return err
	}
	return []read{
		{"logs, first page", logs(every, first)},
		{"logs, page 1,000 by cursor", logs(every, func(n int) page.Request { return page.Request{Cursor: cursors[n%len(all)]} })},
		{"logs of a prompt that is used much", logs(func(n int) telemetry.LogFilter { return telemetry.LogFilter{PromptName: bulk.Prompt(n % 3)} }, first)},
		{"logs of a prompt that is used little", logs(func(n int) telemetry.LogFilter {
			return telemetry.LogFilter{PromptName: bulk.Prompt(bulk.Prompts - 1 - n%3)}
		}, first)},
		{"logs that failed", logs(func(int) telemetry.LogFilter { return telemetry.LogFilter{Status: telemetry.Failed} }, first)},
		{"logs of a trace", logs(func(n int) telemetry.LogFilter {
			ids := int64(shares[n%len(all)].Part*float64(s.rows)) / 16
			trace, _ := bulk.Trace(16 * (1 + int64(n)*7919%max(1, ids-1)))
			return telemetry.LogFilter{TraceID: trace}
		}, first)},
		{"time series, 30 days", span("30d", series)},
		{"time series, 90 days", span("90d", series)},
		{"prompts, 30 days", span("30d", func(ctx context.Context, w *promptmetrics.Workspace, r metrics.Range) error {
			_, err := w.Metrics.Prompts(ctx, r)
			return err
		})},
		{"activity, 30 days", span("30d", func(ctx context.Context, w *promptmetrics.Workspace, r metrics.Range) error {
			_, err := w.Metrics.Activity(ctx, r, page.Request{})
			return err
		})},
	}, nil
}

func (s *scale) measure(ctx context.Context) error {
	reads, err := s.reads(ctx)
	if err != nil {
		return err
	}
	alone, beside := make([]load, len(reads)), make([]load, len(reads))
	for i, r := range reads {
		s.say("%s", r.name)
		if alone[i], err = callers(ctx, 1, s.during, r.do); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	w := s.write(ctx)
	for i, r := range reads {
		s.say("%s, while others write", r.name)
		if beside[i], err = callers(ctx, 1, s.during, r.do); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", r.name, err), w.end())
		}
	}
	written := w.lap()
	for i, r := range reads {
		s.add(r.name, short(alone[i].p50), short(alone[i].p99), short(beside[i].p50), short(beside[i].p99))
	}
	s.add(fmt.Sprintf("batch of %d logs, %d writers, beside one reader: %s rows/s", scaleBatch, scaleWriters, thousands(written.perSecond*scaleBatch)),
		"", "", short(written.p50), short(written.p99))
	return errors.Join(s.retention(ctx, w), w.end())
}

// writers record batches, for as long as they are not ended.
type writers struct {
	stop   context.CancelFunc
	all    sync.WaitGroup
	mu     sync.Mutex
	took   []time.Duration
	since  time.Time
	failed atomic.Pointer[error]
}

func (s *scale) write(ctx context.Context) *writers {
	ctx, stop := context.WithCancel(ctx)
	w := &writers{stop: stop, since: time.Now()}
	shares := bulk.Shares()
	for i := range scaleWriters {
		w.all.Go(func() {
			into, err := s.pm.Workspace(shares[i%len(shares)].Name)
			for n := i; err == nil && ctx.Err() == nil; n++ {
				batch := make([]telemetry.Log, scaleBatch)
				for j := range batch {
					batch[j] = call(n + j)
					batch[j].PromptName = bulk.Prompt((n + j) % bulk.Prompts)
				}
				begun := time.Now()
				_, err = into.Telemetry.LogBatch(context.WithoutCancel(ctx), batch)
				w.mu.Lock()
				w.took = append(w.took, time.Since(begun))
				w.mu.Unlock()
			}
			if err != nil {
				w.failed.Store(&err)
			}
		})
	}
	return w
}

// lap is what was written since the lap before.
func (w *writers) lap() load {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := summary(w.took, time.Since(w.since))
	w.took, w.since = nil, time.Now()
	return l
}

func (w *writers) end() error {
	w.stop()
	w.all.Wait()
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// retention measures what writers feel of a pass.
func (s *scale) retention(ctx context.Context, w *writers) (err error) {
	d, err := db.Open(ctx, db.Config{Dialect: db.PostgreSQL, URL: s.url, Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	store := sqlstore.New(d)
	defer store.Close()
	id, err := workspace.Parse(scaleShort)
	if err != nil {
		return err
	}
	calm := func(what string) load {
		s.say("writers, %s", what)
		w.lap()
		time.Sleep(max(2*time.Second, s.during))
		return w.lap()
	}
	phase := func(name string) error {
		s.say("%s", name)
		w.lap()
		begun := time.Now()
		out, err := store.Expire(ctx, time.Now(), scaleKept*24*time.Hour)
		if err != nil {
			return err
		}
		took, l := time.Since(begun), w.lap()
		s.add(fmt.Sprintf("%s: %d slices with %s rows and %s single rows in %s", name, out.Partitions,
			thousands(float64(out.Dropped)), thousands(float64(out.Rows)), took.Round(10*time.Millisecond)), "", "", short(l.p50), short(l.p99))
		return nil
	}
	before := calm("before retention")
	s.add(fmt.Sprintf("batch of %d logs, %d writers, before retention: %s rows/s", scaleBatch, scaleWriters, thousands(before.perSecond*scaleBatch)),
		"", "", short(before.p50), short(before.p99))
	if err := phase("writers while slices are dropped"); err != nil {
		return err
	}
	days := int64(scaleKeptRow)
	if err := store.Retention(id, workspace.Actor{Admin: true}).SetDays(ctx, &days); err != nil {
		return err
	}
	return phase("writers while rows of one workspace are deleted")
}

// report prints the table in Markdown.
func (s *scale) report(ctx context.Context, filled bulk.Filled) error {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var version, size string
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))").Scan(&version, &size); err != nil {
		return err
	}
	fmt.Printf("%s logs of %d days in %d workspaces; PostgreSQL %s; %s on disk; filled at %s rows/s (%s with indexes, %s with sums and statistics).%s\n\n",
		thousands(float64(filled.Rows)), scaleDays, len(bulk.Shares()), version, size, thousands(float64(filled.Rows)/filled.Copied.Seconds()),
		filled.Copied.Round(time.Second), filled.Took.Round(time.Second), machineLoad())
	fmt.Println("| What | p50 | p99 | p50 while others write | p99 while others write |")
	fmt.Println("|---|---|---|---|---|")
	for _, line := range s.table {
		fmt.Printf("| %s | %s | %s | %s | %s |\n", line[0], line[1], line[2], line[3], line[4])
	}
	s.say("done")
	return nil
}
