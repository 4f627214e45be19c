package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Keys manages API keys; the client's own key needs the scope admin.
type Keys struct{ link link }

var _ access.Keys = (*Keys)(nil)

// Create implements [access.Keys]. It is the one call that is not repeated
// when its answer was lost: the secret of the first key would be lost with it.
func (k *Keys) Create(ctx context.Context, spec access.KeySpec) (access.NewKey, error) {
	q, err := post(http.MethodPost, "/v1/api-keys", struct {
		Name          string        `json:"name"`
		Scopes        access.Scopes `json:"scopes,omitempty"`
		Workspace     string        `json:"workspace_id,omitempty"`
		ExpiresInDays *int64        `json:"expires_in_days,omitempty"`
	}{spec.Name, spec.Scopes, spec.Workspace, spec.ExpiresInDays})
	if err != nil {
		return access.NewKey{}, err
	}
	q.once = true
	return read[access.NewKey](ctx, k.link, q)
}

// List implements [access.Keys].
func (k *Keys) List(ctx context.Context, p page.Request) (page.Of[access.Key], error) {
	return readPage[access.Key](ctx, k.link, "/v1/api-keys", parameters{}, p)
}

// Revoke implements [access.Keys].
func (k *Keys) Revoke(ctx context.Context, id int64) error {
	if id <= 0 {
		return pmerr.Missing("API key")
	}
	return k.link.remove(ctx, "/v1/api-keys/"+strconv.FormatInt(id, 10), nil)
}
