package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// What publishing runs stays prepared: all publishers wait for the one writer
// of SQLite, so its time is theirs.
const (
	insertVersionSQL = `INSERT INTO pm_prompt_versions (workspace_id, prompt_name, version, id, ref, format, commit_sha, author, message, tags, acknowledged, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertPromptSQL = `INSERT INTO pm_prompts (workspace_id, name, latest_version, tags, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?)`
	insertTagSQL     = "INSERT INTO pm_prompt_tags (workspace_id, tag, prompt_name) VALUES (?, ?, ?)"
	insertHistorySQL = `INSERT INTO pm_prompt_history (workspace_id, prompt_name, id, action, version, commit_sha, author, message, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	touchPromptSQL = "UPDATE pm_prompts SET updated_at = ? WHERE workspace_id = ? AND name = ?"
	leadPromptSQL  = "UPDATE pm_prompts SET updated_at = ?, latest_version = ?, tags = ? WHERE workspace_id = ? AND name = ?"
)

// Insert adds a version; see [registry.Index].
func (p *prompts) Insert(ctx context.Context, r registry.Record) (stands registry.Record, inserted bool, err error) {
	err = p.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		earlier, err := versionOf(ctx, s, r.Name, r.Version.Version)
		switch {
		case err == nil:
			stands, inserted = earlier.record(), false
			if earlier.Acknowledged || !r.Acknowledged || earlier.Ref != r.Ref {
				return nil
			}
			stands.Acknowledged, inserted = true, true
			return acknowledge(ctx, s, r)
		case !errors.Is(err, pmerr.ErrNotFound):
			return err
		}
		if !r.Acknowledged {
			deleted, err := s.Select((*historyRow)(nil)).
				Where("prompt_name = ? AND id > ? AND version = ? AND action = 'delete'", r.Name, r.After, r.Version.Version).Exists(ctx)
			if err != nil || deleted {
				return err
			}
		}
		stands, inserted = r, true
		return insertVersion(ctx, s, r)
	})
	return stands, inserted, err
}

// acknowledge turns a version that a crash left behind into the caller's own.
func acknowledge(ctx context.Context, s *db.Scope, r registry.Record) error {
	if _, err := s.Update((*versionRow)(nil)).Set("acknowledged = ?", true).
		Where("prompt_name = ? AND version = ?", r.Name, r.Version.Version).Exec(ctx); err != nil {
		return err
	}
	return audit(ctx, s, published(r))
}

func insertVersion(ctx context.Context, s *db.Scope, r registry.Record) error {
	ws := s.Workspace().String()
	id, _, err := claim(ctx, s.Tx(), ws, countVersions, 1)
	if err != nil {
		return err
	}
	tags, err := json.Marshal(orEmpty(r.Tags))
	if err != nil {
		return err
	}
	row := versionRow{
		PromptName: r.Name, Version: r.Version.Version, ID: id, Ref: r.Ref, Format: r.Format, CommitSHA: r.Commit,
		Author: r.Author, Message: r.Message, Tags: string(tags), Acknowledged: r.Acknowledged, CreatedAt: db.Micros(r.CreatedAt.Time),
	}
	if _, err := s.Tx().Run(ctx, insertVersionSQL, ws, row.PromptName, row.Version, row.ID, row.Ref, row.Format, row.CommitSHA,
		row.Author, row.Message, row.Tags, row.Acknowledged, row.CreatedAt); err != nil {
		return err
	}
	if err := pointAtNew(ctx, s, row); err != nil {
		return err
	}
	if err := history(ctx, s, historyRow{
		PromptName: r.Name, Action: "publish", Version: row.Version, CommitSHA: r.Commit, Author: r.Author, Message: r.Message, CreatedAt: row.CreatedAt,
	}); err != nil {
		return err
	}
	if !r.Acknowledged {
		return nil
	}
	return audit(ctx, s, published(r))
}

// published is the audit entry of a new version.
func published(r registry.Record) entry {
	e := entry{action: "create_prompt", prompt: r.Name, version: r.Version.Version, target: r.Name}
	if r.PromotedFrom != "" {
		e.action = "prompt:promote"
	}
	return e
}

// pointAtNew keeps the prompt's row right after a version was added.
func pointAtNew(ctx context.Context, s *db.Scope, v versionRow) error {
	ws := s.Workspace().String()
	row, err := prompt(ctx, s, v.PromptName)
	switch {
	case errors.Is(err, pmerr.ErrNotFound):
		if err := recount(ctx, s.Tx(), ws, countPrompts, 1); err != nil {
			return err
		}
		if _, err := s.Tx().Run(ctx, insertPromptSQL, ws, v.PromptName, v.Version, v.Tags, v.CreatedAt, v.CreatedAt); err != nil {
			return err
		}
		return tag(ctx, s, v.PromptName, v.Tags) // there are no others
	case err != nil:
		return err
	}
	updated := max(row.UpdatedAt, v.CreatedAt)
	if registry.Compare(v.Version, row.LatestVersion) <= 0 {
		_, err := s.Tx().Run(ctx, touchPromptSQL, updated, ws, v.PromptName)
		return err
	}
	if _, err := s.Tx().Run(ctx, leadPromptSQL, updated, v.Version, v.Tags, ws, v.PromptName); err != nil || row.Tags == v.Tags {
		return err
	}
	return retag(ctx, s, v.PromptName, v.Tags)
}

// retag makes the tags of the latest version those that the prompt is found by.
func retag(ctx context.Context, s *db.Scope, name, tags string) error {
	if _, err := s.Delete((*tagRow)(nil)).Where("prompt_name = ?", name).Exec(ctx); err != nil {
		return err
	}
	return tag(ctx, s, name, tags)
}

// tag adds the tags of a prompt that has none.
func tag(ctx context.Context, s *db.Scope, name, tags string) error {
	list := readTags(tags)
	for i, t := range list {
		if slices.Contains(list[:i], t) {
			continue
		}
		if _, err := s.Tx().Run(ctx, insertTagSQL, s.Workspace().String(), t, name); err != nil {
			return err
		}
	}
	return nil
}

func history(ctx context.Context, s *db.Scope, row historyRow) (err error) {
	ws := s.Workspace().String()
	if row.ID, _, err = claim(ctx, s.Tx(), ws, countHistory, 1); err != nil {
		return err
	}
	_, err = s.Tx().Run(ctx, insertHistorySQL, ws, row.PromptName, row.ID, row.Action, row.Version, row.CommitSHA,
		row.Author, row.Message, row.CreatedAt)
	return err
}
