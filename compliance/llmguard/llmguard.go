// Package llmguard finds sensitive data with an LLM Guard API, the service that
// is published with the LLM Guard toolkit (POST /analyze/prompt). Which scanners
// run, and with which thresholds, is for its own configuration to say.
package llmguard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/internal/upstream"
)

// Options say where the service is.
type Options struct {
	// BaseURL of the service, such as "http://llm-guard:8000".
	BaseURL string
	// Token is the service's AUTH_TOKEN, if it has one.
	Token string `json:"-"`
	// Suppress are scanners that are not to run, such as "TokenLimit".
	Suppress []string
	// Timeout bounds a scan. Default 10 s.
	Timeout time.Duration
	// HTTPClient is used instead of one of its own.
	HTTPClient *http.Client
}

// Driver is a [compliance.Driver]. Close it when you are done.
type Driver struct {
	scanner  upstream.Scanner
	suppress []string
}

var _ compliance.Driver = (*Driver)(nil)

// New makes a driver. It does not connect yet. The error completes a sentence
// that begins with the name of the option.
func New(o Options) (*Driver, error) {
	base, err := upstream.ParseBase(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("BaseURL (COMPLIANCE_SCANNER_URL) %w", err)
	}
	d := &Driver{
		scanner: upstream.Scanner{
			Name: "LLM Guard", URL: strings.TrimRight(base.String(), "/") + "/analyze/prompt", Timeout: o.Timeout,
			URLVariable: "COMPLIANCE_SCANNER_URL", KeyVariable: "COMPLIANCE_SCANNER_TOKEN",
		},
		suppress: slices.Clone(o.Suppress),
	}
	if d.suppress == nil {
		d.suppress = []string{}
	}
	d.scanner.Open(o.Token, o.HTTPClient)
	return d, nil
}

// Close closes idle connections.
func (d *Driver) Close() { d.scanner.Close() }

// Name implements [compliance.Driver].
func (*Driver) Name() string { return "llm-guard" }

type request struct {
	Prompt   string   `json:"prompt"`
	Suppress []string `json:"scanners_suppress"`
}

type answer struct {
	Valid     *bool              `json:"is_valid"`
	Scanners  map[string]float64 `json:"scanners"`
	Sanitized string             `json:"sanitized_prompt"`
}

// Scan implements [compliance.Driver]. The service gives a risk to each scanner
// and a sanitized text; where data was replaced by placeholders the findings
// have their places, all others judge the text as a whole.
func (d *Driver) Scan(ctx context.Context, text string) ([]detect.Finding, bool, error) {
	var a answer
	if err := d.scanner.Post(ctx, request{text, d.suppress}, &a); err != nil {
		return nil, false, err
	}
	if a.Valid == nil {
		return nil, false, d.scanner.Odd(errors.New("is_valid is missing"))
	}
	found := align(text, a.Sanitized)
	for i := range found {
		found[i].Confidence = confidence(a.Scanners[anonymize])
	}
	told := len(found) > 0
	for _, name := range slices.Sorted(maps.Keys(a.Scanners)) {
		if a.Scanners[name] <= 0 || name == anonymize && told {
			continue
		}
		f := judge(name)
		f.Confidence = confidence(a.Scanners[name])
		found = append(found, f)
	}
	if !*a.Valid && len(found) == 0 {
		f := judge(riskiest(a.Scanners))
		f.Confidence = 0.5
		found = append(found, f)
	}
	return found, false, nil
}

// The scanners whose meaning is known.
const (
	anonymize = "Anonymize"
	injection = "PromptInjection"
	invisible = "InvisibleText"
	secrets   = "Secrets"
)

// judge gives what is told of a scanner that found something.
func judge(name string) detect.Finding {
	switch name {
	case anonymize:
		return upstream.Judgement("PII", detect.High, detect.PII)
	case secrets:
		return upstream.Data("SECRET")
	case injection, invisible:
		return upstream.Judgement(name, detect.High, detect.Injection)
	}
	return upstream.Judgement(name, detect.Medium, detect.Custom)
}

// riskiest names the scanner with the highest risk.
func riskiest(scanners map[string]float64) string {
	names := slices.SortedFunc(maps.Keys(scanners), func(a, b string) int {
		return cmp.Or(cmp.Compare(scanners[b], scanners[a]), cmp.Compare(a, b))
	})
	if len(names) == 0 {
		return "LLMGuard"
	}
	return names[0]
}

// confidence turns a risk, -1 to 1 and above 0 for what is found, into a
// probability. A scanner that replaced data and gave no risk was sure.
func confidence(risk float64) float64 {
	if risk <= 0 {
		return 1
	}
	return min(risk, 1)
}

// Format prints options without the token, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.Token != "" {
		o.Token = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
