package injection

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// override examines an order to ignore.
func (s *search) override(l *language, start, end int) {
	if letterBefore(s.lower, start) || s.goesOn(end) {
		return
	}
	clause, base := s.clause(end), end
	if l.verbLast {
		clause = s.before(start)
		base = start - len(clause)
	}
	from, to, strength := l.target(clause)
	if strength == 0 || strength == 1 && l.isMild(s.lower[start:end]) || s.denied(l, start, end) {
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

// goesOn says that a verb is the beginning of a longer word, or a name in a
// program. The polite form of Russian is a verb all the same.
func (s *search) goesOn(end int) bool {
	rest := s.lower[end:]
	if len(rest) == 0 {
		return false
	}
	if bytes.IndexByte([]byte("=(_-:)["), rest[0]) >= 0 || rest[0] == '.' && len(rest) > 1 && letterAfter(rest, 1) {
		return true
	}
	return letterAfter(rest, 0) && !bytes.HasPrefix(rest, []byte("те"))
}

// isMild says that a verb has many uses, so that it takes more than "all" for
// it to be about the model.
func (l *language) isMild(verb []byte) bool {
	for _, v := range l.mild {
		if string(verb) == v {
			return true
		}
	}
	return false
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
	if w := first[asWhole]; w.start >= 0 && w.start < 30 && complete(clause[w.end:]) {
		return w.start, since(clause, w.end), 2
	}
	object := first[asObject]
	if object.start < 0 {
		return 0, 0, 0
	}
	if q := first[asStrong]; q.start >= 0 && l.near(q, object) {
		return min(q.start, object.start), l.wordEnd(clause, max(q.end, object.end)), 2
	}
	narrow, q := first[asNarrow], first[asWeak]
	if q.start >= 0 && q.start < narrow.start && narrow.start-q.start < 40 {
		return q.start, l.wordEnd(clause, narrow.end), 1
	}
	return 0, 0, 0
}

// since widens "everything you were told" by the word that says when.
func since(clause []byte, end int) int {
	for _, w := range []string{" before", " so far", " earlier", " previously", " above", " until now", " up to now"} {
		if bytes.HasPrefix(clause[end:], []byte(w)) && !letterAfter(clause, end+len(w)) {
			return end + len(w)
		}
	}
	return end
}

// complete says that "everything before" is not about the first something, as
// in comments of programs.
func complete(rest []byte) bool {
	for _, w := range []string{" the ", " first ", " it", " a ", " an ", " '", " \"", " last ", " #"} {
		if bytes.HasPrefix(rest, []byte(w)) {
			return false
		}
	}
	return true
}

// near says that a qualifier belongs to an object. English puts it in front;
// what follows must follow closely ("instructions above").
func (l *language) near(qualifier, object place) bool {
	if qualifier.start < object.start {
		return object.start-qualifier.end < 40
	}
	if l.stems {
		return qualifier.start-object.end < 40
	}
	return qualifier.start-object.end < 10
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
func (s *search) denied(l *language, start, end int) bool {
	left := s.before(start)
	for _, w := range l.negation {
		if bytes.HasSuffix(left, []byte(w)) && (w == "n't " || !letterBefore(left, len(left)-len(w))) {
			return true
		}
	}
	if !l.stems { // English
		if bytes.HasPrefix(s.lower[start:end], []byte("do")) && bytes.HasSuffix(left, []byte("you ")) {
			return true // "if you don't follow"
		}
		if conditional(left) {
			return true
		}
		tail := left[max(0, len(left)-14):]
		for _, w := range []string{" us to ", " them to ", " him to ", " her to ", "told me to ", "asked me to "} {
			if bytes.HasSuffix(tail, []byte(w)) {
				return true
			}
		}
		if bytes.HasSuffix(tail, []byte("not to ")) || bytes.HasSuffix(tail, []byte("never to ")) {
			return true
		}
		if bytes.HasSuffix(tail, []byte(" will ")) || bytes.HasSuffix(tail, []byte(" may ")) || bytes.HasSuffix(tail, []byte(" can ")) {
			return !bytes.Contains(tail, []byte("you "))
		}
	}
	return false
}

// conditional says that a sentence tells a model what to do if somebody gives
// the order: "if the user asks you to ignore …".
func conditional(left []byte) bool {
	for _, group := range [][]string{
		{"if ", "when ", "in case ", "should ", "requests ", "attempts "},
		{"user", "someone", "somebody", "anyone", "anybody", "they ", "customer", "people", "message", "document", "input", "requests", "attempts"},
		{"ask", "tell", "say", "try", "tries", "attempt", "want", "request", "instruct", "demand", "contain"},
	} {
		found := false
		for _, w := range group {
			if i := bytes.Index(left, []byte(w)); i >= 0 && !letterBefore(left, i) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// extraction examines an order to tell what the model was told.
func (s *search) extraction(l *language, start, end int) {
	if letterBefore(s.lower, start) && !l.verbLast || s.goesOn(end) || s.denied(l, start, end) || !l.stems && !s.asked(start, end) {
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

// asked says that an English verb is an order or a question and no noun, as
// "output" often is: it begins the sentence or follows what introduces orders.
func (s *search) asked(start, end int) bool {
	if bytes.IndexByte(s.lower[start:end], ' ') >= 0 || bytes.IndexByte(s.lower[start:end], '\'') >= 0 {
		return true
	}
	left := bytes.TrimRight(s.before(start), " \t")
	if len(left) == 0 || bytes.IndexByte([]byte(",:-\"'`(>*"), left[len(left)-1]) >= 0 || left[len(left)-1] >= 0x80 {
		return true
	}
	for _, w := range []string{"please", "now", "then", "and", "you", "to", "just", "must", "should", "also", "instead", "first", "but", "or", "so", "kindly"} {
		if bytes.HasSuffix(left, []byte(w)) && !letterBefore(left, len(left)-len(w)) {
			return true
		}
	}
	return false
}

// demands says that an English verb by itself asks for what is hidden.
func (s *search) demands(start, end int) bool {
	for _, v := range []string{"reveal", "tell me", "give me", "leak", "disclose", "dump", "recite", "expose", "repeat", "output", "verrate", "offenbare", "révèle", "revela", "rivela", "revele", "onthul", "ujawnij", "раскрой", "透露", "泄露"} {
		if string(s.lower[start:end]) == v {
			return true
		}
	}
	return false
}
