package sqlstore

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Prompts is the index of the prompts of all workspaces.
func (s *Store) Prompts() registry.IndexStore { return indexStore{s} }

type indexStore struct{ store *Store }

// Workspace binds the index to a workspace and to who acts.
func (i indexStore) Workspace(id workspace.ID, actor workspace.Actor) registry.Index {
	return &prompts{i.store.db.Workspace(id, actor)}
}

// ContentHead is the state of the prompt store that was indexed last.
func (i indexStore) ContentHead(ctx context.Context) (string, error) {
	return i.store.state(ctx, contentHead)
}

// SetContentHead remembers what was indexed.
func (i indexStore) SetContentHead(ctx context.Context, head string) error {
	return i.store.setState(ctx, contentHead, head)
}

// Problems of files in the prompt store.
func (i indexStore) Problems(ctx context.Context) ([]registry.Problem, error) {
	text, err := i.store.state(ctx, contentProblems)
	if err != nil {
		return nil, err
	}
	return parseProblems(text)
}

// EditProblems changes the list of problems.
func (i indexStore) EditProblems(ctx context.Context, edit func([]registry.Problem) []registry.Problem) error {
	return i.store.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		// Writing first keeps other nodes out until the end.
		_, err := tx.Run(ctx, "INSERT INTO pm_state (name, value) VALUES (?, '') ON CONFLICT (name) DO UPDATE SET value = pm_state.value", contentProblems)
		if err != nil {
			return err
		}
		var text string
		if err := tx.RunRow(ctx, "SELECT value FROM pm_state WHERE name = ?", contentProblems).Scan(&text); err != nil {
			return err
		}
		before, err := parseProblems(text)
		if err != nil {
			return err
		}
		after, err := json.Marshal(edit(before))
		if err != nil {
			return err
		}
		_, err = tx.Run(ctx, "UPDATE pm_state SET value = ? WHERE name = ?", string(after), contentProblems)
		return err
	})
}

func parseProblems(text string) (problems []registry.Problem, err error) {
	if text == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(text), &problems)
	return problems, err
}

// Marks tells how far the history of each workspace has come.
func (i indexStore) Marks(ctx context.Context) (map[workspace.ID]int64, error) {
	var rows []struct {
		WorkspaceID string
		LastID      int64
	}
	err := i.store.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.NewRaw("SELECT workspace_id, last_id FROM pm_counters WHERE kind = ?", countHistory).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	marks := make(map[workspace.ID]int64, len(rows))
	for _, row := range rows {
		id, err := workspace.Parse(row.WorkspaceID)
		if err != nil {
			return nil, err
		}
		marks[id] = row.LastID
	}
	return marks, nil
}

// Files calls fn for every indexed version, however long that takes.
func (i indexStore) Files(ctx context.Context, fn func(registry.File) error) error {
	return i.store.db.View(db.Unhurried(ctx), func(ctx context.Context, tx *db.Tx) (err error) {
		rows, err := tx.QueryContext(ctx, "SELECT workspace_id, prompt_name, version FROM pm_prompt_versions")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var name string
			var f registry.File
			if err := rows.Scan(&name, &f.Name, &f.Version); err != nil {
				return err
			}
			if f.Workspace, err = workspace.Parse(name); err != nil {
				return err
			}
			if err := fn(f); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

type promptRow struct {
	bun.BaseModel `bun:"table:pm_prompts,alias:p"`
	db.Owned
	Name          string `bun:"name,pk"`
	LatestVersion string
	ActiveVersion *string
	Tags          string
	CreatedAt     int64
	UpdatedAt     int64
}

type versionRow struct {
	bun.BaseModel `bun:"table:pm_prompt_versions,alias:v"`
	db.Owned
	PromptName   string `bun:"prompt_name,pk"`
	Version      string `bun:"version,pk"`
	ID           int64
	Ref          string
	Format       string
	CommitSHA    string `bun:"commit_sha"`
	Author       string
	Message      string
	Tags         string
	Acknowledged bool
	CreatedAt    int64
}

type tagRow struct {
	bun.BaseModel `bun:"table:pm_prompt_tags,alias:t"`
	db.Owned
	Tag        string `bun:"tag,pk"`
	PromptName string `bun:"prompt_name,pk"`
}

type historyRow struct {
	bun.BaseModel `bun:"table:pm_prompt_history,alias:h"`
	db.Owned
	PromptName string `bun:"prompt_name,pk"`
	ID         int64  `bun:"id,pk"`
	Action     string
	Version    string
	CommitSHA  string `bun:"commit_sha"`
	Author     string
	Message    string
	CreatedAt  int64
}

// prompts is the index of one workspace.
type prompts struct{ db *db.Workspace }

// Pointers of a prompt.
func (p *prompts) Pointers(ctx context.Context, name string) (out registry.Pointers, err error) {
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := prompt(ctx, s, name)
		if err != nil {
			return err
		}
		out = registry.Pointers{Latest: row.LatestVersion}
		if row.ActiveVersion != nil {
			out.Active = *row.ActiveVersion
		}
		return nil
	})
	return out, err
}

const promptSQL = `SELECT latest_version, active_version, tags, created_at, updated_at
FROM pm_prompts WHERE workspace_id = ? AND name = ?`

func prompt(ctx context.Context, s *db.Scope, name string) (row promptRow, err error) {
	row.Name = name
	return row, missing(s.Tx().RunRow(ctx, promptSQL, s.Workspace().String(), name).
		Scan(&row.LatestVersion, &row.ActiveVersion, &row.Tags, &row.CreatedAt, &row.UpdatedAt), "Prompt")
}

// Record of a version.
func (p *prompts) Record(ctx context.Context, name, version string) (out registry.Record, err error) {
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		row, err := versionOf(ctx, s, name, version)
		out = row.record()
		return err
	})
	return out, err
}

const versionSQL = `SELECT id, ref, format, commit_sha, author, message, tags, acknowledged, created_at
FROM pm_prompt_versions WHERE workspace_id = ? AND prompt_name = ? AND version = ?`

func versionOf(ctx context.Context, s *db.Scope, name, version string) (row versionRow, err error) {
	row.PromptName, row.Version = name, version
	return row, missing(s.Tx().RunRow(ctx, versionSQL, s.Workspace().String(), name, version).
		Scan(&row.ID, &row.Ref, &row.Format, &row.CommitSHA, &row.Author, &row.Message, &row.Tags, &row.Acknowledged, &row.CreatedAt), "Prompt")
}

// VersionNames of a prompt.
func (p *prompts) VersionNames(ctx context.Context, name string) (names []string, err error) {
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		names, err = versionNames(ctx, s, name)
		return err
	})
	return names, err
}

func versionNames(ctx context.Context, s *db.Scope, name string) (names []string, err error) {
	return names, s.Select((*versionRow)(nil)).Column("version").Where("prompt_name = ?", name).Scan(ctx, &names)
}

func (v versionRow) record() registry.Record {
	return registry.Record{Version: v.version(), Ref: v.Ref, Format: v.Format, Tags: readTags(v.Tags), Acknowledged: v.Acknowledged}
}

func (v versionRow) version() registry.Version {
	return registry.Version{
		Name: v.PromptName, Version: v.Version, CreatedAt: wire(v.CreatedAt),
		Commit: v.CommitSHA, Author: v.Author, Message: v.Message,
	}
}

// readTags reads what insertVersion wrote; a damaged text is no tags.
func readTags(text string) []string {
	var tags []string
	_ = json.Unmarshal([]byte(text), &tags)
	return orEmpty(tags)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Versions gives the versions of a prompt, newest first.
func (p *prompts) Versions(ctx context.Context, name string, r page.Request) (out page.Of[registry.VersionItem], err error) {
	if r, err = r.Normal(); err != nil {
		return out, err
	}
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []versionRow
		next, err := newest(ctx, s.Select(&rows).Where("prompt_name = ?", name), &rows, r, "versions",
			func(v versionRow) [2]int64 { return [2]int64{v.CreatedAt, v.ID} })
		if err != nil {
			return err
		}
		total, bounded, err := count(ctx, s, s.Select((*versionRow)(nil)).Where("prompt_name = ?", name))
		if err != nil {
			return err
		}
		head, err := prompt(ctx, s, name)
		if err != nil && !errors.Is(err, pmerr.ErrNotFound) {
			return err
		}
		var labels []labelRow
		if err := s.Select(&labels).Where("prompt_name = ?", name).OrderExpr("name").Scan(ctx); err != nil {
			return err
		}
		out = page.Map(page.New(r, rows, total, next), func(v versionRow) registry.VersionItem {
			item := registry.VersionItem{Version: v.version(), Labels: []string{}, Active: head.ActiveVersion != nil && *head.ActiveVersion == v.Version}
			for _, label := range labels {
				if label.Version == v.Version {
					item.Labels = append(item.Labels, label.Name)
				}
			}
			return item
		})
		out.TotalIsLowerBound = bounded
		return nil
	})
	return out, err
}

// History gives what was published and deleted under a name, newest first.
func (p *prompts) History(ctx context.Context, name string, r page.Request) (out page.Of[registry.HistoryItem], err error) {
	if r, err = r.Normal(); err != nil {
		return out, err
	}
	err = p.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []historyRow
		q := s.Select(&rows).Where("prompt_name = ?", name).OrderExpr("id DESC").Limit(int64(r.Limit + 1))
		if r.Cursor != "" {
			var at int64
			if err := page.DecodeCursor("history", r.Cursor, &at); err != nil {
				return err
			}
			q = q.Where("id < ?", at)
		} else {
			q = q.Offset(int64(r.Offset()))
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		rows, next := cutPage(rows, r, "history", func(h historyRow) any { return h.ID })
		total, bounded, err := count(ctx, s, s.Select((*historyRow)(nil)).Where("prompt_name = ?", name))
		out = page.Map(page.New(r, rows, total, next), func(h historyRow) registry.HistoryItem {
			return registry.HistoryItem{Action: h.Action, Version: h.Version, Commit: h.CommitSHA, Author: h.Author, Message: h.Message, At: wire(h.CreatedAt)}
		})
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}
