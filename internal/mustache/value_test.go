package mustache_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

func TestValuesAsText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"string", "a\n\"<&>\u2028 é \xff", "a\n\"<&>\u2028 é \xff"},
		{"empty string", "", ""},
		{"nil", nil, ""},
		{"true", true, "true"},
		{"false", false, "false"},
		{"int", -7, "-7"},
		{"int8", int8(math.MinInt8), "-128"},
		{"int16", int16(math.MinInt16), "-32768"},
		{"int32", int32(math.MinInt32), "-2147483648"},
		{"int64", int64(math.MinInt64), "-9223372036854775808"},
		{"uint", uint(7), "7"},
		{"uint8", uint8(255), "255"},
		{"uint16", uint16(65535), "65535"},
		{"uint32", uint32(math.MaxUint32), "4294967295"},
		{"uint64", uint64(math.MaxUint64), "18446744073709551615"},
		{"float", 1.5, "1.5"},
		{"float without fraction", 1000000.0, "1000000"},
		{"large float", 123456789012345680000.0, "123456789012345680000"},
		{"largest float without exponent", 999999999999999900000.0, "999999999999999900000"},
		{"float with exponent", 1e21, "1e+21"},
		{"largest float", math.MaxFloat64, "1.7976931348623157e+308"},
		{"small float", 0.000001, "0.000001"},
		{"smaller float", 0.0000001, "1e-7"},
		{"small negative float", -1.25e-7, "-1.25e-7"},
		{"float with exponent of two digits", 1e-10, "1e-10"},
		{"smallest float", math.SmallestNonzeroFloat64, "5e-324"},
		{"zero float", 0.0, "0"},
		{"negative zero float", math.Copysign(0, -1), "0"},
		{"tenth", 0.1, "0.1"},
		{"number", json.Number("1000000"), "1000000"},
		{"number keeps its digits", json.Number("12345678901234567890.10"), "12345678901234567890.10"},
		{"number keeps its zeros", json.Number("2.50"), "2.50"},
		{"negative zero number", json.Number("-0"), "-0"},
		{"number with exponent", json.Number("1e6"), "1000000"},
		{"number with large exponent letter", json.Number("1.5E+3"), "1500"},
		{"number with negative exponent", json.Number("25e-1"), "2.5"},
		{"number below JavaScript's digits", json.Number("1.50E-7"), "1.5e-7"},
		{"number under 1e21", json.Number("9.9e20"), "990000000000000000000"},
		{"number of 1e21", json.Number("1e21"), "1e21"},
		{"number far beyond", json.Number("-1E400"), "-1E400"},
		{"number too small to hold", json.Number("1e-400"), "1e-400"},
		{"zero with exponent", json.Number("-0.0e5"), "0"},
		{"list", []any{1, "a", nil, true, 1.0, json.Number("2.50"), json.Number("1e3")}, `[1,"a",null,true,1,2.50,1000]`},
		{"empty list", []any{}, "[]"},
		{"nil list", []any(nil), ""},
		{"object", map[string]any{"b": 1, "a": map[string]any{}, "c": []any{}, "B": nil}, `{"B":null,"a":{},"b":1,"c":[]}`},
		{"empty object", map[string]any{}, "{}"},
		{"nil object", map[string]any(nil), ""},
		{"nil list and object inside", []any{[]any(nil), map[string]any(nil)}, "[null,null]"},
		{"strings in JSON", []any{"<&>\"\\/\b\f\n\r\t\x00\x1f\x7f é 😀 \u2028", "\xff\xfeA\xc3"}, "[\"<&>\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f é 😀 \u2028\",\"\uFFFD\uFFFDA\uFFFD\"]"},
		{"keys in JSON", map[string]any{"<\n\xff": 1}, "{\"<\\n\uFFFD\":1}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, render(t, "{{v}}", map[string]any{"v": c.v}))
			require.Equal(t, c.want, render(t, "{{{.}}}", c.v))
		})
	}
}

// A value must look the same in-process and after a trip over the wire.
func TestNumbersSurviveTheWire(t *testing.T) {
	t.Parallel()
	for _, f := range []float64{0, 1, -1, 0.1, 1e6, 1e20, 1e21, 1e22, 1.5e300, 1e-5, 1e-6, 9.99e-7, 1e-7, 1.25e-9, 1e-10, 5e-324, 1.0 / 3, 123456789.125, math.MaxFloat64} {
		text, err := json.Marshal(f)
		require.NoError(t, err)
		require.Equal(t, render(t, "{{.}}", f), render(t, "{{.}}", json.Number(text)), "%s", text)
	}
}

func TestTruthiness(t *testing.T) {
	t.Parallel()
	falsy := map[string]any{
		"nil": nil, "false": false, "empty string": "", "empty list": []any{}, "nil list": []any(nil), "nil object": map[string]any(nil),
		"int": 0, "int8": int8(0), "int16": int16(0), "int32": int32(0), "int64": int64(0),
		"uint": uint(0), "uint8": uint8(0), "uint16": uint16(0), "uint32": uint32(0), "uint64": uint64(0),
		"float": 0.0, "negative zero": math.Copysign(0, -1), "NaN": math.NaN(),
		"number": json.Number("0"), "number -0": json.Number("-0"), "number 0.00": json.Number("0.00"), "number 0e5": json.Number("0e5"), "number 0.0E-7": json.Number("0.0E-7"),
	}
	truthy := map[string]any{
		"true": true, "string": "x", "blank": " ", "the word false": "false", "the digit zero": "0", "list": []any{nil}, "object": map[string]any{"a": nil}, "empty object": map[string]any{},
		"int": 1, "int8": int8(-1), "int16": int16(-1), "int32": int32(-1), "int64": int64(math.MinInt64),
		"uint": uint(1), "uint8": uint8(1), "uint16": uint16(256), "uint32": uint32(65536), "uint64": uint64(1) << 32,
		"float": 0.1, "tiny": math.SmallestNonzeroFloat64, "negative": -1.0, "infinite": math.Inf(1),
		"number": json.Number("1"), "number 0.01": json.Number("0.01"), "number 1e-400": json.Number("1e-400"), "number -1e0": json.Number("-1e0"),
	}
	check := func(t *testing.T, v any, shown, hidden string) {
		t.Helper()
		data := map[string]any{"v": v}
		require.Equal(t, shown, render(t, "{{#v}}yes{{/v}}", data))
		require.Equal(t, hidden, render(t, "{{^v}}no{{/v}}", data))
	}
	for name, v := range falsy {
		t.Run(name+" is falsy", func(t *testing.T) { t.Parallel(); check(t, v, "", "no") })
	}
	for name, v := range truthy {
		t.Run(name+" is truthy", func(t *testing.T) { t.Parallel(); check(t, v, "yes", "") })
	}
}

// method would betray a renderer that calls what it finds.
type method struct{ Name string }

func (method) String() string               { panic("String was called") }
func (method) Secret() string               { panic("Secret was called") }
func (method) MarshalJSON() ([]byte, error) { panic("MarshalJSON was called") }

func TestForeignValuesAreRefusedAndNeverCalled(t *testing.T) {
	t.Parallel()
	lambda := func(string) string { panic("the function was called") }
	for _, c := range []struct {
		name, text string
		data       any
		path       string
	}{
		{"a function as a variable", "{{f}}", map[string]any{"f": lambda}, "f"},
		{"a function as a section", "{{#f}}x{{/f}}", map[string]any{"f": lambda}, "f"},
		{"a function as an inverted section", "{{^f}}x{{/f}}", map[string]any{"f": lambda}, "f"},
		{"a struct as a variable", "{{a.b}}", map[string]any{"a": map[string]any{"b": method{}}}, "a.b"},
		{"a struct as a section", "{{#a.b}}{{/a.b}}", map[string]any{"a": map[string]any{"b": &method{}}}, "a.b"},
		{"a value in a list", "{{a}}", map[string]any{"a": []any{1, []any{lambda}}}, "a[1][0]"},
		{"a value in an object", "{{a}}", map[string]any{"a": map[string]any{"b": []any{method{}}}}, "a.b[0]"},
		{"a list of a narrower type", "{{a}}", map[string]any{"a": []string{"x"}}, "a"},
		{"the data itself", "{{.}}", method{}, "."},
		{"not a number", "{{a}}", map[string]any{"a": math.NaN()}, "a"},
		{"infinity in a list", "{{a}}", map[string]any{"a": []any{math.Inf(-1)}}, "a[0]"},
		{"a number that is none, in JSON", "{{a}}", map[string]any{"a": []any{json.Number(`1,"x":2`)}}, "a[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := parse(t, "before "+c.text).Append([]byte("kept"), c.data, mustache.Limits{})
			var fault *mustache.DataError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.path, fault.Path)
			require.True(t, strings.HasPrefix(err.Error(), c.path+": "), err.Error())
			require.Equal(t, "kept", string(out))
		})
	}
	t.Run("methods and fields are out of reach", func(t *testing.T) {
		t.Parallel()
		data := map[string]any{"m": method{Name: "x"}}
		require.Equal(t, "[]", render(t, "[{{m.Secret}}{{m.Name}}{{m.String}}]", data))
	})
}
