package compliance

import (
	"bytes"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// ruleSet is the rules of a workspace, ready to be run over texts.
//
// The text is read in windows that overlap by the longest match. Over each goes
// one automaton for all rules, which tells which of them can match at all; only
// those are run one by one. So many rules cost what one costs, and a rule that
// matches everywhere, or fails late everywhere, has at most a window to do it
// in.
type ruleSet struct {
	rules []compiled
	union *union
	// walks are automata that nobody uses just now.
	walks sync.Pool
}

const (
	windowSize  = 4096
	maxMatch    = 1024
	keywordNear = 128
	// maxCandidates bounds the matches of one rule in one text, before
	// keywords, entropy and validator are looked at, and allCandidates those of
	// all rules.
	maxCandidates = 20_000
	allCandidates = 40_000
)

// newRuleSet makes rules ready. The error names what is wrong with a pattern;
// rules that were checked have none.
func newRuleSet(rules []Rule) (*ruleSet, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	s := &ruleSet{}
	for _, r := range rules {
		c, err := compile(r)
		if err != nil {
			if len(rules) > 1 {
				err = fmt.Errorf("of rule %d %w", r.ID, err)
			}
			return nil, err
		}
		s.rules = append(s.rules, c)
	}
	s.union = newUnion(s.rules)
	s.walks.New = func() any { return s.union.walk() }
	return s, nil
}

// find gives what the rules find in a text, with byte offsets, in no order,
// and whether a rule had more matches than are looked at.
func (s *ruleSet) find(text []byte) (found []detect.Finding, truncated bool) {
	if s == nil {
		return nil, false
	}
	w := s.walks.Get().(*walk) //nolint:forcetypeassert // New makes nothing else.
	defer s.walks.Put(w)
	w.reset()
	r := &hunt{set: s, text: text, spent: make([]int, len(s.rules)), from: make([]int, len(s.rules)), left: allCandidates}
	for start := 0; start < len(text); {
		end, next := start+windowSize, start+windowSize-maxMatch
		if end >= len(text) {
			end, next = len(text), len(text)
		} else {
			end, next = border(text, end), border(text, next)
		}
		r.lower = nil
		for _, i := range w.hits(text[start:end]) {
			r.rule(i, start, end, next)
		}
		start = next
	}
	return r.found, r.truncated
}

// border moves a position back to where a word begins, if that is near, and
// always to where a character begins.
func border(text []byte, at int) int {
	const near = 64
	for i := at; i > at-near; i-- {
		if c := text[i-1]; c < utf8.RuneSelf && !wordByte(c) {
			return i
		}
	}
	for !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// hunt is one run over one text.
type hunt struct {
	set  *ruleSet
	text []byte
	// lower is the window and what is near it, in lower case, for keywords;
	// nil until one is asked for.
	lower []byte
	// By rule: how many matches were looked at, and where the last one ended.
	spent, from []int
	// left is how many matches of any rule may still be looked at.
	left int

	found     []detect.Finding
	truncated bool
}

// rule runs one rule over a window. Matches that begin at next or later are
// those of the next window.
func (h *hunt) rule(i, start, end, next int) {
	c := &h.set.rules[i]
	if len(c.keywords) > 0 {
		if h.lower == nil {
			h.lower = bytes.ToLower(h.text[max(start-keywordNear, 0):min(end+keywordNear, len(h.text))])
		}
		if !c.named(h.lower) {
			return
		}
	}
	left := min(maxCandidates-h.spent[i], h.left)
	if left <= 0 {
		h.truncated = true
		return
	}
	for _, at := range c.re.FindAllSubmatchIndex(h.text[start:end], left) {
		h.spent[i]++
		h.left--
		from, to := start+at[0], start+at[1]
		if from >= next || from < h.from[i] {
			continue
		}
		h.from[i] = to
		if len(at) > 2 && at[2] >= 0 && at[3] > at[2] {
			from, to = start+at[2], start+at[3]
		}
		if to-from > maxMatch || !h.passes(c, from, to) {
			continue
		}
		h.found = append(h.found, detect.Finding{
			Rule: c.rule.Name, Entity: c.rule.Entity, Severity: c.rule.Severity, Category: c.rule.Category,
			Start: from, End: to, Confidence: 1,
		})
	}
	h.truncated = h.truncated || h.spent[i] >= maxCandidates || h.left <= 0
}

// passes looks at what a pattern cannot say.
func (h *hunt) passes(c *compiled, from, to int) bool {
	match := string(h.text[from:to])
	if c.rule.MinEntropy > 0 && entropy(match) < c.rule.MinEntropy {
		return false
	}
	if c.valid != nil && !c.valid(match) {
		return false
	}
	if len(c.keywords) == 0 {
		return true
	}
	return c.named(bytes.ToLower(h.text[max(from-keywordNear, 0):min(to+keywordNear, len(h.text))]))
}

// named reports that a text in lower case has a keyword of the rule.
func (c *compiled) named(lower []byte) bool {
	for _, k := range c.keywords {
		if bytes.Contains(lower, k) {
			return true
		}
	}
	return false
}
