package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxText is the longest text that is taken over from an error's answer.
const maxText = 1024

// envelope is the form in which the server answers every error.
type envelope struct {
	Error       *string         `json:"error"`
	Code        string          `json:"code"`
	Details     json.RawMessage `json:"details"`
	DetailsType string          `json:"detailsType"`
	RequestID   string          `json:"requestId"`
}

// parseError turns the answer of a failed request into an error. Its texts are
// cleaned of control characters and cut, whoever wrote them.
func parseError(status int, header http.Header, body []byte, now time.Time) *pmerr.Error {
	var v envelope
	var e *pmerr.Error
	if json.Unmarshal(body, &v) == nil && v.Error != nil && isCode(v.Code) {
		e = pmerr.New(pmerr.Code(v.Code), "%s", clip(plain(*v.Error), maxText))
		v.details(e)
	} else {
		e = pmerr.New(codeOf(status), "%s", foreignMessage(status, body)).Because(errForeign)
	}
	if v.RequestID == "" {
		v.RequestID = header.Get("X-Request-Id")
	}
	e.RequestID = clip(plain(v.RequestID), 128)
	e.RetryAfter = parseRetryAfter(header.Get("Retry-After"), now)
	return e
}

func (v envelope) details(e *pmerr.Error) {
	if v.DetailsType == "fields" {
		var d struct {
			Fields []string `json:"fields"`
		}
		if json.Unmarshal(v.Details, &d) == nil {
			for _, field := range d.Fields {
				e.Fields = append(e.Fields, clip(plain(field), maxText))
			}
			return
		}
	}
	var d map[string]any
	if json.Unmarshal(v.Details, &d) == nil && len(d) > 0 {
		clean := func(s string) string { return clip(plain(s), maxText) }
		e.Details, _ = mapTexts(d, clean).(map[string]any)
	}
}

// isCode reports whether a text has the form of an error code.
func isCode(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// codeOf is the kind of an error of which only the HTTP status is known.
func codeOf(status int) pmerr.Code {
	switch status {
	case http.StatusUnauthorized:
		return pmerr.Unauthorized
	case http.StatusForbidden:
		return pmerr.Forbidden
	case http.StatusNotFound:
		return pmerr.NotFound
	case http.StatusMethodNotAllowed:
		return pmerr.NotAllowed
	case http.StatusConflict:
		return pmerr.Conflict
	case http.StatusRequestEntityTooLarge:
		return pmerr.TooLarge
	case http.StatusUnsupportedMediaType:
		return pmerr.UnsupportedType
	case http.StatusUnprocessableEntity:
		return pmerr.Validation
	case http.StatusTooManyRequests:
		return pmerr.RateLimited
	case http.StatusInternalServerError:
		return pmerr.Internal
	}
	if status/100 == 4 {
		return pmerr.BadRequest
	}
	return pmerr.Unavailable
}

func foreignMessage(status int, body []byte) string {
	message := fmt.Sprintf("the server answered %d", status)
	if text := http.StatusText(status); text != "" {
		message += " " + text
	}
	message += " without a PromptMetrics error"
	// Cut before cleaning: the body may be large.
	snippet := strings.Join(strings.Fields(plain(string(body[:min(len(body), 4*maxText)]))), " ")
	if snippet == "" {
		return message
	}
	return message + ": " + clip(snippet, 200)
}

// plain replaces what could disturb a terminal or a log: control and format
// characters, and bytes that are no UTF-8.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) {
			return r
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return ' '
		}
		return utf8.RuneError
	}, s)
}

// clip cuts a text to at most size bytes, between two characters.
func clip(s string, size int) string {
	if len(s) <= size {
		return s
	}
	const dots = "…"
	cut := size - len(dots)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + dots
}

// mapTexts applies f to every text of a JSON value, the names of members too.
func mapTexts(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		for i := range v {
			v[i] = mapTexts(v[i], f)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			out[f(key)] = mapTexts(member, f)
		}
		return out
	}
	return v
}
