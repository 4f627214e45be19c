package sqlstore

import (
	"context"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

type labelRow struct {
	bun.BaseModel `bun:"table:pm_prompt_labels,alias:l"`
	db.Owned
	PromptName string `bun:"prompt_name,pk"`
	Name       string `bun:"name,pk"`
	Version    string
	CreatedAt  int64
	UpdatedAt  int64
}

func (l labelRow) label(protected []string) registry.Label {
	return registry.Label{
		PromptName: l.PromptName, Name: l.Name, Version: l.Version,
		CreatedAt: wire(l.CreatedAt), UpdatedAt: wire(l.UpdatedAt), Protected: slices.Contains(protected, l.Name),
	}
}

// SetLabel points a label at a version, the latest if version is empty.
func (p *prompts) SetLabel(ctx context.Context, name, label, version string) (out registry.Label, err error) {
	err = p.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		head, err := prompt(ctx, s, name)
		if err != nil {
			return err
		}
		if version == "" {
			version = head.LatestVersion
		}
		if out, err = pointLabel(ctx, s, name, label, version); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "label:create", prompt: name, version: version, target: name})
	})
	return out, err
}

// pointLabel points a label at a version that must exist, if the actor may.
func pointLabel(ctx context.Context, s *db.Scope, name, label, version string) (out registry.Label, err error) {
	if err := existing(ctx, s, name, version); err != nil {
		return out, err
	}
	protected, err := mayChange(ctx, s, label)
	if err != nil {
		return out, err
	}
	now := db.Micros(s.Now())
	row := labelRow{PromptName: name, Name: label, Version: version, CreatedAt: now, UpdatedAt: now}
	_, err = s.Insert(&row).On("CONFLICT (workspace_id, prompt_name, name) DO UPDATE").
		Set("version = EXCLUDED.version").Set("updated_at = EXCLUDED.updated_at").Returning("created_at").Exec(ctx)
	return row.label(protected), err
}

// existing refuses a version that a caller named and that does not exist.
func existing(ctx context.Context, s *db.Scope, name, version string) error {
	_, err := versionOf(ctx, s, name, version)
	if errors.Is(err, pmerr.ErrNotFound) {
		return registry.UnknownVersion(name, version)
	}
	return err
}

// mayChange refuses to touch a protected label without an admin, and returns
// the protected labels.
func mayChange(ctx context.Context, s *db.Scope, label string) ([]string, error) {
	protected, err := protectedLabels(ctx, s)
	if err != nil {
		return nil, err
	}
	if slices.Contains(protected, label) && !s.Actor().Admin {
		return nil, pmerr.New(pmerr.Forbidden, "Label %s is protected: only an admin may change it", label)
	}
	return protected, nil
}

// Label finds a label.
func (p *prompts) Label(ctx context.Context, name, label string) (out registry.Label, err error) {
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var row labelRow
		err := s.Select(&row).Where("prompt_name = ? AND name = ?", name, label).Scan(ctx)
		if db.IsNoRows(err) {
			if _, err := prompt(ctx, s, name); err != nil {
				return err
			}
		}
		if err != nil {
			return missing(err, "Label")
		}
		protected, err := protectedLabels(ctx, s)
		out = row.label(protected)
		return err
	})
	return out, err
}

// Labels gives the labels of a prompt, by name.
func (p *prompts) Labels(ctx context.Context, name string, r page.Request) (out page.Of[registry.Label], err error) {
	if r, err = r.Normal(); err != nil {
		return out, err
	}
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []labelRow
		next, err := byName(ctx, s.Select(&rows).Where("prompt_name = ?", name), &rows, r, "labels", "name",
			func(l labelRow) string { return l.Name })
		if err != nil {
			return err
		}
		total, bounded, err := count(ctx, s, s.Select((*labelRow)(nil)).Where("prompt_name = ?", name))
		if err != nil {
			return err
		}
		protected, err := protectedLabels(ctx, s)
		out = page.Map(page.New(r, rows, total, next), func(l labelRow) registry.Label { return l.label(protected) })
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}

// DeleteLabel removes a label.
func (p *prompts) DeleteLabel(ctx context.Context, name, label string) error {
	return p.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		var row labelRow
		err := s.Select(&row).Where("prompt_name = ? AND name = ?", name, label).Scan(ctx)
		if err != nil {
			return missing(err, "Label")
		}
		if _, err := mayChange(ctx, s, label); err != nil {
			return err
		}
		if _, err := s.Delete((*labelRow)(nil)).Where("prompt_name = ? AND name = ?", name, label).Exec(ctx); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "label:delete", prompt: name, version: row.Version, target: name})
	})
}

func protectedLabels(ctx context.Context, s *db.Scope) (labels []string, err error) {
	_, err = setting(ctx, s, settingProtected, &labels)
	return labels, err
}

// ProtectedLabels are the labels that only admins move or delete.
func (p *prompts) ProtectedLabels(ctx context.Context) (labels []string, err error) {
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		labels, err = protectedLabels(ctx, s)
		return err
	})
	return orEmpty(labels), err
}

// SetProtectedLabels replaces the protected labels.
func (p *prompts) SetProtectedLabels(ctx context.Context, labels []string) error {
	return p.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		if err := setSetting(ctx, s, settingProtected, orEmpty(labels)); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "settings:protected_labels", target: settingProtected})
	})
}
