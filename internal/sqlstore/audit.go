package sqlstore

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

type auditRow struct {
	bun.BaseModel `bun:"table:pm_audit,alias:a"`
	db.Owned
	CreatedAt  int64 `bun:"created_at,pk"`
	ID         int64 `bun:"id,pk"`
	Action     string
	PromptName *string
	VersionTag *string
	TargetID   *string
	APIKeyName *string `bun:"api_key_name"`
	IPAddress  *string `bun:"ip_address"`
}

// entry is what a change says of itself in the audit log.
type entry struct{ action, prompt, version, target string }

const auditSQL = `INSERT INTO pm_audit (workspace_id, created_at, id, action, prompt_name, version_tag, target_id, api_key_name, ip_address)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

// audit writes an entry into the running transaction.
func audit(ctx context.Context, s *db.Scope, e entry) error {
	id := s.Workspace().String()
	first, at, err := claim(ctx, s.Tx(), id, countAudit, 1)
	if err != nil {
		return err
	}
	return insertAudit(ctx, s.Tx(), id, s.Actor(), first, at, e)
}

func insertAudit(ctx context.Context, tx *db.Tx, ws string, actor workspace.Actor, id, at int64, e entry) error {
	tx.Audited(1)
	_, err := tx.Run(ctx, auditSQL, ws, at, id, e.action,
		nullable(e.prompt), nullable(e.version), nullable(e.target), nullable(actor.Name), nullable(actor.IP))
	return err
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// routine lists the actions that telemetry and scans write in masses. The same list, in
// the same words, is the condition of the index pm_audit_by_action.
var routine = []string{"log:create", "create_log", "trace:span:create", "create_span", "trace:create", "run:create", "run:update", "compliance_scan"}

const notRoutine = "action NOT IN ('log:create', 'create_log', 'trace:span:create', 'create_span', 'trace:create', 'run:create', 'run:update', 'compliance_scan')"

// Audit reads the audit log of a workspace.
func (s *Store) Audit(id workspace.ID) access.AuditLog {
	return auditLog{s.db.Workspace(id, workspace.Actor{})}
}

// Auditor enters what changes nothing else into the audit log of a workspace.
func (s *Store) Auditor(id workspace.ID, actor workspace.Actor) Auditor {
	return Auditor{s.db.Workspace(id, actor)}
}

// Auditor writes the audit log of one workspace.
type Auditor struct{ db *db.Workspace }

// Audit enters an action. Where it changes what other nodes have in memory, they
// are told.
func (a Auditor) Audit(ctx context.Context, action, target string) error {
	return a.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if action == playground.ActionRefresh {
			if err := move(ctx, s.Tx(), ModelChanges); err != nil {
				return err
			}
		}
		return audit(ctx, s, entry{action: action, target: target})
	})
}

type auditLog struct{ db *db.Workspace }

// Entries gives a page of the log, newest first.
func (l auditLog) Entries(ctx context.Context, f access.AuditFilter, r page.Request) (out page.Of[access.AuditEntry], err error) {
	if r, err = r.Normal(); err != nil {
		return out, err
	}
	var faults []string
	for field, text := range map[string]string{"action": f.Action, "api_key_name": f.APIKeyName} {
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			faults = append(faults, field+" must be UTF-8 without NUL")
		}
	}
	if faults != nil {
		return out, pmerr.Invalid(faults...)
	}
	err = l.db.View(ctx, func(ctx context.Context, s *db.Scope) error {
		var rows []auditRow
		next, err := newest(ctx, auditQuery(s, &rows, f), &rows, r, "audit", func(a auditRow) [2]int64 { return [2]int64{a.CreatedAt, a.ID} })
		if err != nil {
			return err
		}
		var total int64
		bounded := false
		if f == (access.AuditFilter{}) {
			total, err = alive(ctx, s, countAudit)
		} else {
			total, bounded, err = count(ctx, s, auditQuery(s, (*auditRow)(nil), f))
		}
		out = page.Map(page.New(r, rows, total, next), func(a auditRow) access.AuditEntry { return a.entry() })
		out.TotalIsLowerBound = bounded
		return err
	})
	return out, err
}

func auditQuery(s *db.Scope, model any, f access.AuditFilter) *bun.SelectQuery {
	q := between(s.Select(model), stored(f.From), stored(f.To))
	if f.Action != "" {
		q = q.Where("action = ?", f.Action)
		if !slices.Contains(routine, f.Action) {
			q = q.Where(notRoutine)
		}
	}
	if f.APIKeyName != "" {
		q = q.Where("api_key_name = ?", f.APIKeyName)
	}
	return q
}

func (a auditRow) entry() access.AuditEntry {
	return access.AuditEntry{
		ID: a.ID, Action: a.Action, PromptName: a.PromptName, VersionTag: a.VersionTag, TargetID: a.TargetID,
		APIKeyName: a.APIKeyName, IPAddress: a.IPAddress, Timestamp: wire(a.CreatedAt), Workspace: a.WorkspaceID,
	}
}

// stored turns a bound of a filter into microseconds; zero stays unbounded.
func stored(t timestamp.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return db.Micros(t.Time)
}

// wire turns a stored time into what callers see.
func wire(micros int64) timestamp.Time { return timestamp.Of(db.Time(micros)) }

func wirePtr(micros *int64) *timestamp.Time {
	if micros == nil {
		return nil
	}
	t := wire(*micros)
	return &t
}
