package mustache

import "fmt"

// Append renders the template over data and appends the text to dst, which it
// returns, grown if need be. Only lim.MaxOutput and lim.MaxSteps matter here.
//
// Data is plain JSON data as [Normalize] makes it, usually a map[string]any. It
// is only read. The error is a [*LimitError], or a [*DataError] if a value that
// the template reads is of another type; dst is then returned as it was.
func (t *Template) Append(dst []byte, data any, lim Limits) ([]byte, error) {
	lim = lim.withDefaults()
	w := writer{dst: dst, max: ceiling(len(dst), lim.MaxOutput), steps: lim.MaxSteps, lim: lim}
	var err error
	if t.nested {
		err = t.runNested(&w, data)
	} else {
		err = t.run(&w, data, nil)
	}
	if err != nil {
		return dst, err
	}
	return w.dst, nil
}

// writer is the state of one rendering.
type writer struct {
	dst   []byte
	max   int // the length that dst may reach
	steps int // what is left of MaxSteps
	lim   Limits
}

func (w *writer) outputError() error { return &LimitError{Limit: LimitOutput, Max: w.lim.MaxOutput} }
func (w *writer) stepsError() error  { return &LimitError{Limit: LimitSteps, Max: w.lim.MaxSteps} }

// frame is a section that is being rendered.
type frame struct {
	// value is the context of this round.
	value any
	// list and next serve sections over lists; next is the coming item.
	list []any
	next int
}

// shallow is how many open sections fit on the stack of the goroutine. It is
// a compromise: clearing it costs every template with sections.
const shallow = 6

// runNested is apart from Append so that only templates with sections pay for
// the frames.
//
//go:noinline
func (t *Template) runNested(w *writer, data any) error {
	var room [shallow]frame
	return t.run(w, data, room[:0])
}

// run executes the program. It does not recurse: open sections are frames.
func (t *Template) run(w *writer, data any, stack []frame) error {
	for pc := 0; pc < len(t.ops); pc++ {
		o := &t.ops[pc]
		if w.steps--; w.steps < 0 {
			return w.stepsError()
		}
		switch o.kind {
		case opText:
			if len(w.dst)+len(o.text) > w.max {
				return w.outputError()
			}
			w.dst = append(w.dst, o.text...)

		case opValue:
			if err := w.value(w.lookup(o, data, stack)); err != nil {
				return o.blame(err)
			}

		case opSection:
			v := w.lookup(o, data, stack)
			yes, err := w.truthy(v)
			if err != nil {
				return o.blame(err)
			}
			if !yes {
				pc = o.jump
				continue
			}
			f := frame{value: v}
			if list, ok := v.([]any); ok {
				f = frame{value: list[0], list: list, next: 1}
			}
			stack = append(stack, f)

		case opInverted:
			yes, err := w.truthy(w.lookup(o, data, stack))
			if err != nil {
				return o.blame(err)
			}
			if yes {
				pc = o.jump
			}

		case opClose:
			f := &stack[len(stack)-1]
			if f.next < len(f.list) {
				f.value = f.list[f.next]
				f.next++
				pc = o.jump
				continue
			}
			stack = stack[:len(stack)-1]
		}
	}
	return nil
}

// lookup finds the value of a node's name; nil if there is none. It charges for
// what goes beyond one look at one object, which the node itself has paid.
func (w *writer) lookup(o *op, data any, stack []frame) any {
	if o.implicit() {
		if n := len(stack); n > 0 {
			return stack[n-1].value
		}
		return data
	}
	price := 1 + len(o.text)/64
	w.steps++
	for i := len(stack) - 1; i >= 0; i-- {
		w.steps -= price
		if object, ok := stack[i].value.(map[string]any); ok {
			if v, ok := object[o.text]; ok {
				return w.descend(v, o.rest)
			}
		}
	}
	w.steps -= price
	if object, ok := data.(map[string]any); ok {
		if v, ok := object[o.text]; ok {
			return w.descend(v, o.rest)
		}
	}
	return nil
}

// descend follows the later parts of a dotted name.
func (w *writer) descend(v any, rest []string) any {
	for _, part := range rest {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		w.steps -= 1 + len(part)/64
		v = object[part]
	}
	return v
}

// blame puts the node's name before a fault in its value.
func (o *op) blame(err error) error {
	for i := len(o.rest) - 1; i >= 0; i-- {
		err = within(err, clip(o.rest[i]))
	}
	return within(err, clip(o.text))
}

// foreign is the fault of a value that is not plain JSON data.
func foreign(v any) *DataError {
	return &DataError{Message: fmt.Sprintf("a value of type %T is not plain JSON data", v)}
}
