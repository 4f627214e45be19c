package injection

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// override examines an order to ignore.
func (s *search) override(l *language, start, end int) {
	if letterBefore(s.lower, start) || !l.stems && letterAfter(s.lower, end) || s.denied(l, start) {
		return
	}
	clause, base := s.clause(end), end
	if l.verbLast {
		clause = s.before(start)
		base = start - len(clause)
	}
	from, to, strength := l.target(clause)
	if strength == 0 {
		return
	}
	if l.verbLast {
		from, to = base+from, end
	} else {
		from, to = start, base+to
	}
	if s.discussed(from, to) {
		return
	}
	severity, confidence := detect.Medium, 0.85
	if strength == 1 {
		severity, confidence = detect.Low, 0.6
	}
	s.add(overrideRule, severity, from, to, confidence)
}

// place is where a word stands; -1 if it does not.
type place struct{ start, end int }

// places finds for each use the word that stands first in a clause.
func (l *language) places(clause []byte) [uses]place {
	var first [uses]place
	for i := range first {
		first[i].start = -1
	}
	l.words.Scan(clause, func(id, end int) {
		u := l.uses[id]
		p := &first[u.as]
		start := end - u.width
		if p.start >= 0 && (p.start < start || p.start == start && p.end > end) {
			return
		}
		if !l.verbLast && letterBefore(clause, start) || !l.stems && letterAfter(clause, end) && !plural(clause[end:]) {
			return
		}
		*p = place{start, end}
	})
	return first
}

// target looks in a clause for what is to be ignored, and where that begins and
// ends: 0 is nothing, 1 all of something, 2 what was said before.
func (l *language) target(clause []byte) (from, to, strength int) {
	first := l.places(clause)
	if w := first[asWhole]; w.start >= 0 && w.start < 30 {
		return w.start, w.end, 2
	}
	object := first[asObject]
	if object.start < 0 {
		return 0, 0, 0
	}
	if q := first[asStrong]; q.start >= 0 && near(q, object) {
		return min(q.start, object.start), l.wordEnd(clause, max(q.end, object.end)), 2
	}
	narrow, q := first[asNarrow], first[asWeak]
	if q.start >= 0 && q.start < narrow.start && narrow.start-q.start < 40 {
		return q.start, l.wordEnd(clause, narrow.end), 1
	}
	return 0, 0, 0
}

// near says that two words belong together.
func near(a, b place) bool {
	if a.start < b.start {
		return b.start-a.end < 45
	}
	return a.start-b.end < 45
}

// plural says that a word goes on with "s" alone.
func plural(rest []byte) bool {
	return len(rest) > 0 && rest[0] == 's' && !letterAfter(rest, 1)
}

// wordEnd is where the word around an offset ends.
func (l *language) wordEnd(clause []byte, at int) int {
	for at < len(clause) && letterAfter(clause, at) {
		at++
		for at < len(clause) && clause[at]&0xC0 == 0x80 {
			at++
		}
	}
	return at
}

// denied says that the words before a verb turn an order into a statement.
func (s *search) denied(l *language, start int) bool {
	left := s.before(start)
	for _, w := range l.negation {
		if bytes.HasSuffix(left, []byte(w)) && (w == "n't " || !letterBefore(left, len(left)-len(w))) {
			return true
		}
	}
	if !l.verbLast && len(l.order) > 0 && l.order[0] == "ignore" && !l.stems {
		tail := left[max(0, len(left)-14):]
		if bytes.HasSuffix(tail, []byte("not to ")) || bytes.HasSuffix(tail, []byte("never to ")) {
			return true
		}
		if bytes.HasSuffix(tail, []byte(" will ")) || bytes.HasSuffix(tail, []byte(" may ")) || bytes.HasSuffix(tail, []byte(" can ")) {
			return !bytes.Contains(tail, []byte("you "))
		}
	}
	return false
}

// extraction examines an order to tell what the model was told.
func (s *search) extraction(l *language, start, end int) {
	if letterBefore(s.lower, start) && !l.verbLast || !l.stems && letterAfter(s.lower, end) || s.denied(l, start) {
		return
	}
	clause, base := s.clause(end), end
	if l.verbLast {
		clause = s.before(start)
		base = start - len(clause)
	}
	clause = clause[:min(len(clause), 90)]
	first := l.places(clause)
	secret := first[asSecret]
	// "What is a system prompt?" asks about the thing, "your" asks for it.
	if secret.start < 0 || len(l.owned) > 0 && first[asOwned].start < 0 && !s.demands(start, end) {
		return
	}
	from, to := start, base+l.wordEnd(clause, secret.end)
	if l.verbLast {
		from, to = base+secret.start, end
	}
	if s.discussed(from, to) {
		return
	}
	s.add(extractRule, detect.Medium, from, to, 0.75)
}

// demands says that an English verb by itself asks for what is hidden.
func (s *search) demands(start, end int) bool {
	for _, v := range []string{"reveal", "leak", "disclose", "dump", "recite", "expose", "repeat", "output", "verrate", "offenbare", "révèle", "revela", "rivela", "revele", "onthul", "ujawnij", "раскрой", "透露", "泄露"} {
		if string(s.lower[start:end]) == v {
			return true
		}
	}
	return false
}
