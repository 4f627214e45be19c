// Package detect finds sensitive data in text: personal data, secrets and
// prompt injection. It is pure: bytes in, findings out, in linear time.
//
// A [Scanner] runs detectors over one normalised copy of the text and settles
// what overlaps. It is safe for concurrent use. The detectors themselves live
// in packages of their own (pii, secret, injection); package
// compliance/builtin lists them.
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
	// Start and End are byte offsets, End exclusive: in Text.Norm where a
	// detector reports, in the original text where a scanner answers.
	Start, End int
	// StartRune and EndRune are the same span in code points of the original.
	// The scanner fills them in. A byte that is no UTF-8 counts as one.
	StartRune, EndRune int
	// Confidence is 0 to 1.
	Confidence float64
	// Vendor of a secret, such as "openai"; empty for the rest.
	Vendor string
	// InOriginal is for detectors of what normalisation removes, such as hidden
	// characters: Start and End are offsets in Text.Original already.
	InOriginal bool
}

// Detector finds one family of entities. Find calls report with positions in
// t.Norm; it must take linear time in the length of the text, whatever it is,
// and be safe for concurrent use.
type Detector interface {
	Find(t *Text, report func(Finding))
}
