package httpapi_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// scenario is one request and what must come of it.
type scenario struct {
	name              string
	key, method, path string
	body              string
	headers           []string

	status int
	// json is the whole answer, see matchJSON; field faults and messages of
	// errors are given by fault and message instead.
	json    string
	message string
	// code is what clients switch on; by default that of the status.
	code    string
	fields  []string
	details string
	// header holds headers of the answer; "*" stands for any value.
	header map[string]string
	// after looks at what the request has done.
	after func(*testing.T, reply)
}

// run plays scenarios in order on one server.
func (s *server) run(t *testing.T, scenarios []scenario) {
	t.Helper()
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			r := s.send(t, c.key, c.method, c.path, c.body, c.headers...)
			c.check(t, r)
		})
	}
}

func (c scenario) check(t *testing.T, r reply) {
	t.Helper()
	require.Equal(t, c.status, r.status, "%s", r.body)
	require.NotEmpty(t, r.header.Get("X-Request-Id"))
	for name, want := range c.header {
		if want == "*" {
			require.NotEmpty(t, r.header.Get(name), name)
			continue
		}
		require.Equal(t, want, r.header.Get(name), name)
	}
	if c.status == 204 || c.status == 304 {
		require.Empty(t, r.body)
	}
	if c.status >= 400 {
		c.checkEnvelope(t, r)
	}
	if c.json != "" {
		matchJSON(t, c.json, r.body)
	}
	if c.after != nil {
		c.after(t, r)
	}
}

// codes are what clients switch on.
var codes = map[int]string{
	400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 409: "CONFLICT",
	413: "PAYLOAD_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE", 422: "VALIDATION_FAILED", 429: "RATE_LIMIT_EXCEEDED",
	500: "INTERNAL_ERROR", 503: "UNAVAILABLE",
}

func (c scenario) checkEnvelope(t *testing.T, r reply) {
	t.Helper()
	require.Equal(t, "application/json; charset=utf-8", r.header.Get("Content-Type"))
	var members map[string]json.RawMessage
	r.decode(t, &members)
	for name := range members {
		require.Contains(t, []string{"error", "code", "details", "detailsType", "requestId"}, name)
	}
	var e struct {
		Error, Code, DetailsType, RequestID string
		Details                             json.RawMessage
	}
	r.decode(t, &e)
	require.Equal(t, cmp.Or(c.code, codes[c.status]), e.Code)
	require.Equal(t, r.header.Get("X-Request-Id"), e.RequestID)
	require.NotEmpty(t, e.Error)
	if c.message != "" {
		require.Equal(t, c.message, e.Error)
	}
	if c.status != 422 {
		require.Equal(t, "context", e.DetailsType)
		if c.details != "" {
			matchJSON(t, c.details, string(e.Details))
		}
		return
	}
	require.Equal(t, "fields", e.DetailsType)
	var details struct{ Fields []string }
	require.NoError(t, json.Unmarshal(e.Details, &details))
	require.NotEmpty(t, details.Fields)
	if c.fields != nil {
		require.ElementsMatch(t, c.fields, details.Fields)
	}
}

// matchJSON compares two documents. In want the texts "<id>" (a positive
// integer), "<time>" (Unix seconds of our days), "<uuid>", "<commit>" and
// "<key>" stand for any value of their kind.
func matchJSON(tb testing.TB, want, got string) {
	tb.Helper()
	var w, g any
	require.NoError(tb, json.Unmarshal([]byte(want), &w), want)
	require.NoError(tb, json.Unmarshal([]byte(got), &g), got)
	require.NoError(tb, match("$", w, g), "wanted %s\ngot    %s", want, got)
}

var kinds = map[string]func(any) bool{
	"<id>":     func(v any) bool { n, ok := v.(float64); return ok && n >= 1 && n == float64(int64(n)) },
	"<time>":   func(v any) bool { n, ok := v.(float64); return ok && n > 1e9 && n < 1e10 && n == float64(int64(n)) },
	"<uuid>":   matching(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`),
	"<commit>": matching(`^[0-9a-f]{40}$`),
	"<key>":    matching(`^pm_[0-9a-f]{64}$`),
}

func matching(pattern string) func(any) bool {
	re := regexp.MustCompile(pattern)
	return func(v any) bool { s, ok := v.(string); return ok && re.MatchString(s) }
}

func match(at string, want, got any) error {
	switch w := want.(type) {
	case string:
		if kind, ok := kinds[w]; ok {
			if !kind(got) {
				return fmt.Errorf("%s: %v is no %s", at, got, w)
			}
			return nil
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s: %v has other members than %v", at, got, want)
		}
		for name, member := range w {
			if _, ok := g[name]; !ok {
				return fmt.Errorf("%s: %s is missing", at, name)
			}
			if err := match(at+"."+name, member, g[name]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s: %v has not %d items", at, got, len(w))
		}
		for i := range w {
			if err := match(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if want != got {
		return fmt.Errorf("%s: %v is not %v", at, got, want)
	}
	return nil
}
