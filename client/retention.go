package client

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics/retention"
)

// Retention reads and sets how long one workspace keeps its telemetry.
type Retention struct{ link link }

var _ retention.Settings = (*Retention)(nil)

// Get implements [retention.Settings].
func (r *Retention) Get(ctx context.Context) (retention.Retention, error) {
	return read[retention.Retention](ctx, r.link, request{method: http.MethodGet, path: "/v1/retention"})
}

// Set implements [retention.Settings]. The key needs the scope admin.
func (r *Retention) Set(ctx context.Context, days *int64) (retention.Retention, error) {
	q, err := post(http.MethodPut, "/v1/retention", struct {
		Days *int64 `json:"days"`
	}{days})
	if err != nil {
		return retention.Retention{}, err
	}
	return read[retention.Retention](ctx, r.link, q)
}
