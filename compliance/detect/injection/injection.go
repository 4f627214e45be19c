// Package injection detects attempts to take over a prompt: orders to ignore
// what a model was told, to reveal it, or to play a part without rules; the
// tokens of chat templates; text that no reader sees; links that carry data
// away. It is a heuristic over words and forms, and called one: its findings
// are a category of their own, of low or medium severity, and do not count
// towards the score.
//
// Texts that talk about such attacks quote them. A phrase in quotation marks or
// code ticks next to words such as "attack" or "detect" is therefore left
// alone, as is one that is denied ("never ignore the instructions above").
package injection

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/internal/automaton"
)

// The entities of this package.
const (
	PromptInjection detect.Entity = "PROMPT_INJECTION"
	HiddenText      detect.Entity = "HIDDEN_TEXT"
)

// The names of the rules.
const (
	overrideRule = "Prompt Injection Detection"
	extractRule  = "Prompt Extraction Detection"
	hijackRule   = "Role Hijack Detection"
	templateRule = "Template Token Detection"
	hiddenRule   = "Hidden Text Detection"
	linkRule     = "Exfiltration Link Detection"
	encodedRule  = "Encoded Injection Detection"
)

// role is what a pattern of the automaton starts.
type role uint8

const (
	orderVerb  role = iota // index: language
	revealVerb             // index: language
	hijack                 // index: frame
	template               // index: token
	rotated                // a verb in ROT13
	image                  // "](" of a link, or src=
)

type pattern struct {
	role  role
	index int
	width int
}

// detector is immutable after New.
type detector struct {
	auto      *automaton.Automaton
	patterns  []pattern
	languages []language
	frames    []frame
	tokens    []token
}

// New compiles the tables into a detector of prompt injection, which is safe
// for concurrent use.
func New() detect.Detector {
	d := &detector{languages: languages(), frames: frames(), tokens: tokens()}
	var texts []string
	add := func(text string, r role, index int) {
		texts = append(texts, text)
		d.patterns = append(d.patterns, pattern{r, index, len(text)})
	}
	for i := range d.languages {
		l := &d.languages[i]
		l.compile()
		for _, v := range l.order {
			add(v, orderVerb, i)
		}
		for _, v := range l.reveal {
			add(v, revealVerb, i)
		}
	}
	for i, f := range d.frames {
		add(f.opening, hijack, i)
	}
	for i, t := range d.tokens {
		add(t.text, template, i)
	}
	for _, v := range []string{"ignore", "disregard", "forget all", "forget everything", "reveal your", "system prompt"} {
		add(string(rot13([]byte(v))), rotated, 0)
	}
	add("](", image, 0)
	add("<img", image, 1)
	d.auto = automaton.New(texts)
	return d
}

// search is the state of one Find over one text, the text itself or what a part
// of it decodes to.
type search struct {
	*detector
	norm, lower []byte
	found       []detect.Finding
	// inner says that the text was decoded from another, so that nothing of it
	// is decoded again.
	inner bool
	spent int // bytes decoded so far
}

// Find implements [detect.Detector].
func (d *detector) Find(t *detect.Text, report func(detect.Finding)) {
	s := search{detector: d, norm: t.Norm, lower: t.Lower}
	d.auto.Scan(s.lower, s.hit)
	s.decode()
	slices.SortStableFunc(s.found, func(a, b detect.Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	end := 0
	for _, f := range s.found {
		if f.Start < end {
			continue // the same attempt, seen twice
		}
		end = f.End
		report(f)
	}
	hidden(t, report)
}

func (s *search) hit(id, end int) {
	p := s.patterns[id]
	start := end - p.width
	switch p.role {
	case orderVerb:
		s.override(&s.languages[p.index], start, end)
	case revealVerb:
		s.extraction(&s.languages[p.index], start, end)
	case hijack:
		s.hijack(&s.frames[p.index], start, end)
	case template:
		s.template(&s.tokens[p.index], start, end)
	case rotated:
		s.rotated(start)
	case image:
		s.link(p.index == 1, start, end)
	}
}

func (s *search) add(rule string, severity detect.Severity, start, end int, confidence float64) {
	s.found = append(s.found, detect.Finding{
		Rule: rule, Entity: PromptInjection, Severity: severity, Category: detect.Injection,
		Start: start, End: end, Confidence: confidence,
	})
}

// window is how far, in bytes, the object of a verb may be from it.
const window = 110

// clause is the text after a verb up to the end of the sentence.
func (s *search) clause(from int) []byte {
	w := s.lower[from:min(len(s.lower), from+window)]
	for i, c := range w {
		switch {
		case c == '!', c == '?', c == ';', c == '.' && (i+1 == len(w) || w[i+1] <= ' '):
			return w[:i]
		case c == '\n' && i+1 < len(w) && bytes.IndexByte([]byte("\n\t/#*-<"), w[i+1]) >= 0:
			return w[:i] // a paragraph, a line of a list or of a program
		case c == 0xE3 && bytes.HasPrefix(w[i:], []byte("。")):
			return w[:i]
		}
	}
	return w
}

// before is the text in front of a verb, back to the sentence's beginning.
func (s *search) before(at int) []byte {
	from := max(0, at-window)
	w := s.lower[from:at]
	if i := bytes.LastIndexAny(w, ".!?;\n"); i >= 0 {
		w = w[i+1:]
	}
	if i := bytes.LastIndex(w, []byte("。")); i >= 0 {
		w = w[i+len("。"):]
	}
	return w
}

// letterBefore and letterAfter look at the neighbouring rune, so that a word is
// not found inside of another.
func letterBefore(b []byte, at int) bool {
	r, _ := utf8.DecodeLastRune(b[:at])
	return at > 0 && isLetter(r)
}

func letterAfter(b []byte, at int) bool {
	r, _ := utf8.DecodeRune(b[at:])
	return at < len(b) && isLetter(r)
}

// isLetter holds for letters of scripts that put blanks between words.
func isLetter(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		return true
	case r >= 0xC0 && r < 0x600, r >= 0x900 && r < 0xE00:
		return true
	}
	return false
}

// discussed says that a phrase is quoted by a text about such attacks.
func (s *search) discussed(start, end int) bool {
	if s.inner {
		return false
	}
	left := s.lower[max(0, start-80):start]
	right := s.lower[end:min(len(s.lower), end+80)]
	return isQuoted(left, right) && mentions(s.lower[max(0, start-200):min(len(s.lower), end+200)])
}

// isQuoted says that an opening mark stands before and its partner behind, on
// the same line.
func isQuoted(left, right []byte) bool {
	if i := bytes.LastIndexByte(left, '\n'); i >= 0 {
		left = left[i+1:]
	}
	if i := bytes.IndexByte(right, '\n'); i >= 0 {
		right = right[:i]
	}
	for _, q := range [][2]string{{"\"", "\""}, {"`", "`"}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"‘", "’"}, {" '", "'"}, {"「", "」"}, {"('", "'"}} {
		if bytes.Contains(left, []byte(q[0])) && bytes.Contains(right, []byte(q[1])) {
			return true
		}
	}
	return false
}

// mentions says that a text talks about attacks.
func mentions(b []byte) bool {
	for _, w := range []string{
		"attack", "inject", "jailbreak", "phrase", "such as", "for example", "e.g.", "for instance", "detect", "classif", "flag", "filter",
		"what does", "mean", "guard", "red team", "red-team", "vulnerab", "malicious", "adversar", "token", "template", "angriff", "beispiel", "attaque", "ataque",
		"attacco", "aanval", "пример", "атак", "攻击", "注入", "攻撃", "string", "term", "payload", "block", "like ", "warn", "refuse", "decline",
	} {
		if bytes.Contains(b, []byte(w)) {
			return true
		}
	}
	return false
}
