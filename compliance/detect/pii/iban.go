package pii

import "github.com/promptmetrics-go/promptmetrics/compliance/detect"

// ibanLengths is the length of an account number by country, from the IBAN
// registry that SWIFT keeps for ISO 13616.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
	"BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
	"ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
	"HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
	"LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
	"MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
	"PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
	"SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
	"YE": 30,
}

// iban finds international bank account numbers, compact or in groups.
type iban struct{}

// Find implements [detect.Detector].
func (iban) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for i := nextDigit(b, 0); i+1 < len(b); i = nextDigit(b, i+1) {
		if i < 2 || !isLetter(b[i-1]) {
			continue
		}
		start := i - 2
		if !isDigit(b[i+1]) || !isLetter(b[start]) || isWord(at(b, start-1)) {
			continue
		}
		if end := account(b, start); end > 0 {
			report(ibanRule.at(start, end, .98))
			i = end - 1
		}
	}
}

// account is where the account number that starts at start ends; 0 if there is
// none: the length of its country, mod 97 (ISO 7064), nothing attached.
func account(b []byte, start int) int {
	want, ok := ibanLengths[string([]byte{b[start] &^ 0x20, b[start+1] &^ 0x20})]
	if !ok {
		return 0
	}
	var (
		chars [34]byte
		n     int
		i     = start
	)
	for n < want && i < len(b) {
		switch c := b[i]; {
		case isAlnum(c):
			if isLetter(c) {
				c &^= 0x20
			}
			chars[n] = c
			n++
		case (c == ' ' || c == '-') && n >= 4 && isAlnum(at(b, i+1)):
		default:
			return 0
		}
		i++
	}
	if n < want || isWord(at(b, i)) || at(b, i) == '-' && isAlnum(at(b, i+1)) || mod97(chars[:n]) != 1 {
		return 0
	}
	return i
}

// mod97 is the remainder of ISO 7064 MOD 97-10 with the first four characters
// moved to the end and letters read as 10 to 35.
func mod97(chars []byte) int {
	r := 0
	for i := range chars {
		c := chars[(i+4)%len(chars)]
		if isDigit(c) {
			r = (r*10 + int(c-'0')) % 97
		} else {
			r = (r*100 + int(c-'A') + 10) % 97
		}
	}
	return r
}
