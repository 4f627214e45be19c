package pii

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// leastYear is the digits of a year, without which no date is looked for.
const leastYear = 4

// birth finds a date that is called somebody's date of birth.
func birth(c *chain, report func(detect.Finding)) {
	for i := 0; i < len(c.groups) && i < 8; i++ {
		if start, end, ok := c.numericDate(i); ok {
			if c.born(c.label(), start) || initials(c.t, start) {
				report(birthRule.at(start, end, .9))
				return
			}
			continue
		}
		if start, end, ok := writtenDate(c.t, c.groups[i]); ok {
			if c.born(labelsOf(c.t, start, end), start) || initials(c.t, start) {
				report(birthRule.at(start, end, .9))
				return
			}
		}
	}
}

// reachBorn is how far before a date a verb such as "born" may stand, in bytes.
const reachBorn = 24

// born says whether the words beside a date make it one of birth. Behind another
// number they do so in a table only, where the names of columns stand above:
// "DOB: 1/2/1948. Seen on 3/4/2023" has one such date.
func (c *chain) born(l labels, start int) bool {
	if l.behind || !l.past {
		gap := c.b[max(0, start-l.gap):start]
		return l.is(lBirth) || l.is(lBorn) && (l.behind || l.gap <= reachBorn &&
			!bytes.Contains(bytes.TrimLeft(gap, ". "), []byte(". ")) && bytes.IndexByte(gap, ';') < 0)
	}
	line := c.b[max(0, start-reachBefore):start]
	i := bytes.LastIndexByte(line, '\n')
	if !l.is(lBirth) || i < 0 {
		return false
	}
	row := line[i+1:]
	return l.gap > len(row) && bytes.IndexByte(row, ':') < 0 && !dateIn(row)
}

// dateIn says whether a row has a date already: four digits in a row.
func dateIn(row []byte) bool {
	run := 0
	for _, c := range row {
		if run++; !isDigit(c) {
			run = 0
		}
		if run == 4 {
			return true
		}
	}
	return false
}

// initials says whether "D.O.B." stands right before start.
func initials(t *detect.Text, start int) bool {
	return bytes.Contains(t.Lower[max(0, start-10):start], []byte("d.o.b"))
}

// numericDate reads three groups as a date in any usual order.
func (c *chain) numericDate(i int) (start, end int, ok bool) {
	if i+3 > len(c.groups) {
		return 0, 0, false
	}
	sep, even := c.evenly(i, 3)
	if !even || sep == ' ' || !c.free(i, 3) {
		return 0, 0, false
	}
	g := c.groups[i : i+3]
	if g[0].len() > 4 || g[1].len() > 2 || g[2].len() > 4 {
		return 0, 0, false
	}
	a, b, d := number(c.b[g[0].start:g[0].end]), number(c.b[g[1].start:g[1].end]), number(c.b[g[2].start:g[2].end])
	switch {
	case g[0].len() == 4:
		ok = lived(a) && g[2].len() <= 2 && calendar(b, d)
	case g[0].len() <= 2 && (g[2].len() == 4 && lived(d) || g[2].len() == 2):
		ok = calendar(a, b) || calendar(b, a)
	}
	return g[0].start, g[2].end, ok
}

// lived says whether somebody who is alive may be born in a year.
func lived(year int) bool { return year >= 1900 && year <= 2099 }

// months are the names of months and their usual short forms.
var months = set(`january february march april may june july august september october november december
	jan feb mar apr jun jul aug sep sept oct nov dec
	januar februar märz maerz mai juni juli oktober dezember jänner dez okt
	janvier février fevrier mars avril juin juillet août aout septembre octobre novembre décembre decembre
	enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre
	gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
	janeiro fevereiro março marco maio junho julho setembro outubro novembro dezembro
	januari februari maart mei augustus december
	stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
	января февраля марта апреля мая июня июля августа сентября октября ноября декабря`)

// writtenDate reads back from a year: "March 3, 1985", "3. März 1985",
// "3 de marzo de 1985".
func writtenDate(t *detect.Text, year group) (start, end int, ok bool) {
	if year.len() != 4 || !lived(number(t.Norm[year.start:year.end])) || isWord(at(t.Norm, year.end)) {
		return 0, 0, false
	}
	b, low := t.Norm, t.Lower
	i := year.start
	from := max(0, i-32)
	back := func(chars string) {
		for i > from && bytes.IndexByte([]byte(chars), b[i-1]) >= 0 {
			i--
		}
	}
	token := func(in func(byte) bool) []byte {
		stop := i
		for i > from && in(b[i-1]) {
			i--
		}
		return low[i:stop]
	}
	back(" ,.-")
	word := token(inWord)
	if string(word) == "de" || string(word) == "del" || string(word) == "of" {
		back(" ")
		word = token(inWord)
	}
	var day []byte
	if len(word) == 0 { // the day stands between month and year
		day = token(isDigit)
		back(" ")
		word = token(inWord)
	} else if len(word) == 2 && isDigit(at(b, i-1)) { // "March 3rd, 1985"
		day = token(isDigit)
		back(" ")
		word = token(inWord)
	}
	if _, known := months[string(bytes.ToLower(word))]; !known {
		return 0, 0, false
	}
	start = i
	if day == nil {
		back(" .-")
		if w := token(inWord); string(w) == "de" || string(w) == "of" {
			back(" ")
			if w = token(inWord); len(w) > 0 && len(w) != 2 { // "3rd of March 1985"
				return 0, 0, false
			}
		} else if len(w) > 0 && len(w) != 2 {
			return 0, 0, false
		}
		if day = token(isDigit); len(day) == 0 || len(day) > 2 {
			return 0, 0, false
		}
		start = i
	}
	return start, year.end, len(day) <= 2 && number(day) >= 1 && number(day) <= 31
}
