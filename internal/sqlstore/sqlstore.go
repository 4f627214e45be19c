// Package sqlstore holds all SQL of PromptMetrics, written once for SQLite and
// PostgreSQL, a file for each group of tables. It implements the store
// interfaces of the domain packages; nothing but internal/db stands below it.
package sqlstore

import (
	"context"
	"database/sql"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Store is the database of all workspaces.
type Store struct {
	db     *db.DB
	ingest *ingest
	scores *convoy[scoreInsert]
	spans  *convoy[*spanLoad]
	// observer hears of telemetry; nil if nobody listens.
	observer telemetry.Observer
}

// New makes a store on an open database. Close it before the database.
func New(d *db.DB) *Store { return NewObserved(d, nil) }

// NewObserved is New with an observer, which hears of the telemetry that is
// recorded; nil for none.
func NewObserved(d *db.DB, observer telemetry.Observer) *Store {
	s := &Store{db: d, ingest: newIngest(d, observer), scores: newConvoy(d, writeScores), observer: observer}
	s.spans = newWeighedConvoy(d, maxSpanRows, func(l *spanLoad) int { return len(l.spans) }, writeSpans, s.tellSpans)
	return s
}

// Close waits until what is being recorded is durable.
func (s *Store) Close() {
	s.ingest.close()
	s.scores.close()
	s.spans.close()
}

// The kinds of things that are counted for each workspace.
const (
	countPrompts  = "prompts"
	countVersions = "versions"
	countHistory  = "history"
	countLogs     = "logs"
	countTraces   = "traces"
	countSpans    = "spans"
	countRuns     = "runs"
	countAudit    = "audit"
	countTests    = "ab-tests"
	countOutcomes = "ab-test-results"

	countEvaluations = "evaluations"
	countResults     = "evaluation_results"
	countDatasets    = "datasets"
	countDatasetRows = "dataset_rows"
)

const bumpSQL = `INSERT INTO pm_counters (workspace_id, kind, last_id, alive, last_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (workspace_id, kind) DO UPDATE SET
	last_id = pm_counters.last_id + excluded.last_id,
	alive = pm_counters.alive + excluded.alive,
	last_at = CASE WHEN excluded.last_at > pm_counters.last_at THEN excluded.last_at ELSE pm_counters.last_at END
RETURNING last_id, last_at`

// claim takes n ids of a kind and counts n more things alive. It returns the
// first id and the time to stamp on them, in microseconds: within a workspace
// neither runs backwards, whatever the clocks of several nodes say.
func claim(ctx context.Context, tx *db.Tx, workspace, kind string, n int64) (first, at int64, err error) {
	err = tx.RunRow(ctx, bumpSQL, workspace, kind, n, n, db.Micros(tx.Now())).Scan(&first, &at)
	return first - n + 1, at, err
}

// recount changes how many things of a kind are alive.
func recount(ctx context.Context, tx *db.Tx, workspace, kind string, by int64) error {
	var id, at int64
	return tx.RunRow(ctx, bumpSQL, workspace, kind, int64(0), by, int64(0)).Scan(&id, &at)
}

// lock keeps other nodes from changing things of a kind until the transaction
// ends, so that what is read here can be written back.
func lock(ctx context.Context, s *db.Scope, kind string) error {
	return recount(ctx, s.Tx(), s.Workspace().String(), kind, 0)
}

// alive reads how many things of a kind there are.
func alive(ctx context.Context, s *db.Scope, kind string) (int64, error) {
	var n int64
	err := s.Tx().RunRow(ctx, "SELECT alive FROM pm_counters WHERE workspace_id = ? AND kind = ?", s.Workspace().String(), kind).Scan(&n)
	if db.IsNoRows(err) {
		return 0, nil
	}
	return n, err
}

// touch moves the change counter of prompts and labels on.
func touch(ctx context.Context, tx *db.Tx) error { return move(ctx, tx, RegistryChanges) }

// move moves a change counter on, by which other processes notice a write, and
// announces that to those who listen. A writing method calls it first: until
// the transaction ends it also keeps other nodes from changing the same tables
// at the same time.
func move(ctx context.Context, tx *db.Tx, counter string) error {
	_, err := tx.Run(ctx, `INSERT INTO pm_state (name, value) VALUES (?, '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(pm_state.value AS BIGINT) + 1 AS TEXT)`, counter)
	if err != nil {
		return err
	}
	return tx.Announce(ctx, counter)
}

// Listen calls heard with the names of change counters that have moved, on any
// node, until ctx ends; with "" when it may have missed some. It hears nothing
// on SQLite or behind a pooler: the counters themselves are the truth.
func (s *Store) Listen(ctx context.Context, heard func(counter string)) { s.db.Listen(ctx, heard) }

// Names of facts about the whole database.
const (
	contentHead     = "content:head"
	contentProblems = "content:problems"
)

// The change counters. Each moves with whatever some process may have in memory.
const (
	// RegistryChanges moves when prompts or labels change.
	RegistryChanges = changes + "registry"
	// ComplianceChanges moves when rules, allow-lists or policies change.
	ComplianceChanges = changes + "compliance"
	// KeyChanges moves when API keys are revoked. One that is made was in
	// nobody's memory.
	KeyChanges = changes + "keys"
	// ModelChanges moves when the providers were asked anew what they offer.
	ModelChanges = changes + "models"

	changes = "changes:"
)

// Changes gives the change counters that have ever moved, by name. One that
// differs from before has moved since.
func (s *Store) Changes(ctx context.Context) (map[string]string, error) {
	counters := map[string]string{}
	err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.Each(ctx, "SELECT name, value FROM pm_state WHERE name LIKE '"+changes+"%'", nil, func(rows *sql.Rows) error {
			var name, value string
			if err := rows.Scan(&name, &value); err != nil {
				return err
			}
			counters[name] = value
			return nil
		})
	})
	return counters, err
}

func (s *Store) state(ctx context.Context, name string) (value string, err error) {
	err = s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := tx.RunRow(ctx, "SELECT value FROM pm_state WHERE name = ?", name).Scan(&value)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	return value, err
}

func (s *Store) setState(ctx context.Context, name, value string) error {
	return s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Run(ctx, "INSERT INTO pm_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
		return err
	})
}

// cutPage drops the one row that was read beyond the page, and makes the
// cursor of the last row that stays.
func cutPage[T any](rows []T, r page.Request, kind string, position func(T) any) ([]T, string) {
	if len(rows) <= r.Limit {
		return rows, ""
	}
	rows = rows[:r.Limit]
	return rows, page.EncodeCursor(kind, position(rows[len(rows)-1]))
}
