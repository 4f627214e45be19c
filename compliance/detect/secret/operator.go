package secret

import "bytes"

// operator is what assigns a value.
type operator struct {
	end   int
	prose bool // "is" and the like
	bare  bool // nothing but a space, and not behind a command's --option
}

// operator reads closing quotes and brackets, then the sign of an assignment.
func (s *search) operator(start, at int) (operator, bool) {
	b := s.norm
	spaces := 0
	for n := 0; n < 6 && at < len(b) && bytes.IndexByte([]byte("\"'`*]\\ \t"), b[at]) >= 0; n++ {
		if b[at] == ' ' || b[at] == '\t' {
			spaces++
		}
		at++
	}
	if at >= len(b) {
		return operator{}, false
	}
	rest := b[at:min(len(b), at+12)]
	for _, sign := range []string{":=", "=>", "===", "==", "->", "::", "=", ":", "：", ">", "–", "—", "- "} {
		if bytes.HasPrefix(rest, []byte(sign)) {
			at += len(sign)
			if sign == "–" || sign == "—" || sign == "- " {
				return operator{end: at, prose: true}, spaces > 0
			}
			if sign == ":" || sign == "：" {
				at = s.annotation(at)
			}
			return operator{end: at, prose: sign == ":" && spaces == 0 && at < len(b) && b[at] == ' '}, true
		}
	}
	if b[at] == '(' || b[at] == ',' && s.argument(start) {
		// setApiKey("…"), header("api-key", "…"): only with a quote.
		next := at + 1
		for next < len(b) && b[next] == ' ' {
			next++
		}
		if next < len(b) && (b[next] == '"' || b[next] == '\'') {
			return operator{end: next}, true
		}
		return operator{}, false
	}
	if spaces == 0 || b[at] == ',' {
		return operator{}, false
	}
	if bytes.HasPrefix(s.lower[at:], []byte("to ")) && s.verb(at) == 0 {
		return operator{end: at + len("to "), prose: true, bare: true}, true // "set the password to …"
	}
	if bytes.IndexByte([]byte("iwleshatfod"), s.lower[at]) >= 0 {
		if end := s.verb(at); end > 0 {
			return operator{end: end, prose: true}, true
		}
	}
	from := start
	for from > 0 && start-from < maxName && s.sets.has(b[from-1], url64) {
		from--
	}
	return operator{end: at, bare: !bytes.HasPrefix(b[from:], []byte("--"))}, true
}

// argument says that the name around the offset is quoted and the first thing
// in brackets, and so no item of a list.
func (s *search) argument(at int) bool {
	for n := 0; n < maxName && at > 0 && s.sets.has(s.norm[at-1], url64|dot); n++ {
		at--
	}
	if at == 0 || s.norm[at-1] != '"' && s.norm[at-1] != '\'' {
		return false
	}
	for at--; at > 0 && s.norm[at-1] <= ' '; at-- {
		if s.norm[at-1] == '\n' {
			return false
		}
	}
	return at > 0 && s.norm[at-1] == '('
}

// verb is where the verb at the offset ends by which a sentence assigns, or 0.
func (s *search) verb(at int) int {
	for _, v := range []string{
		"is set to ", "is: ", "is ", "was ", "are ", "set to ", "here: ", "ist: ", "ist ", "lautet: ", "lautet ", "est ", "es ", "era ",
	} {
		if bytes.HasPrefix(s.lower[at:min(len(s.lower), at+len(v))], []byte(v)) {
			return at + len(v)
		}
	}
	// "the password for the staging host is"
	for _, v := range []string{"for ", "of ", "to ", "on ", "für ", "de ", "del ", "do "} {
		if !bytes.HasPrefix(s.lower[at:], []byte(v)) {
			continue
		}
		clause := s.lower[at:min(len(s.lower), at+maxName)]
		if i := bytes.IndexAny(clause, ".,;\n"); i >= 0 {
			clause = clause[:i]
		}
		for _, is := range []string{" is ", " is: ", ": ", " ist ", " est ", " es ", " é "} {
			if i := bytes.Index(clause, []byte(is)); i >= 0 {
				return at + i + len(is)
			}
		}
	}
	return 0
}

// annotation skips a type between a name and its value: "password: str = ".
func (s *search) annotation(at int) int {
	b := s.norm
	i := at
	for i < len(b) && i-at < 4 && b[i] == ' ' {
		i++
	}
	from := i
	for i < len(b) && i-from < 24 && (s.sets.has(b[i], word) || b[i] == '[' || b[i] == ']' || b[i] == '?') {
		i++
	}
	for i < len(b) && b[i] == ' ' && i-from < 26 {
		i++
	}
	if i > from && i+1 < len(b) && b[i] == '=' && b[i+1] == ' ' {
		return i + 1
	}
	return at
}

// value finds the extent of what is assigned.
func (s *search) value(at int) (from, to int, quoted bool) {
	b := s.norm
	for n := 0; n < 4 && at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '*' && n < 3); n++ {
		at++
	}
	if at < len(b) && (b[at] == '(' || b[at] == '[') && at+1 < len(b) && (b[at+1] == '"' || b[at+1] == '\'') {
		at++
	}
	if at+1 < len(b) && bytes.IndexByte([]byte("bfru"), b[at]) >= 0 && (b[at+1] == '"' || b[at+1] == '\'') {
		at++
	}
	if at+1 < len(b) && b[at] == '\\' && b[at+1] == '"' {
		// JSON in JSON: the value ends at the next \".
		at += 2
		end := bytes.Index(b[at:min(len(b), at+maxFormed)], []byte(`\"`))
		if end < 0 {
			return 0, 0, false
		}
		return at, at + end, true
	}
	if at < len(b) && bytes.IndexByte([]byte("\"'`"), b[at]) >= 0 {
		q := b[at]
		at++
		window := b[at:min(len(b), at+maxFormed)]
		end := bytes.IndexByte(window, q)
		if end < 0 || bytes.IndexByte(window[:end], '\n') >= 0 {
			return 0, 0, false
		}
		return at, at + end, true
	}
	if at >= s.valueTo || at < s.valueFrom {
		s.valueFrom, s.valueTo = at, at
		for s.valueTo < len(b) && !s.sets.has(b[s.valueTo], valueEnd) {
			s.valueTo++
		}
	}
	to = s.valueTo
	if to-at > maxFormed {
		return 0, 0, false
	}
	for to > at && bytes.IndexByte([]byte(".,:!?*\\"), b[to-1]) >= 0 {
		if b[to-1] == '!' && to-at > 6 && s.strong(b[at:to]) {
			break
		}
		to--
	}
	return at, to, false
}

// strong says that a password that ends in "!" has digits as well, so that the
// mark is rather its own than the sentence's.
func (s *search) strong(b []byte) bool { return s.kinds(b) > 1 }
