package compliance

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// union is a nondeterministic automaton that runs all rules at once, from every
// position. It takes conditions such as \b for fulfilled, so it may say of a
// rule that it can match where it cannot, but never the other way.
type union struct {
	// steps are the instructions of all rules, one behind the other.
	steps []step
	// starts are where the rules begin.
	starts []int32
	// bounds are the first runes of the classes, ascending: no rule tells two
	// runes of one class apart.
	bounds []rune
	// ascii gives the class of the runes below 128.
	ascii [utf8.RuneSelf]uint16
}

// step is an instruction, and the rule that it belongs to.
type step struct {
	syntax.Inst
	rule int32
}

func newUnion(rules []compiled) *union {
	u := &union{}
	cuts := map[rune]bool{0: true}
	for i, c := range rules {
		base := uint32(len(u.steps)) //nolint:gosec // 200 rules of 1,000 instructions.
		u.starts = append(u.starts, int32(base)+int32(c.prog.Start))
		for _, inst := range c.prog.Inst {
			if inst.Op == syntax.InstAlt || inst.Op == syntax.InstAltMatch {
				inst.Arg += base
			}
			inst.Out += base // Match and Fail lead nowhere, whatever it is
			u.steps = append(u.steps, step{inst, int32(i)})
			cut(cuts, inst)
		}
	}
	for r := range cuts {
		u.bounds = append(u.bounds, r)
	}
	slices.Sort(u.bounds)
	for r := range rune(utf8.RuneSelf) {
		u.ascii[r] = u.class(r)
	}
	return u
}

// cut notes where an instruction begins and ends to accept runes.
func cut(cuts map[rune]bool, inst syntax.Inst) {
	switch inst.Op {
	case syntax.InstRuneAnyNotNL:
		cuts['\n'], cuts['\n'+1] = true, true
	case syntax.InstRune, syntax.InstRune1:
		if len(inst.Rune) == 1 {
			first := inst.Rune[0]
			cuts[first], cuts[first+1] = true, true
			if syntax.Flags(inst.Arg)&syntax.FoldCase != 0 {
				for r := unicode.SimpleFold(first); r != first; r = unicode.SimpleFold(r) {
					cuts[r], cuts[r+1] = true, true
				}
			}
			return
		}
		for i := 0; i+1 < len(inst.Rune); i += 2 {
			cuts[inst.Rune[i]], cuts[inst.Rune[i+1]+1] = true, true
		}
	case syntax.InstAlt, syntax.InstAltMatch, syntax.InstCapture, syntax.InstEmptyWidth,
		syntax.InstMatch, syntax.InstFail, syntax.InstNop, syntax.InstRuneAny:
	}
}

// class of a rune.
func (u *union) class(r rune) uint16 {
	i, exact := slices.BinarySearch(u.bounds, r)
	if !exact {
		i--
	}
	return uint16(i) //nolint:gosec // at most two bounds for each range of 200 patterns of 512 characters.
}

// walk is a deterministic automaton of a union, built as far as texts need it.
// One goroutine uses it at a time.
type walk struct {
	u     *union
	begin *state
	// states by the steps that they stand for.
	states map[string]*state
	// rebuilt counts how often the states were thrown away in this text.
	rebuilt int

	// Scratch: marks tells which steps are in the set that is being built.
	marks []uint32
	mark  uint32
	set   []int32
	stack []int32
	hit   []bool
	list  []int
}

// state is a set of steps. next is by class; nil was not needed yet.
type state struct {
	set  []int32
	next []*state
	// rules that have matched when this state is reached.
	rules []int32
}

const (
	// maxStates and maxEdges bound the memory of a walk.
	maxStates = 1000
	maxEdges  = 1 << 18
	// maxRebuilt is how often states may be thrown away in one text before the
	// automaton is given up: some sets of rules have no small one.
	maxRebuilt = 4
)

func (u *union) walk() *walk {
	w := &walk{u: u, marks: make([]uint32, len(u.steps)), hit: make([]bool, len(u.starts))}
	w.clear()
	return w
}

// reset prepares for another text; what was built stays.
func (w *walk) reset() { w.rebuilt = 0 }

func (w *walk) clear() {
	w.states = map[string]*state{}
	w.open()
	w.begin = w.close()
}

// open begins a set of steps: those of all rules at their start.
func (w *walk) open() {
	if w.mark++; w.mark == 0 {
		clear(w.marks)
		w.mark = 1
	}
	w.set = w.set[:0]
	for _, at := range w.u.starts {
		w.follow(at)
	}
}

// follow adds a step, and those that it leads to without taking a rune.
func (w *walk) follow(at int32) {
	w.stack = append(w.stack[:0], at)
	for len(w.stack) > 0 {
		at = w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if w.marks[at] == w.mark {
			continue
		}
		w.marks[at] = w.mark
		switch inst := &w.u.steps[at]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			w.stack = append(w.stack, int32(inst.Out), int32(inst.Arg)) //nolint:gosec // see newUnion.
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			w.stack = append(w.stack, int32(inst.Out)) //nolint:gosec // see newUnion.
		case syntax.InstFail:
		case syntax.InstMatch, syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			w.set = append(w.set, at)
		}
	}
}

// close gives the state of the set that was built.
func (w *walk) close() *state {
	slices.Sort(w.set)
	key := make([]byte, 0, 4*len(w.set))
	for _, at := range w.set {
		key = binary.LittleEndian.AppendUint32(key, uint32(at)) //nolint:gosec // an index.
	}
	if s := w.states[string(key)]; s != nil {
		return s
	}
	s := &state{set: slices.Clone(w.set), next: make([]*state, len(w.u.bounds))}
	for _, at := range w.set {
		if st := &w.u.steps[at]; st.Op == syntax.InstMatch {
			s.rules = append(s.rules, st.rule)
		}
	}
	w.states[string(key)] = s
	return s
}

// advance gives the state behind a rune of a class, and builds it if need be.
func (w *walk) advance(from *state, class uint16) *state {
	if len(w.states) >= min(maxStates, maxEdges/len(w.u.bounds)+8) {
		w.clear()
		w.rebuilt++
		// from is not in the new table, but its set is right all the same.
	}
	r := w.u.bounds[class]
	w.open()
	for _, at := range from.set {
		if inst := &w.u.steps[at]; inst.Op != syntax.InstMatch && inst.MatchRune(r) {
			w.follow(int32(inst.Out)) //nolint:gosec // see newUnion.
		}
	}
	to := w.close()
	from.next[class] = to
	return to
}

// hits gives the rules that can match in a window, ascending.
func (w *walk) hits(window []byte) []int {
	clear(w.hit)
	if w.rebuilt > maxRebuilt {
		for i := range w.hit {
			w.hit[i] = true
		}
		return w.listed()
	}
	s := w.begin
	for i := 0; i < len(window); {
		var class uint16
		if c := window[i]; c < utf8.RuneSelf {
			class = w.u.ascii[c]
			i++
		} else {
			r, size := utf8.DecodeRune(window[i:])
			class = w.u.class(r)
			i += size
		}
		to := s.next[class]
		if to == nil {
			to = w.advance(s, class)
		}
		s = to
		for _, rule := range s.rules {
			w.hit[rule] = true
		}
	}
	return w.listed()
}

func (w *walk) listed() []int {
	w.list = w.list[:0]
	for i, hit := range w.hit {
		if hit {
			w.list = append(w.list, i)
		}
	}
	return w.list
}
