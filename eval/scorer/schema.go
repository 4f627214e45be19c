package scorer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of schemas.
const (
	maxSchema       = 64 << 10 // bytes
	maxSchemaValues = 2000     // JSON values of all kinds
)

// schemaURL is the base of references inside a schema. Nothing is ever loaded
// from it; .invalid is reserved for that (RFC 2606).
const schemaURL = "https://criteria.invalid/schema"

// buildJSONSchema: the output is JSON that the schema accepts. References
// outside the schema are refused: nothing is loaded.
func buildJSONSchema(_ *Compiler, r *rule) judge {
	var config struct {
		Schema  json.RawMessage `json:"schema"`
		Extract bool            `json:"extract"`
	}
	if !r.decode(&config) {
		return nil
	}
	if isNull(config.Schema) {
		r.fault("schema", " is required: a JSON schema")
		return nil
	}
	document, err := parseSchema(config.Schema)
	if err != nil {
		r.fault("schema", " %s", err)
		return nil
	}
	checked, err := compileSchema(document)
	if err != nil {
		r.fault("schema", ": %s", clip(schemaFault(err), maxReason))
		return nil
	}
	// A validator counts its steps, so only one goroutine may use it.
	validators := sync.Pool{New: func() any {
		v, err := compileSchema(document)
		if err != nil {
			return err // not met: it compiled above
		}
		return v
	}}
	validators.Put(checked)
	return func(_ context.Context, c *subject) (outcome, error) {
		value, err := outputJSON(c.Output, config.Extract)
		if err != nil {
			return binary(false, "the output %s", err), nil
		}
		if !computable(value) {
			return binary(false, "the output has a number of more than %d digits or beyond 1e±%d", maxDigits, maxExponent), nil
		}
		v, ok := validators.Get().(*validator)
		if !ok {
			return outcome{}, pmerr.New(pmerr.Internal, "the schema no longer compiles")
		}
		// One that panicked is not used again.
		violations, err := v.validate(value)
		if err != nil {
			return outcome{}, err
		}
		validators.Put(v)
		if violations == "" {
			return binary(true, "the output fits the schema"), nil
		}
		return binary(false, "%s", violations), nil
	}
}

// parseSchema reads a schema within its bounds.
func parseSchema(raw json.RawMessage) (any, error) {
	if len(raw) > maxSchema {
		return nil, fmt.Errorf("must be at most %d bytes", maxSchema)
	}
	document, err := parseJSON(raw)
	if err != nil {
		return nil, err
	}
	switch document.(type) {
	case map[string]any, bool:
	default:
		return nil, errors.New("must be an object, true or false")
	}
	if n := values(document); n > maxSchemaValues {
		return nil, fmt.Errorf("holds %d values, at most %d are allowed", n, maxSchemaValues)
	}
	if !computable(document) {
		return nil, fmt.Errorf("has a number of more than %d digits or beyond 1e±%d", maxDigits, maxExponent)
	}
	return document, nil
}

// values counts a JSON value and all that it holds.
func values(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			n += values(item)
		}
	case []any:
		for _, item := range v {
			n += values(item)
		}
	}
	return n
}

// noLoader refuses every reference that leaves the schema: neither files nor
// addresses are read.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("only references inside the schema are followed")
}

// compileSchema makes a validator of a schema.
func compileSchema(document any) (*validator, error) {
	v := &validator{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(v.pattern)
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	schema, err := c.Compile(schemaURL)
	if err != nil {
		return nil, err
	}
	v.schema = schema
	return v, v.meter()
}

// schemaFault is a sentence about a schema that does not compile. The library's
// own name the base address, which means nothing to the author.
func schemaFault(err error) string {
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		return fmt.Sprintf("%s is not loaded: %s", quote(strings.TrimPrefix(load.URL, "https://criteria.invalid/")), load.Err)
	}
	var invalid *jsonschema.SchemaValidationError
	if errors.As(err, &invalid) {
		var faults *jsonschema.ValidationError
		if errors.As(invalid.Err, &faults) {
			return "is no JSON schema: " + violations(faults)
		}
		err = invalid.Err
	}
	return strings.ReplaceAll(err.Error(), schemaURL, "")
}

// Bounds of what is told about violations.
const (
	maxViolations = 3
	maxGathered   = 200
)

// violations tells a few places where a value does not fit, sorted, for the
// library goes through objects in random order.
func violations(e *jsonschema.ValidationError) string {
	var found []string
	var gather func(e *jsonschema.ValidationError)
	gather = func(e *jsonschema.ValidationError) {
		if len(found) >= maxGathered {
			return
		}
		if len(e.Causes) == 0 && e.ErrorKind != nil {
			found = append(found, clip(strings.TrimPrefix(e.Error(), "at '': "), maxReason))
		}
		for _, cause := range e.Causes {
			gather(cause)
		}
	}
	gather(e)
	if len(found) == 0 {
		return "does not fit the schema"
	}
	slices.Sort(found)
	found = slices.Compact(found)
	more := ""
	if len(found) > maxViolations {
		more = "; and more"
		found = found[:maxViolations]
	}
	return strings.Join(found, "; ") + more
}
