package mustache

import "strings"

// tag is one tag of the source, its delimiters and blanks stripped.
type tag struct {
	// sigil is one of # ^ / ! = and zero for a variable.
	sigil   byte
	content string
	// end is the offset after the closing delimiter.
	end int
}

func (t tag) isValue() bool { return t.sigil == 0 }

// read reads the tag that opens at an offset.
func (p *parser) read(start int) (tag, error) {
	body := start + len(p.open)
	rest := p.src[body:]
	if strings.HasPrefix(rest, "{") {
		return p.readTriple(body + 1)
	}
	inner := strings.TrimLeft(rest, spaces)
	if strings.HasPrefix(inner, "=") {
		return p.readDelimiters(len(p.src) - len(inner) + 1)
	}
	i := strings.Index(rest, p.shut)
	if i < 0 {
		return tag{}, p.unclosed(rest, p.shut)
	}
	t := tag{content: strings.TrimSpace(rest[:i]), end: body + i + len(p.shut)}
	if t.content == "" {
		return tag{}, p.empty("")
	}
	switch c := t.content[0]; c {
	case '!':
		t.sigil = c
		return t, nil
	case '#', '^', '/':
		t.sigil = c
		t.content = strings.TrimSpace(t.content[1:])
		if t.content == "" {
			return tag{}, p.empty(string(c))
		}
	case '&':
		t.content = strings.TrimSpace(t.content[1:])
	case '{':
		if !strings.HasSuffix(t.content, "}") {
			return tag{}, p.unclosed(t.content, "}"+p.shut)
		}
		t.content = strings.TrimSpace(t.content[1 : len(t.content)-1])
	case '>':
		return tag{}, p.unsupported("partials", t.content)
	case '<', '$':
		return tag{}, p.unsupported("inheritance tags", t.content)
	}
	return t, p.checkName(t.content)
}

// readTriple reads the rest of {{{x}}}, which opens before an offset and, in
// any delimiters, is closed by a brace and the closing delimiter together.
func (p *parser) readTriple(body int) (tag, error) {
	shut := "}" + p.shut
	i := strings.Index(p.src[body:], shut)
	if i < 0 {
		return tag{}, p.unclosed(p.src[body-1:], shut)
	}
	t := tag{content: strings.TrimSpace(p.src[body : body+i]), end: body + i + len(shut)}
	return t, p.checkName(t.content)
}

// readDelimiters reads the rest of {{=<% %>=}}. No delimiter holds an equals
// sign, so the first one ends the content.
func (p *parser) readDelimiters(body int) (tag, error) {
	content, after, found := strings.Cut(p.src[body:], "=")
	after = strings.TrimLeft(after, spaces)
	if !found || !strings.HasPrefix(after, p.shut) {
		return tag{}, p.fault("the tag that sets the delimiters is not closed; write it like " + p.tag("=", "<% %>="))
	}
	return tag{sigil: '=', content: content, end: len(p.src) - len(after) + len(p.shut)}, nil
}

// delimiters puts new delimiters in force.
func (p *parser) delimiters(content string) error {
	pair := strings.Fields(content)
	if len(pair) != 2 {
		return p.fault("a tag that sets the delimiters names two of them, with a space between: " + p.tag("=", "<% %>="))
	}
	p.open, p.shut = pair[0], pair[1]
	return nil
}

// checkName refuses a name that is empty or in which another tag begins: the
// tag before it was most likely left open.
func (p *parser) checkName(name string) error {
	if name == "" {
		return p.empty("")
	}
	if strings.Contains(name, p.open) {
		return p.unclosed(name, p.shut)
	}
	return nil
}

// spaces is what may stand before an equals sign in a tag.
const spaces = " \t\r\n"

func (p *parser) empty(sigil string) error {
	return p.fault("the tag " + p.tag(sigil, "") + " has no name")
}

// unclosed names the tag by the first line of what follows its delimiter.
func (p *parser) unclosed(rest, shut string) error {
	line, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	return p.fault("tag " + quote(p.open+strings.TrimSpace(line)) + " is not closed; it ends with " + quote(shut))
}

func (p *parser) unsupported(what, content string) error {
	return p.fault(what + " such as " + p.tag("", content) + " are not supported")
}
