package sqlstore

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/retention"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Retention keeps how long a workspace keeps its telemetry.
func (s *Store) Retention(id workspace.ID, actor workspace.Actor) retention.Store {
	return retentions{s.db.Workspace(id, actor)}
}

type retentions struct{ db *db.Workspace }

// Days reads the setting of the workspace.
func (r retentions) Days(ctx context.Context) (days *int64, err error) {
	err = r.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		days = nil
		_, err := setting(ctx, s, settingRetention, &days)
		return err
	})
	return days, err
}

// SetDays replaces the setting of the workspace.
func (r retentions) SetDays(ctx context.Context, days *int64) error {
	return r.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := setSetting(ctx, s, settingRetention, days); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "retention:set", target: settingRetention})
	})
}
