package db_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		open := func(t *testing.T) *db.DB {
			t.Helper()
			d := e.Open(t)
			require.NoError(t, d.MigrateWith(t.Context(), `CREATE TABLE pm_things (id BIGINT PRIMARY KEY, name TEXT, cost DOUBLE PRECISION, "the order" TEXT)`))
			return d
		}
		columns := []string{"id", "name", "cost", "the order"}
		rows := func(n int) (all [][]any) {
			for i := range n {
				all = append(all, []any{int64(i), fmt.Sprintf("naïve\t%d\n\\N", i), float64(i) / 3, nil})
			}
			return all
		}
		count := func(t *testing.T, d *db.DB) (n int64) {
			t.Helper()
			require.NoError(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return tx.RunRow(ctx, "SELECT count(*) FROM pm_things").Scan(&n)
			}))
			return n
		}

		t.Run("keeps every value, in more rows than a statement could hold", func(t *testing.T) {
			t.Parallel()
			d := open(t)
			const many = 20_000
			require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				require.Equal(t, e.Dialect == db.PostgreSQL, tx.Copies())
				n, err := tx.Copy(ctx, "pm_things", columns, rows(many))
				require.EqualValues(t, many, n)
				return err
			}))
			require.EqualValues(t, many, count(t, d))
			require.NoError(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				var name string
				var cost float64
				var order *string
				if err := tx.RunRow(ctx, `SELECT name, cost, "the order" FROM pm_things WHERE id = ?`, int64(100)).Scan(&name, &cost, &order); err != nil {
					return err
				}
				require.Equal(t, "naïve\t100\n\\N", name)
				require.InDelta(t, 100.0/3, cost, 0)
				require.Nil(t, order)
				return nil
			}))
		})

		t.Run("is part of its transaction", func(t *testing.T) {
			t.Parallel()
			d := open(t)
			require.ErrorIs(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.Copy(ctx, "pm_things", columns, rows(500)); err != nil {
					return err
				}
				return errRefused
			}), errRefused)
			require.Zero(t, count(t, d))
		})

		t.Run("fails as a whole, as an insertion does", func(t *testing.T) {
			t.Parallel()
			d := open(t)
			err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				twice := rows(300)
				twice[299][0] = int64(7)
				_, err := tx.Copy(ctx, "pm_things", columns, twice)
				return err
			})
			require.True(t, db.IsDuplicate(err), err)
			require.Zero(t, count(t, d))
		})

		t.Run("of nothing does nothing", func(t *testing.T) {
			t.Parallel()
			d := open(t)
			require.NoError(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Copy(ctx, "pm_things", columns, nil)
				return err
			}))
			require.Zero(t, count(t, d))
		})
	})
}
