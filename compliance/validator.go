package compliance

import (
	"math"
	"strings"
)

// Validator names an arithmetic check that a match of a rule must pass.
type Validator string

// The validators.
const (
	// Luhn is ISO/IEC 7812-1 annex B: cards, IMEI, some national ids.
	Luhn Validator = "luhn"
	// Mod97 is ISO 7064 MOD 97-10 as IBANs use it: the first four characters
	// move to the end, letters count from 10, the remainder is 1.
	Mod97 Validator = "mod97"
	// Verhoeff is the dihedral check of Verhoeff: Aadhaar.
	Verhoeff Validator = "verhoeff"
	// ABA is the weighted sum 3-7-1 of American routing numbers.
	ABA Validator = "aba"
)

// validatorOf gives the check of a name; none for a name that is unknown.
func validatorOf(v Validator) func(string) bool {
	switch v {
	case Luhn:
		return luhn
	case Mod97:
		return mod97
	case Verhoeff:
		return verhoeff
	case ABA:
		return aba
	}
	return nil
}

// digits takes the digits of a match; ok is false if it has anything else but
// spaces and hyphens between them.
func digits(s string) (all []byte, ok bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			all = append(all, c-'0')
		case c != ' ' && c != '-':
			return nil, false
		}
	}
	return all, len(all) > 1
}

func luhn(s string) bool {
	all, ok := digits(s)
	sum := 0
	for i := range all {
		d := int(all[len(all)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return ok && sum%10 == 0
}

func mod97(s string) bool {
	s = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(s))
	if len(s) < 5 {
		return false
	}
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// verhoeff walks the multiplication of the dihedral group D5 from the right;
// position i permutes its digit i times.
func verhoeff(s string) bool {
	all, ok := digits(s)
	permutation := [10]byte{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	var c byte
	for i := range all {
		d := all[len(all)-1-i]
		for range i % 8 {
			d = permutation[d]
		}
		c = dihedral(c, d)
	}
	return ok && c == 0
}

// dihedral multiplies in D5, with 0 to 4 the rotations and 5 to 9 the
// reflections.
func dihedral(a, b byte) byte {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return 5 + (a+b)%5
	case b < 5:
		return 5 + (a-b+10)%5
	}
	return (a - b + 10) % 5
}

func aba(s string) bool {
	all, ok := digits(s)
	if !ok || len(all) != 9 {
		return false
	}
	sum := 0
	for i, d := range all {
		sum += int(d) * [3]int{3, 7, 1}[i%3]
	}
	return sum%10 == 0 && sum > 0
}

// entropy is Shannon's, in bits a byte: 0 for one repeated byte, 4 for evenly
// spread hexadecimal digits.
func entropy(s string) float64 {
	if s == "" {
		return 0
	}
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	sum := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}
