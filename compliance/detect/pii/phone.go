package pii

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// phone finds telephone numbers in three tiers: international numbers whose
// length fits their country; printed forms of a country's own; and bare digits
// where a word beside them says what they are.
func phone(c *chain, report func(detect.Finding)) {
	next := 0
	say := func(first, n int, confidence float64) {
		start, end := c.groups[first].start, c.groups[first+n-1].end
		if first == 0 && c.plus {
			start--
		}
		if at(c.b, start-1) == '(' && closes(c.b[start:end]) {
			start--
		}
		report(phoneRule.at(start, extension(c.b, end), confidence))
		next = first + n
	}
	if c.plus {
		if n := international(c, 0, 0); n > 0 && openPlus(c.b, c.groups[0].start-1) {
			say(0, n, .85)
		}
	}
	if n := dialledOut(c); n > 0 {
		say(0, n, .8)
	}
	for i := next; i < len(c.groups); i++ {
		if i < next {
			continue
		}
		if n, confidence := national(c, i); n > 0 {
			say(i, n, confidence)
		}
	}
	if next == 0 {
		if n := labelled(c); n > 0 {
			say(0, n, .7)
		}
	}
}

// openPlus keeps sums and offsets out: the plus must not follow an operand.
func openPlus(b []byte, plus int) bool {
	p := at(b, plus-1)
	if p == ')' || p == ']' || p == '+' || p == '^' {
		return false
	}
	return p == '(' || p == '/' && !isDigit(at(b, plus-2)) || p != '/' && openLeft(b, plus)
}

// closes says whether a bracket is closed that was not opened.
func closes(b []byte) bool {
	depth := 0
	for _, c := range b {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return true
			}
		}
	}
	return false
}

// international is the number of groups that make a number with a country code,
// the first "skip" digits of group i being a prefix such as 00; or 0.
func international(c *chain, i, skip int) int {
	g := c.groups[i]
	digits, first := [maxE164 + 1]byte{}, c.b[g.start+skip:g.end]
	if len(first) > maxE164 {
		return 0
	}
	count := copy(digits[:], first)
	best := 0
	for n := 1; ; n++ {
		last := i + n - 1
		if possible(digits[:count]) && (c.dialRight(last) || c.plus && at(c.b, c.groups[last].end) == '@') {
			best = n
		}
		if i+n >= len(c.groups) || n == 8 || !dialGap(c, i+n-1) {
			break
		}
		g = c.groups[i+n]
		if g.len() == 1 && c.b[g.start] == '0' && at(c.b, g.start-1) == '(' {
			continue // the trunk zero in "+44 (0)20"
		}
		if count+g.len() > maxE164 {
			break
		}
		count += copy(digits[count:], c.b[g.start:g.end])
	}
	return best
}

// dialledOut is the number of groups of an international number after 00, as
// most of the world dials, or 011, as North America does; or 0.
func dialledOut(c *chain) int {
	first := c.b[c.groups[0].start:c.groups[0].end]
	skip := 2
	switch {
	case c.plus || len(first) < 2 || first[0] != '0' || !openLeft(c.b, openBracket(c)):
		return 0
	case string(first) == "011":
		skip = 3
	case first[1] != '0' || len(first) > 2 && first[2] == '0':
		return 0
	}
	n := international(c, 0, skip)
	if n == 0 || dumped(c.b, c.groups[0].start, c.groups[n-1].end) {
		return 0
	}
	l := c.label()
	if l.is(lPhone|lPhoneWeak) || n >= 3 && !l.is(lOther|lCard|lVersion) && !c.shape(0, 4, 4, 4) {
		return n
	}
	return 0
}

// maxE164 is the most digits of an international number, by ITU-T E.164.
const maxE164 = 15

// dialGap says whether people write this between the groups of a number.
func dialGap(c *chain, i int) bool {
	switch c.gap(i) {
	case " ", "-", ".", "/", " (", ") ", ")", "(", ")-", "-(", " - ", " / ", ")/", ").", ".(":
		return true
	}
	return false
}

// possible says whether digits after the plus have a known country code and as
// many digits as that country uses.
func possible(digits []byte) bool {
	if len(digits) == 0 || digits[0] == '0' {
		return false
	}
	for n := 1; n <= 3 && n < len(digits); n++ {
		if lengths, ok := countries[number(digits[:n])]; ok {
			rest := len(digits) - n
			if rest < lengths[0] || rest > lengths[1] || oneDigit(digits[n:]) {
				return false
			}
			return true
		}
	}
	return false
}

// nanp checks ten digits by the North American Numbering Plan: the area code
// starts with 2 to 9, has no 9 next, and is no service code such as 911. The
// exchange is not checked, as in the numbers that people make up: 555-123-4567.
func nanp(d []byte) bool {
	return len(d) == 10 && d[0] >= '2' && d[1] != '9' && !(d[1] == '1' && d[2] == '1')
}

// reachVerb is how far a verb such as "call" may stand from the number, in bytes.
const reachVerb = 24

// labelled is the number of groups from the start of the chain that the words
// beside it call a phone number; or 0.
func labelled(c *chain) int {
	l := c.label()
	if !l.is(lPhone|lPhoneWeak) || !openLeft(c.b, openBracket(c)) && !c.plus {
		return 0
	}
	least := 7
	if !l.is(lPhone) {
		least = 9
	}
	if !l.is(lPhone) && l.gap > reachVerb {
		return 0
	}
	if l.gap > reachList && len(c.groups) > 3 && c.gapIs(0, " ") && c.b[c.groups[0].start] != '0' &&
		bytes.IndexByte(c.b[max(0, c.groups[0].start-l.gap):c.groups[0].start], ',') >= 0 {
		return 0 // "mobile first, 320 480 768 1024"
	}
	if len(c.groups) == 2 && c.gapIs(0, ".") && !c.shape(0, 3, 4) || len(c.groups) > 1 && c.groups[0].len() < 3 && c.gapIs(0, ".") && c.groups[1].len() < 2 {
		return 0 // a decimal, a version
	}
	if len(c.groups) > 1 && c.gapIs(0, "/") && c.b[c.groups[0].start] != '0' {
		return 0 // a fraction
	}
	best, count := 0, 0
	for n := 1; n <= len(c.groups) && n <= 8; n++ {
		if n > 1 && !dialGap(c, n-2) {
			break
		}
		if count += c.groups[n-1].len(); count > maxE164 {
			break
		}
		local := n == 2 && c.shape(0, 3, 4)
		if (count >= least || local) && c.dialRight(n-1) && !dated(c, n) {
			best = n
		}
	}
	if best == 1 && !l.is(lPhone) {
		// After a mere verb, bare digits must be a number of ten, or begin with the
		// zero by which a call leaves the local network.
		var buf [maxE164]byte
		d := c.text(buf[:0], 0, 1)
		if len(d) == 11 && d[0] == '1' {
			d = d[1:]
		}
		if trunk := d[0] == '0' && d[1] != '0' && len(d) >= 10 && len(d) <= 11; !nanp(d) && !trunk {
			return 0
		}
	}
	if best > 0 && (dumped(c.b, c.groups[0].start, c.groups[best-1].end) || unphoned(c, best)) {
		return 0
	}
	if best > 0 && counted(c, c.groups[best-1].end) {
		return 0
	}
	if best > 0 {
		var buf [maxE164]byte
		if dull(c.text(buf[:0], 0, best)) || best >= 4 && c.gapIs(0, ".") && c.groups[3].len() <= 3 && c.groups[1].len() == 3 {
			return 0
		}
	}
	return best
}

// unphoned says whether the first n groups are years, code points, or a number
// that was filled up with zeros.
func unphoned(c *chain, n int) bool {
	g := c.groups[0]
	if string(c.b[g.start:min(g.end, g.start+3)]) == "000" {
		return true
	}
	if n == 2 && c.shape(0, 4, 4) {
		from, to := number(c.b[g.start:g.end]), number(c.b[c.groups[1].start:c.groups[1].end])
		return lived(from) && lived(to) && from <= to
	}
	return c.shape(0, 4, 4, 4) && c.gapIs(0, ".")
}

// dull says whether a number has no more than two different digits, as tables
// of zeros and ones do.
func dull(d []byte) bool {
	seen, kinds := [10]bool{}, 0
	for _, c := range d {
		if !seen[c-'0'] {
			seen[c-'0'] = true
			kinds++
		}
	}
	return kinds < 3
}

// units are the words after a number that counts something.
var units = set(`hz khz mhz ghz bytes byte kb mb gb bits ms ns us seconds minutes hours days years times views users people rows records
	requests tokens lines words characters pixels px dpi km miles meters m kg dollars euros usd eur gbp points votes
	items units copies stück mal`)

// counted says whether the word right after end is a unit.
func counted(c *chain, end int) bool {
	if at(c.b, end) != ' ' {
		return false
	}
	if !isLetter(at(c.b, end+1)) && at(c.b, end+1) < 0x80 {
		return false
	}
	to := min(len(c.b), end+16)
	w := wordWalk{norm: c.b[end:to], lower: c.t.Lower[end:to]}
	_, ok := units[string(w.forth())]
	return ok
}

// openBracket is where the first group starts, its bracket included.
func openBracket(c *chain) int {
	start := c.groups[0].start
	if at(c.b, start-1) == '(' {
		start--
	}
	return start
}

// dated says whether the first n groups are a date.
func dated(c *chain, n int) bool {
	if n < 3 {
		return false
	}
	return c.shape(0, 4, 2, 2) || c.shape(0, 2, 2, 4) || c.shape(0, 1, 2, 4) || c.shape(0, 2, 1, 4)
}

// dialRight is freeRight for telephone numbers, to which people put an
// extension without a blank: "555-0132x204".
func (c *chain) dialRight(last int) bool {
	if c.freeRight(last) {
		return true
	}
	end := c.groups[last].end
	return last == len(c.groups)-1 && at(c.b, end)|0x20 == 'x' && extension(c.b, end) > end
}

// extension widens a number by what follows it, as in "ext. 12" and "x12".
func extension(b []byte, end int) int {
	i := end
	for i < len(b) && i-end < 3 && (b[i] == ' ' || b[i] == ',' || b[i] == ';') {
		i++
	}
	word := i
	for i < len(b) && i-word < 9 && isLetter(b[i]) {
		i++
	}
	switch string(b[word:i]) {
	case "x", "X":
	case "ext", "Ext", "EXT", "extension", "Extension", "extn", "poste", "Durchwahl", "DW":
	default:
		return end
	}
	for i < len(b) && (b[i] == '.' || b[i] == ':' || b[i] == ' ' || b[i] == '=') && i-word < 12 {
		i++
	}
	digits := i
	for i < len(b) && i-digits < 7 && isDigit(b[i]) {
		i++
	}
	if i == digits || i-digits > 6 || isWord(at(b, i)) {
		return end
	}
	return i
}
