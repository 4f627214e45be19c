package compliance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// Action says what becomes of a finding in a redacted text.
type Action string

// The actions.
const (
	// Replace puts a token such as <EMAIL_1> in its place, the same one for the
	// same value.
	Replace Action = "replace"
	// Mask leaves the last four characters and stars for the rest; nothing of
	// a value shorter than eight.
	Mask Action = "mask"
	// Hash puts a keyed hash in its place, HMAC-SHA256 in hexadecimal digits.
	// The key belongs to the deployment and the workspace: the same value has
	// the same hash there, and it cannot be guessed back elsewhere.
	Hash Action = "hash"
	// Remove leaves nothing.
	Remove Action = "remove"
	// Keep leaves it as it is.
	Keep Action = "keep"
)

// RedactRequest says how to redact a text.
type RedactRequest struct {
	// Text of at most [MaxText] code points.
	Text string `json:"text"`
	// Actions by entity.
	Actions map[detect.Entity]Action `json:"actions,omitempty"`
	// Default is the action for entities that Actions does not name: replace,
	// if empty.
	Default Action `json:"default,omitempty"`
	// Reversible asks for the values that tokens stand for.
	Reversible bool `json:"reversible,omitempty"`
}

// Redacted is a text without what was found in it.
type Redacted struct {
	Text string `json:"redacted_text"`
	// Findings that were redacted, by position, without their texts.
	Findings []Redaction `json:"findings"`
	// Map gives the value of each token, if it was asked for. It is kept
	// nowhere else.
	Map      map[string]string `json:"map,omitempty"`
	Provider string            `json:"provider"`
}

// Redaction is what became of one finding.
type Redaction struct {
	Entity detect.Entity `json:"entity"`
	Action Action        `json:"action"`
	// Replacement is what stands in the redacted text; empty for keep.
	Replacement string `json:"replacement"`
	// Start and End count code points of the text that was given.
	Start int `json:"start"`
	End   int `json:"end"`
}

func (r RedactRequest) check() error {
	var f faults
	f.check(r.Text != "", "text is required")
	f.scanned("text", r.Text)
	f.check(r.Default == "" || r.Default.known(), "default must be one of replace, mask, hash, remove, keep")
	f.check(len(r.Actions) <= maxEntities, "actions must have at most %d members", maxEntities)
	if len(r.Actions) <= maxEntities {
		for _, e := range slices.Sorted(maps.Keys(r.Actions)) {
			f.entity("actions", e)
			f.check(r.Actions[e].known(), "%s must be one of replace, mask, hash, remove, keep", fmt.Sprintf("actions.%.64s", e))
		}
	}
	return f.err()
}

func (a Action) known() bool {
	return slices.Contains([]Action{Replace, Mask, Hash, Remove, Keep}, a)
}

// redactor writes a text anew.
type redactor struct {
	text   string
	action func(detect.Entity) Action
	hash   func(string) string

	out strings.Builder
	// tokens by entity and value, counts by the word in the token.
	tokens map[tokenKey]string
	counts map[string]int
	// values by token.
	values map[string]string
	// taken are the tokens that the text itself has.
	taken map[string]bool
}

type tokenKey struct {
	word, value string
}

// redact replaces findings, which stand in order and do not overlap. Those on
// the text as a whole have no place to be redacted at.
func (r *redactor) redact(all []located) []Redaction {
	redactions := make([]Redaction, 0, len(all))
	r.out.Grow(len(r.text))
	at := 0
	for i := range all {
		f := &all[i]
		if f.from == f.to {
			continue
		}
		value := r.text[f.from:f.to]
		done := Redaction{Entity: f.Entity, Action: r.action(f.Entity), Start: f.Start, End: f.End}
		r.out.WriteString(r.text[at:f.from])
		at = f.to
		switch done.Action {
		case Replace:
			done.Replacement = r.token(f.Entity, value)
		case Mask:
			done.Replacement = mask(value)
		case Hash:
			done.Replacement = r.hash(value)
		case Remove:
		case Keep:
			r.out.WriteString(value)
		}
		r.out.WriteString(done.Replacement)
		redactions = append(redactions, done)
	}
	r.out.WriteString(r.text[at:])
	return redactions
}

// token gives what stands for a value. A token that the text itself has would
// be taken for one of ours, so it is passed over.
func (r *redactor) token(e detect.Entity, value string) string {
	if r.tokens == nil {
		r.tokens, r.counts, r.values = map[tokenKey]string{}, map[string]int{}, map[string]string{}
		r.taken = tokensIn(r.text)
	}
	key := tokenKey{word(e), value}
	token, ok := r.tokens[key]
	for !ok {
		r.counts[key.word]++
		token = "<" + key.word + "_" + strconv.Itoa(r.counts[key.word]) + ">"
		ok = !r.taken[token]
	}
	r.tokens[key], r.values[token] = token, value
	return token
}

// tokensIn finds what looks like one of our tokens in a text.
func tokensIn(text string) map[string]bool {
	taken := map[string]bool{}
	for {
		_, rest, ok := strings.Cut(text, "<")
		if !ok {
			return taken
		}
		n := 0
		for n < len(rest) && n <= 2*maxEntity && wordByte(rest[n]) {
			n++
		}
		if n > 0 && n < len(rest) && rest[n] == '>' {
			taken["<"+rest[:n+1]] = true
		}
		text = rest[n:]
	}
}

// word makes the name of an entity short: EMAIL for EMAIL_ADDRESS.
func word(e detect.Entity) string {
	s := string(e)
	for _, end := range []string{"_ADDRESS", "_NUMBER"} {
		if short, ok := strings.CutSuffix(s, end); ok && short != "" {
			return short
		}
	}
	return s
}

// mask leaves the last four characters of a value.
func mask(value string) string {
	const shown, least = 4, 8
	n := utf8.RuneCountInString(value)
	if n < least {
		return strings.Repeat("*", n)
	}
	tail := len(value)
	for range shown {
		_, size := utf8.DecodeLastRuneInString(value[:tail])
		tail -= size
	}
	return strings.Repeat("*", n-shown) + value[tail:]
}

// keyedHash is the hash of a value under the key of the deployment, in one
// workspace.
func keyedHash(key []byte, workspace, value string) string {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(workspace))
	_, _ = h.Write([]byte{0}) // no name of a workspace has it
	_, _ = h.Write([]byte(value))
	return hex.EncodeToString(h.Sum(nil))
}
