package pii

import (
	"bytes"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// letterID is a number of letters and digits.
type letterID struct {
	rule  rule
	label label
	// mask has a character for each of the number: A letter, 9 digit, * either.
	masks []string
	ok    func(s []byte) bool
	// alone says that mask and check are telling without a word.
	alone bool
}

var letterIDs = []letterID{
	{id("UK NINO Detection", "UK_NINO"), lNINO, []string{"AA999999A"}, nino, false},
	{id("Spanish DNI Detection", "ES_DNI"), lDNI, []string{"99999999A"}, dni, false},
	{id("Spanish NIE Detection", "ES_NIE"), lDNI, []string{"A9999999A"}, nie, false},
	{id("Italian Codice Fiscale Detection", "IT_CODICE_FISCALE"), lFiscale, []string{"AAAAAA**A**A***A"}, codiceFiscale, true},
	{id("Indian PAN Detection", "IN_PAN"), lPAN, []string{"AAAAA9999A"}, panIndia, false},
	{id("Chinese Resident ID Detection", "CN_RESIDENT_ID"), lResident, []string{"99999999999999999A"}, residentX, true},
	{id("Finnish HETU Detection", "FI_HETU"), lHetu, []string{"999999A999*"}, hetu, false},
	{id("Mexican CURP Detection", "MX_CURP"), lCURP, []string{"AAAA999999AAAAAA*9"}, curp, true},
	{id("Singapore NRIC Detection", "SG_NRIC"), lNRIC, []string{"A9999999A"}, nric, true},
	{id("French NIR Detection", "FR_NIR"), lNIR, []string{"999999A99999999"}, nirCorsica, false},
	{licenceRule, lLicence, []string{"*****999999*****"}, licenceUK, true},
	{licenceRule, lLicence, []string{
		"A9999999", "A99999999", "A999999999", "A99999999999", "A999999999999", "A9999999999999", "A99999999999999",
		"AA999999", "AA9999999", "A999999", "99AAA9999", "9AAA99999", "A9999999A", "AAA999999",
		"A9999AAAA99", "AAAAAAA999A9", "A99999A99999", "A999999999A", "A99*******9",
	}, anyLetters, false},
	{passportRule, lPassport, []string{
		"A99999999", "A9999999", "AA9999999", "AA999999", "AAA999999", "99AA99999", "A99AAAA99", "A9999999A", "AAA99999A",
		"A*9*9***9", "A9A9999A9", "AA999999A", "A999999", "A999999A", "A9999*9*9", "A*****99*",
	}, anyLetters, false},
	{passportRule, lPassport, []string{"A********"}, passportGermany, false},
}

// letters finds the numbers of the table, and those whose groups are printed
// apart.
type letters struct{}

const (
	leastLetterID = 7
	mostLetterID  = 18
)

// Find implements [detect.Detector]. It looks at each word that has a digit and
// a letter.
func (letters) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for i := nextDigit(b, 0); i < len(b); i = nextDigit(b, i) {
		start, end := i, i
		for start > 0 && isAlnum(b[start-1]) && i-start <= mostLetterID {
			start--
		}
		digits := 0
		for end < len(b) && isAlnum(b[end]) {
			if isDigit(b[end]) {
				digits++
			}
			end++
		}
		i = end
		if end-start >= leastLetterID && end-start <= mostLetterID && digits < end-start && digits >= 3 {
			word(t, start, end, report)
			continue
		}
		apart(t, start, end, report)
	}
}

func word(t *detect.Text, start, end int, report func(detect.Finding)) {
	b := t.Norm
	if !openLeft(b, start) || !openRight(b, end) || inURL(b, start) {
		return
	}
	var (
		buf  [mostLetterID]byte
		l    labels
		read bool
	)
	s := upper(buf[:0], b[start:end])
	for k := range letterIDs {
		id := &letterIDs[k]
		if !fitsAny(s, id.masks) || !id.ok(s) {
			continue
		}
		if id.rule.sureness() < sure && !bytes.Equal(s, b[start:end]) {
			continue // without a check digit, capitals are the least
		}
		if !id.alone {
			if !read {
				l, read = labelsOf(t, start, end), true
			}
			if !l.names(id.label) {
				continue
			}
		} else if !bytes.Equal(s, b[start:end]) {
			continue // where no word helps, case must
		}
		report(id.rule.at(start, end, id.rule.sureness()))
		return
	}
}

// apart reads the forms with separators that begin in the word at start:
// "AB 12 34 56 C", "12.345.678-Z", "X-1234567-L", "131052-308T".
func apart(t *detect.Text, start, end int, report func(detect.Finding)) {
	b := t.Norm
	for _, f := range apartForms {
		first := start - f.back
		if end-start != f.first || first < 0 || !openLeft(b, first) {
			continue
		}
		last := first + len(f.mask)
		if last > len(b) || !openRight(b, last) || !fitsApart(b[first:last], f.mask) {
			continue
		}
		var buf [mostLetterID]byte
		if !f.ok(compact(buf[:0], b[first:last])) {
			continue
		}
		if !f.alone && !labelsOf(t, first, last).names(f.label) {
			continue
		}
		report(f.rule.at(first, last, f.rule.sureness()))
		return
	}
}

// apartForm is a printed form: in mask, A is a letter, 9 a digit, * either, and
// everything else itself.
type apartForm struct {
	rule  rule
	label label
	mask  string
	// The word with the first digit is so long and starts so far into the mask.
	first, back int
	ok          func(s []byte) bool
	alone       bool
}

var apartForms = []apartForm{
	{id("UK NINO Detection", "UK_NINO"), lNINO, "AA 99 99 99 A", 2, 3, nino, true},
	{id("UK NINO Detection", "UK_NINO"), lNINO, "AA-99-99-99-A", 2, 3, nino, true},
	{id("UK NINO Detection", "UK_NINO"), lNINO, "AA 999999 A", 6, 3, nino, false},
	{id("Spanish DNI Detection", "ES_DNI"), lDNI, "99.999.999-A", 2, 0, dni, true},
	{id("Spanish DNI Detection", "ES_DNI"), lDNI, "99.999.999 A", 2, 0, dni, true},
	{id("Spanish DNI Detection", "ES_DNI"), lDNI, "99999999-A", 8, 0, dni, false},
	{id("Spanish DNI Detection", "ES_DNI"), lDNI, "99999999 A", 8, 0, dni, false},
	{id("Spanish NIE Detection", "ES_NIE"), lDNI, "A-9999999-A", 7, 2, nie, true},
	{id("Spanish NIE Detection", "ES_NIE"), lDNI, "A9999999-A", 8, 0, nie, false},
	{id("Finnish HETU Detection", "FI_HETU"), lHetu, "999999-999*", 6, 0, hetu, true},
	{id("Finnish HETU Detection", "FI_HETU"), lHetu, "999999+999*", 6, 0, hetu, true},
	{licenceRule, lLicence, "A999-999-99-999-9", 4, 0, anyLetters, false},
	{licenceRule, lLicence, "A999-9999-9999", 4, 0, anyLetters, false},
	{licenceRule, lLicence, "A9999-99999-99999", 5, 0, anyLetters, false},
	{licenceRule, lLicence, "A999 9999 9999", 4, 0, anyLetters, false},
}

func upper(dst, s []byte) []byte {
	for _, c := range s {
		if isLetter(c) {
			c &^= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// compact keeps letters and digits, in upper case.
func compact(dst, s []byte) []byte {
	for _, c := range s {
		switch {
		case isLetter(c):
			dst = append(dst, c&^0x20)
		case isDigit(c):
			dst = append(dst, c)
		}
	}
	return dst
}

func fitsAny(s []byte, masks []string) bool {
	for _, m := range masks {
		if len(s) == len(m) && fitsApart(s, m) {
			return true
		}
	}
	return false
}

func fitsApart(s []byte, mask string) bool {
	for i := range s {
		switch c := s[i]; mask[i] {
		case 'A':
			if !isLetter(c) {
				return false
			}
		case '9':
			if !isDigit(c) {
				return false
			}
		case '*':
			if !isAlnum(c) {
				return false
			}
		default:
			if c != mask[i] {
				return false
			}
		}
	}
	return true
}

func anyLetters([]byte) bool { return true }

// passportGermany: a letter of the authority, then digits and the consonants
// that are not taken for others.
func passportGermany(s []byte) bool {
	if strings.IndexByte("CFGHJKLMNPRTVWXYZ", s[0]) < 0 {
		return false
	}
	digits := 0
	for _, c := range s[1:] {
		if isDigit(c) {
			digits++
		} else if strings.IndexByte("CFGHJKLMNPRTVWXYZ", c) < 0 {
			return false
		}
	}
	return digits >= 2
}

// nino: HM Revenue & Customs never gives some letters and pairs.
func nino(s []byte) bool {
	if string(s[:2]) == "QQ" {
		return s[8] <= 'D' // the example that official texts print
	}
	if strings.IndexByte("DFIQUV", s[0]) >= 0 || strings.IndexByte("DFIOQUV", s[1]) >= 0 || s[8] > 'D' {
		return false
	}
	switch string(s[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return false
	}
	return true
}

const dniLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

// dni: the letter is the number modulo 23.
func dni(s []byte) bool { return dniLetters[number(s[:8])%23] == s[8] }

// nie: X, Y, Z stand for 0, 1, 2.
func nie(s []byte) bool {
	return s[0] >= 'X' && s[0] <= 'Z' && dniLetters[(int(s[0]-'X')*10_000_000+number(s[1:8]))%23] == s[8]
}

// panIndia: the fourth letter is the kind of holder.
func panIndia(s []byte) bool { return strings.IndexByte("ABCFGHJLPT", s[3]) >= 0 }

func residentX(s []byte) bool { return s[17] == 'X' && residentDate(s) && residentCheck(s) == 'X' }

// hetu: a date, a sign of the century, and the number modulo 31.
func hetu(s []byte) bool {
	if len(s) == 11 {
		if strings.IndexByte("ABCDEFUVWXY", s[6]) < 0 {
			return false
		}
		s = append(append(make([]byte, 0, 10), s[:6]...), s[7:]...)
	}
	return calendar(number(s[2:4]), number(s[:2])) &&
		"0123456789ABCDEFHJKLMNPRSTUVWXY"[number(s[:9])%31] == s[9]
}

// nric: weighted modulo 11, a letter by the series.
func nric(s []byte) bool {
	sum := weighted(s[1:], 2, 7, 6, 5, 4, 3, 2)
	switch s[0] {
	case 'S':
		return "JZIHGFEDCBA"[sum%11] == s[8]
	case 'T':
		return "JZIHGFEDCBA"[(sum+4)%11] == s[8]
	case 'F':
		return "XWUTRQPNMLK"[sum%11] == s[8]
	case 'G':
		return "XWUTRQPNMLK"[(sum+4)%11] == s[8]
	case 'M':
		return "XWUTRQPNJLK"[10-(sum+3)%11] == s[8]
	}
	return false
}

// nirCorsica: 2A and 2B count as 19 and 18.
func nirCorsica(s []byte) bool {
	if s[5] != '2' || s[6] != 'A' && s[6] != 'B' {
		return false
	}
	d := append(make([]byte, 0, 15), s...)
	d[5], d[6] = '1', '9'-(s[6]-'A')
	return nir(d)
}

// licenceUK: surname, decade, month (50 more for women), day, year, initials.
func licenceUK(s []byte) bool {
	for i, c := range s[:5] {
		if !isLetter(c) && c != '9' || i == 0 && !isLetter(c) || i > 0 && s[i-1] == '9' && c != '9' {
			return false
		}
	}
	month := number(s[6:8])
	if month > 50 {
		month -= 50
	}
	return calendar(month, number(s[8:10])) && isLetter(s[11]) && (isLetter(s[12]) || s[12] == '9') &&
		isLetter(s[14]) && isLetter(s[15])
}
