package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

// Partitions lists the slices of a table, oldest first. On SQLite, which has
// none, the list is empty.
func (d *DB) Partitions(ctx context.Context, table string) (list []Partition, err error) {
	if d.dialect != PostgreSQL {
		return nil, nil
	}
	err = d.View(ctx, func(ctx context.Context, tx *Tx) (err error) {
		list, err = tx.partitions(ctx, table)
		return err
	})
	return list, err
}

// bounds are how PostgreSQL words the times of a slice.
var bounds = regexp.MustCompile(`^FOR VALUES FROM \((?:MINVALUE|'?(-?\d+)'?)\) TO \((?:MAXVALUE|'?(-?\d+)'?)\)$`)

func (t *Tx) partitions(ctx context.Context, table string) (list []Partition, err error) {
	err = t.Each(ctx, `SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(?) ORDER BY c.relname`, []any{table}, func(rows *sql.Rows) error {
		p := Partition{From: everBefore, To: everAfter}
		var words sql.NullString
		if err := rows.Scan(&p.Name, &words); err != nil {
			return err
		}
		found := bounds.FindStringSubmatch(words.String)
		if found == nil {
			return nil // a slice of an operator's own, such as DEFAULT: it stays; or one that goes at this moment
		}
		for i, into := range []*int64{&p.From, &p.To} {
			if text := found[i+1]; text != "" {
				if *into, err = strconv.ParseInt(text, 10, 64); err != nil {
					return fmt.Errorf("read the times of %s: %w", p.Name, err)
				}
			}
		}
		list = append(list, p)
		return nil
	})
	slices.SortFunc(list, func(a, b Partition) int { return cmp.Compare(a.From, b.From) })
	return list, err
}

// partitionLock excludes other processes that add slices.
const partitionLock = 7307199413

// EnsurePartitions adds the slices that a table lacks between two times, and
// tells how many that were. Reading and writing goes on meanwhile. On SQLite
// there is nothing to do.
func (d *DB) EnsurePartitions(ctx context.Context, table string, from, to time.Time, w Width) (added int, err error) {
	have, err := d.Partitions(ctx, table)
	if err != nil || d.dialect != PostgreSQL || len(missing(have, Micros(from), Micros(to), w)) == 0 {
		return 0, err
	}
	err = d.Update(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.Run(ctx, "SELECT pg_advisory_xact_lock(?)", partitionLock); err != nil {
			return err
		}
		have, err := tx.partitions(ctx, table) // another process may have been faster
		if err != nil {
			return err
		}
		need := missing(have, Micros(from), Micros(to), w)
		for _, p := range need {
			p.Name = table + "_" + Time(p.From).Format("20060102")
			if err := tx.addPartition(ctx, table, p); err != nil {
				return fmt.Errorf("add %s to %s: %w", p.Name, table, err)
			}
		}
		added = len(need)
		return nil
	})
	return added, err
}

// addPartition makes a slice beside the table and then attaches it: CREATE …
// PARTITION OF would have to wait until nobody reads or writes the table.
func (t *Tx) addPartition(ctx context.Context, table string, p Partition) error {
	if _, err := t.NewRaw("CREATE TABLE ? (LIKE ?)", bun.Ident(p.Name), bun.Ident(table)).Exec(ctx); err != nil {
		return err
	}
	_, err := t.NewRaw("ALTER TABLE ? ATTACH PARTITION ? FOR VALUES FROM (?) TO (?)", bun.Ident(table), bun.Ident(p.Name), p.From, p.To).Exec(ctx)
	return err
}

// DropPartition removes a slice with its rows. Nobody may be reading or writing
// the table at that moment: the caller bounds the wait with [Tx.PatientFor].
func (t *Tx) DropPartition(ctx context.Context, p Partition) error {
	_, err := t.NewRaw("DROP TABLE ?", bun.Ident(p.Name)).Exec(ctx)
	return err
}

// HoldPartition keeps others from changing a slice until the transaction ends;
// they may read it.
func (t *Tx) HoldPartition(ctx context.Context, p Partition) error {
	_, err := t.NewRaw("LOCK TABLE ? IN EXCLUSIVE MODE", bun.Ident(p.Name)).Exec(ctx)
	return err
}

// InPartition asks whether a workspace has rows in a slice.
func (t *Tx) InPartition(ctx context.Context, p Partition, workspaceID string) *sql.Row {
	return t.RunRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+pgx.Identifier{p.Name}.Sanitize()+" WHERE workspace_id = ?)", workspaceID)
}

// CountPartition counts the rows of a slice for each value of some columns and
// calls fn with these and the count.
func (t *Tx) CountPartition(ctx context.Context, p Partition, columns string, fn func(*sql.Rows) error) error {
	return t.Each(ctx, "SELECT "+columns+", count(*) FROM "+pgx.Identifier{p.Name}.Sanitize()+" GROUP BY "+columns, nil, fn)
}

// PatientFor bounds how long each of the transaction's next statements waits
// for a lock, and lifts the bound on how long it works. PostgreSQL only.
func (t *Tx) PatientFor(ctx context.Context, wait time.Duration) error {
	_, err := t.Run(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", wait.Milliseconds()))
	if err == nil {
		_, err = t.Run(ctx, "SET LOCAL statement_timeout = 0")
	}
	return err
}

// Attempt runs a part of the transaction, and takes back what it did and the
// locks that it took if it fails. PostgreSQL only.
func (t *Tx) Attempt(ctx context.Context, part func() error) error {
	if _, err := t.Run(ctx, "SAVEPOINT attempt"); err != nil {
		return err
	}
	if err := part(); err != nil {
		_, back := t.Run(ctx, "ROLLBACK TO SAVEPOINT attempt")
		return errors.Join(err, back)
	}
	_, err := t.Run(ctx, "RELEASE SAVEPOINT attempt")
	return err
}

// Reaches says how far back a query for the newest rows of a sliced table
// should look, at first, then if it found too few, and so on; 0 is everywhere.
// A query that says from when on is planned for the slices of that time alone.
func (t *Tx) Reaches() []time.Duration {
	if t.db.dialect != PostgreSQL {
		return []time.Duration{0}
	}
	const day = 24 * time.Hour
	return []time.Duration{2 * day, 14 * day, 100 * day, 0}
}

// IsLocked reports that a lock was not to be had in time, or that two waited
// for each other.
func IsLocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

// IsGone reports that a table does not exist.
func IsGone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42P01"
}

// LacksPartition tells which table has no slice for the time of a row that was
// to be written.
func LacksPartition(err error) (table string, lacks bool) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23514" || pg.ConstraintName != "" {
		return "", false
	}
	return pg.TableName, true
}
