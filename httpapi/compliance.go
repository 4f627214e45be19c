package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page"
)

func (a *api) registerCompliance() {
	scannerFaults := []int{http.StatusBadGateway, http.StatusGatewayTimeout}
	posted(a, operation{
		id: "scan", method: http.MethodPost, path: "/v1/compliance/scan", tag: "compliance",
		summary: "Scan a text or a stored prompt for sensitive data, and file a score",
		faults:  append(scannerFaults, http.StatusNotFound),
	}, scan)
	posted(a, operation{
		id: "redact", method: http.MethodPost, path: "/v1/compliance/redact", tag: "compliance",
		summary: "Give a text without its sensitive data; nothing is kept", faults: scannerFaults,
	}, redact)
	scoped(a, operation{
		id: "listComplianceScores", method: http.MethodGet, path: "/v1/compliance/scores", tag: "compliance",
		summary: "List what scans and guards have filed, newest first; without page by cursor, up to 200 items",
	}, listScores)
	scoped(a, operation{
		id: "getComplianceScore", method: http.MethodGet, path: "/v1/compliance/scores/{id}", tag: "compliance",
		summary: "Get what a scan has filed", faults: []int{http.StatusNotFound},
	}, getScore)
	a.registerComplianceSettings()
}

type scanBody struct {
	Text       string `json:"text,omitempty" maxLength:"100000" doc:"The text; without it the prompt is scanned."`
	PromptName string `json:"prompt_name,omitempty" maxLength:"128" doc:"A stored prompt, whose raw messages are scanned; with a text, what it is filed under."`
	VersionTag string `json:"version_tag,omitempty" maxLength:"64" doc:"Default: the version that the prompt answers with."`
}

func scan(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b scanBody) (compliance.Report, error) {
	return ws.Compliance.Scan(ctx, compliance.ScanRequest(b))
}

type redactBody struct {
	Text       string                              `json:"text" minLength:"1" maxLength:"100000"`
	Actions    map[detect.Entity]compliance.Action `json:"actions,omitempty" doc:"By entity: replace, mask, hash, remove or keep."`
	Default    compliance.Action                   `json:"default,omitempty" enum:"replace,mask,hash,remove,keep" doc:"For all other entities. Default: replace."`
	Reversible bool                                `json:"reversible,omitempty" doc:"Answer the value of each token; it is kept nowhere."`
}

func redact(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b redactBody) (compliance.Redacted, error) {
	return ws.Compliance.Redact(ctx, compliance.RedactRequest(b))
}

type scoreListing struct {
	Page   int    `query:"page" minimum:"1" doc:"Counts from 1; ignored when cursor is given. Without page the answer has items, nextCursor and total only."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Items on a page; with page at most 100. Default 50."`
	Cursor string `query:"cursor" doc:"nextCursor of an earlier answer."`
}

// complianceScores is a page of scores, or what is left of it for clients that go by
// cursor alone.
type complianceScores struct {
	Items      []compliance.Score `json:"items"`
	NextCursor *string            `json:"nextCursor" required:"false" doc:"Without page: null at the end."`
	Total      int64              `json:"total"`
	Page       int                `json:"page,omitempty"`
	Limit      int                `json:"limit,omitempty"`
	TotalPages int64              `json:"totalPages,omitempty"`

	whole *page.Of[compliance.Score]
}

func (l complianceScores) answer(x *exchange) error {
	if l.whole != nil {
		return x.json(http.StatusOK, l.whole)
	}
	return x.json(http.StatusOK, struct {
		Items      []compliance.Score `json:"items"`
		NextCursor *string            `json:"nextCursor"`
		Total      int64              `json:"total"`
	}{l.Items, l.NextCursor, l.Total})
}

func listScores(ctx context.Context, ws *promptmetrics.Workspace, in *scoreListing) (complianceScores, error) {
	if in.Page != 0 {
		p, err := ws.Compliance.Scores(ctx, page.Request{Page: in.Page, Limit: in.Limit, Cursor: in.Cursor})
		return complianceScores{whole: &p}, err
	}
	p, err := ws.Compliance.ScoresAfter(ctx, in.Cursor, cmp.Or(in.Limit, page.DefaultLimit))
	list := complianceScores{Items: p.Items, Total: p.Total}
	if p.NextCursor != "" {
		list.NextCursor = &p.NextCursor
	}
	return list, err
}

type scoreID struct {
	ID string `path:"id" doc:"Id of the item."`
}

func getScore(ctx context.Context, ws *promptmetrics.Workspace, in *scoreID) (compliance.Score, error) {
	return ws.Compliance.Score(ctx, number(in.ID))
}

// number reads an id; what is none is the id of nothing.
func number(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
