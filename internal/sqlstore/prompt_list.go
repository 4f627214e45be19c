package sqlstore

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// List gives prompts by name.
func (p *prompts) List(ctx context.Context, f registry.Filter, r page.Request) (out page.Of[registry.Summary], err error) {
	if r, err = r.Normal(); err != nil {
		return out, err
	}
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []promptRow
		next, err := byName(ctx, promptQuery(s, &rows, f), &rows, r, "prompts", "name", func(row promptRow) string { return row.Name })
		if err != nil {
			return err
		}
		var total int64
		bounded := false
		if f == (registry.Filter{}) {
			total, err = alive(ctx, s, countPrompts)
		} else {
			total, bounded, err = count(ctx, s, promptQuery(s, (*promptRow)(nil), f))
		}
		if err != nil {
			return err
		}
		labels, err := labelsOf(ctx, s, rows)
		out = page.Map(page.New(r, rows, total, next), func(row promptRow) registry.Summary {
			item := registry.Summary{
				Name: row.Name, LatestVersion: row.LatestVersion, Tags: readTags(row.Tags),
				Labels: orEmpty(labels[row.Name]), UpdatedAt: wire(row.UpdatedAt),
			}
			if row.ActiveVersion != nil {
				item.ActiveVersion = *row.ActiveVersion
			}
			return item
		})
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}

func promptQuery(s *db.Scope, model any, f registry.Filter) *bun.SelectQuery {
	q := s.Select(model)
	if f.Query != "" {
		// Names are ASCII, so lower() means the same on both engines.
		q = q.Where(`lower(name) LIKE ? ESCAPE '\'`, "%"+likeEscape.Replace(strings.ToLower(f.Query))+"%")
	}
	if f.Tag != "" {
		q = q.Where("name IN (?)", s.Select((*tagRow)(nil)).Column("prompt_name").Where("tag = ?", f.Tag))
	}
	if f.Label != "" {
		q = q.Where("name IN (?)", s.Select((*labelRow)(nil)).Column("prompt_name").Where("name = ?", f.Label))
	}
	return q
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// labelsOf reads the labels of the prompts of a page.
func labelsOf(ctx context.Context, s *db.Scope, rows []promptRow) (map[string][]string, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.Name
	}
	var labels []labelRow
	if err := s.Select(&labels).Where("prompt_name IN (?)", bun.List(names)).OrderExpr("name").Scan(ctx); err != nil {
		return nil, err
	}
	byPrompt := map[string][]string{}
	for _, label := range labels {
		byPrompt[label.PromptName] = append(byPrompt[label.PromptName], label.Name)
	}
	return byPrompt, nil
}
