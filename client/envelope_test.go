package client

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func mustJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(data)
}

func TestParseError(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		header http.Header
		body   string
		want   pmerr.Error
	}{
		"validation faults": {
			status: 422,
			body:   `{"error":"Validation failed","code":"VALIDATION_FAILED","details":{"fields":["a must be b","c must be d"]},"detailsType":"fields","requestId":"r1"}`,
			want:   pmerr.Error{Code: pmerr.Validation, Message: "Validation failed", Fields: []string{"a must be b", "c must be d"}, RequestID: "r1"},
		},
		"details of another failure": {
			status: 400,
			body:   `{"error":"Prompt already exists","code":"BAD_REQUEST","details":{"name":"welcome","n":1},"detailsType":"context","requestId":"r2"}`,
			want:   pmerr.Error{Code: pmerr.BadRequest, Message: "Prompt already exists", Details: map[string]any{"name": "welcome", "n": 1.0}, RequestID: "r2"},
		},
		"a rate limit": {
			status: 429, header: http.Header{"Retry-After": {"12"}},
			body: `{"error":"slow down","code":"RATE_LIMIT_EXCEEDED","detailsType":"context","requestId":"r3"}`,
			want: pmerr.Error{Code: pmerr.RateLimited, Message: "slow down", RetryAfter: 12 * time.Second, RequestID: "r3"},
		},
		"a code that is not known here": {
			status: 502, body: `{"error":"provider","code":"PROVIDER_ERROR"}`, want: pmerr.Error{Code: "PROVIDER_ERROR", Message: "provider"},
		},
		"the request id of the header": {
			status: 404, header: http.Header{"X-Request-Id": {"h1"}},
			body: `{"error":"Prompt not found","code":"NOT_FOUND"}`, want: pmerr.Error{Code: pmerr.NotFound, Message: "Prompt not found", RequestID: "h1"},
		},
		"a proxy's page": {
			status: 502, body: "<html>\n<body>\x1b[31mBad\tGateway</body></html>",
			want: pmerr.Error{Code: pmerr.Unavailable, Message: "the server answered 502 Bad Gateway without a PromptMetrics error: <html> <body> [31mBad Gateway</body></html>"},
		},
		"no body": {
			status: 401, want: pmerr.Error{Code: pmerr.Unauthorized, Message: "the server answered 401 Unauthorized without a PromptMetrics error"},
		},
		"a code that is none": {
			status: 409, body: `{"error":"x","code":"not a code"}`,
			want: pmerr.Error{Code: pmerr.Conflict, Message: `the server answered 409 Conflict without a PromptMetrics error: {"error":"x","code":"not a code"}`},
		},
		"a status without a name": {
			status: 599, body: "x", want: pmerr.Error{Code: pmerr.Unavailable, Message: "the server answered 599 without a PromptMetrics error: x"},
		},
		"details of the wrong type": {
			status: 400, body: `{"error":"x","code":"BAD_REQUEST","details":[1],"detailsType":"fields"}`, want: pmerr.Error{Code: pmerr.BadRequest, Message: "x"},
		},
		"control characters in an envelope": {
			status: 400, body: `{"error":"a\u001b[2Jb\nc\u202ed","code":"BAD_REQUEST"}`, want: pmerr.Error{Code: pmerr.BadRequest, Message: "a [2Jb c\uFFFDd"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := parseError(tc.status, tc.header, []byte(tc.body), time.Unix(0, 0))
			require.Equal(t, tc.want.Code, e.Code)
			require.Equal(t, tc.want.Message, e.Message)
			require.Equal(t, tc.want.Fields, e.Fields)
			require.Equal(t, tc.want.Details, e.Details)
			require.Equal(t, tc.want.RequestID, e.RequestID)
			require.Equal(t, tc.want.RetryAfter, e.RetryAfter)
		})
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]pmerr.Code{
		400: pmerr.BadRequest, 401: pmerr.Unauthorized, 403: pmerr.Forbidden, 404: pmerr.NotFound, 405: pmerr.NotAllowed,
		409: pmerr.Conflict, 413: pmerr.TooLarge, 415: pmerr.UnsupportedType, 418: pmerr.BadRequest, 422: pmerr.Validation,
		429: pmerr.RateLimited, 500: pmerr.Internal, 502: pmerr.Unavailable, 503: pmerr.Unavailable, 504: pmerr.Unavailable, 302: pmerr.Unavailable,
	} {
		require.Equal(t, code, codeOf(status), status)
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add(422, `{"error":"Validation failed","code":"VALIDATION_FAILED","details":{"fields":["a must be b"]},"detailsType":"fields","requestId":"r"}`, "5")
	f.Add(400, `{"error":"x","code":"BAD_REQUEST","details":{"a":[{"b":"\u001b"}]}}`, "Wed, 21 Oct 2015 07:28:00 GMT")
	f.Add(502, "<html>\x00\xff</html>", "-1")
	f.Add(200, `{"error":null,"code":""}`, "")
	f.Add(404, `{"error":"`+strings.Repeat("ä", 2000)+`","code":"NOT_FOUND"}`, "99999999999")
	f.Fuzz(func(t *testing.T, status int, body, retryAfter string) {
		e := parseError(status, http.Header{"Retry-After": {retryAfter}, "X-Request-Id": {body}}, []byte(body), time.Unix(1_700_000_000, 0))
		if e.Code == "" || !isCode(string(e.Code)) {
			t.Fatalf("code %q", e.Code)
		}
		if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour {
			t.Fatalf("retry after %s", e.RetryAfter)
		}
		texts := append([]string{e.Message, e.RequestID}, e.Fields...)
		mapTexts(e.Details, func(s string) string { texts = append(texts, s); return s })
		for _, s := range texts {
			if len(s) > maxText || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\n\r\u202e") {
				t.Fatalf("text %q", s)
			}
		}
		if len(e.RequestID) > 128 {
			t.Fatalf("request id of %d bytes", len(e.RequestID))
		}
	})
}
