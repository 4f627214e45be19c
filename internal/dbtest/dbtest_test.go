package dbtest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestEach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("databases are migrated, and islands", func(t *testing.T) {
			t.Parallel()
			one, two := e.Open(t), e.Open(t)
			require.Equal(t, e.Dialect, one.Dialect())
			require.NoError(t, one.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Run(ctx, "INSERT INTO pm_state (name, value) VALUES (?, ?)", "mine", "1")
				return err
			}))
			require.Equal(t, 1, states(t, one))
			require.Zero(t, states(t, two))
		})
		t.Run("one database is opened twice", func(t *testing.T) {
			t.Parallel()
			c := e.Config(t)
			one, two := dbtest.OpenConfig(t, c), dbtest.OpenConfig(t, c)
			require.NoError(t, one.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Run(ctx, "INSERT INTO pm_state (name, value) VALUES (?, ?)", "ours", "1")
				return err
			}))
			require.Equal(t, 1, states(t, two))
		})
		t.Run("an empty database has no tables", func(t *testing.T) {
			t.Parallel()
			d := dbtest.OpenConfig(t, e.Empty(t))
			require.Zero(t, states(t, d), "migrated by opening it")
		})
	})
}

func states(tb testing.TB, d *db.DB) (n int) {
	tb.Helper()
	require.NoError(tb, d.View(tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		return tx.RunRow(ctx, "SELECT count(*) FROM pm_state").Scan(&n)
	}))
	return n
}
