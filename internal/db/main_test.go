package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// setting is a row of a table that belongs to workspaces.
type setting struct {
	bun.BaseModel `bun:"table:pm_settings,alias:s"`
	db.Owned
	Name      string `bun:"name,pk"`
	Value     string
	UpdatedAt int64
}

func in(tb testing.TB, name string) workspace.ID {
	tb.Helper()
	id, err := workspace.Parse(name)
	require.NoError(tb, err)
	return id
}

// put returns a function that stores a setting, for an Update.
func put(name, value string) func(context.Context, *db.Scope) error {
	return func(ctx context.Context, s *db.Scope) error {
		_, err := s.Insert(&setting{Name: name, Value: value}).Exec(ctx)
		return err
	}
}

// settings reads all settings of a workspace.
func settings(tb testing.TB, w *db.Workspace) map[string]string {
	tb.Helper()
	all := map[string]string{}
	require.NoError(tb, w.View(tb.Context(), func(ctx context.Context, s *db.Scope) error {
		var rows []setting
		if err := s.Select(&rows).Scan(ctx); err != nil {
			return err
		}
		for _, row := range rows {
			all[row.Name] = row.Value
		}
		return nil
	}))
	return all
}

func home(d *db.DB) *db.Workspace { return d.Workspace(workspace.Default(), workspace.Actor{}) }

var errRefused = errors.New("refused by the test")
