package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/budget"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func (a *api) registerBudget() {
	scoped(a, operation{
		id: "getBudget", method: http.MethodGet, path: "/v1/budget", tag: "budget",
		summary: "Get what the workspace may spend this month, and has spent",
	}, getBudget)
	posted(a, operation{
		id: "setBudget", method: http.MethodPut, path: "/v1/budget", tag: "budget",
		summary: "Set the monthly budget; it bounds the playground and evaluation runs, never logs", scope: access.Admin,
	}, setBudget)
}

func getBudget(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}) (budget.Budget, error) {
	return ws.Budget.Get(ctx)
}

type budgetBody struct {
	USD *float64 `json:"budget_usd" minimum:"0" doc:"US dollars a month, or null for no limit."`
}

// UnmarshalJSON tells null, which lifts the limit, from a limit that was
// forgotten.
func (b *budgetBody) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return pmerr.Invalid("body must be an object")
	}
	raw, given := members["budget_usd"]
	if given && bytes.Equal(raw, []byte("null")) {
		return nil
	}
	if !given || json.Unmarshal(raw, &b.USD) != nil {
		return pmerr.Invalid("budget_usd must be a number, or null for no limit")
	}
	return nil
}

func setBudget(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b budgetBody) (budget.Budget, error) {
	return ws.Budget.Set(ctx, b.USD)
}
