package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func (a *api) registerComplianceSettings() {
	posted(a, operation{
		id: "createComplianceRule", method: http.MethodPost, path: "/v1/compliance/rules", tag: "compliance",
		summary: "Make a detector of one's own; its samples are checked", status: http.StatusCreated,
		faults: []int{http.StatusConflict},
	}, createRule)
	scoped(a, operation{
		id: "listComplianceRules", method: http.MethodGet, path: "/v1/compliance/rules", tag: "compliance",
		summary: "List the workspace's own detectors, newest first",
	}, listRules)
	scoped(a, operation{
		id: "deleteComplianceRule", method: http.MethodDelete, path: "/v1/compliance/rules/{id}", tag: "compliance",
		summary: "Delete a detector of one's own", status: http.StatusNoContent, faults: []int{http.StatusNotFound},
	}, deleteRule)
	posted(a, operation{
		id: "allowValue", method: http.MethodPost, path: "/v1/compliance/allow-list", tag: "compliance",
		summary: "Say what is no finding", status: http.StatusCreated,
	}, allowValue)
	scoped(a, operation{
		id: "listAllowedValues", method: http.MethodGet, path: "/v1/compliance/allow-list", tag: "compliance",
		summary: "List what is no finding, newest first",
	}, listAllowed)
	scoped(a, operation{
		id: "disallowValue", method: http.MethodDelete, path: "/v1/compliance/allow-list/{id}", tag: "compliance",
		summary: "Delete an entry of the allow-list", status: http.StatusNoContent, faults: []int{http.StatusNotFound},
	}, disallowValue)
	scoped(a, operation{
		id: "getCompliancePolicy", method: http.MethodGet, path: "/v1/compliance/policy", tag: "compliance",
		summary: "Get what counts, and what guards do about it",
	}, getPolicy)
	posted(a, operation{
		id: "setCompliancePolicy", method: http.MethodPut, path: "/v1/compliance/policy", tag: "compliance",
		summary: "Replace the policy; what is left out takes its default", scope: access.Admin,
	}, setPolicy)
}

type complianceRuleBody struct {
	Name         string               `json:"name" minLength:"1" maxLength:"128"`
	Entity       detect.Entity        `json:"entity,omitempty" pattern:"^[A-Z_][A-Z0-9_]{0,63}$" doc:"Default: CUSTOM."`
	Pattern      string               `json:"pattern" minLength:"1" maxLength:"512" doc:"RE2. The first group, if there is one, is the finding."`
	Keywords     []string             `json:"keywords,omitempty" maxItems:"20" doc:"One of them must stand near the match."`
	MinEntropy   float64              `json:"min_entropy,omitempty" minimum:"0" maximum:"8" doc:"Bits a byte."`
	Validator    compliance.Validator `json:"validator,omitempty" doc:"luhn, mod97, verhoeff or aba."`
	Severity     detect.Severity      `json:"severity,omitempty" enum:"critical,high,medium,low,info" doc:"Default: medium."`
	Category     detect.Category      `json:"category,omitempty" enum:"pii,security,injection,custom" doc:"Default: custom."`
	MustMatch    []string             `json:"must_match,omitempty" maxItems:"20" doc:"Texts in which the rule must find something."`
	MustNotMatch []string             `json:"must_not_match,omitempty" maxItems:"20" doc:"Texts in which it must not."`
}

func createRule(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b complianceRuleBody) (compliance.Rule, error) {
	return ws.Compliance.CreateRule(ctx, compliance.Rule{
		Name: b.Name, Entity: b.Entity, Pattern: b.Pattern, Keywords: b.Keywords, MinEntropy: b.MinEntropy,
		Validator: b.Validator, Severity: b.Severity, Category: b.Category, MustMatch: b.MustMatch, MustNotMatch: b.MustNotMatch,
	})
}

type ruleListing struct{ query.Listing }

func listRules(ctx context.Context, ws *promptmetrics.Workspace, in *ruleListing) (page.Of[compliance.Rule], error) {
	return ws.Compliance.Rules(ctx, in.Request())
}

type ruleID struct {
	ID string `path:"id" doc:"Id of the rule."`
}

func deleteRule(ctx context.Context, ws *promptmetrics.Workspace, in *ruleID) (nothing, error) {
	return nothing{}, ws.Compliance.DeleteRule(ctx, number(in.ID))
}

type allowanceBody struct {
	Kind      compliance.AllowKind `json:"kind" enum:"exact,regex,domain,hash"`
	Value     string               `json:"value" minLength:"1" maxLength:"512" doc:"For hash: what redaction by hash gives, or SHA-256, in hexadecimal digits."`
	Entity    detect.Entity        `json:"entity,omitempty" doc:"Default: every entity."`
	Reason    string               `json:"reason,omitempty" maxLength:"256"`
	ExpiresAt *timestamp.Time      `json:"expires_at,omitempty" doc:"Default: never."`
}

func allowValue(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b allowanceBody) (compliance.Allowance, error) {
	return ws.Compliance.Allow(ctx, compliance.Allowance{
		Kind: b.Kind, Value: b.Value, Entity: b.Entity, Reason: b.Reason, ExpiresAt: b.ExpiresAt,
	})
}

func listAllowed(ctx context.Context, ws *promptmetrics.Workspace, in *ruleListing) (page.Of[compliance.Allowance], error) {
	return ws.Compliance.Allowed(ctx, in.Request())
}

type allowanceID struct {
	ID string `path:"id" doc:"Id of the entry."`
}

func disallowValue(ctx context.Context, ws *promptmetrics.Workspace, in *allowanceID) (nothing, error) {
	return nothing{}, ws.Compliance.Disallow(ctx, number(in.ID))
}

func getPolicy(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}) (compliance.Policy, error) {
	return ws.Compliance.Policy(ctx)
}

type policyBody struct {
	Include        []detect.Entity                   `json:"include_entities,omitempty" maxItems:"200" doc:"The only entities that count. Default: all."`
	Exclude        []detect.Entity                   `json:"exclude_entities,omitempty" maxItems:"200"`
	MinConfidence  float64                           `json:"min_confidence,omitempty" minimum:"0" maximum:"1"`
	Thresholds     map[detect.Entity]float64         `json:"thresholds,omitempty" doc:"The least confidence by entity."`
	Severities     map[detect.Entity]detect.Severity `json:"severities,omitempty" doc:"Another severity by entity."`
	KeepRaw        bool                              `json:"keep_raw,omitempty" doc:"File findings with their text. Default: masked."`
	MinSeverity    detect.Severity                   `json:"min_severity,omitempty" enum:"critical,high,medium,low,info" doc:"The least severity about which guards do something. Default: medium."`
	OnPromptCreate compliance.Mode                   `json:"on_prompt_create,omitempty" enum:"off,warn,block"`
	OnLogIngest    compliance.Mode                   `json:"on_log_ingest,omitempty" enum:"off,warn,block"`
	OnPlayground   compliance.Mode                   `json:"on_playground,omitempty" enum:"off,warn,block"`
}

func setPolicy(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b policyBody) (compliance.Policy, error) {
	return ws.Compliance.SetPolicy(ctx, compliance.Policy{
		Include: b.Include, Exclude: b.Exclude, MinConfidence: b.MinConfidence, Thresholds: b.Thresholds, Severities: b.Severities,
		KeepRaw: b.KeepRaw, MinSeverity: b.MinSeverity, OnPromptCreate: b.OnPromptCreate, OnLogIngest: b.OnLogIngest, OnPlayground: b.OnPlayground,
	})
}
