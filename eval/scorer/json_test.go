package scorer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestJSONSchema(t *testing.T) {
	t.Parallel()
	person := `{"type":"object","properties":{"name":{"type":"string","minLength":1},"age":{"type":"integer","minimum":0}},"required":["name"],"additionalProperties":false}`
	tests := []struct {
		name, config, output string
		passed               bool
		reason               string
	}{
		{"a value that fits", `{"schema":` + person + `}`, `{"name":"Ann","age":3}`, true, "the output fits the schema"},
		{"a missing member", `{"schema":` + person + `}`, `{}`, false, "missing property 'name'"},
		{"several faults", `{"schema":` + person + `}`, `{"name":"","age":-1,"x":1}`, false, "additional properties 'x' not allowed; at '/age': minimum: got -1, want 0; at '/name': minLength: got 0, want 1"},
		{"no JSON", `{"schema":` + person + `}`, `Ann`, false, "the output is not JSON"},
		{"an empty output", `{"schema":true}`, ``, false, "the output is not JSON: it ends too early"},
		{"text after the value", `{"schema":true}`, `{} {}`, false, "more text follows"},
		{"a fence is no JSON", `{"schema":` + person + `}`, "```json\n{\"name\":\"Ann\"}\n```", false, "is not JSON"},
		{"a fence with extract", `{"schema":` + person + `,"extract":true}`, "Here:\n```json\n{\"name\":\"Ann\"}\n```", true, ""},
		{"prose with extract", `{"schema":{"type":"array"},"extract":true}`, "it is {not} this but [1,2] and {}", true, ""},
		{"nothing to extract", `{"schema":true,"extract":true}`, "nothing", false, "holds no JSON object or list"},
		{"references inside", `{"schema":{"$ref":"#/$defs/n","$defs":{"n":{"type":"null"}}}}`, `null`, true, ""},
		{"a recursive schema", `{"schema":{"$defs":{"t":{"type":"object","properties":{"next":{"$ref":"#/$defs/t"}},"additionalProperties":false}},"$ref":"#/$defs/t"}}`, `{"next":{"next":{"x":1}}}`, false, "at '/next/next'"},
		{"draft 2020-12 is the default", `{"schema":{"prefixItems":[{"type":"string"}],"items":{"type":"integer"}}}`, `["a",1,2]`, true, ""},
		{"an older draft by name", `{"schema":{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"string"}],"additionalItems":false}}`, `["a",1]`, false, ""},
		{"big integers are not rounded", `{"schema":{"const":9007199254740993}}`, `9007199254740992`, false, ""},
		{"1.0 is an integer", `{"schema":{"type":"integer"}}`, `1.0`, true, ""},
		{"enormous numbers are refused", `{"schema":{"type":"number"}}`, `[1,{"a":1e1000000000}]`, false, "beyond 1e±400"},
		{"numbers of many digits are refused", `{"schema":{"multipleOf":0.1}}`, strings.Repeat("7", 401), false, "more than 400 digits"},
		{"a deep value is refused", `{"schema":true}`, strings.Repeat("[", 200) + strings.Repeat("]", 200), false, "nested deeper than 100"},
		{"the schema false", `{"schema":false}`, `1`, false, "false schema"},
		{"patterns", `{"schema":{"pattern":"^a+$"}}`, `"aab"`, false, "does not match pattern"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := verdict(t, "json_schema", test.config, output(test.output))
			require.Equal(t, test.passed, v.Passed, v.Reason)
			require.Contains(t, v.Reason, test.reason)
			require.NotContains(t, v.Reason, "criteria.invalid")
		})
	}
}

// A schema of a few lines can ask for more steps than there are atoms.
func TestSchemasThatExplodeAreStopped(t *testing.T) {
	t.Parallel()
	chain := func(last, format string) string {
		defs := []string{`"d60":` + last}
		for i := range 60 {
			ref := fmt.Sprintf(`{"$ref":"#/$defs/d%d"}`, i+1)
			defs = append(defs, fmt.Sprintf(`"d%d":`, i)+fmt.Sprintf(format, ref, ref))
		}
		return `"$defs":{` + strings.Join(defs, ",") + `}`
	}
	deep := strings.Repeat(`{"a":`, 90) + `{}` + strings.Repeat("}", 90)
	tests := []struct{ name, schema, output string }{
		{"choices", `{` + chain(`{"type":"integer"}`, `{"anyOf":[%s,%s]}`) + `,"$ref":"#/$defs/d0"}`, `"x"`},
		{"choices that nobody asks the errors of", `{` + chain(`{"type":"integer"}`, `{"anyOf":[%s,%s]}`) + `,"not":{"$ref":"#/$defs/d0"}}`, `"x"`},
		{"all of", `{` + chain(`true`, `{"allOf":[%s,%s]}`) + `,"$ref":"#/$defs/d0"}`, `1`},
		{"one of", `{` + chain(`false`, `{"oneOf":[%s,%s]}`) + `,"$ref":"#/$defs/d0"}`, `1`},
		{"conditions", `{` + chain(`false`, `{"if":%s,"else":%s}`) + `,"$ref":"#/$defs/d0"}`, `1`},
		{"dependent schemas", `{` + chain(`false`, `{"dependentSchemas":{"a":%s,"b":%s}}`) + `,"not":{"$ref":"#/$defs/d0"}}`, `{"a":1,"b":2}`},
		{"members", `{"$ref":"#/$defs/x","$defs":{"x":{"properties":{"a":{"$ref":"#/$defs/x"}},"additionalProperties":true,"patternProperties":{"a":{"$ref":"#/$defs/x"}}}}}`, deep},
		{"patterns of members", `{"not":{"$ref":"#/$defs/x"},"$defs":{"x":{"patternProperties":{"a":{"$ref":"#/$defs/x"},"a.*":{"$ref":"#/$defs/x"}},"minProperties":1}}}`, deep},
		{"a list of values for many items", `{"items":{"enum":[` + strings.Repeat("1,", 1900) + `2]}}`, `[` + strings.Repeat("3,", 20000) + `3]`},
		{"long patterns on long texts", `{"pattern":"[^b]{700}c[^b]{700}d[^b]{700}e"}`, `"` + strings.Repeat("a", 100_000) + `"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := failure(t, "json_schema", `{"schema":`+test.schema+`}`, output(test.output))
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.ErrorContains(t, err, "the schema takes more than 1000000 steps on this output")
		})
	}
	t.Run("but not ordinary ones on large outputs", func(t *testing.T) {
		t.Parallel()
		v := verdict(t, "json_schema", `{"schema":{"items":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string","maxLength":20}},"required":["id"]},"uniqueItems":true}}`,
			output("["+strings.Repeat(`{"id":1,"name":"x"},`, 20_000)+`{"id":1,"name":"y"}]`))
		require.False(t, v.Passed)
		require.Contains(t, v.Reason, "items at 0 and 1 are equal")
	})
}

func TestJSONSchemaServesSeveralAtOnce(t *testing.T) {
	t.Parallel()
	s := compiled(t, noOptions, "json_schema", `{"schema":{"type":"object","properties":{"n":{"pattern":"^a"}}}}`)
	done := make(chan error, 8)
	for range cap(done) {
		go func() {
			var last error
			for range 50 {
				v, err := s.Score(t.Context(), output(`{"n":"abc"}`))
				if err != nil || !v.Passed {
					last = fmt.Errorf("%+v: %w", v, err)
				}
			}
			done <- last
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
}

func TestJSONDiff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, config, output, expected string
		score                          float64
		passed                         bool
		reason                         string
	}{
		{"the same", `{}`, `{"a":1,"b":[true,null,"x"]}`, `{"b":[true,null,"x"],"a":1}`, 1, true, "all 4 values are as expected"},
		{"numbers written otherwise", `{}`, `{"a":1e2,"b":-0,"c":0.10}`, `{"a":100.0,"b":0,"c":1E-1}`, 1, true, ""},
		{"2^53+1 is not 2^53", `{}`, `{"a":9007199254740993}`, `{"a":9007199254740992}`, 0, false, "/a: expected 9007199254740992, got 9007199254740993"},
		{"huge exponents cost nothing", `{}`, `{"a":1e999999999999}`, `{"a":10e999999999998}`, 1, true, ""},
		{"exponents beyond 64 bits", `{}`, `{"a":1e99999999999999999999}`, `{"a":1e99999999999999999999}`, 1, true, ""},
		{"zero has any exponent", `{}`, `{"a":0e99999999999999999999}`, `{"a":0.00}`, 1, true, ""},
		{"a part of it", `{}`, `{"a":1,"b":3}`, `{"a":1,"b":2}`, 0.5, false, "/b: expected 2, got 3"},
		{"more than expected", `{}`, `{"a":1,"b":3}`, `{"a":1}`, 0.5, false, "/b: is not expected"},
		{"more is fine in a subset", `{"mode":"subset"}`, `{"a":{"x":1,"y":2},"b":3}`, `{"a":{"x":1}}`, 1, true, ""},
		{"less is not", `{"mode":"subset"}`, `{"a":1}`, `{"a":1,"b":{"c":1,"d":2}}`, 1.0 / 3, false, "/b: is missing"},
		{"lists have all their items", `{"mode":"subset"}`, `{"a":[1,2,3]}`, `{"a":[1,2]}`, 2.0 / 3, false, "/a: expected 2 items, got 3"},
		{"lists have an order", `{}`, `{"a":[2,1]}`, `{"a":[1,2]}`, 0, false, "/a/0: expected 1, got 2"},
		{"objects in lists may have more in a subset", `{"mode":"subset"}`, `{"a":[{"x":1,"y":2}]}`, `{"a":[{"x":1}]}`, 1, true, ""},
		{"another type", `{}`, `{"a":"1"}`, `{"a":1}`, 0, false, `/a: expected 1, got "1"`},
		{"an object for a list", `{}`, `{"a":{}}`, `{"a":[1,2]}`, 0, false, "/a: expected a list, got an object"},
		{"null is not missing", `{}`, `{}`, `{"a":null}`, 0, false, "/a: is missing"},
		{"empty objects", `{}`, `{"a":{}}`, `{"a":{}}`, 1, true, ""},
		{"any object holds the empty one", `{"mode":"subset"}`, `{"a":{"b":1}}`, `{"a":{}}`, 1, true, ""},
		{"names are escaped", `{}`, `{"a/b~":1}`, `{"a/b~":2}`, 0, false, "/a~1b~0: expected 2, got 1"},
		{"a literal of the rule", `{"expected":[1,"x"]}`, `[1,"x"]`, "", 1, true, ""},
		{"a text of the rule", `{"expected":"x"}`, `"x"`, "", 1, true, ""},
		{"null of the rule", `{"expected":null}`, `null`, "", 1, true, ""},
		{"a template of the rule", `{"expected":"{\"q\":\"{{input.question}}\",\"w\":{{input.words}}}"}`, `{"q":"What is 6 times 7?","w":["a","b"]}`, "", 1, true, ""},
		{"no JSON", `{}`, `nope`, `{"a":1}`, 0, false, "the output is not JSON"},
		{"JSON in prose", `{"extract":true}`, `so: {"a":1}.`, `{"a":1}`, 1, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := verdict(t, "json_diff", test.config, row(test.output, test.expected))
			require.InDelta(t, test.score, v.Score, 1e-12)
			require.Equal(t, test.passed, v.Passed)
			require.Contains(t, v.Reason, test.reason)
		})
	}
	t.Run("a template that renders to no JSON is an error", func(t *testing.T) {
		t.Parallel()
		err := failure(t, "json_diff", `{"expected":"{{input.question}}"}`, row("1", ""))
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
		require.ErrorContains(t, err, "config.expected, as rendered for this row, is not JSON")
	})
}
