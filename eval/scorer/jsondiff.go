package scorer

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// buildJSONDiff: the output is JSON with the expected value, or in mode subset
// with at least the expected members. The score is the part of the expected
// leaves that are right, in mode equal of all leaves of both.
func buildJSONDiff(_ *Compiler, r *rule) judge {
	var config struct {
		Expected json.RawMessage `json:"expected"`
		Mode     string          `json:"mode"`
		Extract  bool            `json:"extract"`
	}
	if !r.decode(&config) {
		return nil
	}
	equal := r.oneOf("mode", config.Mode, "equal", "subset") == "equal"
	want, ok := r.jsonExpectation(config.Expected)
	if !ok {
		return nil
	}
	return func(_ context.Context, c *subject) (outcome, error) {
		expected, err := want(c)
		if err != nil {
			return outcome{}, err
		}
		got, err := outputJSON(c.Output, config.Extract)
		if err != nil {
			return binary(false, "the output %s", err), nil
		}
		d := diffJSON(expected, got, equal)
		if d.equal() {
			return binary(true, "all %d values are as expected", d.total), nil
		}
		return outcome{score: float64(d.matched) / float64(d.total), reason: d.first}, nil
	}
}

// jsonExpectation reads an expected JSON value: a literal, a template that
// renders to JSON, or nothing for the row's whole expectedOutput.
func (r *rule) jsonExpectation(raw json.RawMessage) (func(c *subject) (any, error), bool) {
	if len(raw) == 0 {
		return func(c *subject) (any, error) {
			if isNull(c.Row.ExpectedOutput) {
				return nil, pmerr.New(pmerr.BadRequest, "the row has no expectedOutput, and the rule names no expected value")
			}
			v, err := parseJSON(c.Row.ExpectedOutput)
			if err != nil {
				return nil, pmerr.New(pmerr.BadRequest, "the row's expectedOutput %s", err)
			}
			return v, nil
		}, true
	}
	literal, err := parseJSON(raw)
	if err != nil {
		r.fault("expected", " %s", err)
		return nil, false
	}
	text, isText := literal.(string)
	if !isText || !strings.Contains(text, "{{") {
		return func(*subject) (any, error) { return literal, nil }, true
	}
	e := r.expectation("expected", &text)
	return func(c *subject) (any, error) {
		rendered, _, err := e.text(c)
		if err != nil {
			return nil, err
		}
		v, err := parseJSON([]byte(rendered))
		if err != nil {
			return nil, pmerr.New(pmerr.BadRequest, "config.expected, as rendered for this row, %s", err)
		}
		return v, nil
	}, true
}

// difference counts leaves: scalars, and empty lists and objects.
type difference struct {
	matched, total int
	// first says where the first difference is, in the order of names.
	first string
}

// equal tells that nothing differs.
func (d *difference) equal() bool { return d.matched == d.total }

// note counts a leaf that differs.
func (d *difference) note(path []string, what string) {
	if d.first == "" {
		d.first = pointer(path) + ": " + what
	}
}

// diffJSON compares two values that parseJSON made, so their depth is bounded.
// It takes time linear in their size, but for the sorting of names. Numbers are
// the same if their decimal values are, however they are written.
func diffJSON(want, got any, equal bool) *difference {
	var d difference
	d.compare(want, got, equal, nil)
	return &d
}

func (d *difference) compare(want, got any, equal bool, path []string) {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			d.objects(want, got, equal, path)
			return
		}
	case []any:
		if got, ok := got.([]any); ok {
			d.lists(want, got, equal, path)
			return
		}
	default:
		if sameScalar(want, got) {
			d.total++
			d.matched++
			return
		}
	}
	d.note(path, "expected "+show(want)+", got "+show(got))
	if equal {
		d.total += max(leaves(want), leaves(got))
	} else {
		d.total += leaves(want)
	}
}

func (d *difference) objects(want, got map[string]any, equal bool, path []string) {
	if len(want) == 0 && (len(got) == 0 || !equal) {
		d.total++
		d.matched++
		return
	}
	for _, name := range sortedNames(want) {
		at := append(path, name)
		value, there := got[name]
		if !there {
			d.note(at, "is missing")
			d.total += leaves(want[name])
			continue
		}
		d.compare(want[name], value, equal, at)
	}
	if !equal {
		return
	}
	for _, name := range sortedNames(got) {
		if _, known := want[name]; !known {
			d.note(append(path, name), "is not expected")
			d.total += leaves(got[name])
		}
	}
}

// lists compares item by item; in mode subset too a list has exactly the
// expected items in their order.
func (d *difference) lists(want, got []any, equal bool, path []string) {
	if len(want) == 0 && len(got) == 0 {
		d.total++
		d.matched++
		return
	}
	if len(want) != len(got) {
		d.note(path, "expected "+strconv.Itoa(len(want))+" items, got "+strconv.Itoa(len(got)))
	}
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			d.total += leaves(got[i])
		case i >= len(got):
			d.total += leaves(want[i])
		default:
			d.compare(want[i], got[i], equal, append(path, strconv.Itoa(i)))
		}
	}
}

func sameScalar(a, b any) bool {
	left, ok := a.(json.Number)
	if !ok {
		return a == b // null, a text or a truth value, so it can be compared
	}
	right, ok := b.(json.Number)
	return ok && canonical(left) == canonical(right)
}

func leaves(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			n += leaves(item)
		}
	case []any:
		for _, item := range v {
			n += leaves(item)
		}
	}
	return max(n, 1)
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// show names a value briefly.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return quote(v)
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return clip(string(v), maxQuoted)
	}
	return "something else"
}

// pointer is a path as a JSON pointer (RFC 6901), kept short.
func pointer(path []string) string {
	if len(path) == 0 {
		return "the value"
	}
	var b strings.Builder
	for _, step := range path {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(clip(step, maxQuoted), "~", "~0"), "/", "~1"))
		if b.Len() > 4*maxQuoted {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }
