package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
)

type scoreRow struct {
	bun.BaseModel `bun:"table:pm_compliance_scores,alias:cs"`
	db.Owned
	ID         int64 `bun:"id,pk"`
	CreatedAt  int64
	PromptName string
	VersionTag string
	Score      int
	Categories string
	Findings   string
	Provider   string
	Stage      string
	Blocked    bool
	Truncated  bool
}

func (r scoreRow) item() (compliance.Score, error) {
	s := compliance.Score{
		ID: r.ID, PromptName: r.PromptName, VersionTag: r.VersionTag, Score: r.Score,
		RiskLevel: detect.LevelOf(r.Score), Flagged: detect.Flagged(r.Score), Provider: r.Provider,
		Stage: compliance.Stage(r.Stage), Blocked: r.Blocked, Truncated: r.Truncated,
		CreatedAt: wire(r.CreatedAt), Workspace: r.WorkspaceID,
	}
	if err := json.Unmarshal([]byte(r.Categories), &s.Categories); err != nil {
		return s, fmt.Errorf("the stored compliance score %d is damaged: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Findings), &s.Findings); err != nil {
		return s, fmt.Errorf("the stored compliance score %d is damaged: %w", r.ID, err)
	}
	return s, nil
}

// scoreInsert is a score made ready by its caller's goroutine, so that the one
// that writes has little left to do.
type scoreInsert struct {
	prompt, version string
	// audited is not set for what a guard files.
	audited bool
	values  [scoreWidth - 3]any // the columns behind created_at

	id, at int64
}

const (
	scoreColumns = `workspace_id, id, created_at, prompt_name, version_tag, score, categories, findings, provider, stage, blocked, truncated`
	scoreWidth   = 12
)

var scoreInserts = insertTexts("INSERT INTO pm_compliance_scores ("+scoreColumns+") VALUES ", scoreWidth)

// InsertScore files a score.
func (c *scans) InsertScore(ctx context.Context, item compliance.Score) (compliance.Score, error) {
	categories, err := json.Marshal(item.Categories)
	if err != nil {
		return item, err
	}
	findings, err := json.Marshal(item.Findings)
	if err != nil {
		return item, err
	}
	l := &load[scoreInsert]{id: c.db.ID(), actor: c.db.Actor(), thing: scoreInsert{
		prompt: item.PromptName, version: item.VersionTag, audited: item.Stage == compliance.StageScan,
		values: [...]any{
			item.PromptName, item.VersionTag, int64(item.Score), string(categories), string(findings),
			item.Provider, string(item.Stage), item.Blocked, item.Truncated,
		},
	}}
	if err := c.convoy.deliver(ctx, l); err != nil {
		return item, err
	}
	item.ID, item.CreatedAt = l.thing.id, wire(l.thing.at)
	return item, nil
}

// writeScores files the scores of one workspace, with an entry for each scan.
func writeScores(ctx context.Context, tx *db.Tx, ws string, all []*load[scoreInsert], _ *moments) error {
	first, at, err := claim(ctx, tx, ws, countScores, int64(len(all)))
	if err != nil {
		return err
	}
	audited := int64(0)
	w := rowWriter{tx: tx, texts: &scoreInserts, width: scoreWidth}
	for i, l := range all {
		l.thing.id, l.thing.at = first+int64(i), at
		if err := w.add(ctx, append([]any{ws, l.thing.id, at}, l.thing.values[:]...)); err != nil {
			return err
		}
		if l.thing.audited {
			audited++
		}
	}
	if err := w.flush(ctx); err != nil || audited == 0 {
		return err
	}
	entry, at, err := claim(ctx, tx, ws, countAudit, audited)
	if err != nil {
		return err
	}
	tx.Audited(int(audited))
	w = rowWriter{tx: tx, texts: &auditInserts, width: auditWidth}
	for _, l := range all {
		if !l.thing.audited {
			continue
		}
		if err := w.add(ctx, []any{
			ws, at, entry, "compliance_scan", l.thing.prompt, l.thing.version, l.thing.prompt,
			nullable(l.actor.Name), nullable(l.actor.IP),
		}); err != nil {
			return err
		}
		entry++
	}
	return w.flush(ctx)
}

// Scores gives a page of what was filed, newest first.
func (c *scans) Scores(ctx context.Context, r page.Request) (out page.Of[compliance.Score], err error) {
	err = c.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []scoreRow
		next, err := newestID(ctx, s.Select(&rows), &rows, r, "compliance-scores", func(row scoreRow) int64 { return row.ID })
		if err != nil {
			return err
		}
		items, err := each(rows, scoreRow.item)
		if err != nil {
			return err
		}
		total, err := alive(ctx, s, countScores)
		out = page.New(r, items, total, next)
		return err
	})
	return out, err
}

// Score gives one item.
func (c *scans) Score(ctx context.Context, id int64) (out compliance.Score, err error) {
	err = c.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var row scoreRow
		if err := s.Select(&row).Where("id = ?", id).Scan(ctx); err != nil {
			return missing(err, "Compliance score")
		}
		out, err = row.item()
		return err
	})
	return out, err
}

// dueScores looks at the oldest item.
func dueScores(ctx context.Context, s *db.Scope, e era) (bool, error) {
	var row scoreRow
	err := s.Select(&row).Column("created_at").OrderExpr("id").Limit(1).Scan(ctx)
	if db.IsNoRows(err) {
		return false, nil
	}
	return err == nil && row.CreatedAt < e.to, err
}

// expireScores removes the oldest items. They are as old as their ids say, so
// the first that stays ends the search.
func expireScores(ctx context.Context, s *db.Scope, e era) (int64, error) {
	if err := lock(ctx, s, countScores); err != nil {
		return 0, err
	}
	var rows []scoreRow
	if err := s.Select(&rows).Column("id", "created_at").OrderExpr("id").Limit(expireStep).Scan(ctx); err != nil {
		return 0, err
	}
	n := 0
	for n < len(rows) && rows[n].CreatedAt < e.to {
		n++
	}
	if n == 0 {
		return 0, nil
	}
	if _, err := s.Delete((*scoreRow)(nil)).Where("id <= ?", rows[n-1].ID).Exec(ctx); err != nil {
		return 0, err
	}
	return int64(n), recount(ctx, s.Tx(), s.Workspace().String(), countScores, -int64(n))
}

// newestID orders a query newest first, by id, and reads one page of it.
func newestID[T any](ctx context.Context, q *bun.SelectQuery, rows *[]T, r page.Request, kind string, key func(T) int64) (next string, err error) {
	q = q.OrderExpr("id DESC").Limit(int64(r.Limit + 1))
	if r.Cursor != "" {
		var at int64
		if err := page.DecodeCursor(kind, r.Cursor, &at); err != nil {
			return "", err
		}
		q = q.Where("id < ?", at)
	} else {
		q = q.Offset(int64(r.Offset()))
	}
	if err := q.Scan(ctx); err != nil {
		return "", err
	}
	*rows, next = cutPage(*rows, r, kind, func(row T) any { return key(row) })
	return next, nil
}
