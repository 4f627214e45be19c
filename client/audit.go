package client

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// Audit reads the audit log of one workspace; the client's key needs the scope
// admin.
type Audit struct{ link link }

var _ access.AuditLog = (*Audit)(nil)

// Entries implements [access.AuditLog].
func (a *Audit) Entries(ctx context.Context, f access.AuditFilter, p page.Request) (page.Of[access.AuditEntry], error) {
	q := parameters{}
	q.text("action", f.Action)
	q.text("api_key_name", f.APIKeyName)
	q.time("from", f.From)
	q.time("to", f.To)
	return readPage[access.AuditEntry](ctx, a.link, "/v1/audit-logs", q, p)
}
