package wire

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words is what a provider says of an error, whatever its format.
type Words struct {
	// Status is the HTTP status; for an error within a stream, the one that
	// its kind stands for, or 0.
	Status int
	// Kind and Code are the provider's words for what happened.
	Kind, Code string
	Message    string
}

func (w Words) Error() string { return w.Message }

// Empty reports whether the provider said nothing that could be read.
func (w Words) Empty() bool { return w.Kind == "" && w.Code == "" && w.Message == "" }

// loose is a member that some servers send as a text, others as a number, an
// object or a list.
type loose struct{ raw json.RawMessage }

func (l *loose) UnmarshalJSON(b []byte) error {
	l.raw = append([]byte(nil), b...)
	return nil
}

// text is the member if it is a text or a number.
func (l loose) text() string {
	var s string
	if json.Unmarshal(l.raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(l.raw, &n) == nil {
		return n.String()
	}
	return ""
}

// ParseWords reads the body of an error: {"error": {…}} of OpenAI and
// Anthropic, {"error": "…"} of Ollama, {"message": …} of Cohere and older vLLM,
// {"detail": …} of FastAPI, or a list with one of them, as Google sends it.
// What is none of them gives empty Words.
func ParseWords(body []byte) Words {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	var outer struct {
		Error   loose `json:"error"`
		Message loose `json:"message"`
		Detail  loose `json:"detail"`
		Type    loose `json:"type"`
		Code    loose `json:"code"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return Words{}
	}
	var inner struct {
		Message    loose `json:"message"`
		Type       loose `json:"type"`
		Code       loose `json:"code"`
		Status     loose `json:"status"`
		InnerError struct {
			Code loose `json:"code"`
		} `json:"innererror"`
	}
	if json.Unmarshal(outer.Error.raw, &inner) == nil && inner.Message.raw != nil {
		w := Words{Kind: inner.Type.text(), Code: inner.Code.text(), Message: inner.Message.text()}
		if w.Kind == "" {
			w.Kind = inner.Status.text()
		}
		if c := inner.InnerError.Code.text(); c != "" && w.Code == "" {
			w.Code = c
		}
		return w
	}
	w := Words{Kind: outer.Type.text(), Code: outer.Code.text()}
	if w.Kind == "error" { // of the object itself
		w.Kind = ""
	}
	for _, m := range []loose{outer.Error, outer.Message, outer.Detail} {
		if w.Message = m.text(); w.Message != "" {
			return w
		}
	}
	var details []struct {
		Message string `json:"msg"`
	}
	if json.Unmarshal(outer.Detail.raw, &details) == nil {
		var texts []string
		for _, d := range details {
			texts = append(texts, d.Message)
		}
		w.Message = strings.Join(texts, "; ")
	}
	return w
}

// Said reads the member "error" of an answer or an event.
func Said(raw json.RawMessage) Words {
	body, err := json.Marshal(map[string]json.RawMessage{"error": raw})
	if err != nil {
		return Words{}
	}
	return ParseWords(body)
}

// statuses are what the kinds of errors within a stream stand for. Sources:
// platform.claude.com/docs/en/api/errors, developers.openai.com/api/docs/guides/error-codes.
func (w Words) status() int {
	if w.Status != 0 {
		return w.Status
	}
	for _, word := range []string{w.Code, w.Kind} {
		if n, err := strconv.Atoi(word); err == nil && n >= 400 && n < 600 {
			return n
		}
		switch strings.ToLower(word) {
		case "overloaded_error", "overloaded":
			return 529
		case "rate_limit_error", "rate_limit_exceeded", "insufficient_quota", "too_many_requests", "tokens", "requests":
			return 429
		case "invalid_request_error", "invalid_prompt", "context_length_exceeded", "content_filter", "content_policy_violation",
			"badrequesterror", "request_too_large":
			return 400
		case "authentication_error", "invalid_api_key":
			return 401
		case "permission_error":
			return 403
		case "not_found_error", "model_not_found":
			return 404
		case "timeout_error":
			return 504
		}
	}
	return 500
}

// quota reports whether an account has run out of money, which no repetition
// changes.
func (w Words) quota() bool {
	return w.Code == "insufficient_quota" || w.Kind == "insufficient_quota" || w.Code == "billing_hard_limit_reached"
}

// policy reports whether a content policy refused the request, in the words of
// OpenAI, Azure OpenAI and Anthropic.
func (w Words) policy() bool {
	for _, word := range []string{w.Code, w.Kind} {
		switch word {
		case "content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "content_policy", "moderation_blocked":
			return true
		}
	}
	m := strings.ToLower(w.Message)
	return strings.Contains(m, "blocked by content filtering policy") || strings.Contains(m, "content management policy") ||
		strings.Contains(m, "flagged as potentially violating our usage policy")
}

const (
	redaction      = "[redacted]"
	longestMessage = 500 // code points
)

// clean makes a provider's text fit for a message: without the key, without
// control and formatting characters, on one line, and short.
func clean(text, key string) string {
	if key != "" {
		// Before anything is cut: half a key is a leak as well.
		text = strings.ReplaceAll(text, key, redaction)
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	if key != "" {
		// What was cut out may have kept the key apart.
		text = strings.ReplaceAll(text, key, redaction)
	}
	text = strings.Join(strings.Fields(text), " ")
	n := 0
	for i := range text {
		if n++; n > longestMessage {
			return text[:i] + "…"
		}
	}
	return text
}
