package secret

import (
	"bytes"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// strength is how much the name of a value tells about it.
type strength uint8

const (
	// weakKey is a name of many things: a value needs its vendor's form too.
	weakKey strength = iota
	// secretKey names a secret.
	secretKey
	// apiKey names a key of an interface.
	apiKey
	// passwordKey names what people choose themselves.
	passwordKey
)

type key struct {
	text     string
	strength strength
}

// keys are the names to which secrets are assigned, in lower case. A name may
// stand in a longer identifier: "secret" finds STRIPE_WEBHOOK_SECRET.
func keys() []key {
	var all []key
	for _, group := range []struct {
		strength strength
		names    []string
	}{
		{weakKey, []string{"key", "pat", "auth", "schlüssel", "clé", "clave", "chave", "chiave", "ключ"}},
		{secretKey, []string{
			"secret", "credential", "credentials", "signing_key", "signingkey", "encryption_key", "encryption key",
			"encryptionkey", "private_key", "privatekey", "master_key", "masterkey", "license_key", "licence_key",
			"signing key", "geheimnis", "密钥",
		}},
		{apiKey, []string{
			"api_key", "api-key", "apikey", "api key", "token", "access_key", "accesskey", "access key", "access-key",
			"auth_key", "authkey", "auth-key", "subscription-key", "subscription_key", "subscription key", "secret key",
			"api-schlüssel", "clé api", "clave api", "clave de api", "chave de api", "chave api", "chiave api",
			"api-ключ", "ключ api", "api密钥", "api 密钥", "apiキー",
		}},
		{passwordKey, []string{
			"password", "passwd", "pwd", "passphrase", "passcode", "pass", "psw", "passwort", "kennwort", "contraseña", "mot de passe",
			"senha", "wachtwoord", "hasło", "пароль", "密码", "密碼", "パスワード", "비밀번호",
		}},
	} {
		for _, n := range group.names {
			all = append(all, key{n, group.strength})
		}
	}
	return all
}

const (
	maxName     = 48   // bytes of an identifier before and after its key
	maxValue    = 200  // bytes of a value without a vendor's form
	maxFormed   = 1500 // and with one
	maxPassword = 100
)

// assignment examines what follows a key's name.
func (s *search) assignment(k key, start, end int) {
	name, after, ok := s.identifier(k, start, end)
	if !ok {
		return
	}
	a, ok := s.operator(start, after)
	if !ok || a.bare && (k.strength == passwordKey || s.nearest(start) < 0) {
		return
	}
	from, to, quoted := s.value(a.end)
	if to-from < 6 || to-from > maxFormed || s.harmless(name, after) {
		return
	}
	value := s.norm[from:to]
	c := candidate{rank: rankAssigned, named: true, Finding: detect.Finding{
		Rule: apiKeyRule, Entity: APIKey, Severity: detect.High, Category: detect.Security,
		Start: from, End: to, Confidence: 0.85,
	}}
	if k.strength == passwordKey {
		if !quoted {
			c.End = s.withMarks(start, to)
			value = s.norm[from:c.End]
		}
		if !s.password(value, quoted, a.prose) {
			return
		}
		c.Rule, c.Entity = passwordRule, Password
		if first, last, ok := s.keyed(start, to); ok {
			c.Rule, c.Entity, c.Severity = connectionStringRule, ConnectionString, detect.Critical
			c.Start, c.End, c.Confidence, c.rank = first, last, 0.95, rankConnection
		}
		s.add(c)
		return
	}
	if v := s.nearest(from); v >= 0 && s.formed(v, value) {
		c.Vendor, c.Confidence = s.vendors[v].name, 0.93
		s.add(c)
		return
	}
	if k.strength == weakKey || a.bare || !s.assigned(k, value) {
		return
	}
	if k.strength == secretKey && s.nearest(from) < 0 {
		c.Entity = GenericSecret
	}
	s.add(c)
}

// named examines what follows the name of a vendor itself: "Cohere: …". Without
// the word "key" it takes the vendor's form and the looks of a key.
func (s *search) named(vendor, start, end int) {
	if len(s.vendors[vendor].shapes) == 0 || !s.wordAt(start, end) {
		return
	}
	a, ok := s.operator(start, end)
	if !ok || a.bare {
		return
	}
	from, to, _ := s.value(a.end)
	if to-from < 16 || to-from > maxFormed || s.kinds(s.norm[from:to]) < 3 || !s.formed(vendor, s.norm[from:to]) {
		return
	}
	s.add(candidate{rank: rankAssigned, Finding: detect.Finding{
		Rule: apiKeyRule, Entity: APIKey, Severity: detect.High, Category: detect.Security,
		Start: from, End: to, Confidence: 0.8, Vendor: s.vendors[vendor].name,
	}})
}

// formed says that a value has one of the vendor's forms and looks random.
func (s *search) formed(vendor int, value []byte) bool {
	for i := range s.vendors[vendor].shapes {
		if s.vendors[vendor].shapes[i].whole(s.sets, value) {
			return s.random(value) && !s.placeholder(value) && s.kinds(value) > 1
		}
	}
	return false
}

// identifier returns the whole name around a key, and where it ends. It is not
// ok if the key is a part of another word, as in "monkey" or "tokens".
func (s *search) identifier(k key, start, end int) (name []byte, after int, ok bool) {
	if start > 0 && s.sets.has(s.norm[start-1], lower|upper) && (k.strength == weakKey || len(k.text) < 5) {
		camel := s.sets.has(s.norm[start-1], lower|digit) && s.sets.has(s.norm[start], upper)
		if !camel && !s.escaped(start) {
			return nil, 0, false
		}
	}
	from := start
	for from > 0 && start-from < maxName && s.sets.has(s.norm[from-1], url64|dot) {
		from--
	}
	after = end
	if after < len(s.norm) && s.sets.has(s.norm[after], lower) && s.sets.has(s.norm[after-1], lower) {
		return nil, 0, false
	}
	for after < len(s.norm) && after-end < maxName && s.sets.has(s.norm[after], url64) {
		after++
	}
	if after > end && s.norm[after-1] == '-' { // "api_key->"
		after--
	}
	return s.norm[from:after], after, true
}

// harmless says that a name with a key in it is not that of a secret.
func (s *search) harmless(name []byte, after int) bool {
	low := s.lower[after-len(name) : after]
	for _, w := range [][]byte{
		[]byte("public"), []byte("csrf"), []byte("xsrf"), []byte("cursor"), []byte("primary"), []byte("foreign"),
		[]byte("idempotency"), []byte("partition"), []byte("sort"), []byte("cache"), []byte("next"), []byte("page"),
		[]byte("max_"), []byte("min_"), []byte("total"), []byte("prompt_tok"), []byte("completion"), []byte("pad_"),
		[]byte("eos"), []byte("bos_"), []byte("continuation"), []byte("sync"), []byte("hash"), []byte("fingerprint"), []byte("pubkey"), []byte("keyword"),
		[]byte("author"), []byte("compass"), []byte("bypass"), []byte("translation"), []byte("i18n"), []byte("object_key"), []byte("objectkey"),
		[]byte("sitekey"), []byte("site_key"), []byte("storagekey"), []byte("storage_key"), []byte("publishable"),
	} {
		if bytes.Contains(low, w) {
			return true
		}
	}
	// What is asked of, or known about, a secret.
	for _, w := range []string{
		"id", "ids", "name", "names", "count", "type", "length", "len", "url", "uri", "file", "path", "expiry", "expires",
		"expire", "expiration", "ttl", "limit", "field", "label", "hint", "policy", "regex", "pattern", "reset", "attempts",
		"min", "max", "size", "format", "version", "date", "time", "at", "age", "strength", "input", "placeholder", "error", "cost",
		"price", "usage", "budget", "rate", "index", "bucket", "address", "arn", "ref", "alias", "required", "enabled", "prefix", "suffix",
		"endpoint", "schema", "vault", "manager", "status", "state", "kind", "description", "env", "mint", "symbol", "in", "class", "hash",
	} {
		if n := len(low) - len(w); n > 0 && string(low[n:]) == w &&
			(low[n-1] == '_' || low[n-1] == '-' || s.sets.has(name[n], upper) && s.sets.has(name[n-1], lower|digit)) {
			return true
		}
	}
	return false
}

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
	for _, sign := range []string{":=", "=>", "===", "==", "->", "::", "=", ":", "：", ">"} {
		if bytes.HasPrefix(rest, []byte(sign)) {
			at += len(sign)
			if sign == ":" || sign == "：" {
				at = s.annotation(at)
			}
			return operator{end: at, prose: sign == ":" && spaces == 0 && at < len(b) && b[at] == ' '}, true
		}
	}
	if b[at] == '(' || b[at] == ',' {
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
	if spaces == 0 {
		return operator{}, false
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

// strong says that a password that ends in "!" has digits as well, so that the
// mark is rather its own than the sentence's.
func (s *search) strong(b []byte) bool { return s.kinds(b) > 1 }

// assigned says that a value given to a secret's name is one: random, with
// digits among its letters, and no reference to where the secret is kept.
func (s *search) assigned(k key, v []byte) bool {
	if len(v) < 10 || len(v) > maxValue || s.reference(v) || s.placeholder(v) {
		return false
	}
	var seen charset
	changes, digits := 0, 0
	for i, c := range v {
		bits := s.sets[c] &^ (valueEnd | addressEnd)
		if bits == 0 && bytes.IndexByte([]byte(":!@#$^*?"), c) < 0 {
			return false
		}
		seen |= bits
		if bits&digit == 0 {
			if i > 0 && s.sets.has(v[i-1], digit) && bits&(lower|upper) != 0 {
				changes++
			}
			continue
		}
		digits++
		if i > 0 && s.sets.has(v[i-1], lower|upper) {
			changes++
		}
	}
	if digits == 0 || seen&(lower|upper) == 0 || s.isUUID(v) && k.strength != apiKey {
		return false
	}
	if least := min(3, 1+len(v)/12); changes < least {
		return false
	}
	least := 3.0
	if seen&^(digit|base32Digit|lowerHex|upperHex|hyphen) == 0 {
		least = 2.8
	} else if len(v) >= 20 {
		least = 3.3
	}
	return entropy(v) >= least
}

// reference says that a value is code, a place or a name, and not a secret.
func (s *search) reference(v []byte) bool {
	switch {
	case v[0] == '$' && s.all(v[1:], word), v[0] == '%' && v[len(v)-1] == '%', v[0] == '{', v[0] == '[', v[0] == '@', v[0] == '/',
		v[0] == '~', v[0] == '.', v[0] == '\\' && len(v) > 1 && v[1] == '\\':
		return true
	case bytes.Contains(v, []byte("://")), bytes.Contains(v, []byte("(")), bytes.Contains(v, []byte("process.env")):
		return true
	}
	if i := bytes.IndexByte(v, '='); i >= 0 && len(bytes.TrimRight(v[i:], "=")) > 0 {
		return true
	}
	if i := bytes.IndexByte(v, '.'); i > 1 && s.all(v[:i], lower|underscore) {
		return true // config.api_key
	}
	if i := bytes.LastIndexByte(v, '.'); i > 0 {
		for _, suffix := range []string{"pem", "json", "key", "txt", "env", "yml", "yaml", "crt", "cer", "p12", "pfx", "jks", "py", "js", "ts", "go", "md", "html", "com", "io", "org", "net", "enc", "gpg"} {
			if string(v[i+1:]) == suffix {
				return true
			}
		}
	}
	return false
}

func (s *search) all(b []byte, c charset) bool {
	for _, x := range b {
		if !s.sets.has(x, c) {
			return false
		}
	}
	return len(b) > 0
}

func (s *search) isUUID(v []byte) bool {
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return false
	}
	return s.all(v, hex|upperHex|hyphen)
}

// password says that a value may be what somebody chose for a password.
func (s *search) password(v []byte, quoted, prose bool) bool {
	if len(v) < 6 || len(v) > maxPassword || s.placeholder(v) {
		return false
	}
	if !quoted && s.reference(v) || v[0] == '$' && s.all(v[1:], word) || v[0] == '{' && v[len(v)-1] == '}' || v[0] == '%' && v[len(v)-1] == '%' {
		return false
	}
	low := bytes.ToLower(v)
	for _, hashed := range []string{"$2a$", "$2b$", "$2y$", "$argon2", "pbkdf2", "$scrypt", "$6$", "$5$", "$1$", "{ssha", "sha256:", "sha1:", "sha512:", "http://", "https://", "process.env", "os.environ", "env."} {
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
		return !prose && special > 0 && special < letters && !s.all(v, lower|hyphen|underscore|dot|slashPlus) && !s.all(v, upper|hyphen|underscore|dot)
	}
}
