// Package automaton finds many fixed strings in one pass (Aho and Corasick, 1975).
package automaton

import "math"

// Automaton is the search for a set of patterns, compiled to a table with one
// row a state, so that each byte of the text costs one lookup whatever the
// number of patterns. It is immutable and safe for concurrent use.
type Automaton struct {
	class [256]uint8 // column of each byte; 0 for bytes in no pattern
	next  []uint16   // row<<shift | class
	shift uint
	// first is the lowest state that ends a pattern: those have the highest
	// numbers, so that the loop needs a single comparison.
	first uint16
	ends  [][]uint16 // patterns that end in state first+i, longest first
}

// New compiles the patterns, none of which may be empty. Together they may have
// up to 65,534 bytes, of 255 kinds; it panics if they have more, which no table
// of this program comes near.
func New(patterns []string) *Automaton {
	a := &Automaton{}
	total := 1
	for _, p := range patterns {
		total += len(p)
	}
	if total > math.MaxUint16 {
		panic("automaton: too many patterns")
	}
	classes := 1
	for _, p := range patterns {
		for i := range len(p) {
			if a.class[p[i]] == 0 {
				if classes > math.MaxUint8 {
					panic("automaton: patterns of too many different bytes")
				}
				a.class[p[i]] = uint8(classes)
				classes++
			}
		}
	}
	for 1<<a.shift < classes {
		a.shift++
	}
	width := 1 << a.shift

	// The trie; -1 is "no child yet".
	type node struct {
		child []int32
		fail  int32
		ends  []uint16
	}
	grow := func() node {
		n := node{child: make([]int32, width)}
		for i := range n.child {
			n.child[i] = -1
		}
		return n
	}
	trie := []node{grow()}
	for id, p := range patterns {
		var at int32
		for i := range len(p) {
			c := a.class[p[i]]
			if trie[at].child[c] < 0 {
				trie[at].child[c] = int32(len(trie))
				trie = append(trie, grow())
			}
			at = trie[at].child[c]
		}
		trie[at].ends = append(trie[at].ends, uint16(id))
	}

	// Breadth first, so that the state a failure leads to is complete.
	queue := make([]int32, 0, len(trie))
	for c, to := range trie[0].child {
		if to < 0 {
			trie[0].child[c] = 0
			continue
		}
		queue = append(queue, to)
	}
	for head := 0; head < len(queue); head++ {
		at := queue[head]
		fail := trie[at].fail
		trie[at].ends = append(trie[at].ends, trie[fail].ends...)
		for c, to := range trie[at].child {
			if to < 0 {
				trie[at].child[c] = trie[fail].child[c]
				continue
			}
			trie[to].fail = trie[fail].child[c]
			queue = append(queue, to)
		}
	}

	// Renumber: states without an end first.
	number := make([]uint16, len(trie))
	var count uint16
	for i := range trie {
		if len(trie[i].ends) == 0 {
			number[i] = count
			count++
		}
	}
	a.first = count
	for i := range trie {
		if len(trie[i].ends) > 0 {
			number[i] = count
			count++
			a.ends = append(a.ends, trie[i].ends)
		}
	}
	a.next = make([]uint16, len(trie)<<a.shift)
	for i := range trie {
		row := int(number[i]) << a.shift
		for c, to := range trie[i].child {
			a.next[row|c] = number[to]
		}
	}
	return a
}

// Scan calls hit with each pattern's number and the offset after its last byte,
// in the order in which they end.
func (a *Automaton) Scan(text []byte, hit func(pattern, end int)) {
	state, next, shift, first := uint16(0), a.next, a.shift, a.first
	for i, b := range text {
		state = next[int(state)<<shift|int(a.class[b])]
		if state >= first {
			for _, p := range a.ends[state-first] {
				hit(int(p), i+1)
			}
		}
	}
}
