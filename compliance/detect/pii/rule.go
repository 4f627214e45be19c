package pii

import (
	"encoding/binary"
	"math/bits"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// rule is what all findings of one entity share.
type rule struct {
	name     string
	entity   detect.Entity
	severity detect.Severity
	category detect.Category
}

func (r rule) at(start, end int, confidence float64) detect.Finding {
	return detect.Finding{
		Rule: r.name, Entity: r.entity, Severity: r.severity, Category: r.category,
		Start: start, End: end, Confidence: confidence,
	}
}

// sureness is the confidence in a number with letters or a check digit, or in
// one of those that have none and lose to a URL that they stand in.
func (r rule) sureness() float64 {
	if r.entity == passportRule.entity || r.entity == licenceRule.entity {
		return .8
	}
	return sure
}

const sure = .93

// The rules whose names clients of the contract know, then the others.
var (
	emailRule = rule{"Email Detection", "EMAIL_ADDRESS", detect.High, detect.PII}
	ssnRule   = rule{"SSN Detection", "US_SSN", detect.Critical, detect.PII}
	phoneRule = rule{"Phone Detection", "PHONE_NUMBER", detect.Medium, detect.PII}
	cardRule  = rule{"Credit Card Detection", "CREDIT_CARD", detect.Critical, detect.PII}
	urlRule   = rule{"URL Detection", "URL", detect.Low, detect.Security}
	ipRule    = rule{"IP Address Detection", "IP_ADDRESS", detect.Medium, detect.Security}

	urlCredentialRule = rule{"URL Credential Detection", "URL_CREDENTIAL", detect.High, detect.Security}
	macRule           = rule{"MAC Address Detection", "MAC_ADDRESS", detect.Low, detect.Security}
	itinRule          = rule{"ITIN Detection", "US_ITIN", detect.Critical, detect.PII}
	ibanRule          = rule{"IBAN Detection", "IBAN", detect.High, detect.PII}
	walletRule        = rule{"Crypto Wallet Detection", "CRYPTO_WALLET", detect.Medium, detect.PII}
	birthRule         = rule{"Date of Birth Detection", "DATE_OF_BIRTH", detect.Medium, detect.PII}
	passportRule      = rule{"Passport Detection", "PASSPORT", detect.High, detect.PII}
	licenceRule       = rule{"Driver License Detection", "DRIVER_LICENSE", detect.High, detect.PII}
)

// Characters, as tables of 256 bits in spirit: comparisons that the compiler
// turns into a subtraction.

func isDigit(c byte) bool { return c-'0' < 10 }
func isUpper(c byte) bool { return c-'A' < 26 }
func isLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z'
}
func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

// isWord says whether c would make a longer word of what stands beside it.
func isWord(c byte) bool { return isAlnum(c) || c == '_' }
func isHex(c byte) bool  { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// nextDigit is where the first digit from i on stands, or len(b). It reads eight
// bytes at a time: after the exclusive or, digits are the bytes below ten, and
// the subtraction borrows from the eighth bit of the first of them.
func nextDigit(b []byte, i int) int {
	const ones = 0x0101010101010101
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:]) ^ '0'*ones
		if below := (x - 10*ones) &^ x & (0x80 * ones); below != 0 {
			return i + bits.TrailingZeros64(below)/8
		}
	}
	for i < len(b) && !isDigit(b[i]) {
		i++
	}
	return i
}

// unescape skips the letters of an escape sequence, such as the n of "\n" in JSON
// that was quoted, which would else be the start of the word at start.
func unescape(b []byte, start, end int) int {
	if at(b, start-1) != '\\' || start >= end {
		return start
	}
	switch b[start] {
	case 'n', 't', 'r':
		return start + 1
	case 'u':
		if start+5 <= end && isHex(b[start+1]) && isHex(b[start+2]) && isHex(b[start+3]) && isHex(b[start+4]) {
			return start + 5
		}
	}
	return start
}

// escaped says whether the byte at i ends such a sequence of one letter.
func escaped(b []byte, i int) bool {
	switch at(b, i) {
	case 'n', 't', 'r':
		return at(b, i-1) == '\\'
	}
	return false
}

// at is the byte at i, or a line feed outside of the text.
func at(b []byte, i int) byte {
	if i < 0 || i >= len(b) {
		return '\n'
	}
	return b[i]
}
