package pii

import "strings"

// omocodia are the letters that may stand for the digits 0 to 9 where two
// persons would have the same code.
const omocodia = "LMNPQRSTUV"

// oddValues are the values of 0 to 9 (and A to J), then K to Z, in the odd
// places of the code, by the decree of 23 December 1976.
var oddValues = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// codiceFiscale checks the Italian tax code: month letter, day (40 more for
// women), and a check letter modulo 26.
func codiceFiscale(s []byte) bool {
	if strings.IndexByte("ABCDEHLMPRST", s[8]) < 0 {
		return false
	}
	var plain [16]byte
	copy(plain[:], s)
	for _, i := range [...]int{6, 7, 9, 10, 12, 13, 14} {
		if d := strings.IndexByte(omocodia, s[i]); d >= 0 {
			plain[i] = byte('0' + d)
		}
		if !isDigit(plain[i]) {
			return false
		}
	}
	day := number(plain[9:11])
	if day > 40 {
		day -= 40
	}
	if day < 1 || day > 31 {
		return false
	}
	sum := 0
	for i, c := range s[:15] {
		v := 0
		if isDigit(c) {
			v = value(c)
		} else {
			v = int(c - 'A')
		}
		if i%2 == 0 {
			v = oddValues[v]
		}
		sum += v
	}
	return int(s[15]-'A') == sum%26
}

// curp checks the Mexican population code: a date, sex, and a check digit.
func curp(s []byte) bool {
	if s[10] != 'H' && s[10] != 'M' && s[10] != 'X' || !calendar(number(s[6:8]), number(s[8:10])) {
		return false
	}
	sum := 0
	for i, c := range s[:17] {
		v := 0
		switch {
		case isDigit(c):
			v = value(c)
		case c <= 'N':
			v = int(c-'A') + 10
		default:
			v = int(c-'A') + 11 // Ñ comes between
		}
		sum += v * (18 - i)
	}
	return (10-sum%10)%10 == value(s[17])
}
