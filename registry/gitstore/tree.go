package gitstore

import (
	"bytes"
	"iter"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

// The modes of tree entries that the store tells apart.
const (
	modeFolder     = "40000"
	modeFile       = "100644"
	modeExecutable = "100755"
	modeModule     = "160000"
)

// markEvery is how many entries lie between two marks of a tree.
const markEvery = 32

// tree is a git tree in its raw form. Big trees are never unpacked into a
// structure: entries are found by binary search over marks, and changed trees
// are spliced from the old bytes.
type tree struct {
	raw []byte
	// marks are the offsets of every markEvery-th entry.
	marks []int32
}

// entry is one line of a tree.
type entry struct {
	mode, name []byte
	hash       plumbing.Hash
	// start and end of the entry within the raw tree.
	start, end int
}

// folder tells whether the entry is a tree; old tools padded its mode.
func (e entry) folder() bool {
	return string(e.mode) == modeFolder || string(e.mode) == "0"+modeFolder
}

// regular tells whether the entry is an ordinary file, not a link or module.
func (e entry) regular() bool {
	return string(e.mode) == modeFile || string(e.mode) == modeExecutable
}

// parseTree checks that every entry is well formed and that they are in git's
// order, without which neither searching nor splicing would be safe.
func parseTree(raw []byte) (*tree, error) {
	t := &tree{raw: raw}
	var last entry
	for n, at := 0, 0; at < len(raw); n++ {
		e, ok := entryAt(raw, at)
		if !ok || len(e.name) == 0 || bytes.IndexByte(e.name, '/') >= 0 {
			return nil, damaged("tree entry %d is malformed", n)
		}
		if n > 0 && order(last.name, last.folder(), e.name, e.folder()) >= 0 {
			return nil, damaged("tree entry %d is out of order", n)
		}
		if n%markEvery == 0 {
			t.marks = append(t.marks, int32(at))
		}
		last, at = e, e.end
	}
	return t, nil
}

func entryAt(raw []byte, at int) (e entry, ok bool) {
	head := raw[at:]
	space := bytes.IndexByte(head[:min(len(head), 8)], ' ')
	if space <= 0 {
		return e, false
	}
	zero := bytes.IndexByte(head[space:], 0)
	if zero < 0 {
		return e, false
	}
	zero += space
	if len(head) < zero+1+len(e.hash) {
		return e, false
	}
	e.mode, e.name = head[:space], head[space+1:zero]
	e.hash = plumbing.Hash(head[zero+1:])
	e.start, e.end = at, at+zero+1+len(e.hash)
	return e, true
}

// order compares two names as git sorts them: a folder as if it ended in "/".
func order(a []byte, aFolder bool, b []byte, bFolder bool) int {
	n := min(len(a), len(b))
	if c := bytes.Compare(a[:n], b[:n]); c != 0 {
		return c
	}
	return int(after(a, n, aFolder)) - int(after(b, n, bFolder))
}

func after(name []byte, n int, folder bool) byte {
	switch {
	case n < len(name):
		return name[n]
	case folder:
		return '/'
	default:
		return 0
	}
}

// entries runs over the tree in its order.
func (t *tree) entries() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for at := 0; at < len(t.raw); {
			e, _ := entryAt(t.raw, at)
			if !yield(e) {
				return
			}
			at = e.end
		}
	}
}

// place finds where an entry is, or where it would have to be put.
func (t *tree) place(name []byte, folder bool) (e entry, found bool) {
	i := sort.Search(len(t.marks), func(i int) bool {
		m, _ := entryAt(t.raw, int(t.marks[i]))
		return order(m.name, m.folder(), name, folder) > 0
	})
	at := 0
	if i > 0 {
		at = int(t.marks[i-1])
	}
	for at < len(t.raw) {
		e, _ := entryAt(t.raw, at)
		if c := order(e.name, e.folder(), name, folder); c >= 0 {
			if c == 0 {
				return e, true
			}
			break
		}
		at = e.end
	}
	return entry{start: at, end: at}, false
}

// find looks a name up, whether it names a folder or anything else.
func (t *tree) find(name string) (entry, bool) {
	if t == nil {
		return entry{}, false
	}
	if e, ok := t.place([]byte(name), true); ok {
		return e, true
	}
	return t.place([]byte(name), false)
}

// edit is one entry to set, or to take away when the hash is zero.
type edit struct {
	name   string
	folder bool
	hash   plumbing.Hash
}

// splice returns the raw tree with the edits applied. Names must not change
// between folder and file. A nil tree is empty.
func (t *tree) splice(edits []edit) []byte {
	if t == nil {
		t = &tree{}
	}
	slices.SortFunc(edits, func(a, b edit) int {
		return order([]byte(a.name), a.folder, []byte(b.name), b.folder)
	})
	grow := 0
	for _, e := range edits {
		grow += len(modeFile) + 1 + len(e.name) + 1 + len(e.hash)
	}
	out := make([]byte, 0, len(t.raw)+grow)
	done := 0
	for _, e := range edits {
		old, _ := t.place([]byte(e.name), e.folder)
		out = append(out, t.raw[done:old.start]...)
		done = old.end
		if e.hash.IsZero() {
			continue
		}
		mode := modeFile
		if e.folder {
			mode = modeFolder
		}
		out = append(out, mode...)
		out = append(out, ' ')
		out = append(out, e.name...)
		out = append(out, 0)
		out = append(out, e.hash[:]...)
	}
	return append(out, t.raw[done:]...)
}

// pairs runs over two trees side by side, in order. An entry that only one of
// them has comes with an empty one, whose end is 0.
func pairs(a, b *tree) iter.Seq2[entry, entry] {
	next := func(t *tree, at int) entry {
		if t == nil || at >= len(t.raw) {
			return entry{}
		}
		e, _ := entryAt(t.raw, at)
		return e
	}
	return func(yield func(a, b entry) bool) {
		x, y := next(a, 0), next(b, 0)
		for x.end > 0 || y.end > 0 {
			c := 0
			switch {
			case x.end == 0:
				c = 1
			case y.end == 0:
				c = -1
			default:
				c = order(x.name, x.folder(), y.name, y.folder())
			}
			var ok bool
			switch {
			case c < 0:
				ok = yield(x, entry{})
			case c > 0:
				ok = yield(entry{}, y)
			default:
				ok = yield(x, y)
			}
			if !ok {
				return
			}
			if c <= 0 {
				x = next(a, x.end)
			}
			if c >= 0 {
				y = next(b, y.end)
			}
		}
	}
}
