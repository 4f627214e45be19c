package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// settingRow is one setting of a workspace; its value is JSON.
type settingRow struct {
	bun.BaseModel `bun:"table:pm_settings,alias:st"`
	db.Owned
	Name      string `bun:"name,pk"`
	Value     string
	UpdatedAt int64
}

// The names of settings.
const (
	settingProtected = "protected-labels"
	settingBudget    = "monthly-budget-usd"
)

// setting reads a setting into a pointer and tells whether there is one.
func setting(ctx context.Context, s *db.Scope, name string, into any) (bool, error) {
	var row settingRow
	err := s.Select(&row).Where("name = ?", name).Scan(ctx)
	if db.IsNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal([]byte(row.Value), into)
}

// setSetting writes a setting.
func setSetting(ctx context.Context, s *db.Scope, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	row := settingRow{Name: name, Value: string(text), UpdatedAt: db.Micros(s.Now())}
	_, err = s.Insert(&row).On("CONFLICT (workspace_id, name) DO UPDATE").
		Set("value = EXCLUDED.value").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	return err
}
