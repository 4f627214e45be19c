package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Compliance scans texts on the server and keeps its rules. What files or saves
// something is not repeated when its answer was lost.
type Compliance struct{ link link }

var (
	_ compliance.Scans     = (*Compliance)(nil)
	_ compliance.Rules     = (*Compliance)(nil)
	_ compliance.AllowList = (*Compliance)(nil)
	_ compliance.Policies  = (*Compliance)(nil)
)

// send posts a body once and reads the answer.
func send[T any](ctx context.Context, l link, path string, body any) (T, error) {
	q, err := post(http.MethodPost, path, body)
	if err != nil {
		var none T
		return none, err
	}
	q.once = true
	return read[T](ctx, l, q)
}

// Scan implements [compliance.Scans].
func (c *Compliance) Scan(ctx context.Context, r compliance.ScanRequest) (compliance.Report, error) {
	return send[compliance.Report](ctx, c.link, "/v1/compliance/scan", r)
}

// Scores implements [compliance.Scans].
func (c *Compliance) Scores(ctx context.Context, r page.Request) (page.Of[compliance.Score], error) {
	if r.Page == 0 {
		r.Page = 1 // without a page the server answers in another form
	}
	return readPage[compliance.Score](ctx, c.link, "/v1/compliance/scores", parameters{}, r)
}

// Score implements [compliance.Scans].
func (c *Compliance) Score(ctx context.Context, id int64) (compliance.Score, error) {
	if id < 1 {
		return compliance.Score{}, pmerr.Missing("Compliance score")
	}
	return read[compliance.Score](ctx, c.link, request{
		method: http.MethodGet, path: "/v1/compliance/scores/" + strconv.FormatInt(id, 10),
	})
}

// Redact implements [compliance.Scans].
func (c *Compliance) Redact(ctx context.Context, r compliance.RedactRequest) (compliance.Redacted, error) {
	q, err := post(http.MethodPost, "/v1/compliance/redact", r)
	if err != nil {
		return compliance.Redacted{}, err
	}
	out, err := read[compliance.Redacted](ctx, c.link, q)
	if err == nil && r.Reversible && out.Map == nil {
		out.Map = map[string]string{}
	}
	return out, err
}

// CreateRule implements [compliance.Rules].
func (c *Compliance) CreateRule(ctx context.Context, r compliance.Rule) (compliance.Rule, error) {
	return send[compliance.Rule](ctx, c.link, "/v1/compliance/rules", struct {
		Name         string               `json:"name"`
		Entity       detect.Entity        `json:"entity,omitempty"`
		Pattern      string               `json:"pattern"`
		Keywords     []string             `json:"keywords,omitempty"`
		MinEntropy   float64              `json:"min_entropy,omitempty"`
		Validator    compliance.Validator `json:"validator,omitempty"`
		Severity     detect.Severity      `json:"severity,omitempty"`
		Category     detect.Category      `json:"category,omitempty"`
		MustMatch    []string             `json:"must_match,omitempty"`
		MustNotMatch []string             `json:"must_not_match,omitempty"`
	}{r.Name, r.Entity, r.Pattern, r.Keywords, r.MinEntropy, r.Validator, r.Severity, r.Category, r.MustMatch, r.MustNotMatch})
}

// Rules implements [compliance.Rules].
func (c *Compliance) Rules(ctx context.Context, r page.Request) (page.Of[compliance.Rule], error) {
	return readPage[compliance.Rule](ctx, c.link, "/v1/compliance/rules", parameters{}, r)
}

// DeleteRule implements [compliance.Rules].
func (c *Compliance) DeleteRule(ctx context.Context, id int64) error {
	if id < 1 {
		return pmerr.Missing("Compliance rule")
	}
	return c.link.remove(ctx, "/v1/compliance/rules/"+strconv.FormatInt(id, 10), nil)
}

// Allow implements [compliance.AllowList].
func (c *Compliance) Allow(ctx context.Context, a compliance.Allowance) (compliance.Allowance, error) {
	return send[compliance.Allowance](ctx, c.link, "/v1/compliance/allow-list", struct {
		Kind      compliance.AllowKind `json:"kind"`
		Value     string               `json:"value"`
		Entity    detect.Entity        `json:"entity,omitempty"`
		Reason    string               `json:"reason,omitempty"`
		ExpiresAt *timestamp.Time      `json:"expires_at,omitempty"`
	}{a.Kind, a.Value, a.Entity, a.Reason, a.ExpiresAt})
}

// Allowed implements [compliance.AllowList].
func (c *Compliance) Allowed(ctx context.Context, r page.Request) (page.Of[compliance.Allowance], error) {
	return readPage[compliance.Allowance](ctx, c.link, "/v1/compliance/allow-list", parameters{}, r)
}

// Disallow implements [compliance.AllowList].
func (c *Compliance) Disallow(ctx context.Context, id int64) error {
	if id < 1 {
		return pmerr.Missing("Allow-list entry")
	}
	return c.link.remove(ctx, "/v1/compliance/allow-list/"+strconv.FormatInt(id, 10), nil)
}

// Policy implements [compliance.Policies].
func (c *Compliance) Policy(ctx context.Context) (compliance.Policy, error) {
	return read[compliance.Policy](ctx, c.link, request{method: http.MethodGet, path: "/v1/compliance/policy"})
}

// SetPolicy implements [compliance.Policies]. The key needs the scope admin.
func (c *Compliance) SetPolicy(ctx context.Context, p compliance.Policy) (compliance.Policy, error) {
	q, err := post(http.MethodPut, "/v1/compliance/policy", p)
	if err != nil {
		return compliance.Policy{}, err
	}
	return read[compliance.Policy](ctx, c.link, q)
}
