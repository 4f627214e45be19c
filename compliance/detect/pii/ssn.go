package pii

import "github.com/promptmetrics-go/promptmetrics/compliance/detect"

// ssn finds social security numbers and individual taxpayer numbers of the
// United States. With hyphens they stand for themselves; with other separators
// or none the words beside them must say so.
func ssn(c *chain, report func(detect.Finding)) {
	var digits [9]byte
	for i := 0; i < len(c.groups); i++ {
		n, sep := 3, byte(0)
		switch {
		case c.groups[i].len() == 9:
			n = 1
		case c.shape(i, 3, 2, 4):
			var even bool
			if sep, even = c.evenly(i, 3); !even {
				continue
			}
		default:
			continue
		}
		l := c.label()
		named := l.is(lSSN | lITIN)
		if !c.free(i, n) && !(i == 0 && named && c.freeRight(n-1) && at(c.b, c.groups[0].start-1) == '-') {
			continue
		}
		r, ok := ssnKind(c.text(digits[:0], i, n))
		if !ok {
			continue
		}
		confidence := .9
		switch {
		case named:
		case sep == '-' && (l.past || !l.is(lOther|lPhone|lVersion)):
			confidence = .85
		case sep == '-' && l.has(lSSN|lITIN): // the names of columns stand before the row
			confidence = .85
		case sep != '-' && sep != '/' && l.has(lSSN|lITIN) && !l.is(lOther|lPhone):
			confidence = .8
		default:
			continue
		}
		report(r.at(c.groups[i].start, c.groups[i+n-1].end, confidence))
		i += n - 1
	}
}

// ssnKind tells the two kinds of nine digits apart by the rules of the Social
// Security Administration and of the Internal Revenue Service.
func ssnKind(d []byte) (rule, bool) {
	area, group, serial := number(d[:3]), number(d[3:5]), number(d[5:])
	if area >= 900 {
		itin := group >= 50 && group <= 65 || group >= 70 && group <= 88 || group >= 90 && group <= 92 || group >= 94
		return itinRule, itin && !oneDigit(d)
	}
	return ssnRule, area != 0 && area != 666 && group != 0 && serial != 0 && !oneDigit(d)
}

// number is the value of a few decimal digits.
func number(digits []byte) int {
	n := 0
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}
