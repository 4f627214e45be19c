package sqlstore

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Budget keeps the budget of a workspace.
func (s *Store) Budget(id workspace.ID, actor workspace.Actor) budget.Store {
	return budgets{s.db.Workspace(id, actor)}
}

type budgets struct{ db *db.Workspace }

// Limit reads the setting of the workspace.
func (b budgets) Limit(ctx context.Context) (limit budget.Limit, err error) {
	err = b.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		limit.Set, err = setting(ctx, s, settingBudget, &limit.USD)
		return err
	})
	return limit, err
}

// SetLimit replaces the setting of the workspace.
func (b budgets) SetLimit(ctx context.Context, usd *float64) error {
	return b.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := setSetting(ctx, s, settingBudget, usd); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "budget:set", target: settingBudget})
	})
}

// Spent sums up at most as many rows as there are days.
func (b budgets) Spent(ctx context.Context, from, to time.Time) (usd float64, err error) {
	err = b.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		return s.Tx().RunRow(ctx, "SELECT COALESCE(SUM(cost_usd), 0) FROM pm_log_days WHERE workspace_id = ? AND day >= ? AND day < ?",
			s.Workspace().String(), db.Micros(from)/microsPerDay, db.Micros(to)/microsPerDay).Scan(&usd)
	})
	return usd, err
}
