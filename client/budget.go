package client

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics/budget"
)

// Budget reads and sets the budget of one workspace.
type Budget struct{ link link }

var _ budget.Budgets = (*Budget)(nil)

// Get implements [budget.Budgets].
func (b *Budget) Get(ctx context.Context) (budget.Budget, error) {
	return read[budget.Budget](ctx, b.link, request{method: http.MethodGet, path: "/v1/budget"})
}

// Set implements [budget.Budgets]. The key needs the scope admin.
func (b *Budget) Set(ctx context.Context, usd *float64) (budget.Budget, error) {
	q, err := post(http.MethodPut, "/v1/budget", struct {
		USD *float64 `json:"budget_usd"`
	}{usd})
	if err != nil {
		return budget.Budget{}, err
	}
	return read[budget.Budget](ctx, b.link, q)
}
