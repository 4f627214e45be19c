package scorer

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// MaxSchemaSteps bounds the work of validating one output. A schema whose parts
// refer to each other twice takes exponential time in its depth; so does one of
// modest size on a deep output.
const MaxSchemaSteps = 1_000_000

// validator is a compiled schema that counts the steps of a validation and
// stops it at MaxSchemaSteps. One goroutine at a time may use it.
//
// The library has no such bound and no context. It does call the format of
// every schema that it comes to, before it goes deeper; so every schema gets a
// format that counts, and that panics, to be recovered here, at the bound.
type validator struct {
	schema *jsonschema.Schema
	left   int
	// instructions of all patterns so far.
	instructions int
}

// exhausted is the panic of a validation that takes too many steps.
type exhausted struct{}

// spend counts steps.
func (v *validator) spend(steps int) {
	v.left -= steps
	if v.left < 0 {
		panic(exhausted{})
	}
}

// validate tells where a value does not fit, or nothing. The error says that
// the bound was met.
func (v *validator) validate(value any) (told string, err error) {
	v.left = MaxSchemaSteps
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exhausted:
			err = pmerr.New(pmerr.BadRequest, "the schema takes more than %d steps on this output", MaxSchemaSteps)
		default:
			err = pmerr.New(pmerr.Internal, "the schema could not be applied to this output").Because(fmt.Errorf("panic: %v", p))
		}
	}()
	failed := v.schema.Validate(value)
	var faults *jsonschema.ValidationError
	if errors.As(failed, &faults) {
		return violations(faults), nil
	}
	if failed != nil {
		return "", pmerr.New(pmerr.Internal, "the schema could not be applied to this output").Because(failed)
	}
	return "", nil
}

// meteredPattern is a pattern of a schema; matching counts as steps.
type meteredPattern struct {
	*regexp.Regexp
	v            *validator
	instructions int
}

// MatchString tells whether a text holds a match.
func (p meteredPattern) MatchString(s string) bool {
	p.v.spend(1 + len(s)*p.instructions/patternsPerStep)
	return p.Regexp.MatchString(s)
}

// patternsPerStep is how many instructions of a pattern cost about as much as
// one step of a validation.
const patternsPerStep = MaxPatternWork / MaxSchemaSteps

// maxSchemaInstructions bounds the patterns of a schema together. The library
// compiles each at least twice.
const maxSchemaInstructions = 10 * maxInstructions

// pattern compiles patterns of a schema within the bounds of rules of type
// regex.
func (v *validator) pattern(text string) (jsonschema.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("a pattern must be at most %d bytes", maxPattern)
	}
	p, err := compilePattern(text, "")
	if err != nil {
		return nil, err
	}
	v.instructions += p.instructions
	if v.instructions > maxSchemaInstructions {
		return nil, fmt.Errorf("all patterns together compile to more than %d instructions: use shorter repetitions", maxSchemaInstructions)
	}
	return meteredPattern{p.expression, v, p.instructions}, nil
}

// meter gives every schema that can be reached a format that counts.
func (v *validator) meter() error {
	seen := map[*jsonschema.Schema]bool{}
	open := []*jsonschema.Schema{v.schema}
	for len(open) > 0 {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		if s == nil || seen[s] {
			continue
		}
		seen[s] = true
		// Where these lead is settled during the validation, out of reach of
		// the search here.
		if s.DynamicRef != nil || s.RecursiveRef != nil {
			return errors.New("$dynamicRef and $recursiveRef are not supported: use $ref")
		}
		p := partsOf(s)
		open = append(append(append(open, p.self...), p.members...), p.items...)
		s.Format = v.metered(s, p)
	}
	return nil
}

// parts are the schemas right below one: those for the same value, those for
// each member of an object and those for each item of a list.
type parts struct{ self, members, items []*jsonschema.Schema }

func partsOf(s *jsonschema.Schema) (p parts) {
	p.self = append(p.self, s.Ref, s.Not, s.If, s.Then, s.Else)
	p.self = append(append(append(p.self, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, part := range s.DependentSchemas {
		p.self = append(p.self, part)
	}
	for _, part := range s.Dependencies {
		if part, ok := part.(*jsonschema.Schema); ok {
			p.self = append(p.self, part)
		}
	}

	p.members = append(p.members, s.PropertyNames, s.UnevaluatedProperties)
	for _, part := range s.Properties {
		p.members = append(p.members, part)
	}
	for _, part := range s.PatternProperties {
		p.members = append(p.members, part)
	}
	if part, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		p.members = append(p.members, part)
	}

	p.items = append(p.items, s.Contains, s.Items2020, s.UnevaluatedItems)
	p.items = append(p.items, s.PrefixItems...)
	switch part := s.Items.(type) {
	case *jsonschema.Schema:
		p.items = append(p.items, part)
	case []*jsonschema.Schema:
		p.items = append(p.items, part...)
	}
	if part, ok := s.AdditionalItems.(*jsonschema.Schema); ok {
		p.items = append(p.items, part)
	}
	// Content schemas are for texts inside a value. They are not asserted, but
	// cost nothing to cover.
	p.self = append(p.self, s.ContentSchema)
	return p
}

// weigh is what looking at a schema costs before its format is called: a schema
// whose type, constant or list of values refuses the value is left at once, so
// its parent pays for it.
func weigh(schemas []*jsonschema.Schema) (sum, most int) {
	for _, s := range schemas {
		if s == nil {
			continue
		}
		cost := 1
		if s.Enum != nil {
			cost += len(s.Enum.Values)
			for _, value := range s.Enum.Values {
				cost += values(value)
			}
		}
		if s.Const != nil {
			cost += values(*s.Const)
		}
		sum += cost
		most = max(most, cost)
	}
	return sum, most
}

// metered is the format of a schema, with the count in front.
func (v *validator) metered(s *jsonschema.Schema, p parts) *jsonschema.Format {
	own := s.Format
	name := "metered"
	if own != nil {
		name = own.Name
	}
	self, _ := weigh(p.self)
	// A member meets one of the named properties, and may meet all the rest.
	named := make([]*jsonschema.Schema, 0, len(s.Properties))
	for _, part := range s.Properties {
		named = append(named, part)
	}
	_, heaviest := weigh(named)
	allNamed, _ := weigh(named)
	member, _ := weigh(p.members)
	member += heaviest - allNamed
	item, _ := weigh(p.items)
	if len(s.PrefixItems) > 0 {
		all, _ := weigh(s.PrefixItems)
		_, most := weigh(s.PrefixItems)
		item += most - all
	}
	return &jsonschema.Format{Name: name, Validate: func(value any) error {
		steps := 1 + self
		switch value := value.(type) {
		case map[string]any:
			steps += len(value)*(1+member) + len(s.Required)
		case []any:
			steps += len(value) * (1 + item)
			if s.UniqueItems {
				steps += 2 * values(value)
			}
		case string:
			steps += len(value) / 64
		}
		v.spend(steps)
		if own != nil {
			return own.Validate(value)
		}
		return nil
	}}
}
