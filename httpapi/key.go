package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (a *api) registerKeys() {
	posted(a, operation{
		id: "createKey", method: http.MethodPost, path: "/v1/api-keys", tag: "keys",
		summary: "Make an API key; the key is shown this once", status: http.StatusCreated, scope: access.Admin,
	}, createKey)
	scoped(a, operation{
		id: "listKeys", method: http.MethodGet, path: "/v1/api-keys", tag: "keys",
		summary: "List the keys of the caller's workspace, or all for a master key", scope: access.Admin,
	}, listKeys)
	scoped(a, operation{
		id: "revokeKey", method: http.MethodDelete, path: "/v1/api-keys/{id}", tag: "keys",
		summary: "End an API key", status: http.StatusNoContent, scope: access.Admin,
		faults: []int{http.StatusNotFound},
	}, revokeKey)
}

type keyBody struct {
	Name          string        `json:"name" minLength:"1" maxLength:"128"`
	Scopes        access.Scopes `json:"scopes,omitempty" doc:"Among read, write and admin; a text with commas is taken too. Default: read and write."`
	Workspace     string        `json:"workspace_id,omitempty" doc:"Default: the caller's. A master key may name another one, or * for a master key."`
	ExpiresInDays *int64        `json:"expires_in_days,omitempty" minimum:"1" maximum:"36500" doc:"Default: never."`
}

func createKey(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b keyBody) (access.NewKey, error) {
	return ws.Keys.Create(ctx, access.KeySpec(b))
}

type keyListing struct{ query.Listing }

func listKeys(ctx context.Context, ws *promptmetrics.Workspace, in *keyListing) (page.Of[access.Key], error) {
	return ws.Keys.List(ctx, in.Request())
}

type keyID struct {
	ID string `path:"id" doc:"Id of the key."`
}

func revokeKey(ctx context.Context, ws *promptmetrics.Workspace, in *keyID) (nothing, error) {
	id, err := numbered(in.ID, "API key")
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, ws.Keys.Revoke(ctx, id)
}
