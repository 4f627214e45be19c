package mustache

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// SyntaxError says where and why a text is not a template. Its message is safe
// to show to whoever wrote the template.
type SyntaxError struct {
	// Line counts from 1 and is the line on which the faulty tag begins.
	Line    int
	Message string
}

func (e *SyntaxError) Error() string {
	return "line " + strconv.Itoa(e.Line) + ": " + e.Message
}

// Limit names a bound that a template or its data ran into.
type Limit string

// The bounds.
const (
	// LimitOutput is Limits.MaxOutput.
	LimitOutput Limit = "output"
	// LimitSteps is Limits.MaxSteps.
	LimitSteps Limit = "steps"
	// LimitDepth is MaxDepth.
	LimitDepth Limit = "depth"
	// LimitValues is MaxValues.
	LimitValues Limit = "values"
)

// LimitError says which bound stopped a rendering or refused its data.
type LimitError struct {
	Limit Limit
	// Max is the bound in the unit of its kind: bytes, steps, levels or values.
	Max int
}

func (e *LimitError) Error() string {
	bound := strconv.Itoa(e.Max)
	switch e.Limit {
	case LimitOutput:
		return "the rendered text is longer than " + bound + " bytes"
	case LimitSteps:
		return "rendering takes more than " + bound + " steps"
	case LimitDepth:
		return "the data is nested more than " + bound + " levels deep"
	default:
		return "the data holds more than " + bound + " values"
	}
}

func tooDeep() error { return &LimitError{Limit: LimitDepth, Max: MaxDepth} }

// DataError says which value is not JSON data.
type DataError struct {
	// Path leads to the value: "user.tags[2]". It is empty for the whole data.
	Path    string
	Message string

	cause error
}

func (e *DataError) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Unwrap returns the error of encoding/json, if there was one.
func (e *DataError) Unwrap() error { return e.cause }

// under moves a fault one level up: its path now starts with step.
func (e *DataError) under(step string) *DataError {
	switch {
	case e.Path == "":
		e.Path = step
	case e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
	return e
}

// within moves a fault one level up if err is one; a limit has no place.
func within(err error, step string) error {
	var fault *DataError
	if errors.As(err, &fault) {
		return fault.under(step)
	}
	return err
}

// maxQuoted keeps messages short however long the names in a template are.
const maxQuoted = 60

// clip shortens a name for a message without splitting a character.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	end := maxQuoted
	for end > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func quote(s string) string { return strconv.Quote(clip(s)) }
