package sqlstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// node is one process on a database.
type node struct {
	*sqlstore.Store
	db *db.DB
}

// open opens a store that is closed when the test ends.
func open(tb testing.TB, c db.Config) *node {
	tb.Helper()
	n := &node{db: dbtest.OpenConfig(tb, c)}
	n.Store = sqlstore.New(n.db)
	tb.Cleanup(n.Close)
	return n
}

// fresh opens a store on a database of its own, with a clock that tests move.
func fresh(tb testing.TB, e dbtest.Engine) (*node, *clock) {
	tb.Helper()
	clock := newClock()
	c := e.Config(tb)
	c.Now = clock.now
	return open(tb, c), clock
}

func in(tb testing.TB, name string) workspace.ID {
	tb.Helper()
	id, err := workspace.Parse(name)
	require.NoError(tb, err)
	return id
}

// telemetryOf is the whole telemetry of a workspace, rules included.
func (n *node) telemetryOf(tb testing.TB, name string) *telemetry.Service {
	tb.Helper()
	return telemetry.NewService(n.Telemetry().Workspace(in(tb, name), workspace.Actor{Name: "tester"}), telemetry.DefaultPrices())
}

func (n *node) index(tb testing.TB, name string) registry.Index {
	tb.Helper()
	return n.Prompts().Workspace(in(tb, name), owner())
}

func owner() workspace.Actor { return workspace.Actor{Name: "tester", Admin: true} }

// ask reads one value with a query of constant text.
func ask[T any](tb testing.TB, n *node, query string, args ...any) (value T) {
	tb.Helper()
	require.NoError(tb, n.db.View(tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.RunRow(ctx, query, args...).Scan(&value)
	}))
	return value
}

// run executes a statement in a transaction.
func run(tb testing.TB, n *node, statement string, args ...any) {
	tb.Helper()
	require.NoError(tb, n.db.Update(tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Run(ctx, statement, args...)
		return err
	}))
}

// expire removes what was made before a time.
func expire(ctx context.Context, n *node, before time.Time) (int64, error) {
	const kept = time.Minute
	out, err := n.Expire(ctx, before.Add(kept), kept)
	return out.Sum(), err
}

func call(prompt string) telemetry.Log { return telemetry.Log{PromptName: prompt, VersionTag: "1.0.0"} }

func calls(prompt string, n int) []telemetry.Log {
	logs := make([]telemetry.Log, n)
	for i := range logs {
		logs[i] = call(prompt)
	}
	return logs
}

// version makes a row of the index.
func version(name, v string, at time.Time) registry.Record {
	return registry.Record{
		Version: registry.Version{Name: name, Version: v, CreatedAt: timestamp.Of(at), Author: "Ada", Message: "Add " + v},
		Ref:     fmt.Sprintf("ref-%s-%s", name, v), Format: "json", Tags: []string{"tag-" + v}, Acknowledged: true,
	}
}

func ptr[T any](v T) *T { return &v }

// logIDs gives the ids of all logs, newest first.
func logIDs(tb testing.TB, s *telemetry.Service) (ids []int64) {
	tb.Helper()
	for l, err := range s.ExportLogs(tb.Context(), telemetry.LogFilter{}) {
		require.NoError(tb, err)
		ids = append(ids, l.ID)
	}
	return ids
}

var firstPage = page.Request{}
