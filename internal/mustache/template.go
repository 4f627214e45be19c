package mustache

import (
	"math"
	"slices"
)

// Limits bound what a template may cost. A field that is zero or negative
// means its default.
type Limits struct {
	// MaxNesting is how many sections may be open inside each other. Parse
	// enforces it. Default 16.
	MaxNesting int
	// MaxOutput is how many bytes one Append may add. Default 10 MiB.
	MaxOutput int
	// MaxSteps is how many nodes (a piece of text, a variable, the start of a
	// section, the end of one round of it) one Append may go through. Every
	// object searched beyond the first for the same name, and every 64 bytes of
	// a name or of a number's digits, count as one more. Default 1,000,000.
	MaxSteps int
}

// Defaults of Limits.
const (
	DefaultMaxNesting = 16
	DefaultMaxOutput  = 10 << 20
	DefaultMaxSteps   = 1_000_000
)

// Bounds of data, beyond any template.
const (
	// MaxDepth is how deep lists and objects may lie inside each other.
	MaxDepth = 100
	// MaxValues is how many values [Normalize] looks at.
	MaxValues = 1_000_000
)

func (l Limits) withDefaults() Limits {
	if l.MaxNesting <= 0 {
		l.MaxNesting = DefaultMaxNesting
	}
	if l.MaxOutput <= 0 {
		l.MaxOutput = DefaultMaxOutput
	}
	if l.MaxSteps <= 0 {
		l.MaxSteps = DefaultMaxSteps
	}
	return l
}

// Template is a parsed template. It never changes and is safe for concurrent
// use.
type Template struct {
	ops    []op
	names  []string
	static string
	// nested says that there are sections, which need a stack.
	nested bool
	tags   bool
}

// kind is what an op does.
type kind uint8

const (
	opText kind = iota
	opValue
	opSection
	opInverted
	// opClose ends one round of a section. Inverted sections have none: their
	// body runs at most once and in the same context.
	opClose
)

// op is one node of the program that a template becomes: a flat list in which
// sections are jumps.
type op struct {
	kind kind
	// jump is, for a section, the index of its close; for an inverted section
	// the index of the last node of its body; for a close its section. The
	// program goes on at the node after it.
	jump int
	// text is the literal, or the first part of the name.
	text string
	// rest holds the other parts of a dotted name.
	rest []string
}

// implicit says that the name is "." alone. No part of a dotted name is ".".
func (o *op) implicit() bool { return o.text == "." }

// Names returns the variables that the template may read from the top level of
// its data: the first part of every name, sorted, each once. A name inside a
// section counts although an item of the section may provide it.
func (t *Template) Names() []string { return slices.Clone(t.names) }

// Required returns the variables that the template always reads: the first part
// of each name that stands outside all sections, sorted, each once. What a
// section depends on may be missing; that is what sections are for.
func (t *Template) Required() []string {
	var names []string
	for i := 0; i < len(t.ops); i++ {
		switch o := &t.ops[i]; o.kind {
		case opSection, opInverted:
			i = o.jump
		case opValue:
			if !o.implicit() {
				names = append(names, o.text)
			}
		case opText, opClose:
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Static returns the rendered text and true if it is the same for all data.
func (t *Template) Static() (string, bool) { return t.static, !t.tags }

// ceiling is the length that a buffer may grow to, guarding against overflow.
func ceiling(have, more int) int {
	if more > math.MaxInt-have {
		return math.MaxInt
	}
	return have + more
}
