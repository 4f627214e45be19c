package sqlstore

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// activity is what a change adds to the sums of a day; deletions are negative.
type activity struct{ runs, failedRuns, traces, evaluations int64 }

const activitySQL = `INSERT INTO pm_activity_days (workspace_id, day, runs, failed_runs, traces, evaluations)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, day) DO UPDATE SET
	runs = pm_activity_days.runs + excluded.runs, failed_runs = pm_activity_days.failed_runs + excluded.failed_runs,
	traces = pm_activity_days.traces + excluded.traces, evaluations = pm_activity_days.evaluations + excluded.evaluations`

// tally adds to the sums of the day on which the thing was created.
func tally(ctx context.Context, s *db.Scope, createdAt int64, a activity) error {
	if a == (activity{}) {
		return nil
	}
	_, err := s.Tx().Run(ctx, activitySQL, s.Workspace().String(), createdAt/microsPerDay, a.runs, a.failedRuns, a.traces, a.evaluations)
	return err
}

// failedRun is 1 for the status of a failure.
func failedRun(status string) int64 {
	if status == string(telemetry.RunFailed) {
		return 1
	}
	return 0
}
