package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Expired is what a pass of retention removed.
type Expired struct {
	// Rows that went one by one, in small steps.
	Rows int64
	// Partitions that went as a whole, with so many rows.
	Partitions, Dropped int64
}

// Sum is how many rows went.
func (e Expired) Sum() int64 { return e.Rows + e.Dropped }

// tenant is a workspace in a pass of retention.
type tenant struct {
	id workspace.ID
	// cutoff is the time before which its telemetry is too old, in
	// microseconds; nothing is where all is kept.
	cutoff int64
	// late is how much longer rows may stay that will go with their slice.
	late time.Duration
	// kinds that it has something of.
	kinds map[string]bool
}

const keepsAll = math.MinInt64

// rowsBefore is the time before which its rows go one by one.
func (t tenant) rowsBefore() int64 {
	if t.cutoff == keepsAll {
		return keepsAll
	}
	return t.cutoff - t.late.Microseconds()
}

// Expire removes logs, traces with their spans, workflow runs, compliance
// scores and ended evaluation runs that are older than their workspace keeps
// them, or than keep where it says nothing; 0 is for ever. Daily sums, scores
// of evaluations and the audit log stay. Slices of PostgreSQL that nobody
// wants any more go as a whole, other rows in small steps between which
// writers get their turn. Answers to idempotency keys go when their time is up.
// It may be interrupted at any point, and run twice at once.
func (s *Store) Expire(ctx context.Context, now time.Time, keep time.Duration) (out Expired, err error) {
	tenants, err := s.tenants(ctx, now, keep)
	if err != nil {
		return out, err
	}
	doomed, err := s.doomed(ctx, tenants, now, keep)
	if err != nil {
		return out, err
	}
	// Where a slice cannot go its rows do, once they are late.
	busy := s.dropAll(ctx, tenants, doomed, &out)
	if busy != nil && !db.IsLocked(busy) {
		return out, busy
	}
	eras, err := s.eras(ctx)
	if err != nil {
		return out, err
	}
	for _, t := range tenants {
		for _, a := range aging {
			if !t.kinds[a.kind] || t.cutoff == keepsAll {
				continue
			}
			n, err := s.expireOf(ctx, t, a, eras)
			out.Rows += n
			if err != nil {
				return out, err
			}
		}
	}
	n, err := s.expireKeys(ctx, now)
	out.Rows += n
	return out, errors.Join(busy, err)
}

// tenants lists the workspaces that have anything that ages.
func (s *Store) tenants(ctx context.Context, now time.Time, keep time.Duration) (list []tenant, err error) {
	var rows []struct {
		WorkspaceID, Kind string
		Value             *string
	}
	if err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.NewRaw(`SELECT c.workspace_id, c.kind, s.value FROM pm_counters AS c
LEFT JOIN pm_settings AS s ON s.workspace_id = c.workspace_id AND s.name = ?
WHERE c.alive > 0 ORDER BY c.workspace_id`, settingRetention).Scan(ctx, &rows)
	}); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if n := len(list); n > 0 && list[n-1].id.String() == row.WorkspaceID {
			list[n-1].kinds[row.Kind] = true
			continue
		}
		id, err := workspace.Parse(row.WorkspaceID)
		if err != nil {
			return nil, err
		}
		kept := keep
		var days *int64
		if row.Value != nil {
			if err := json.Unmarshal([]byte(*row.Value), &days); err != nil {
				return nil, fmt.Errorf("read how long workspace %s keeps its telemetry: %w", id, err)
			}
		}
		if days != nil {
			kept = time.Duration(*days) * 24 * time.Hour
		}
		t := tenant{id: id, cutoff: keepsAll, kinds: map[string]bool{row.Kind: true}}
		if kept > 0 {
			t.cutoff = db.Micros(now.Add(-kept))
			if kept >= keep && keep > 0 {
				t.late = s.lateness(keep)
			}
		}
		list = append(list, t)
	}
	return list, nil
}

// lateness is how much longer than it is kept a row may stay because it goes
// with its slice. Who keeps things for less than a week wants them gone in
// time.
func (s *Store) lateness(keep time.Duration) time.Duration {
	width := db.WidthFor(keep)
	if s.db.Dialect() != db.PostgreSQL || keep < 7*24*time.Hour {
		return 0
	}
	return width.Span()
}

// era is a span of time, in stored microseconds: from, until before to.
type era struct{ from, to int64 }

// slicesAtOnce bounds how many slices one statement of retention needs: each
// takes locks, of which a server has only so many.
const slicesAtOnce = 64

// eras splits all time so that one statement needs few slices of the logs.
func (s *Store) eras(ctx context.Context) ([]era, error) {
	slices, err := s.db.Partitions(ctx, "pm_logs")
	if err != nil {
		return nil, err
	}
	list := []era{{keepsAll, math.MaxInt64}}
	for i := slicesAtOnce; i < len(slices); i += slicesAtOnce {
		list[len(list)-1].to = slices[i].From
		list = append(list, era{slices[i].From, math.MaxInt64})
	}
	return list, nil
}

// ages is a kind of thing that does not stay for ever.
type ages struct {
	kind string
	// logs are read era by era; what waits may stay until its slice goes.
	logs, waits bool
	// due tells whether a workspace has any of an era; it only reads.
	due func(ctx context.Context, s *db.Scope, e era) (bool, error)
	// step removes a few of them and tells how many rows that were.
	step step
}

type step = func(ctx context.Context, s *db.Scope, e era) (int64, error)

// aging is all that ages, traces before what they may refer to.
var aging = []ages{
	{kind: countTraces, waits: true, due: dueOf((*traceRow)(nil)), step: expireTraces},
	{kind: countLogs, waits: true, logs: true, due: dueOf((*logRow)(nil)), step: expireLogs},
	{kind: countRuns, due: dueOf((*runRow)(nil)), step: expireRuns},
	{kind: countScores, due: dueScores, step: expireScores},
	{kind: countEvaluationRuns, due: dueEvaluationRuns, step: expireEvaluationRuns},
}

// expireOf removes what is too old of a kind in one workspace.
func (s *Store) expireOf(ctx context.Context, t tenant, a ages, eras []era) (removed int64, err error) {
	before := t.cutoff
	if a.waits {
		before = t.rowsBefore()
	}
	if !a.logs {
		eras = []era{{keepsAll, math.MaxInt64}}
	}
	for _, e := range eras {
		if e.from >= before {
			break
		}
		n, err := s.expire(ctx, t.id, a, era{e.from, min(e.to, before)})
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// expire takes steps in one workspace until nothing is left to remove.
func (s *Store) expire(ctx context.Context, id workspace.ID, a ages, e era) (removed int64, err error) {
	ws := s.db.Workspace(id, workspace.Actor{})
	for {
		// Most looks find nothing: they only read.
		var due bool
		if err := ws.View(ctx, func(ctx context.Context, s *db.Scope) (err error) {
			due, err = a.due(ctx, s, e)
			return err
		}); err != nil || !due {
			return removed, err
		}
		var n int64
		if err := ws.Update(ctx, func(ctx context.Context, s *db.Scope) (err error) {
			n, err = a.step(ctx, s, e)
			return err
		}); err != nil || n == 0 {
			return removed, err
		}
		removed += n
	}
}

// Check writes and reads back, for the health report.
func (s *Store) Check(ctx context.Context, mark int64) error {
	const name = "health:check"
	if err := s.setState(ctx, name, itoa(mark)); err != nil {
		return err
	}
	got, err := s.state(ctx, name)
	if err == nil && got == "" {
		err = pmerr.Down(fmt.Errorf("%s is missing", name), "the database does not return what was written")
	}
	return err
}
