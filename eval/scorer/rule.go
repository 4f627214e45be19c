package scorer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// rule is a rule that is being compiled.
type rule struct {
	// at is where it stands: "criteria.rules[2]".
	at     string
	config json.RawMessage
	faults []string
	// provider that the rule will ask, if any.
	provider string
}

// fault notes what is wrong with a member of the configuration.
func (r *rule) fault(member, format string, args ...any) {
	r.faults = append(r.faults, r.at+".config."+member+fmt.Sprintf(format, args...))
}

// decode reads the configuration and tells whether its types are right. A rule
// without one has an empty object.
func (r *rule) decode(v any) bool {
	if len(r.config) == 0 || string(r.config) == "null" {
		return true
	}
	err := decode.JSON(r.config, v)
	if err == nil {
		return true
	}
	var e *pmerr.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		r.faults = append(r.faults, r.at+".config must be valid JSON")
		return false
	}
	for _, field := range e.Fields {
		if rest, whole := strings.CutPrefix(field, "body "); whole {
			r.faults = append(r.faults, r.at+".config "+rest)
			continue
		}
		r.faults = append(r.faults, r.at+".config."+field)
	}
	return false
}

// passing is the configuration of rules that pass at a threshold.
type passing struct {
	Threshold *float64 `json:"threshold"`
}

// threshold is the configured one, or the default.
func (r *rule) threshold(p passing, otherwise float64) float64 {
	if p.Threshold == nil {
		return otherwise
	}
	if !(*p.Threshold >= 0 && *p.Threshold <= 1) {
		r.fault("threshold", " must be a number from 0 to 1")
	}
	return *p.Threshold
}

// required checks that a text was given and is not too long.
func (r *rule) required(member, text string, most int) {
	if text == "" || len(text) > most {
		r.fault(member, " is required and must be at most %d bytes", most)
	}
}

// oneOf checks a word and gives its default if it is empty.
func (r *rule) oneOf(member, word string, allowed ...string) string {
	if word == "" {
		return allowed[0]
	}
	for _, a := range allowed {
		if word == a {
			return word
		}
	}
	r.fault(member, " must be one of %s", strings.Join(allowed, ", "))
	return allowed[0]
}

// bound checks an optional number of at least 0.
func (r *rule) bound(member string, n *float64) {
	if n != nil && !(*n >= 0 && *n <= math.MaxFloat64) {
		r.fault(member, " must be a number of at least 0")
	}
}

// MaxTemplate is how many bytes a template of a configuration may have.
const MaxTemplate = 64 << 10

// template parses a Mustache text over the row.
func (r *rule) template(member, text string) template {
	if len(text) > MaxTemplate {
		r.fault(member, " must be at most %d bytes", MaxTemplate)
		return template{}
	}
	parsed, err := mustache.Parse(text, mustache.Limits{})
	if err != nil {
		r.fault(member, ": %s", err)
		return template{}
	}
	t := template{member: member, text: text, parsed: parsed, names: map[string]bool{}}
	for _, name := range parsed.Names() {
		t.names[name] = true
	}
	// Inside a section a name may be a member of the section's item.
	if !strings.Contains(text, "{{#") && !strings.Contains(text, "{{^") {
		for _, name := range parsed.Names() {
			if !isRowName(name) {
				r.fault(member, ": {{%s}} is not known: a row has input, expected and output", clip(name, maxQuoted))
			}
		}
	}
	return t
}
