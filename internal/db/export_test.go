package db

import (
	"context"
	"fmt"
	"log/slog"
)

// Rebind is the translation of placeholders.
var Rebind = rebind

// Queued is how many functions wait for the writer.
func (d *DB) Queued() int { return len(d.writer.queue) }

// Missing is what slices it takes besides those that there are.
var Missing = missing

// OpenSchema opens a database as a program left it that knew the steps up to
// one.
func OpenSchema(ctx context.Context, c Config, last int) (*DB, error) {
	d := &DB{dialect: c.Dialect, owned: true, now: c.Now, log: slog.New(slog.DiscardHandler), counts: newCounts()}
	steps, err := migrations(migrationFiles, d.dialect)
	if err == nil {
		err = d.connect(ctx, c)
	}
	if err == nil {
		err = d.migrateTo(ctx, steps[:last])
	}
	return d, err
}

// MigrateWith migrates to a schema with further steps.
func (d *DB) MigrateWith(ctx context.Context, scripts ...string) error {
	steps, err := migrations(migrationFiles, d.dialect)
	if err != nil {
		return err
	}
	for _, script := range scripts {
		number := steps[len(steps)-1].number + 1
		steps = append(steps, migration{number: number, name: fmt.Sprintf("%04d_test.sql", number), script: script})
	}
	return d.migrateTo(ctx, steps)
}
