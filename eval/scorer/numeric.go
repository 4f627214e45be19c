package scorer

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// buildNumeric: a number of the output is the expected one, within the larger
// of the absolute tolerance and the relative one times the expected number.
func buildNumeric(_ *Compiler, r *rule) judge {
	var config struct {
		Expected json.RawMessage `json:"expected"`
		Absolute *float64        `json:"absolute"`
		Relative *float64        `json:"relative"`
		Pick     string          `json:"pick"`
	}
	if !r.decode(&config) {
		return nil
	}
	r.bound("absolute", config.Absolute)
	r.bound("relative", config.Relative)
	pick := r.oneOf("pick", config.Pick, "last", "first", "only")
	expected, ok := r.numberExpectation(config.Expected)
	if !ok {
		return nil
	}
	numbers := numberPattern()
	return func(_ context.Context, c *subject) (outcome, error) {
		want, err := expected(c)
		if err != nil {
			return outcome{}, err
		}
		if err := checkText("the output", c.Output); err != nil {
			return outcome{}, err
		}
		got, found := pickNumber(numbers, c.Output, pick)
		if !found {
			return binary(false, "no number in the output, expected %v", want), nil
		}
		tolerance := max(value(config.Absolute), value(config.Relative)*math.Abs(want))
		distance := math.Abs(got - want)
		return binary(distance <= tolerance, "expected %v, got %v, tolerance %v", want, got, tolerance), nil
	}
}

func value(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}

// numberExpectation reads an expected number: a literal, a template, or nothing
// for the row's expectedOutput, which may hold it as a number or as text.
func (r *rule) numberExpectation(raw json.RawMessage) (func(c *subject) (float64, error), bool) {
	numbers := numberPattern()
	if isNull(raw) {
		return func(c *subject) (float64, error) {
			if n, ok := expectedNumber(c.Row.ExpectedOutput); ok {
				return n, nil
			}
			text, _, err := expectedText(c.Row.ExpectedOutput)
			if err != nil {
				return 0, err
			}
			return wanted(numbers, text)
		}, true
	}
	var literal float64
	if json.Unmarshal(raw, &literal) == nil {
		return func(*subject) (float64, error) { return literal, nil }, true
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		r.fault("expected", " must be a number, or a text that renders to one")
		return nil, false
	}
	e := r.expectation("expected", &text)
	return func(c *subject) (float64, error) {
		rendered, _, err := e.text(c)
		if err != nil {
			return 0, err
		}
		return wanted(numbers, rendered)
	}, true
}

// wanted reads the one number of an expected text.
func wanted(numbers *regexp.Regexp, text string) (float64, error) {
	if err := checkText("the expected text", text); err != nil {
		return 0, err
	}
	n, ok := pickNumber(numbers, text, "only")
	if !ok {
		return 0, pmerr.New(pmerr.BadRequest, "the expected text %s must be one number", quote(text))
	}
	return n, nil
}

// expectedNumber finds a number among the members that hold an expected text.
func expectedNumber(raw json.RawMessage) (float64, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return 0, false
	}
	for _, member := range expectedMembers {
		var n float64
		if text := bytes.TrimSpace(members[member]); len(text) > 0 && text[0] != 'n' && json.Unmarshal(text, &n) == nil {
			return n, true
		}
	}
	return 0, false
}

// numberPattern finds decimal numbers, with commas between thousands or
// without, and an exponent.
func numberPattern() *regexp.Regexp {
	return regexp.MustCompile(`[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?`)
}

// pickNumber reads the first, the last or the only number of a text. A number
// stands alone: the digits of "gpt4" or of "1.2.3" are none.
func pickNumber(numbers *regexp.Regexp, text, pick string) (n float64, found bool) {
	for _, at := range numbers.FindAllStringIndex(text, -1) {
		start, end := at[0], at[1]
		if !standsAlone(text, start, end) {
			// A sign may join two numbers, as in "3-4".
			if text[start] != '-' && text[start] != '+' || !standsAlone(text, start+1, end) {
				continue
			}
			start++
		}
		parsed, err := strconv.ParseFloat(strings.ReplaceAll(text[start:end], ",", ""), 64)
		if err != nil {
			continue // too large for a float64
		}
		if found && pick == "only" {
			return 0, false
		}
		n, found = parsed, true
		if pick == "first" {
			break
		}
	}
	return n, found
}

// standsAlone tells whether a number is not part of a word or of a version.
func standsAlone(text string, start, end int) bool {
	word := func(b byte) bool {
		return b == '_' || b >= 0x80 || (b >= '0' && b <= '9') || (b|0x20 >= 'a' && b|0x20 <= 'z')
	}
	if start > 0 && (word(text[start-1]) && text[start-1] < 0x80 || text[start-1] == '.') {
		return false
	}
	if end == len(text) {
		return true
	}
	if text[end] == '.' || text[end] == ',' {
		return end+1 == len(text) || !(text[end+1] >= '0' && text[end+1] <= '9')
	}
	return !word(text[end]) || text[end] >= 0x80
}
