package query

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Rules are what the document of an operation says about its query parameters,
// by name. Everything about a value is checked here, before huma reads it, so
// that faults are worded in one way and never repeat what was sent.
type Rules map[string]rule

type rule struct {
	fits func(value string) bool
	// fault says what a value must be.
	fault    string
	required bool
}

// RulesOf reads the rules from documented parameters. Parameters in brackets
// are left to [Brackets].
func RulesOf(parameters []*huma.Param) Rules {
	rules := Rules{}
	for _, p := range parameters {
		if p.In == "query" && p.Style == "" && p.Schema != nil {
			rule := ruleOf(p.Schema)
			rule.required = p.Required
			rules[p.Name] = rule
		}
	}
	return rules
}

func ruleOf(s *huma.Schema) rule {
	switch {
	case len(s.Enum) > 0:
		return enumRule(s.Enum)
	case s.Type == huma.TypeInteger:
		return integerRule(s)
	case s.Type == huma.TypeBoolean:
		return rule{fault: "must be true or false", fits: func(v string) bool { return v == "true" || v == "false" }}
	}
	return textRule(s.MaxLength)
}

// enumRule lets the listed words through, and an empty value, which asks for
// nothing.
func enumRule(enum []any) rule {
	var words []string
	for _, word := range enum {
		words = append(words, fmt.Sprint(word))
	}
	return rule{
		fault: "must be one of " + strings.Join(words, ", "),
		fits:  func(v string) bool { return v == "" || slices.Contains(words, v) },
	}
}

func integerRule(s *huma.Schema) rule {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	fault := "must be an integer"
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		low, high = int64(*s.Minimum), int64(*s.Maximum)
		fault = fmt.Sprintf("must be an integer from %d to %d", low, high)
	case s.Minimum != nil:
		low = int64(*s.Minimum)
		fault = fmt.Sprintf("must be an integer of at least %d", low)
	}
	return rule{fault: fault, fits: func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && n >= low && n <= high && v[0] != '+'
	}}
}

func textRule(maxLength *int) rule {
	if maxLength == nil {
		return rule{fault: "must be UTF-8 without NUL", fits: storable}
	}
	high := *maxLength
	return rule{
		fault: fmt.Sprintf("must be UTF-8 without NUL, of at most %d characters", high),
		fits:  func(v string) bool { return storable(v) && utf8.RuneCountInString(v) <= high },
	}
}

// Check reads a query string. Its error is an ErrValidation with a fault for
// each parameter that breaks its rule. Parameters without a rule are ignored.
func (r Rules) Check(raw string) error {
	var faults []string
	pairs(raw, func(p pair) bool {
		rule, known := r[p.name]
		if !known {
			return true
		}
		fault := ""
		value, ok := p.value()
		switch {
		case !ok:
			fault = p.name + " must be percent-encoded correctly"
		case !rule.fits(value):
			fault = p.name + " " + rule.fault
		}
		if fault != "" && !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
		return true
	})
	for name, rule := range r {
		if rule.required && Value(raw, name) == "" {
			faults = append(faults, name+" is required")
		}
	}
	if faults != nil {
		slices.Sort(faults)
		return pmerr.Invalid(faults...)
	}
	return nil
}
