package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (a *api) registerAudit() {
	scoped(a, operation{
		id: "listAuditEntries", method: http.MethodGet, path: "/v1/audit-logs", tag: "audit",
		summary: "List who changed what, newest first", scope: access.Admin,
	}, listAuditEntries)
}

type auditListing struct {
	Action     string `query:"action" maxLength:"128" doc:"Such as create_prompt or label:create."`
	APIKeyName string `query:"api_key_name" maxLength:"128"`
	query.Period
	query.Listing
}

func listAuditEntries(ctx context.Context, ws *promptmetrics.Workspace, in *auditListing) (page.Of[access.AuditEntry], error) {
	from, to := in.Bounds()
	return ws.Audit.Entries(ctx, access.AuditFilter{Action: in.Action, APIKeyName: in.APIKeyName, From: from, To: to}, in.Request())
}
