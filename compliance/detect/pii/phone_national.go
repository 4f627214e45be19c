package pii

import "strings"

// national is the number of groups from i on that are printed as some country
// prints its own numbers, and how sure that is; or 0. Forms that other things
// share are left to the words beside them.
func national(c *chain, i int) (int, float64) {
	g := c.groups[i]
	switch first := g.len(); {
	case first > 5 || first == 1 && c.b[g.start] != '1' && c.b[g.start] != '8':
		return 0, 0
	}
	if i > 0 && !outer(c, i-1) {
		return 0, 0
	}
	if i == 0 && !openLeft(c.b, openBracket(c)) {
		return 0, 0
	}
	for _, f := range forms {
		n := len(f.groups)
		if !c.shape(i, f.groups...) || !f.fits(c, i) {
			continue
		}
		l := c.label()
		if f.labelled && !l.is(lPhone|lPhoneWeak) {
			continue
		}
		if l.is(namesOther) && !l.past && !l.has(lPhone|lPhoneWeak) && !(f.brackets && l.is(lOther)) {
			continue
		}
		if !f.brackets && c.gapIs(i, " ") && (!l.is(lPhone|lPhoneWeak) || l.gap > reachList) && listed(c, i, n) {
			continue
		}
		if n == 5 && dumped(c.b, g.start, c.groups[i+n-1].end) {
			continue
		}
		if last := i + n - 1; last < len(c.groups)-1 && !outer(c, last) || !c.dialRight(last) {
			continue
		}
		return n, .75
	}
	return 0, 0
}

// namesOther are the labels that say that a number is no telephone number.
const namesOther = lOther | lCard | lSSN | lVersion | lSIN | lTFN | lNHS | lMedicare | lAadhaar | lBSN | lNIR |
	lPassport | lLicence | lLicenceWord | lIP

// reachList is how near a label must stand, in bytes, to tell which groups of a
// row are the number: "tel. " before them, but not "mobile screens, ".
const reachList = 4

// listed says whether groups with spaces between them stand in a longer row of
// such groups, where no one can tell which belong together.
func listed(c *chain, i, n int) bool {
	return i > 0 && c.gapIs(i-1, " ") || i+n < len(c.groups) && c.gapIs(i+n-1, " ")
}

// dumped says whether two pairs of hexadecimal digits stand before start or
// after end, as in the dump of a file. Dumps have a wider gap in the middle, and
// what follows must have a letter so as not to be the next number.
func dumped(b []byte, start, end int) bool {
	pair := func(i int) bool {
		return isHex(at(b, i)) && isHex(at(b, i+1)) && !isWord(at(b, i-1)) && !isWord(at(b, i+2))
	}
	gap := func(i, step int) int {
		for n := 0; n < 2 && at(b, i) == ' '; n++ {
			i += step
		}
		return i
	}
	if i := gap(start-1, -1); i < start-1 && pair(i-1) {
		if k := gap(i-2, -1); k < i-2 && pair(k-1) {
			return true
		}
	}
	i := gap(end, 1)
	if i == end || !pair(i) {
		return false
	}
	k := gap(i+2, 1)
	return k > i+2 && pair(k) && (isLetter(b[i]) || isLetter(b[i+1]) || isLetter(b[k]) || isLetter(b[k+1]))
}

// outer says whether gap i separates numbers rather than groups of one.
func outer(c *chain, i int) bool {
	switch c.gap(i) {
	case " ", " - ", " / ", " (", "/", ". ", ") ":
		return true
	}
	return false
}

// form is a printed national number.
type form struct {
	groups []int
	// first is what the first group, and so the number, starts with: any of
	// these, or anything.
	first []string
	// gaps are the separators that are allowed, the same one everywhere; each has
	// one for every gap instead.
	gaps, each string
	brackets   bool // around the first group
	digits     func(d []byte) bool
	labelled   bool
}

var (
	zero   = []string{"0"}
	hyphen = "-"
	space  = " "
	anyGap = " -."
)

// forms lists the national formats that are believed as they stand, after the
// numbering plans that ITU-T publishes.
var forms = []form{
	// North America: (415) 555-0132, 415-555-0132, 1-800-555-0199.
	{groups: []int{1, 3, 3, 4}, first: []string{"1"}, gaps: anyGap, digits: func(d []byte) bool { return nanpAssigned(d[1:]) }},
	{groups: []int{3, 3, 4}, gaps: anyGap, digits: nanpAssigned},
	{groups: []int{3, 3, 4}, gaps: anyGap, labelled: true},
	{groups: []int{3, 3, 4}, each: " -", digits: nanpAssigned},
	{groups: []int{3, 3, 4}, each: " -", labelled: true},
	{groups: []int{3, 3, 4}, gaps: anyGap, brackets: true, digits: nanp},
	{groups: []int{3, 7}, gaps: anyGap, brackets: true, digits: nanp},
	{groups: []int{3, 4}, gaps: "-.", labelled: true},
	// United Kingdom: 020 7946 0958, 0161 496 0000, 01632 960123, 07700 900123.
	{groups: []int{3, 4, 4}, first: []string{"02"}, gaps: " -"},
	{groups: []int{3, 4, 4}, first: []string{"02"}, gaps: " -", brackets: true},
	{groups: []int{4, 3, 4}, first: []string{"011", "012", "013", "014", "015", "016", "017", "018", "019", "03", "08"}, gaps: " -"},
	{groups: []int{4, 3, 4}, first: []string{"01", "03", "08"}, gaps: " -", brackets: true},
	{groups: []int{5, 6}, first: []string{"01", "07"}, gaps: " -"},
	{groups: []int{5, 6}, first: []string{"01", "07"}, gaps: " -", brackets: true},
	{groups: []int{5, 3, 3}, first: []string{"01", "07"}, gaps: " -"},
	// France: 06 12 34 56 78.
	{groups: []int{2, 2, 2, 2, 2}, first: []string{"01", "02", "03", "04", "05", "06", "07", "08", "09"}, gaps: anyGap, digits: notCounting},
	// Japan, Korea: 03-1234-5678, 090-1234-5678, 010-1234-5678, 02-123-4567.
	{groups: []int{2, 4, 4}, first: zero, gaps: hyphen},
	{groups: []int{2, 3, 4}, first: zero, gaps: hyphen, labelled: true},
	{groups: []int{3, 4, 4}, first: zero, gaps: hyphen},
	{groups: []int{3, 3, 4}, first: zero, gaps: hyphen},
	{groups: []int{4, 2, 4}, first: zero, gaps: hyphen},
	{groups: []int{4, 3, 3}, first: []string{"0120", "0800", "0570"}, gaps: hyphen},
	// Brazil: (11) 98765-4321.
	{groups: []int{2, 5, 4}, gaps: anyGap, brackets: true},
	{groups: []int{2, 4, 4}, gaps: anyGap, brackets: true},
	// Australia: 0412 345 678, (02) 9374 4000.
	{groups: []int{4, 3, 3}, first: []string{"04"}, gaps: space},
	// Germany, Austria, Switzerland, Italy: 0171 1234567, 030/901820, 044 668 18 00.
	{groups: []int{4, 7}, first: []string{"015", "016", "017", "06"}, gaps: " -/"},
	{groups: []int{4, 8}, first: []string{"015", "016", "017"}, gaps: " -/"},
	{groups: []int{3, 6}, first: zero, gaps: "/"},
	{groups: []int{3, 7}, first: zero, gaps: "/-"},
	{groups: []int{3, 8}, first: zero, gaps: "/-"},
	{groups: []int{3, 3, 2, 2}, first: zero, gaps: " "},
	{groups: []int{3, 3, 2, 2}, first: zero, each: "-  "},
	// Netherlands, Sweden: 06-12345678, 08-123 456 78, 070-123 45 67.
	{groups: []int{2, 8}, first: []string{"06"}, gaps: " -"},
	{groups: []int{2, 3, 3, 2}, first: zero, each: "-  "},
	// China: 138 1234 5678.
	{groups: []int{3, 4, 4}, first: []string{"13", "14", "15", "16", "17", "18", "19"}, gaps: " -"},
	// Russia: 8 (495) 123-45-67, 8-800-555-35-35.
	{groups: []int{1, 3, 3, 2, 2}, first: []string{"8"}, gaps: " -"},
	{groups: []int{1, 3, 3, 2, 2}, first: []string{"8"}, each: "  --"},
	// Spain, India, Portugal and others: only where a word says so.
	{groups: []int{3, 3, 3}, gaps: anyGap, labelled: true},
	{groups: []int{3, 2, 2, 2}, gaps: anyGap, labelled: true},
	{groups: []int{2, 3, 2, 2}, gaps: anyGap, labelled: true},
	{groups: []int{5, 5}, gaps: " -", labelled: true},
	{groups: []int{3, 2, 2, 3}, gaps: anyGap, labelled: true},
}

// fits checks what the lengths of the groups do not say.
func (f *form) fits(c *chain, i int) bool {
	n := len(f.groups)
	g := c.groups[i]
	if f.first != nil && !startsWithAny(c.b[g.start:g.end], f.first) {
		return false
	}
	if f.brackets != (at(c.b, g.start-1) == '(' && at(c.b, g.end) == ')') && n > 1 && !bracketLater(c, i) {
		return false
	}
	if !f.gapsFit(c, i) {
		return false
	}
	var buf [maxE164 + 5]byte
	d := c.text(buf[:0], i, n)
	return !oneDigit(d) && (f.digits == nil || f.digits(d))
}

// bracketLater is for a prefix before the bracket: "1 (415) 555-0132".
func bracketLater(c *chain, i int) bool {
	return c.groups[i].len() == 1 && at(c.b, c.groups[i+1].start-1) == '(' && at(c.b, c.groups[i+1].end) == ')'
}

// gapsFit compares the separators with those of the form. Brackets count as
// part of the separator; after them, the separator may be of another kind.
func (f *form) gapsFit(c *chain, i int) bool {
	first := byte(0)
	for k := 0; k < len(f.groups)-1; k++ {
		gap := c.gap(i + k)
		bracket := false
		for len(gap) > 0 && (gap[0] == ')' || gap[0] == '(') {
			gap, bracket = gap[1:], true
		}
		if len(gap) > 1 && gap[len(gap)-1] == '(' {
			gap, bracket = gap[:len(gap)-1], true
		}
		if bracket && gap == "" {
			continue
		}
		if len(gap) != 1 || !bracket && !f.allowed(k, gap[0]) {
			return false
		}
		if bracket || f.each != "" {
			continue
		}
		if first != 0 && first != gap[0] {
			return false
		}
		first = gap[0]
	}
	return true
}

func (f *form) allowed(k int, gap byte) bool {
	if f.each != "" {
		return f.each[k] == gap
	}
	return strings.IndexByte(f.gaps, gap) >= 0
}

func startsWithAny(b []byte, heads []string) bool {
	for _, h := range heads {
		if len(b) >= len(h) && string(b[:len(h)]) == h {
			return true
		}
	}
	return false
}

// notCounting keeps "01 02 03 04 05" out, and the draws of lotteries.
func notCounting(d []byte) bool {
	for i := 2; i < len(d); i += 2 {
		if number(d[i:i+2]) <= number(d[i-2:i]) {
			return true
		}
	}
	return false
}

// nanpAssigned also wants an area code that is in use.
func nanpAssigned(d []byte) bool {
	if !nanp(d) {
		return false
	}
	area := number(d[:3])
	return areaCodes[area/64]&(1<<(area%64)) != 0
}
