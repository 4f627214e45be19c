// Package lakera finds sensitive data with the Lakera Guard API, version 2
// (POST /v2/guard). Which detectors run is for the project's policy there to
// say.
package lakera

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/internal/upstream"
)

// DefaultURL is where the service of the maker is.
const DefaultURL = "https://api.lakera.ai"

// Options say who calls.
type Options struct {
	// APIKey of an account.
	APIKey string `json:"-"`
	// Project whose policy applies. Default: that of the account.
	Project string
	// BaseURL of another region or of an own installation. Default
	// [DefaultURL].
	BaseURL string
	// Timeout bounds a scan. Default 10 s.
	Timeout time.Duration
	// HTTPClient is used instead of one of its own.
	HTTPClient *http.Client
}

// Driver is a [compliance.Driver]. Close it when you are done.
type Driver struct {
	scanner upstream.Scanner
	project string
}

var _ compliance.Driver = (*Driver)(nil)

// New makes a driver. It does not connect yet.
func New(o Options) (*Driver, error) {
	if strings.TrimSpace(o.APIKey) == "" || strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("APIKey (LAKERA_API_KEY) must be set to a key of Lakera Guard")
	}
	if o.BaseURL == "" {
		o.BaseURL = DefaultURL
	}
	base, err := upstream.ParseBase(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("BaseURL (COMPLIANCE_SCANNER_URL) %w", err)
	}
	d := &Driver{project: o.Project, scanner: upstream.Scanner{
		Name: "Lakera Guard", URL: strings.TrimRight(base.String(), "/") + "/v2/guard", Timeout: o.Timeout,
		URLVariable: "COMPLIANCE_SCANNER_URL", KeyVariable: "LAKERA_API_KEY",
	}}
	d.scanner.Open(o.APIKey, o.HTTPClient)
	return d, nil
}

// Close closes idle connections.
func (d *Driver) Close() { d.scanner.Close() }

// Name implements [compliance.Driver].
func (*Driver) Name() string { return "lakera" }

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type request struct {
	Messages  []message `json:"messages"`
	Project   string    `json:"project_id,omitempty"`
	Payload   bool      `json:"payload"`
	Breakdown bool      `json:"breakdown"`
}

type answer struct {
	Flagged *bool `json:"flagged"`
	Payload []struct {
		// Start and End count characters of the message.
		Start    int    `json:"start"`
		End      int    `json:"end"`
		Text     string `json:"text"`
		Detector string `json:"detector_type"`
	} `json:"payload"`
	Breakdown []struct {
		Detector string `json:"detector_type"`
		Detected bool   `json:"detected"`
	} `json:"breakdown"`
}

// Scan implements [compliance.Driver]. What the payload names has its place;
// other detectors judge the text as a whole.
func (d *Driver) Scan(ctx context.Context, text string) ([]detect.Finding, bool, error) {
	var a answer
	err := d.scanner.Post(ctx, request{
		Messages: []message{{Role: "user", Content: text}}, Project: d.project, Payload: true, Breakdown: true,
	}, &a)
	if err != nil {
		return nil, false, err
	}
	if a.Flagged == nil {
		return nil, false, d.scanner.Odd(errors.New("flagged is missing"))
	}
	var found []detect.Finding
	places := newPlaces(text)
	told := map[string]bool{}
	for _, p := range a.Payload {
		f := judge(p.Detector)
		start, end, ok := places.span(p.Start, p.End)
		if !ok || p.Text != "" && text[start:end] != p.Text {
			// The place is not what it should be, so the text is trusted.
			if start = strings.Index(text, p.Text); p.Text == "" || start < 0 {
				continue
			}
			end = start + len(p.Text)
		}
		f.Start, f.End, f.Confidence = start, end, 1
		found = append(found, f)
		told[p.Detector] = true
	}
	for _, b := range a.Breakdown {
		if b.Detected && !told[b.Detector] {
			told[b.Detector] = true
			f := judge(b.Detector)
			f.Confidence = 1
			found = append(found, f)
		}
	}
	if *a.Flagged && len(found) == 0 {
		f := upstream.Judgement("LAKERA_POLICY", detect.Medium, detect.Custom)
		f.Confidence = 1
		found = append(found, f)
	}
	return found, false, nil
}

// judge gives what is told of a detector, such as "pii/email".
func judge(detector string) detect.Finding {
	family, kind, _ := strings.Cut(detector, "/")
	switch family {
	case "pii":
		return upstream.Data(kind)
	case "unknown_links":
		return upstream.Data("UNKNOWN_LINKS")
	case "prompt_attack", "prompt_injection", "jailbreak":
		return upstream.Judgement("PROMPT_INJECTION", detect.High, detect.Injection)
	}
	return upstream.Judgement(strings.ReplaceAll(detector, "/", "_"), detect.Medium, detect.Custom)
}

// places turns characters into bytes.
type places struct {
	text string
	// bytes is where each character begins; nil if each is one byte.
	bytes []int
	size  int
}

func newPlaces(text string) places {
	p := places{text: text, size: utf8.RuneCountInString(text)}
	if p.size == len(text) {
		return p
	}
	p.bytes = make([]int, 0, p.size+1)
	for i := range text {
		p.bytes = append(p.bytes, i)
	}
	p.bytes = append(p.bytes, len(text))
	return p
}

func (p places) span(start, end int) (from, to int, ok bool) {
	if start < 0 || end > p.size || start >= end {
		return 0, 0, false
	}
	if p.bytes == nil {
		return start, end, true
	}
	return p.bytes[start], p.bytes[end], true
}

// Format prints options without the key, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.APIKey != "" {
		o.APIKey = "[redacted]"
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
