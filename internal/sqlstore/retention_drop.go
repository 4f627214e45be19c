package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// Of the drop of a slice. The table is locked for the moment in which a slice
// goes, and whoever comes while we wait for that lock waits behind us. So we
// wait briefly, give way, and try again later. It is shorter than the second
// after which PostgreSQL looks for transactions that wait for each other: if
// one of them must give up, it is ours.
const (
	dropPatience = 200 * time.Millisecond
	dropTries    = 8
	dropPause    = 100 * time.Millisecond // twice as long after each try, up to dropPauses
	dropPauses   = 2 * time.Second
)

// maxKeepers bounds how many workspaces that keep a slice's time are asked
// whether they have anything in it.
const maxKeepers = 16

// doomed finds the slices, by what they hold, in which nobody has anything that
// is kept.
func (s *Store) doomed(ctx context.Context, tenants []tenant, now time.Time, keep time.Duration) (map[string][]db.Partition, error) {
	found := map[string][]db.Partition{}
	for _, table := range sliced {
		list, err := s.db.Partitions(ctx, table.name)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			unwanted, err := s.unwanted(ctx, table, p, tenants, now, keep)
			if err != nil {
				return nil, err
			}
			if unwanted {
				found[table.kind] = append(found[table.kind], p)
			}
		}
	}
	return found, nil
}

func (s *Store) unwanted(ctx context.Context, table slicedTable, p db.Partition, tenants []tenant, now time.Time, keep time.Duration) (bool, error) {
	var keepers []tenant
	owners := 0
	for _, t := range tenants {
		if !t.kinds[table.kind] {
			continue
		}
		owners++
		if t.cutoff < p.To {
			keepers = append(keepers, t)
		}
	}
	if p.To > db.Micros(now) || len(keepers) > maxKeepers || len(keepers) == owners && (keep == 0 || p.To > db.Micros(now.Add(-keep))) {
		return false, nil
	}
	for _, t := range keepers {
		var there bool
		if err := s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			return tx.InPartition(ctx, p, t.id.String()).Scan(&there)
		}); err != nil || there {
			if db.IsGone(err) {
				err = nil // another process has dropped it
			}
			return false, err
		}
	}
	return true, nil
}

// dropAll drops slices. Traces go before the slices of their spans: until then a
// span is found through its trace, and afterwards not at all.
func (s *Store) dropAll(ctx context.Context, tenants []tenant, doomed map[string][]db.Partition, out *Expired) error {
	bare := ages{due: dueOf((*traceRow)(nil)), step: expireBareTraces}
	for _, p := range doomed[countSpans] {
		for _, t := range tenants {
			if !t.kinds[countTraces] || t.cutoff < p.To {
				continue // it keeps them, and has no spans in the slice
			}
			n, err := s.expire(ctx, t.id, bare, era{p.From, p.To})
			out.Rows += n
			if err != nil {
				return err
			}
		}
	}
	for _, table := range sliced {
		for _, p := range doomed[table.kind] {
			n, err := s.drop(ctx, table, p)
			if db.IsLocked(err) {
				return fmt.Errorf("%s cannot be dropped yet, since somebody uses %s for long; it will be tried again: %w", p.Name, table.name, err)
			}
			if err != nil {
				return fmt.Errorf("drop %s: %w", p.Name, err)
			}
			out.Partitions++
			out.Dropped += n
		}
	}
	return nil
}

// lost is how many logs of a kind go with a slice; of spans only the workspace
// is told.
type lost struct {
	Workspace string `json:"workspace_id"`
	Prompt    string `json:"prompt_name"`
	Version   string `json:"version_tag"`
	Provider  string `json:"provider"`
	Model     string `json:"model"`
	Status    string `json:"status"`
	Rows      int64  `json:"n"`
}

// drop removes a slice and takes its rows out of the counters and totals, in
// one transaction. Its rows are counted first, while only the slice itself is
// closed to writers, who have no business in it.
func (s *Store) drop(ctx context.Context, table slicedTable, p db.Partition) (rows int64, err error) {
	err = s.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := tx.PatientFor(ctx, 10*dropPatience); err != nil {
			return err
		}
		if err := tx.HoldPartition(ctx, p); err != nil {
			return err
		}
		all, err := losses(ctx, tx, table, p)
		if err != nil {
			return err
		}
		rows = 0
		for _, l := range all {
			rows += l.Rows
		}
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		if err := tx.PatientFor(ctx, dropPatience); err != nil {
			return err
		}
		pause := dropPause
		for try := 1; ; try++ {
			err = tx.Attempt(ctx, func() error { return dropNow(ctx, tx, table, p, string(text)) })
			if !db.IsLocked(err) || try == dropTries {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause + rand.N(pause)): //nolint:gosec // nobody gains by guessing it.
			}
			pause = min(2*pause, dropPauses)
		}
	})
	if db.IsGone(err) {
		return 0, nil // another process has dropped it
	}
	return rows, err
}

// losses counts the rows of a slice.
func losses(ctx context.Context, tx *db.Tx, table slicedTable, p db.Partition) (all []lost, err error) {
	by := "workspace_id"
	if table.kind == countLogs {
		by = "workspace_id, prompt_name, version_tag, coalesce(provider, ''), coalesce(model, ''), status"
	}
	all = []lost{}
	err = tx.CountPartition(ctx, p, by, func(rows *sql.Rows) error {
		var l lost
		into := []any{&l.Workspace, &l.Prompt, &l.Version, &l.Provider, &l.Model, &l.Status, &l.Rows}
		if table.kind != countLogs {
			into = []any{&l.Workspace, &l.Rows}
		}
		err := rows.Scan(into...)
		all = append(all, l)
		return err
	})
	return all, err
}

// lostSQL reads what losses has counted.
const lostSQL = `(SELECT * FROM jsonb_to_recordset(?::jsonb) AS l(workspace_id text, prompt_name text, version_tag text, provider text,
	model text, status text, n bigint)) AS l`

// dropNow changes the sums and drops the slice. Writers lock a counter before
// they touch the table: so do we, all of them in the writers' order, after which
// no writer is half way.
func dropNow(ctx context.Context, tx *db.Tx, table slicedTable, p db.Partition, lost string) error {
	if err := tx.Each(ctx, "SELECT workspace_id FROM pm_counters WHERE kind = ? ORDER BY workspace_id FOR UPDATE", []any{table.kind},
		func(*sql.Rows) error { return nil }); err != nil {
		return err
	}
	if err := tx.DropPartition(ctx, p); err != nil {
		return err
	}
	if _, err := tx.Run(ctx, `UPDATE pm_counters AS c SET alive = c.alive - g.n FROM (
	SELECT l.workspace_id, sum(l.n)::bigint AS n FROM `+lostSQL+` GROUP BY l.workspace_id) AS g
WHERE c.workspace_id = g.workspace_id AND c.kind = ?`, lost, table.kind); err != nil || table.kind != countLogs {
		return err
	}
	if _, err := tx.Run(ctx, `UPDATE pm_log_totals AS t SET alive = t.alive - l.n FROM `+lostSQL+`
WHERE t.workspace_id = l.workspace_id AND t.prompt_name = l.prompt_name AND t.version_tag = l.version_tag
	AND t.provider = l.provider AND t.model = l.model AND t.status = l.status`, lost); err != nil {
		return err
	}
	_, err := tx.Run(ctx, "DELETE FROM pm_log_totals WHERE alive <= 0 AND workspace_id IN (SELECT l.workspace_id FROM "+lostSQL+")", lost)
	return err
}
