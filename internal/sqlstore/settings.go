package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// The names of settings; their values are JSON.
const (
	settingProtected = "protected-labels"
	settingBudget    = "monthly-budget-usd"
	settingRetention = "retention-days"
)

// setting reads a setting into a pointer and tells whether there is one.
func setting(ctx context.Context, s *db.Scope, name string, into any) (bool, error) {
	var value string
	err := s.Tx().RunRow(ctx, "SELECT value FROM pm_settings WHERE workspace_id = ? AND name = ?", s.Workspace().String(), name).Scan(&value)
	if db.IsNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal([]byte(value), into)
}

// setSetting writes a setting.
func setSetting(ctx context.Context, s *db.Scope, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = s.Tx().Run(ctx, `INSERT INTO pm_settings (workspace_id, name, value, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (workspace_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
		s.Workspace().String(), name, string(text), db.Micros(s.Now()))
	return err
}
