package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/retention"
)

func (a *api) registerRetention() {
	scoped(a, operation{
		id: "getRetention", method: http.MethodGet, path: "/v1/retention", tag: "retention",
		summary: "Get how long the workspace keeps logs, traces, runs and compliance scores",
	}, getRetention)
	posted(a, operation{
		id: "setRetention", method: http.MethodPut, path: "/v1/retention", tag: "retention",
		summary: "Set how long the workspace keeps them; what is older goes for good", scope: access.Admin,
	}, setRetention)
}

func getRetention(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}) (retention.Retention, error) {
	return ws.Retention.Get(ctx)
}

type retentionBody struct {
	Days *int64 `json:"days" minimum:"0" maximum:"36500" doc:"Days, 0 for ever, or null for the server's default."`
}

// UnmarshalJSON tells null, which gives the server's default back, from days
// that were forgotten: a slip here would delete what nobody can restore.
func (b *retentionBody) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return pmerr.Invalid("body must be an object")
	}
	raw, given := members["days"]
	if given && bytes.Equal(raw, []byte("null")) {
		return nil
	}
	if !given || json.Unmarshal(raw, &b.Days) != nil {
		return pmerr.Invalid("days must be an integer, or null for the server's default")
	}
	return nil
}

func setRetention(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b retentionBody) (retention.Retention, error) {
	return ws.Retention.Set(ctx, b.Days)
}
