// Package detect finds sensitive data in text: personal data, secrets and
// prompt injection. It is pure: bytes in, findings out, in linear time.
//
// A [Scanner] runs detectors over one normalised copy of the text and settles
// what overlaps. It is safe for concurrent use.
package detect

// Entity names what was found, such as "EMAIL_ADDRESS".
type Entity string

// Severity says how bad a finding is.
type Severity string

// The severities, with the weights that the score subtracts.
const (
	Critical Severity = "critical" // 25
	High     Severity = "high"     // 15
	Medium   Severity = "medium"   // 10
	Low      Severity = "low"      // 5
	Info     Severity = "info"     // 1
)

// Category groups entities.
type Category string

// The categories. Injection is kept out of the score.
const (
	PII       Category = "pii"
	Security  Category = "security"
	Injection Category = "injection"
	Custom    Category = "custom"
)

// Finding is one span of the text.
type Finding struct {
	// Rule is the name that clients know, such as "Email Detection".
	Rule     string
	Entity   Entity
	Severity Severity
	Category Category
	// Start and End are byte offsets in the original text, End exclusive.
	Start, End int
	// Confidence is 0 to 1.
	Confidence float64
	// Vendor of a secret, such as "openai"; empty for the rest.
	Vendor string
}

// Text is what detectors read: the normalised copy of an original. Positions
// in it are byte offsets of Norm; the scanner maps them back.
type Text struct {
	// Norm is NFKC, without zero-width characters, with dashes and spaces
	// folded to ASCII. It equals Original where that is already so.
	Norm []byte
	// Lower is Norm with ASCII letters in lower case, for context words.
	Lower []byte
	// Original is what the caller gave.
	Original []byte
	// offsets maps each byte of Norm to one of Original; nil if they are equal.
	offsets []int32
}

// Detector finds one family of entities. Find calls report with positions in
// t.Norm; it must take linear time in the length of the text, whatever it is.
type Detector interface {
	Find(t *Text, report func(Finding))
}
