package mustache

import (
	"slices"
	"strconv"
	"strings"
)

// Parse compiles a template. Only lim.MaxNesting matters here. The error is a
// [*SyntaxError].
func Parse(text string, lim Limits) (*Template, error) {
	p := parser{
		src: text, line: 1, open: "{{", shut: "}}",
		maxNesting: lim.withDefaults().MaxNesting,
	}
	// Most templates are text and tags in turn; the guess is bounded because
	// the text may be anything.
	p.ops = make([]op, 0, min(2*strings.Count(text, p.open)+1, 32))
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.template(), nil
}

// parser walks over the source once, from left to right.
type parser struct {
	src        string
	pos        int // everything before it is compiled
	line       int // the line of the byte at counted
	counted    int
	open, shut string // the delimiters in force
	maxNesting int

	ops      []op
	sections []section
	names    map[string]struct{}
}

// section is a section whose end has not been met yet.
type section struct {
	name string
	op   int
	line int
}

func (p *parser) run() error {
	for {
		i := strings.Index(p.src[p.pos:], p.open)
		if i < 0 {
			break
		}
		start := p.pos + i
		p.advance(start)
		t, err := p.read(start)
		if err != nil {
			return err
		}
		// A tag that stands alone on its line takes the line with it.
		if !t.isValue() {
			if from, to, ok := p.alone(start, t.end); ok {
				start, t.end = from, to
			}
		}
		p.literal(p.src[p.pos:start])
		p.pos = t.end
		if err := p.compile(t); err != nil {
			return err
		}
	}
	if n := len(p.sections); n > 0 {
		s := p.sections[n-1]
		return &SyntaxError{Line: s.line, Message: "section " + quote(s.name) + " is not closed; add " + p.tag("/", s.name)}
	}
	p.literal(p.src[p.pos:])
	return nil
}

// advance moves the line count to an offset. Every byte is counted once.
func (p *parser) advance(to int) {
	p.line += strings.Count(p.src[p.counted:to], "\n")
	p.counted = to
}

// alone reports whether the tag in src[start:end] is all that its line holds
// besides blanks, and the span of that line, its end included.
func (p *parser) alone(start, end int) (from, to int, ok bool) {
	for from = start; from > p.pos && isBlank(p.src[from-1]); from-- {
	}
	if from > 0 && p.src[from-1] != '\n' {
		return 0, 0, false
	}
	for to = end; to < len(p.src) && isBlank(p.src[to]); to++ {
	}
	switch rest := p.src[to:]; {
	case rest == "":
		return from, to, true
	case rest[0] == '\n':
		return from, to + 1, true
	case strings.HasPrefix(rest, "\r\n"):
		return from, to + 2, true
	}
	return 0, 0, false
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

func (p *parser) literal(text string) {
	if text != "" {
		p.ops = append(p.ops, op{kind: opText, text: text})
	}
}

func (p *parser) compile(t tag) error {
	switch t.sigil {
	case '!':
		return nil
	case '=':
		return p.delimiters(t.content)
	case '/':
		return p.close(t.content)
	case '#', '^':
		return p.section(t)
	default:
		o, err := p.named(opValue, t.content)
		if err != nil {
			return err
		}
		p.ops = append(p.ops, o)
		return nil
	}
}

func (p *parser) section(t tag) error {
	k := opSection
	if t.sigil == '^' {
		k = opInverted
	}
	o, err := p.named(k, t.content)
	if err != nil {
		return err
	}
	if len(p.sections) == p.maxNesting {
		return p.fault("section " + quote(t.content) + " is nested more than " + strconv.Itoa(p.maxNesting) + " deep")
	}
	p.sections = append(p.sections, section{name: t.content, op: len(p.ops), line: p.line})
	p.ops = append(p.ops, o)
	return nil
}

func (p *parser) close(name string) error {
	n := len(p.sections)
	if n == 0 {
		return p.fault(p.tag("/", name) + " closes a section that is not open")
	}
	s := p.sections[n-1]
	if s.name != name {
		return p.fault(p.tag("/", name) + " closes section " + quote(s.name) + " of line " + strconv.Itoa(s.line))
	}
	p.sections = p.sections[:n-1]
	if p.ops[s.op].kind == opSection {
		p.ops = append(p.ops, op{kind: opClose, jump: s.op})
	}
	p.ops[s.op].jump = len(p.ops) - 1
	return nil
}

// named makes a node that reads a name and notes the name's first part.
func (p *parser) named(k kind, name string) (op, error) {
	if name == "." {
		return op{kind: k, text: name}, nil
	}
	if p.names == nil {
		p.names = make(map[string]struct{})
	}
	first, rest, dotted := strings.Cut(name, ".")
	o := op{kind: k, text: first}
	if dotted {
		o.rest = strings.Split(rest, ".")
	}
	if first == "" || slices.Contains(o.rest, "") {
		return op{}, p.fault("the name " + quote(name) + " has an empty part beside a dot")
	}
	p.names[first] = struct{}{}
	return o, nil
}

// template turns what was collected into its final form.
func (p *parser) template() *Template {
	t := &Template{ops: p.ops}
	if cap(t.ops) > len(t.ops) {
		t.ops = append(make([]op, 0, len(t.ops)), t.ops...) // it is kept for long
	}
	for _, o := range t.ops {
		t.tags = t.tags || o.kind != opText
		t.nested = t.nested || o.kind == opSection
	}
	if !t.tags {
		// Comments may have cut the text into pieces.
		var text strings.Builder
		for _, o := range t.ops {
			text.WriteString(o.text)
		}
		t.static, t.ops = text.String(), nil
		if t.static != "" {
			t.ops = []op{{kind: opText, text: t.static}}
		}
	}
	for name := range p.names {
		t.names = append(t.names, name)
	}
	slices.Sort(t.names)
	return t
}

// fault is an error at the tag that is being read.
func (p *parser) fault(message string) error {
	return &SyntaxError{Line: p.line, Message: message}
}

// tag spells a tag in the delimiters in force, for messages.
func (p *parser) tag(sigil, name string) string {
	return strconv.Quote(clip(p.open) + sigil + clip(name) + clip(p.shut))
}
