package pii

import "github.com/promptmetrics-go/promptmetrics/compliance/detect"

// issuer is a range of card numbers: the leading digits and the lengths.
type issuer struct {
	from, to int // the first len(digits) digits, inclusive
	digits   int
	lengths  []int
	// shy issuers overlap with too much else to be believed without a word
	// such as "card" or the printed groups.
	shy bool
}

// issuers follows the IIN ranges of ISO/IEC 7812 as the schemes publish them.
// Narrow ranges come before those that they lie in.
var issuers = []issuer{
	{4, 4, 1, []int{16}, false},               // Visa
	{4, 4, 1, []int{13}, true},                // Visa, historic
	{51, 55, 2, []int{16}, false},             // Mastercard
	{2221, 2720, 4, []int{16}, false},         // Mastercard
	{34, 34, 2, []int{15}, false},             // American Express
	{37, 37, 2, []int{15}, false},             // American Express
	{300, 305, 3, []int{14, 16}, false},       // Diners Club Carte Blanche
	{3095, 3095, 4, []int{14, 16}, false},     // Diners Club
	{36, 36, 2, []int{14, 16}, false},         // Diners Club International
	{38, 39, 2, []int{14, 16}, false},         // Diners Club International
	{3528, 3589, 4, []int{16, 17, 18}, false}, // JCB
	{6011, 6011, 4, []int{16}, false},         // Discover
	{644, 649, 3, []int{16}, false},           // Discover
	{65, 65, 2, []int{16}, false},             // Discover, RuPay
	{60, 60, 2, []int{16}, true},              // RuPay
	{508, 508, 3, []int{16}, true},            // RuPay
	{81, 82, 2, []int{16}, true},              // RuPay, UnionPay
	{62, 62, 2, []int{16, 17, 18}, false},     // UnionPay
	{2200, 2204, 4, []int{16, 17, 18}, false}, // Mir
	{637, 639, 3, []int{16}, true},            // InterPayment, InstaPayment
	{9792, 9792, 4, []int{16}, false},         // Troy
	{506099, 506198, 6, []int{16, 19}, true},  // Verve
	{650002, 650027, 6, []int{16, 19}, true},  // Verve
	{2131, 2131, 4, []int{15}, true},          // JCB, historic
	{1800, 1800, 4, []int{15}, true},          // JCB, historic
	// Nineteen digits are what a 64-bit integer has, too.
	{4, 4, 1, []int{19}, true},
	{6011, 6011, 4, []int{19}, true},
	{644, 659, 3, []int{19}, true},
	{62, 62, 2, []int{19}, true},
	{2200, 2204, 4, []int{19}, true},
	{3528, 3589, 4, []int{19}, true},
	{50, 50, 2, []int{12, 13, 14, 15, 16, 17, 18, 19}, true}, // Maestro
	{56, 69, 2, []int{12, 13, 14, 15, 16, 17, 18, 19}, true}, // Maestro
}

// printed are the ways in which cards are grouped.
var printed = [][]int{
	{4, 4, 4, 4, 3}, {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {6, 13}, {8, 8}, {4, 4, 5}, {4, 4, 4, 3},
}

// card finds payment cards: a known issuer, its length, Luhn's check digit.
func card(c *chain, report func(detect.Finding)) {
	var digits [24]byte
	for i := 0; i < len(c.groups); i++ {
		g := c.groups[i]
		if n := g.len(); n >= 12 && n <= 19 {
			if cardEdges(c, i, 1) && at(c.b, g.start-1) != '-' && believed(c, c.b[g.start:g.end], false) {
				report(cardRule.at(g.start, g.end, .95))
			}
			continue
		}
		if n := g.len(); n != 4 && n != 6 && n != 8 {
			continue
		}
		for _, shape := range printed {
			n := len(shape)
			if !c.shape(i, shape...) {
				continue
			}
			sep, even := c.evenly(i, n)
			if !even || sep != ' ' && sep != '-' && sep != '.' || !cardEdges(c, i, n) {
				continue
			}
			if (tabled(c, i, n) || counting(c, i, n)) && !c.label().is(lCard) {
				break
			}
			if believed(c, c.text(digits[:0], i, n), true) {
				report(cardRule.at(g.start, c.groups[i+n-1].end, .97))
				i += n - 1
				break
			}
		}
	}
}

// tabled says whether words of four hexadecimal digits stand on either side, as
// in a table of code points.
func tabled(c *chain, i, n int) bool {
	b, start, end := c.b, c.groups[i].start, c.groups[i+n-1].end
	if c.groups[i].len() != 4 || c.groups[i+n-1].len() != 4 {
		return false
	}
	four := func(from int) bool {
		for k := from; k < from+4; k++ {
			if !isHex(at(b, k)) {
				return false
			}
		}
		return true
	}
	sep := at(b, c.groups[i].end)
	return at(b, start-1) == '.' ||
		at(b, start-1) == sep && four(start-5) && !isWord(at(b, start-6)) ||
		at(b, end) == sep && four(end+1) && !isWord(at(b, end+5))
}

// counting says whether neighbours among the groups are one apart, as in a list
// of what is numbered.
func counting(c *chain, i, n int) bool {
	for k := i + 1; k < i+n; k++ {
		before, g := c.groups[k-1], c.groups[k]
		if before.len() == g.len() && number(c.b[before.start:before.end])+1 == number(c.b[g.start:g.end]) {
			return true
		}
	}
	return false
}

// cardEdges allows an expiry date or a check value after the number.
func cardEdges(c *chain, i, n int) bool {
	if !c.freeLeft(i) {
		return false
	}
	last := i + n - 1
	return c.freeRight(last) || last < len(c.groups)-1 && (c.gapIs(last, "/") || c.gapIs(last, "-") && c.groups[last+1].len() <= 2)
}

func believed(c *chain, digits []byte, grouped bool) bool {
	known, shy := issued(digits)
	if !known || !luhn(digits) || oneDigit(digits) {
		return false
	}
	l := c.label()
	switch {
	case shy && l.has(lGift):
		return false
	case l.is(lCard):
		return true
	case l.is(lOther):
		return grouped && !shy // nobody prints an order number like a card
	}
	return !shy || grouped && len(digits) >= 16 || l.has(lCard)
}

func issued(digits []byte) (known, shy bool) {
	for _, s := range issuers {
		head := 0
		for _, d := range digits[:s.digits] {
			head = head*10 + int(d-'0')
		}
		if head < s.from || head > s.to {
			continue
		}
		for _, n := range s.lengths {
			if n == len(digits) {
				return true, s.shy
			}
		}
	}
	return false, false
}

// luhn checks the last digit as ISO/IEC 7812-1, annex B, says.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func oneDigit(digits []byte) bool {
	for _, d := range digits {
		if d != digits[0] {
			return false
		}
	}
	return true
}
