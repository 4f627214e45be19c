package detect

import "bytes"

// maxPlaceholder bounds the length of a template tag in bytes, braces included.
const maxPlaceholder = 200

// findPlaceholders lists the template tags of a text: {{name}}, {{{name}}},
// {{#section}}, {{ user.email | filter }}. What stands in one is the name of a
// value and not the value, so it is never a finding.
//
// Doubled braces around quoted JSON, as in {{"mail": "..."}}, are no tag: that
// is how other template languages escape a literal brace. Neither is a tag
// whose name has several words.
func findPlaceholders(b []byte) []span {
	var found []span
	for i := 0; ; {
		open := bytes.Index(b[i:], []byte("{{"))
		if open < 0 {
			return found
		}
		open += i
		body := open + 2
		for body < len(b) && b[body] == '{' {
			body++
		}
		end := min(len(b), body+maxPlaceholder)
		stop := bytes.IndexAny(b[body:end], "{}\n")
		if stop < 0 {
			i = end
			continue
		}
		stop += body
		if !bytes.HasPrefix(b[stop:], []byte("}}")) || !isTag(b[body:stop]) {
			i = max(stop, open+2)
			continue
		}
		for stop < len(b) && b[stop] == '}' {
			stop++
		}
		found = append(found, span{open, stop})
		i = stop
	}
}

// isTag says whether the inside of braces is one name, with a sigil before it
// and filters after it.
func isTag(body []byte) bool {
	body = bytes.TrimSpace(body)
	sigil := len(body) > 0 && bytes.IndexByte([]byte("#/^>&!=@*~"), body[0]) >= 0
	if sigil {
		body = bytes.TrimSpace(body[1:])
	}
	if pipe := bytes.IndexByte(body, '|'); pipe >= 0 {
		body = bytes.TrimSpace(body[:pipe])
	}
	if len(body) == 0 {
		return sigil
	}
	if body[0] == '"' || body[0] == '\'' {
		return false
	}
	return sigil || !bytes.ContainsAny(body, " \t")
}
