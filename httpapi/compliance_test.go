package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestScan(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "support", "1.0.0", "Never tell {{name}} that the phone of Ann is +1 212 555 0142")
	const email = `{"rule":"Email Detection","severity":"high","category":"pii","matchedText":"%s","entity":"EMAIL_ADDRESS","start":%d,"end":%d,"confidence":%s}`
	s.run(t, []scenario{
		{
			name: "a clean text", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":"What is the capital of France?"}`, status: 200,
			json: `{"id":"<id>","score":100,"riskLevel":"low","flagged":false,"categories":[],"violations":[],"findings":[],"provider":"builtin","redacted_text":"What is the capital of France?"}`,
		},
		{
			name: "two e-mails", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":"ann.lee@example.com, bob@example.org"}`, status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				var report struct {
					Score      int
					RiskLevel  string
					Flagged    bool
					Categories []string
					Violations []map[string]any
					Redacted   string `json:"redacted_text"`
				}
				r.decode(t, &report)
				require.Equal(t, 70, report.Score)
				require.Equal(t, "medium", report.RiskLevel)
				require.True(t, report.Flagged)
				require.Equal(t, []string{"pii"}, report.Categories)
				require.Equal(t, "<EMAIL_1>, <EMAIL_2>", report.Redacted)
				require.Len(t, report.Violations, 2)
				confidence, err := json.Marshal(report.Violations[0]["confidence"])
				require.NoError(t, err)
				got, err := json.Marshal(report.Violations[0])
				require.NoError(t, err)
				matchJSON(t, fmt.Sprintf(email, "ann.lee@example.com", 0, 19, confidence), string(got))
			},
		},
		{
			name: "the filed item is masked", key: reader, method: "GET", path: "/v1/compliance/scores/2", status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.NotContains(t, r.body, "ann.lee")
				var item map[string]any
				r.decode(t, &item)
				require.Equal(t, "medium", item["risk_level"])
				require.Equal(t, "direct-scan", item["prompt_name"])
				require.Equal(t, "latest", item["version_tag"])
				require.Equal(t, "default", item["workspace_id"])
				require.Equal(t, "scan", item["stage"])
			},
		},
		{
			name: "a stored prompt", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"prompt_name":"support","version_tag":"1.0.0"}`, status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.Contains(t, r.body, `"Phone Detection"`)
			},
		},
		{name: "an unknown prompt", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"prompt_name":"nobody"}`, status: 404, message: "Prompt not found"},
		{name: "an unknown version", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"prompt_name":"support","version_tag":"2.0.0"}`, status: 404, message: "Prompt not found"},
		{
			name: "a version that is none", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"prompt_name":"support","version_tag":"latest"}`, status: 422,
			fields: []string{"version_tag must be a version such as 1.2.0 or a SemVer range such as ^1.2, ~1.4.0 or >=1 <2"},
		},
		{name: "neither text nor prompt", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{}`, status: 422, fields: []string{"text or prompt_name is required"}},
		{name: "an empty text", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":""}`, status: 422, fields: []string{"text or prompt_name is required"}},
		{
			name: "a text that is too long", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":"` + strings.Repeat("x", 100_001) + `"}`,
			status: 422, fields: []string{"text must be at most 100000 characters"},
		},
		{name: "a text that is no text", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":5}`, status: 422},
		{name: "no JSON", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{`, status: 400, message: "Invalid JSON body"},
		{name: "a reader", key: reader, method: "POST", path: "/v1/compliance/scan", body: `{"text":"x"}`, status: 403},
		{
			name: "a trace in the audit log", key: admin, method: "GET", path: "/v1/audit-logs?action=compliance_scan&limit=1", status: 200,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.Contains(t, r.body, `"target_id":"support"`)
				require.Contains(t, r.body, `"total":3`)
			},
		},
	})
}

func TestScoresListsInBothForms(t *testing.T) {
	t.Parallel()
	s := start(t)
	const path = "/v1/compliance/scores"
	s.run(t, []scenario{
		{name: "none yet, by cursor", key: reader, method: "GET", path: path, status: 200, json: `{"items":[],"nextCursor":null,"total":0}`},
		{name: "none yet, by page", key: reader, method: "GET", path: path + "?page=1", status: 200, json: `{"items":[],"total":0,"page":1,"limit":50,"totalPages":0}`},
	})
	for range 130 {
		require.Equal(t, 200, s.send(t, worker, "POST", "/v1/compliance/scan", `{"text":"x"}`).status)
	}
	type list struct {
		Items      []struct{ ID int64 }
		Total      int64
		NextCursor *string
	}
	var ids []int64
	for cursor := ""; ; {
		var l list
		s.send(t, reader, "GET", path+"?limit=60&cursor="+cursor, "").decode(t, &l)
		require.EqualValues(t, 130, l.Total)
		for _, item := range l.Items {
			ids = append(ids, item.ID)
		}
		if l.NextCursor == nil {
			break
		}
		cursor = *l.NextCursor
	}
	require.Len(t, ids, 130)
	for i, id := range ids {
		require.EqualValues(t, 130-i, id, "newest first, each once")
	}
	var all list
	s.send(t, reader, "GET", path+"?limit=200", "").decode(t, &all)
	require.Len(t, all.Items, 130)
	require.Nil(t, all.NextCursor)
	s.run(t, []scenario{
		{name: "a page", key: reader, method: "GET", path: path + "?page=2&limit=100", status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"page":2,"limit":100,"totalPages":2`)
		}},
		{name: "a cursor that is none", key: reader, method: "GET", path: path + "?cursor=nonsense", status: 400},
		{name: "a long cursor that is none", key: reader, method: "GET", path: path + "?cursor=" + strings.Repeat("x", 2000), status: 400},
		{name: "a cursor that is none, by page", key: reader, method: "GET", path: path + "?page=1&cursor=nonsense", status: 400},
		{name: "a limit that is too high", key: reader, method: "GET", path: path + "?limit=201", status: 422},
		{name: "a limit that is too high for a page", key: reader, method: "GET", path: path + "?page=1&limit=101", status: 422},
		{name: "a limit of nothing", key: reader, method: "GET", path: path + "?limit=0", status: 422},
		{name: "a page of nothing", key: reader, method: "GET", path: path + "?page=0", status: 422},
		{name: "an unknown item", key: reader, method: "GET", path: path + "/9999", status: 404, message: "Compliance score not found"},
		{name: "an id that is none", key: reader, method: "GET", path: path + "/x", status: 404, message: "Compliance score not found"},
		{name: "an item of another workspace", key: other, method: "GET", path: path + "/1", status: 404, message: "Compliance score not found"},
		{name: "the list of another workspace", key: other, method: "GET", path: path, status: 200, json: `{"items":[],"nextCursor":null,"total":0}`},
	})
}

func TestComplianceSettings(t *testing.T) {
	t.Parallel()
	s := start(t)
	const rule = `{"name":"Badge","entity":"BADGE","pattern":"\\bEMP-\\d{6}\\b","severity":"critical","must_match":["EMP-123456"],"must_not_match":["EMP-1"],"comment":"unknown fields pass"}`
	s.run(t, []scenario{
		{
			name: "a rule", key: worker, method: "POST", path: "/v1/compliance/rules", body: rule, status: 201,
			json: `{"id":"<id>","name":"Badge","entity":"BADGE","pattern":"\\bEMP-\\d{6}\\b","keywords":[],"min_entropy":0,"validator":"","severity":"critical",
				"category":"custom","must_match":["EMP-123456"],"must_not_match":["EMP-1"],"created_at":"<time>"}`,
		},
		{name: "the rule again", key: worker, method: "POST", path: "/v1/compliance/rules", body: rule, status: 409, message: "Compliance rule already exists"},
		{
			name: "a rule with faults", key: worker, method: "POST", path: "/v1/compliance/rules", body: `{"name":"","pattern":"(","severity":"grave"}`, status: 422,
		},
		{
			name: "a rule whose samples fail", key: worker, method: "POST", path: "/v1/compliance/rules",
			body: `{"name":"r","pattern":"ab","must_match":["ab","ac"],"must_not_match":["xaby"]}`, status: 422,
			fields: []string{"must_match[1] is not found by the rule", "must_not_match[0] is found by the rule"},
		},
		{
			name: "a pattern that is none, without an echo of it", key: worker, method: "POST", path: "/v1/compliance/rules", body: `{"name":"r","pattern":"(hunter2"}`, status: 422,
			fields: []string{"pattern must be a regular expression in the syntax of RE2: missing closing )"},
		},
		{name: "it works at once", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":"EMP-123456"}`, status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"score":75`)
			require.Contains(t, r.body, `"categories":["custom"]`)
		}},
		{
			name: "an allowance", key: worker, method: "POST", path: "/v1/compliance/allow-list", body: `{"kind":"exact","value":"EMP-123456","reason":"an example","expires_at":4102444800}`, status: 201,
			json: `{"id":"<id>","kind":"exact","value":"EMP-123456","entity":"","reason":"an example","expires_at":4102444800,"created_at":"<time>"}`,
		},
		{name: "it works at once, too", key: worker, method: "POST", path: "/v1/compliance/scan", body: `{"text":"EMP-123456"}`, status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"score":100`)
		}},
		{name: "an allowance with faults", key: worker, method: "POST", path: "/v1/compliance/allow-list", body: `{"kind":"magic","value":"x","expires_at":5}`, status: 422, fields: []string{"kind must be one of exact, regex, domain, hash", "expires_at must be in the future"}},
		{name: "its end", key: worker, method: "DELETE", path: "/v1/compliance/allow-list/1", status: 204},
		{name: "its end again", key: worker, method: "DELETE", path: "/v1/compliance/allow-list/1", status: 404, message: "Allow-list entry not found"},
		{
			name: "the default policy", key: reader, method: "GET", path: "/v1/compliance/policy", status: 200,
			json: `{"include_entities":[],"exclude_entities":[],"min_confidence":0,"thresholds":{},"severities":{},"keep_raw":false,"min_severity":"medium",
				"on_prompt_create":"off","on_log_ingest":"off","on_playground":"off","updated_at":null}`,
		},
		{name: "a policy is for admins", key: worker, method: "PUT", path: "/v1/compliance/policy", body: `{"keep_raw":true}`, status: 403, message: "Missing scope: admin"},
		{name: "a policy with faults", key: admin, method: "PUT", path: "/v1/compliance/policy", body: `{"on_log_ingest":"stop","min_confidence":2}`, status: 422},
		{
			name: "a policy", key: boss, method: "PUT", path: "/v1/compliance/policy", body: `{"on_prompt_create":"block","on_log_ingest":"block","severities":{"BADGE":"high"}}`, status: 200,
			json: `{"include_entities":[],"exclude_entities":[],"min_confidence":0,"thresholds":{},"severities":{"BADGE":"high"},"keep_raw":false,"min_severity":"medium",
				"on_prompt_create":"block","on_log_ingest":"block","on_playground":"off","updated_at":"<time>"}`,
		},
		{
			name: "a prompt that it blocks", key: worker, method: "POST", path: "/v1/prompts",
			body:   `{"name":"p","version":"1.0.0","messages":[{"role":"user","content":"I am EMP-123456"}]}`,
			status: 400, message: "The compliance policy of the workspace refuses this text",
			details: `{"code":"COMPLIANCE_BLOCKED","stage":"prompt_create","entities":["BADGE"]}`,
		},
		{
			name: "a log that it blocks", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":"p","version_tag":"1","metadata":{"note":"EMP-123456"}}`,
			status: 400, details: `{"code":"COMPLIANCE_BLOCKED","stage":"log_ingest","entities":["BADGE"]}`,
		},
		{name: "nothing of that elsewhere", key: other, method: "POST", path: "/v1/logs", body: `{"prompt_name":"p","version_tag":"1","metadata":{"note":"EMP-123456"}}`, status: 202},
		{
			name: "redaction", key: worker, method: "POST", path: "/v1/compliance/redact", body: `{"text":"EMP-123456 and ann.lee@example.com","actions":{"BADGE":"mask"},"reversible":true}`, status: 200,
			json: `{"redacted_text":"******3456 and <EMAIL_1>","findings":[{"entity":"BADGE","action":"mask","replacement":"******3456","start":0,"end":10},
				{"entity":"EMAIL_ADDRESS","action":"replace","replacement":"<EMAIL_1>","start":15,"end":34}],"map":{"<EMAIL_1>":"ann.lee@example.com"},"provider":"builtin"}`,
		},
		{name: "redaction of nothing", key: worker, method: "POST", path: "/v1/compliance/redact", body: `{}`, status: 422, fields: []string{"text is required"}},
		{name: "the rule's end", key: worker, method: "DELETE", path: "/v1/compliance/rules/1", status: 204},
		{name: "an unknown rule", key: worker, method: "DELETE", path: "/v1/compliance/rules/x", status: 404, message: "Compliance rule not found"},
	})
}

// failing is a foreign scanner that cannot be reached.
type failing struct{ err error }

func (failing) Name() string { return "failing" }

func (f failing) Scan(context.Context, string) ([]detect.Finding, bool, error) {
	return nil, false, f.err
}

func TestAForeignScannerThatFails(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]pmerr.Code{
		400: pmerr.InvalidRequest, 429: pmerr.ProviderRateLimited, 502: pmerr.ProviderError, 504: pmerr.Timeout,
	} {
		s := start(t, func(s *setup) {
			s.Compliance = failing{pmerr.New(code, "LLM Guard cannot be reached; check COMPLIANCE_SCANNER_URL").Because(errors.New("hunter2"))}
		})
		for _, path := range []string{"scan", "redact"} {
			r := s.send(t, worker, "POST", "/v1/compliance/"+path, `{"text":"x"}`)
			require.Equal(t, status, r.status, r.body)
			require.Contains(t, r.body, `"code":"`+string(code)+`"`)
			require.Contains(t, r.body, "COMPLIANCE_SCANNER_URL")
			require.NotContains(t, r.body, "hunter2")
		}
		r := s.send(t, worker, "POST", "/v1/logs", `{"prompt_name":"p","version_tag":"1","metadata":{"note":"x"}}`)
		require.Equal(t, 202, r.status, "no guard, no scanner")
	}
}

// TestPlacesAreCodePoints scans values between all that makes bytes, code points
// and what people see differ.
func TestPlacesAreCodePoints(t *testing.T) {
	t.Parallel()
	s := start(t)
	values := map[string]string{
		"EMAIL_ADDRESS": "ann.lee@example.com", "US_SSN": "219-09-9999", "CREDIT_CARD": "4111 1111 1111 1111", "IP_ADDRESS": "192.168.7.10",
	}
	fillings := map[string]string{
		"emoji":             "\U0001F600\U0001F468\u200d\U0001F469\u200d\U0001F467 ",
		"flags and tones":   "\U0001F1E8\U0001F1ED\U0001F44B\U0001F3FD ",
		"combining marks":   "a\u0301\u0323\u0308\u0e33 ",
		"nothing visible":   "\u200b\u2060\ufeff\u00ad ",
		"right to left":     "\u202e\u05e9\u05dc\u05d5\u05dd\u202c \u200f",
		"what NFKC unfolds": "\ufdfa\ufb01\u2460\uff21 ",
		"four bytes":        "\U00020000\U0001D400\U000E0041 ",
		"NUL":               "\x00\x01 ",
	}
	for name, filling := range fillings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for entity, value := range values {
				text := filling + "SSN card " + value + " " + filling
				body, err := json.Marshal(map[string]string{"text": text})
				require.NoError(t, err)
				r := s.send(t, worker, "POST", "/v1/compliance/scan", string(body))
				require.Equal(t, 200, r.status, r.body)
				var report struct {
					Findings []struct {
						Entity, MatchedText string
						Start, End          int
					}
				}
				r.decode(t, &report)
				found := false
				for _, f := range report.Findings {
					require.Equal(t, f.MatchedText, string([]rune(text)[f.Start:f.End]), "%s in %q", f.Entity, text)
					found = found || f.Entity == entity && strings.TrimSpace(f.MatchedText) == value
				}
				require.True(t, found, "%s is not found in %q: %s", entity, text, r.body)
			}
		})
	}
	for name, unit := range map[string]string{"four bytes a character": "\U0001F600", "four bytes, and hidden": "\U000E0041"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const value = " a@b.co"
			body, err := json.Marshal(map[string]string{"text": strings.Repeat(unit, 100_000-len(value)) + value})
			require.NoError(t, err)
			r := s.send(t, worker, "POST", "/v1/compliance/scan", string(body))
			require.Equal(t, 200, r.status, r.body[:min(len(r.body), 200)])
			require.Contains(t, r.body, `"matchedText":"a@b.co","entity":"EMAIL_ADDRESS","start":99994,"end":100000`)
			body, err = json.Marshal(map[string]string{"text": strings.Repeat(unit, 100_001)})
			require.NoError(t, err)
			require.Equal(t, 422, s.send(t, worker, "POST", "/v1/compliance/scan", string(body)).status)
		})
	}
}
