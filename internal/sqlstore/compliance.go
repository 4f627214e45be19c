package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Compliance keeps the compliance of all workspaces.
func (s *Store) Compliance() compliance.StoreOf { return complianceStore{s} }

type complianceStore struct{ store *Store }

// Workspace binds the compliance to a workspace and to who acts.
func (c complianceStore) Workspace(id workspace.ID, actor workspace.Actor) compliance.Store {
	return &scans{db: c.store.db.Workspace(id, actor), convoy: c.store.scores}
}

// scans keeps the compliance of one workspace.
type scans struct {
	db     *db.Workspace
	convoy *convoy[scoreInsert]
}

// The kinds of things that compliance counts.
const (
	countScores  = "compliance:scores"
	countRules   = "compliance:rules"
	countAllowed = "compliance:allowed"
)

type ruleRow struct {
	bun.BaseModel `bun:"table:pm_compliance_rules,alias:cr"`
	db.Owned
	ID         int64 `bun:"id,pk"`
	Name       string
	Definition string
	CreatedAt  int64
}

func (r ruleRow) rule() (rule compliance.Rule, err error) {
	if err := json.Unmarshal([]byte(r.Definition), &rule); err != nil {
		return rule, fmt.Errorf("the stored compliance rule %d is damaged: %w", r.ID, err)
	}
	rule.ID, rule.CreatedAt = r.ID, wire(r.CreatedAt)
	return rule, nil
}

// InsertRule saves a rule.
func (c *scans) InsertRule(ctx context.Context, rule compliance.Rule) (compliance.Rule, error) {
	text, err := json.Marshal(rule)
	if err != nil {
		return rule, err
	}
	err = c.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		id, at, err := c.admit(ctx, s, countRules, compliance.MaxRules, "rules")
		if err != nil {
			return err
		}
		if _, err := s.Insert(&ruleRow{ID: id, Name: rule.Name, Definition: string(text), CreatedAt: at}).Exec(ctx); err != nil {
			if db.IsDuplicate(err) {
				return pmerr.New(pmerr.Conflict, "Compliance rule already exists").With("name", rule.Name)
			}
			return err
		}
		rule.ID, rule.CreatedAt = id, wire(at)
		return audit(ctx, s, entry{action: "compliance:rule:create", target: itoa(id)})
	})
	return rule, err
}

// admit gives a thing its id, unless the workspace has enough of its kind.
func (c *scans) admit(ctx context.Context, s *db.Scope, kind string, most int64, field string) (id, at int64, err error) {
	if err := move(ctx, s.Tx(), ComplianceChanges); err != nil {
		return 0, 0, err
	}
	if id, at, err = claim(ctx, s.Tx(), s.Workspace().String(), kind, 1); err != nil {
		return 0, 0, err
	}
	n, err := alive(ctx, s, kind)
	if err == nil && n > most {
		err = pmerr.Invalid(fmt.Sprintf("%s must be at most %d in a workspace; delete one first", field, most))
	}
	return id, at, err
}

// Rules gives a page of the rules, newest first.
func (c *scans) Rules(ctx context.Context, r page.Request) (out page.Of[compliance.Rule], err error) {
	err = c.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []ruleRow
		next, err := newestID(ctx, s.Select(&rows), &rows, r, "compliance-rules", func(row ruleRow) int64 { return row.ID })
		if err != nil {
			return err
		}
		items, err := each(rows, ruleRow.rule)
		if err != nil {
			return err
		}
		total, err := alive(ctx, s, countRules)
		out = page.New(r, items, total, next)
		return err
	})
	return out, err
}

// DeleteRule removes a rule.
func (c *scans) DeleteRule(ctx context.Context, id int64) error {
	return c.remove(ctx, (*ruleRow)(nil), id, countRules, "Compliance rule", "compliance:rule:delete")
}

// remove deletes one thing by its id.
func (c *scans) remove(ctx context.Context, model any, id int64, kind, thing, action string) error {
	return c.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := move(ctx, s.Tx(), ComplianceChanges); err != nil {
			return err
		}
		result, err := s.Delete(model).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = pmerr.Missing(thing)
			}
			return err
		}
		if err := recount(ctx, s.Tx(), s.Workspace().String(), kind, -1); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: action, target: itoa(id)})
	})
}

type allowedRow struct {
	bun.BaseModel `bun:"table:pm_compliance_allowed,alias:ca"`
	db.Owned
	ID         int64 `bun:"id,pk"`
	Definition string
	CreatedAt  int64
}

func (r allowedRow) allowance() (a compliance.Allowance, err error) {
	if err := json.Unmarshal([]byte(r.Definition), &a); err != nil {
		return a, fmt.Errorf("the stored allow-list entry %d is damaged: %w", r.ID, err)
	}
	a.ID, a.CreatedAt = r.ID, wire(r.CreatedAt)
	return a, nil
}

// InsertAllowance saves an entry of the allow-list.
func (c *scans) InsertAllowance(ctx context.Context, a compliance.Allowance) (compliance.Allowance, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return a, err
	}
	err = c.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		id, at, err := c.admit(ctx, s, countAllowed, compliance.MaxAllowances, "allow-list entries")
		if err != nil {
			return err
		}
		if _, err := s.Insert(&allowedRow{ID: id, Definition: string(text), CreatedAt: at}).Exec(ctx); err != nil {
			return err
		}
		a.ID, a.CreatedAt = id, wire(at)
		return audit(ctx, s, entry{action: "compliance:allow:create", target: itoa(id)})
	})
	return a, err
}

// Allowances gives a page of the allow-list, newest first.
func (c *scans) Allowances(ctx context.Context, r page.Request) (out page.Of[compliance.Allowance], err error) {
	err = c.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []allowedRow
		next, err := newestID(ctx, s.Select(&rows), &rows, r, "compliance-allowed", func(row allowedRow) int64 { return row.ID })
		if err != nil {
			return err
		}
		items, err := each(rows, allowedRow.allowance)
		if err != nil {
			return err
		}
		total, err := alive(ctx, s, countAllowed)
		out = page.New(r, items, total, next)
		return err
	})
	return out, err
}

// DeleteAllowance removes an entry of the allow-list.
func (c *scans) DeleteAllowance(ctx context.Context, id int64) error {
	return c.remove(ctx, (*allowedRow)(nil), id, countAllowed, "Allow-list entry", "compliance:allow:delete")
}

// SetPolicy replaces the policy.
func (c *scans) SetPolicy(ctx context.Context, p compliance.Policy) (compliance.Policy, error) {
	err := c.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := move(ctx, s.Tx(), ComplianceChanges); err != nil {
			return err
		}
		at := wire(db.Micros(s.Now()))
		p.UpdatedAt = &at
		if err := setSetting(ctx, s, settingCompliance, p); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: "compliance:policy:update", target: settingCompliance})
	})
	return p, err
}

// settingCompliance names the policy among the settings.
const settingCompliance = "compliance-policy"

// Settings reads all that a scan depends on.
func (c *scans) Settings(ctx context.Context) (out compliance.Settings, err error) {
	err = c.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		if _, err := setting(ctx, s, settingCompliance, &out.Policy); err != nil {
			return err
		}
		var rules []ruleRow
		if err := s.Select(&rules).OrderExpr("id").Limit(compliance.MaxRules).Scan(ctx); err != nil {
			return err
		}
		var allowed []allowedRow
		if err := s.Select(&allowed).OrderExpr("id").Limit(compliance.MaxAllowances).Scan(ctx); err != nil {
			return err
		}
		if out.Rules, err = each(rules, ruleRow.rule); err != nil {
			return err
		}
		out.Allow, err = each(allowed, allowedRow.allowance)
		return err
	})
	return out, err
}

// each turns rows into what they stand for.
func each[A, B any](rows []A, f func(A) (B, error)) ([]B, error) {
	out := make([]B, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = f(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}
