package mustache

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// A number prints the same whether it comes as a Go number or, over the wire,
// as the literal that encoding/json makes of it: the way JavaScript prints it.

// tooBig is where JavaScript changes to exponents, and tooSmall where it does
// so below one.
const (
	tooBig   = 1e21
	tooSmall = 1e-6
)

// number writes a JSON number. A literal without an exponent is printed as it
// stands, so no digit of a long one is lost. With an exponent it is printed
// like its float64, unless that is out of the range in which people write
// digits.
func (w *writer) number(n json.Number) error {
	s := string(n)
	if !strings.ContainsAny(s, "eE") {
		return w.literal(s)
	}
	// Many digits may print as few, so the output does not bound this work.
	w.steps -= len(s) / 64
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(f) >= tooBig || (f == 0 && !isZero(s)) {
		return w.literal(s)
	}
	return w.float(f)
}

func (w *writer) float(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return &DataError{Message: "the number " + strconv.FormatFloat(f, 'g', -1, 64) + " does not exist in JSON"}
	}
	w.dst = appendFloat(w.dst, f)
	return w.check()
}

// appendFloat writes the fewest digits that mean f, with an exponent only where
// JavaScript has one: 0.1, 1000000, 1e-7, 1e+21.
func appendFloat(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // never "-0"
	}
	if a := math.Abs(f); a < tooBig && a >= tooSmall {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go pads an exponent to two digits: 1e-07.
	if n := len(dst); n >= 4 && dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// isZero reports whether a number literal has no digit but 0 before its
// exponent.
func isZero(s string) bool {
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
	}
	return !strings.ContainsAny(mantissa, "123456789")
}

// isNumber reports whether s is a number in JSON's grammar.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := digits(s)
	if n == 0 || (n > 1 && s[0] == '0') {
		return false
	}
	s = s[n:]
	if strings.HasPrefix(s, ".") {
		n = digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n = digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

// digits counts the digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// whole is an integer of any of Go's types.
type whole struct {
	bits   uint64
	signed bool
}

func (n whole) append(dst []byte) []byte {
	if n.signed {
		return strconv.AppendInt(dst, int64(n.bits), 10)
	}
	return strconv.AppendUint(dst, n.bits, 10)
}

// integer reads the integer types that have no methods.
func integer(v any) (whole, bool) {
	switch v := v.(type) {
	case int:
		return whole{uint64(v), true}, true
	case int8:
		return whole{uint64(v), true}, true
	case int16:
		return whole{uint64(v), true}, true
	case int32:
		return whole{uint64(v), true}, true
	case int64:
		return whole{uint64(v), true}, true
	case uint:
		return whole{uint64(v), false}, true
	case uint8:
		return whole{uint64(v), false}, true
	case uint16:
		return whole{uint64(v), false}, true
	case uint32:
		return whole{uint64(v), false}, true
	case uint64:
		return whole{v, false}, true
	}
	return whole{}, false
}
