package compliance

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Rule is a detector that a workspace has made for itself.
type Rule struct {
	ID int64 `json:"id"`
	// Name is unique in the workspace; findings carry it.
	Name string `json:"name"`
	// Entity of the findings. Default CUSTOM.
	Entity detect.Entity `json:"entity"`
	// Pattern is a regular expression in the syntax of RE2, at most 512
	// characters. It sees the text in pieces of a few kilobytes, so it must not
	// look for the beginning or the end of the whole text, and a match is at
	// most 1,024 bytes. A group, if there is one, is the finding; else the
	// whole match.
	Pattern string `json:"pattern"`
	// Keywords, without regard to case: one of them must stand within 128
	// bytes of the match. None: the pattern alone decides.
	Keywords []string `json:"keywords"`
	// MinEntropy is the least Shannon entropy of the finding, in bits a byte,
	// 0 to 8.
	MinEntropy float64 `json:"min_entropy"`
	// Validator is luhn, mod97, verhoeff, aba, or empty.
	Validator Validator `json:"validator"`
	// Severity of the findings. Default medium.
	Severity detect.Severity `json:"severity"`
	// Category of the findings: pii, security, injection or custom. Default
	// custom.
	Category detect.Category `json:"category"`
	// MustMatch and MustNotMatch are texts in which the rule must find, and
	// must not find, something; checked when the rule is saved.
	MustMatch    []string       `json:"must_match"`
	MustNotMatch []string       `json:"must_not_match"`
	CreatedAt    timestamp.Time `json:"created_at"`
}

// customEntity is what rules find that name no entity.
const customEntity detect.Entity = "CUSTOM"

func (r Rule) withDefaults() Rule {
	if r.Entity == "" {
		r.Entity = customEntity
	}
	if r.Severity == "" {
		r.Severity = detect.Medium
	}
	if r.Category == "" {
		r.Category = detect.Custom
	}
	r.Keywords, r.MustMatch, r.MustNotMatch = orEmpty(r.Keywords), orEmpty(r.MustMatch), orEmpty(r.MustNotMatch)
	return r
}

// check names everything that is wrong with a rule that has its defaults.
func (r Rule) check() error {
	var f faults
	f.text("name", r.Name, 1, maxName)
	f.check(!storable(r.Name) || printable(r.Name), "name must be printable characters")
	f.entity("entity", r.Entity)
	f.text("pattern", r.Pattern, 1, maxPattern)
	f.check(r.MinEntropy >= 0 && r.MinEntropy <= 8, "min_entropy must be a number from 0 to 8")
	f.check(r.Validator == "" || validatorOf(r.Validator) != nil, "validator must be one of luhn, mod97, verhoeff, aba")
	f.severity("severity", r.Severity)
	switch r.Category {
	case detect.PII, detect.Security, detect.Injection, detect.Custom:
	default:
		f.check(false, "category must be one of pii, security, injection, custom")
	}
	f.check(len(r.Keywords) <= maxKeywords, "keywords must have at most %d items", maxKeywords)
	for i, k := range r.Keywords[:min(len(r.Keywords), maxKeywords)] {
		f.text(fmt.Sprintf("keywords[%d]", i), k, 1, maxKeyword)
	}
	for _, s := range []struct {
		field string
		texts []string
	}{{"must_match", r.MustMatch}, {"must_not_match", r.MustNotMatch}} {
		f.check(len(s.texts) <= maxSamples, "%s must have at most %d items", s.field, maxSamples)
		for i, text := range s.texts[:min(len(s.texts), maxSamples)] {
			f.text(fmt.Sprintf("%s[%d]", s.field, i), text, 1, maxSample)
		}
	}
	if f == nil {
		f.samples(r)
	}
	return f.err()
}

// samples tries a rule whose parts are in order.
func (f *faults) samples(r Rule) {
	set, err := newRuleSet([]Rule{r})
	if err != nil {
		f.check(false, "pattern %v", err)
		return
	}
	for i, text := range r.MustMatch {
		found, _ := set.find([]byte(text))
		f.check(len(found) > 0, "must_match[%d] is not found by the rule", i)
	}
	for i, text := range r.MustNotMatch {
		found, _ := set.find([]byte(text))
		f.check(len(found) == 0, "must_not_match[%d] is found by the rule", i)
	}
}

// compiled is a rule that is ready to be used.
type compiled struct {
	rule     Rule
	re       *regexp.Regexp
	prog     *syntax.Prog
	keywords [][]byte // in lower case
	valid    func(string) bool
	// reach is how many bytes a match can have at most, up to a window, and
	// candidates how many of them are looked at.
	reach, candidates int
}

// maxProgram bounds how large a pattern may become when it is compiled.
const maxProgram = 1000

// compile makes a rule ready. The error completes a sentence that begins with
// the field's name.
func compile(r Rule) (compiled, error) {
	tree, err := syntax.Parse(r.Pattern, syntax.Perl)
	if err != nil {
		return compiled{}, fmt.Errorf("must be a regular expression in the syntax of RE2: %s", reason(err))
	}
	if anchored(tree) {
		return compiled{}, errors.New(`must not look for the beginning or end of the text (^, $, \A, \z); use (?m)^ and (?m)$ for lines, \b for words`)
	}
	if emptyable(tree) {
		return compiled{}, errors.New("must not match an empty text")
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return compiled{}, fmt.Errorf("must be a regular expression in the syntax of RE2: %s", reason(err))
	}
	if len(prog.Inst) > maxProgram {
		return compiled{}, errors.New("is too large; use smaller repetitions and fewer alternatives")
	}
	re, err := regexp.Compile(r.Pattern)
	if err != nil {
		return compiled{}, fmt.Errorf("must be a regular expression in the syntax of RE2: %s", reason(err))
	}
	reach := max(longest(tree), 1)
	c := compiled{
		rule: r, re: re, prog: prog, valid: validatorOf(r.Validator), reach: reach, candidates: min(maxReach/reach, maxCandidates),
	}
	for _, k := range r.Keywords {
		c.keywords = append(c.keywords, bytes.ToLower([]byte(k)))
	}
	return c, nil
}

// reason is what is wrong with a pattern, without the pattern itself.
func reason(err error) string {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return string(e.Code)
	}
	return "it cannot be compiled"
}

// longest is how many bytes a match of a pattern can have, up to a window.
func longest(re *syntax.Regexp) int {
	n := 0
	switch re.Op {
	case syntax.OpLiteral:
		n = utf8.UTFMax * len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		n = utf8.UTFMax
	case syntax.OpStar, syntax.OpPlus:
		n = windowSize
	case syntax.OpRepeat:
		if n = windowSize; re.Max >= 0 {
			n = re.Max * longest(re.Sub[0])
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			n = max(n, longest(sub))
		}
	default: // a sequence, a group, a question mark, or a condition
		for _, sub := range re.Sub {
			n += longest(sub)
		}
	}
	return min(n, windowSize)
}

// anchored reports that a pattern asks where the text begins or ends.
func anchored(re *syntax.Regexp) bool {
	if re.Op == syntax.OpBeginText || re.Op == syntax.OpEndText {
		return true
	}
	for _, sub := range re.Sub {
		if anchored(sub) {
			return true
		}
	}
	return false
}

// emptyable reports that a pattern can match without taking a character.
func emptyable(re *syntax.Regexp) bool {
	all := func() bool {
		for _, sub := range re.Sub {
			if !emptyable(sub) {
				return false
			}
		}
		return true
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpNoMatch, syntax.OpCharClass, syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		return false
	case syntax.OpCapture, syntax.OpPlus, syntax.OpConcat:
		return all()
	case syntax.OpRepeat:
		return re.Min == 0 || all()
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if emptyable(sub) {
				return true
			}
		}
		return false
	default: // stars, question marks, and conditions such as \b
		return true
	}
}
