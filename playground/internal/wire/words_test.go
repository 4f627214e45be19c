package wire

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParseWords(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]Words{
		`{"error":{"message":"m","type":"t","param":null,"code":"c"}}`:                        {Kind: "t", Code: "c", Message: "m"},
		`{"error":{"message":"m","type":"t","code":null}}`:                                    {Kind: "t", Message: "m"},
		`{"error":{"message":"m","code":429}}`:                                                {Code: "429", Message: "m"},
		`{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}`: {Kind: "overloaded_error", Message: "m"},
		`{"error":"model 'x' not found"}`:                                                     {Message: "model 'x' not found"},
		`{"message":"m","id":"i"}`:                                                            {Message: "m"},
		`{"object":"error","message":"m","type":"BadRequestError","code":400}`:                {Kind: "BadRequestError", Code: "400", Message: "m"},
		`{"detail":"m"}`: {Message: "m"},
		`{"detail":[{"loc":["body","a"],"msg":"one"},{"msg":"two"}]}`:                                {Message: "one; two"},
		`[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]`:                         {Kind: "INVALID_ARGUMENT", Code: "400", Message: "m"},
		`{"error":{"message":"m","code":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`: {Code: "ResponsibleAIPolicyViolation", Message: "m"},
		`{"type":"error"}`:                  {},
		`{"error":null}`:                    {},
		`{"error":{"message":{"a":"b"}}}`:   {},
		`<html>`:                            {},
		``:                                  {},
		`[]`:                                {},
		`{"error":[1],"message":[],"x":{}}`: {},
	} {
		require.Equal(t, want, ParseWords([]byte(body)), body)
	}
}

func TestStatusOfWords(t *testing.T) {
	t.Parallel()
	for want, list := range map[int][]Words{
		529: {{Kind: "overloaded_error"}}, 429: {{Kind: "rate_limit_error"}, {Code: "rate_limit_exceeded"}, {Code: "429"}},
		400: {{Kind: "invalid_request_error"}, {Code: "content_filter"}}, 401: {{Code: "invalid_api_key", Kind: "invalid_request_error"}},
		404: {{Kind: "not_found_error"}}, 500: {{}, {Kind: "api_error"}, {Code: "7"}, {Message: "429"}}, 503: {{Code: "503"}, {Status: 503, Code: "400"}},
	} {
		for _, w := range list {
			require.Equal(t, want, w.status(), "%+v", w)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                             "plain",
		"a\r\nb\x00\x1b[31m\tc":             "a b [31m c",
		"right\u202eleft\u200b\ufeff":       "rightleft",
		"\xff\xfe":                          "",
		"the key sekret":                    "the key [redacted]",
		"sek\u200bret":                      "[redacted]",
		strings.Repeat("é", 600):            strings.Repeat("é", 500) + "…",
		strings.Repeat("x", 497) + "sekret": strings.Repeat("x", 497) + "[re…",
	} {
		require.Equal(t, want, clean(text, "sekret"))
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\r\nsek\u200bret", "sekret")
	f.Add("", "sekret")
	f.Fuzz(func(t *testing.T, text, key string) {
		if !printable(key) || strings.Contains(redaction, key) {
			t.Skip()
		}
		got := clean(text, key)
		if strings.Contains(got, key) && !strings.Contains("…"+redaction+"…", key) {
			// Runs of spaces are folded after the key was looked for; a key has none.
			t.Fatalf("%q still holds %q", got, key)
		}
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > longestMessage+1 || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "1.5": 1500 * time.Millisecond, "-1": 0, "soon": 0, "NaN": 0, "+Inf": 24 * time.Hour, "1e300": 24 * time.Hour,
		"Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 11:00:00 GMT": 0, "Mon, 23 Nov 2099 11:00:00 GMT": 24 * time.Hour,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {text}}, now), text)
	}
	require.Equal(t, 20*time.Millisecond, retryAfter(http.Header{"Retry-After-Ms": {"20"}, "Retry-After": {"1"}}, now))
}

func TestPause(t *testing.T) {
	t.Parallel()
	require.Equal(t, firstPause/2, pause(0, 0, 0))
	require.Less(t, pause(0, 0, 0.999), firstPause)
	require.Equal(t, firstPause, pause(1, 0, 0))
	for n := range 100 {
		require.LessOrEqual(t, pause(n, 0, 0.999), lastPause)
		require.GreaterOrEqual(t, pause(n, time.Minute, 0), time.Minute)
	}
}
