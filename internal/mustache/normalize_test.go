package mustache_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

type text string

func (text) Shout() string { panic("a method was called") }

type address struct {
	City   string `json:"city"`
	Zip    string `json:"zip,omitempty"`
	secret string
}

type named map[string]any

func (named) Name() string { panic("a method was called") }

func TestNormalize(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		v, want any
	}{
		{"nil", nil, nil},
		{"nil pointer", (*address)(nil), nil},
		{"nil object", map[string]any(nil), nil},
		{"nil list", []any(nil), nil},
		{"nil texts", map[string]string(nil), nil},
		{"texts", map[string]string{"a": "1", "b": "\xff"}, map[string]any{"a": "1", "b": "\uFFFD"}},
		{"list of strings", []string{"a", "b"}, []any{"a", "b"}},
		{"list of ints", []int{1, 2}, []any{json.Number("1"), json.Number("2")}},
		{"bytes", []byte("hi"), "aGk="},
		{"named string", text("x"), "x"},
		{"named map", named{"a": 1}, map[string]any{"a": json.Number("1")}},
		{"struct", address{City: "Rome", secret: "no"}, map[string]any{"city": "Rome"}},
		{"pointer to struct", &address{City: "Rome", Zip: "1"}, map[string]any{"city": "Rome", "zip": "1"}},
		{"struct deep inside", map[string]any{"l": []any{1, address{City: "<Rome>"}}}, map[string]any{"l": []any{1, map[string]any{"city": "<Rome>"}}}},
		{"plain inside foreign", []map[string]any{{"a": []any{1, "b"}}}, []any{map[string]any{"a": []any{json.Number("1"), "b"}}}},
		{"time", at, "2024-02-29T12:00:00Z"},
		{"duration", time.Second, json.Number("1000000000")},
		{"float32", float32(0.1), json.Number("0.1")},
		{"raw JSON", json.RawMessage(`{"a":[1e3, null]}`), map[string]any{"a": []any{json.Number("1e3"), nil}}},
		{"empty number", json.Number(""), json.Number("0")},
		{"keys that are numbers", map[int]string{1: "a"}, map[string]any{"1": "a"}},
		{"string that is not UTF-8", "a\xffb\xc3\x28\xed\xa0\x80", "a\uFFFDb\uFFFD(\uFFFD\uFFFD\uFFFD"},
		{"nils inside", map[string]any{"a": []any(nil), "b": map[string]any(nil), "c": nil}, map[string]any{"a": nil, "b": nil, "c": nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := mustache.Normalize(c.v)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestNormalizeReturnsPlainDataItself(t *testing.T) { // not parallel: it counts allocations
	plain := map[string]any{
		"s": "x", "b": true, "n": nil, "j": json.Number("-1.5e+3"), "f": 2.5, "l": []any{[]any{}, map[string]any{}, "y"},
		"i": 1, "i8": int8(1), "i16": int16(1), "i32": int32(1), "i64": int64(1), "u": uint(1), "u8": uint8(1), "u16": uint16(1), "u32": uint32(1), "u64": uint64(1),
	}
	got, err := mustache.Normalize(plain)
	require.NoError(t, err)
	require.Equal(t, reflect.ValueOf(plain).Pointer(), reflect.ValueOf(got).Pointer(), "the same map")
	require.Zero(t, testing.AllocsPerRun(50, func() {
		if _, err := mustache.Normalize(plain); err != nil {
			t.Error(err)
		}
	}))
}

func TestNormalizeCopiesOnlyAroundWhatChanges(t *testing.T) {
	t.Parallel()
	kept := []any{"kept"}
	list := []any{1, text("x"), text("y")}
	data := map[string]any{"kept": kept, "list": list}
	got, err := mustache.Normalize(data)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"kept": kept, "list": []any{1, "x", "y"}}, got)
	require.Same(t, &kept[0], &got.(map[string]any)["kept"].([]any)[0])
	require.Equal(t, []any{1, text("x"), text("y")}, list, "the caller's list is untouched")
	require.Equal(t, list, data["list"], "the caller's map is untouched")
}

func TestNormalizeRefuses(t *testing.T) {
	t.Parallel()
	failing := errors.New("no form")
	for _, c := range []struct {
		name    string
		v       any
		path    string
		message string
	}{
		{"a function", func() {}, "", "a value of type func() has no JSON form"},
		{"a nil function", (func())(nil), "", "has no JSON form"},
		{"a function inside", map[string]any{"user": map[string]any{"tags": []any{1, func() {}}}}, "user.tags[1]", "has no JSON form"},
		{"a function in a list of lists", []any{[]any{func() {}}}, "[0][0]", "has no JSON form"},
		{"a function in a struct", struct{ F func() }{}, "", "unsupported type: func()"},
		{"a channel", map[string]any{"c": make(chan int)}, "c", "has no JSON form"},
		{"a complex number", complex(1, 2), "", "has no JSON form"},
		{"not a number", map[string]any{"n": math.NaN()}, "n", "unsupported value: NaN"},
		{"infinity", []any{math.Inf(1)}, "[0]", "unsupported value: +Inf"},
		{"a number that is none", []any{json.Number("1,2")}, "[0]", "invalid number literal"},
		{"a number that ends at its point", json.Number("1."), "", "invalid number literal"},
		{"a number that ends at its exponent", json.Number("1e+"), "", "invalid number literal"},
		{"a number with a leading zero", json.Number("-01"), "", "invalid number literal"},
		{"a hexadecimal number", json.Number("0x10"), "", "invalid number literal"},
		{"a key that is not UTF-8", map[string]any{"a": map[string]any{"\xff": 1}}, "a", `the key "\xff" is not valid UTF-8`},
		{"a text's key that is not UTF-8", map[string]string{"\xff": "x"}, "", `is not valid UTF-8`},
		{"a value whose own form fails", broken{failing}, "", "no form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := mustache.Normalize(c.v)
			require.Nil(t, got)
			var fault *mustache.DataError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.path, fault.Path)
			require.Contains(t, fault.Message, c.message)
		})
	}
	t.Run("the cause can be reached", func(t *testing.T) {
		t.Parallel()
		_, err := mustache.Normalize(broken{failing})
		require.ErrorIs(t, err, failing)
	})
}

type broken struct{ err error }

func (b broken) MarshalJSON() ([]byte, error) { return nil, b.err }
