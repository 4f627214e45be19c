package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

// maxLogged bounds how many logs of a prompt an A/B test reads, whatever their
// version: the newest ones.
const maxLogged = 2 * abtest.MaxScores

// Logged reads what the newest logs of the test's prompt say.
func (e experimenter) Logged(ctx context.Context, t abtest.Test, metrics []abtest.Metric) (a, b abtest.Logged, err error) {
	a.Values, b.Values = map[abtest.Metric][]float64{}, map[abtest.Metric][]float64{}
	err = e.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		test, err := findTest(ctx, s, t.ID)
		if err != nil {
			return err
		}
		if a.Logs, err = logsOf(ctx, s, t.PromptName, t.VersionA); err != nil {
			return err
		}
		if b.Logs, err = logsOf(ctx, s, t.PromptName, t.VersionB); err != nil {
			return err
		}
		columns := "version_tag, created_at, latency_ms, cost_usd"
		if slices.ContainsFunc(metrics, isRating) {
			columns += ", metadata"
		} else {
			columns += ", NULL AS metadata" // it may be long
		}
		return eachOf(ctx, s, `SELECT * FROM (
	SELECT `+columns+` FROM pm_logs WHERE workspace_id = ? AND prompt_name = ? ORDER BY created_at DESC, id DESC LIMIT ?
) AS newest WHERE version_tag IN (?, ?)`, []any{t.PromptName, maxLogged, t.VersionA, t.VersionB}, func(rows *sql.Rows) error {
			var l measured
			if err := rows.Scan(&l.version, &l.at, &l.latency, &l.cost, &l.metadata); err != nil {
				return err
			}
			arm := &a
			if l.version == t.VersionB {
				arm = &b
			}
			if l.at >= test.CreatedAt {
				arm.Since++
			}
			for _, m := range metrics {
				if v, ok := l.value(m); ok && len(arm.Values[m]) < abtest.MaxScores {
					arm.Values[m] = append(arm.Values[m], v)
				}
			}
			return nil
		})
	})
	return a, b, err
}

// logsOf counts the logs of a version.
func logsOf(ctx context.Context, s *db.Scope, prompt, version string) (n int64, err error) {
	err = s.Tx().RunRow(ctx, "SELECT CAST(COALESCE(SUM(alive), 0) AS BIGINT) FROM pm_log_totals WHERE workspace_id = ? AND prompt_name = ? AND version_tag = ?",
		s.Workspace().String(), prompt, version).Scan(&n)
	return n, err
}

// measured is what an A/B test reads of a log.
type measured struct {
	version  string
	at       int64
	latency  sql.NullInt64
	cost     sql.NullFloat64
	metadata sql.NullString
}

func (l measured) value(m abtest.Metric) (float64, bool) {
	switch {
	case isRating(m):
		return rated(l.metadata.String)
	case m == abtest.Cost:
		return l.cost.Float64, l.cost.Valid
	}
	return float64(l.latency.Int64), l.latency.Valid
}

func isRating(m abtest.Metric) bool { return m == abtest.WinRate || m == abtest.Score }

// rated finds the score that the caller of a model gave: metadata.rating, else
// .score, else .win; true is 1 and false 0.
func rated(metadata string) (float64, bool) {
	if metadata == "" || !strings.Contains(metadata, "rating") && !strings.Contains(metadata, "score") && !strings.Contains(metadata, "win") {
		return 0, false
	}
	var members struct {
		Rating json.RawMessage `json:"rating"`
		Score  json.RawMessage `json:"score"`
		Win    json.RawMessage `json:"win"`
	}
	if json.Unmarshal([]byte(metadata), &members) != nil {
		return 0, false
	}
	for _, raw := range []json.RawMessage{members.Rating, members.Score, members.Win} {
		var number *float64
		if json.Unmarshal(raw, &number) == nil && number != nil {
			return *number, math.Abs(*number) <= stats.MaxScore
		}
		var flag *bool
		if json.Unmarshal(raw, &flag) == nil && flag != nil {
			if *flag {
				return 1, true
			}
			return 0, true
		}
	}
	return 0, false
}
