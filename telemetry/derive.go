package telemetry

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
)

// complete fills what a log leaves open: outcome, error code and cost.
func (l *Log) complete(prices *PriceTable) {
	l.ID, l.Workspace, l.CostSource = 0, "", nil
	if jsontext.Absent(l.OllamaOptions) {
		l.OllamaOptions = nil
	}
	if jsontext.Absent(l.OllamaFormat) {
		l.OllamaFormat = nil
	}
	failure, failed := l.Metadata["error"]
	if l.Status == "" {
		l.Status = OK
		if (failed && truthy(failure)) || (l.HTTPStatus != nil && *l.HTTPStatus >= 500) {
			l.Status = Failed
		}
	}
	if l.ErrorCode == nil && l.Status == Failed {
		l.ErrorCode = l.deriveErrorCode(failure)
	}
	l.price(prices)
}

// deriveErrorCode is metadata.error.code, else the HTTP status.
func (l *Log) deriveErrorCode(failure json.RawMessage) *string {
	var object struct {
		Code json.RawMessage `json:"code"`
	}
	if jsontext.Kind(failure) == '{' && json.Unmarshal(failure, &object) == nil {
		var code string
		switch jsontext.Kind(object.Code) {
		case '"':
			_ = json.Unmarshal(object.Code, &code) // the whole was valid JSON
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			code = string(object.Code)
		}
		if code != "" && utf8.RuneCountInString(code) <= maxErrorCode {
			return &code
		}
	}
	if l.HTTPStatus == nil {
		return nil
	}
	code := strconv.Itoa(*l.HTTPStatus)
	return &code
}

// price asks the table for a cost that the client did not give. Tokens that
// were not given cost nothing, but a log without any is not priced at all.
func (l *Log) price(prices *PriceTable) {
	source := CostFromClient
	switch {
	case l.CostUSD != nil:
	case l.Model == nil || (l.TokensIn == nil && l.TokensOut == nil):
		return
	default:
		usd, ok := prices.Cost(valueOf(l.Provider), *l.Model, valueOf(l.TokensIn), valueOf(l.TokensOut))
		if !ok {
			return
		}
		l.CostUSD, source = &usd, CostFromTable
	}
	l.CostSource = &source
}

func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// truthy is JavaScript's notion, which the clients have: false, null, 0 and ""
// are not.
func truthy(raw json.RawMessage) bool {
	text := strings.TrimSpace(string(raw))
	switch text {
	case "", "false", "null", `""`:
		return false
	}
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return number != 0
	}
	return true
}
