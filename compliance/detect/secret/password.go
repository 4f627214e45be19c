package secret

import (
	"bytes"
	"slices"
)

// password says that a value may be what somebody chose for a password.
func (s *search) password(v []byte, quoted, prose bool) bool {
	if len(v) < 6 || len(v) > maxPassword || s.placeholder(v) {
		return false
	}
	if !quoted && (s.reference(v) || bytes.ContainsAny(v, "[]{}") && !s.has(v, digit)) || v[0] == '$' && s.all(v[1:], word) || v[0] == '{' && v[len(v)-1] == '}' || v[0] == '%' && v[len(v)-1] == '%' {
		return false
	}
	if s.all(v, upper|digit|underscore) && bytes.Count(v, []byte("_")) > 1 {
		return false // the name of a variable
	}
	if bytes.Count(v, []byte(".")) > 1 && s.all(v, word|dot) {
		return false // the name of a class
	}
	low := bytes.ToLower(v)
	for _, hashed := range []string{"$2a$", "$2b$", "$2y$", "$argon2", "pbkdf2", "$scrypt", "$6$", "$5$", "$1$", "{ssha", "sha256:", "sha1:", "sha512:", "0x", "http://", "https://", "process.env", "os.environ", "env."} {
		if bytes.HasPrefix(low, []byte(hashed)) {
			return false
		}
	}
	if slices.Contains([]string{"password", "passwort", "secret", "string", "varchar(255)", "text/plain", "required", "optional", "n/a", "null", "none", "undefined"}, string(low)) {
		return false
	}
	letters, digits, special := 0, 0, 0
	for _, c := range v {
		switch {
		case s.sets.has(c, lower|upper):
			letters++
		case s.sets.has(c, digit):
			digits++
		case c <= ' ' || c >= 0x7f:
			return false
		default:
			special++
		}
	}
	switch {
	case letters == 0:
		return !prose && special == 0 && digits >= 6
	case digits > 0:
		// "8-character", "v2.0.1": text about passwords.
		return !prose || digits > 1 || s.kinds(v) == 3 || special > 0 || !s.sets.has(v[0], digit)
	default:
		return !prose && special > 0 && special < letters && !s.coded(v) && !s.all(v, lower|hyphen|underscore|dot|slashPlus) && !s.all(v, upper|hyphen|underscore|dot)
	}
}

// chosen says that a value looks like a password even where nothing but a word
// before it says so: small letters, capitals and digits, and more than the one
// number that ends SHA256 or Base64.
func (s *search) chosen(v []byte) bool {
	if len(v) < 8 || !s.has(v, digit) {
		return false
	}
	changes, special := 0, false
	for i, c := range v {
		if i > 0 && s.sets.has(c, digit) != s.sets.has(v[i-1], digit) {
			changes++
		}
		special = special || bytes.IndexByte([]byte("!@#$%^&*?"), c) >= 0
	}
	return s.kinds(v) == 3 && changes > 1 || special && s.kinds(v) > 1
}

// coded says that a value without digits has signs that programs and forms put
// between words, as in "user:password", "host[:port]", "anonymous@".
func (s *search) coded(v []byte) bool {
	return bytes.ContainsAny(v, `:;,()[]{}<>\|"'`+"`") || v[len(v)-1] == '@'
}

// withMarks widens a password beyond marks that end other values, as people put
// them in passwords. Behind "?" and "&" it is a parameter and they do end it.
func (s *search) withMarks(start, to int) int {
	for from := start; from > 0 && start-from < maxName; from-- {
		if c := s.norm[from-1]; c == '?' || c == '&' {
			return to
		}
		if !s.sets.has(s.norm[from-1], url64|dot) {
			break
		}
	}
	end := to
	for end < len(s.norm) && end-to < maxPassword && s.norm[end] == '&' {
		next := end + 1
		for next < len(s.norm) && next-to < maxPassword && !s.sets.has(s.norm[next], valueEnd) {
			if s.norm[next] == '=' {
				return to
			}
			next++
		}
		if next == end+1 {
			break
		}
		end = next
	}
	for end > to && bytes.IndexByte([]byte(".:?"), s.norm[end-1]) >= 0 {
		end--
	}
	return end
}

// keyed says that a password is one of the pairs of a connection string such as
// "Server=…;User Id=…;Password=…;", and returns the whole.
func (s *search) keyed(start, end int) (from, to int, ok bool) {
	line := s.lower[max(0, start-300):start]
	if i := bytes.LastIndexAny(line, "\n\"'`"); i >= 0 {
		line = line[i+1:]
	}
	if bytes.IndexByte(line, ';') < 0 {
		return 0, 0, false
	}
	for _, w := range []string{"server=", "data source=", "host=", "endpoint=", "driver="} {
		if bytes.Contains(line, []byte(w)) {
			from, to = s.pairs(start, end)
			return from, to, from < start && to >= end
		}
	}
	return 0, 0, false
}
