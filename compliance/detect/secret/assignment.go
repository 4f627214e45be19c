package secret

import (
	"bytes"

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
		{weakKey, []string{"key", "pat", "auth", "login", "schlüssel", "clé", "clave", "chave", "chiave", "ключ"}},
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
			"pw", "senha", "wachtwoord", "hasło", "пароль", "密码", "密碼", "パスワード", "비밀번호",
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
	leastValue  = 12   // bytes of a value that only its name makes a secret
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
	if !ok || string(name) == "PASS" && s.norm[after] == ':' {
		return
	}
	hesitant := a.bare && s.nearest(start) < 0 && !s.spoken(k, start)
	if hesitant && k.strength != passwordKey {
		return
	}
	from, to, quoted := s.value(a.end)
	if to-from < 6 || to-from > maxFormed || s.harmless(k, name, start, after) {
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
		if !s.password(value, quoted, a.prose) || k.text == "pass" && s.all(value, digit) ||
			a.bare && (len(k.text) < 6 || !s.chosen(value)) {
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
	if !quoted && selfNamed(k, value) {
		return
	}
	if k.strength == weakKey || a.bare && (hesitant || len(value) < leastBare-4 || s.isUUID(value) || !s.spoken(k, start)) || !s.assigned(k, value) {
		return
	}
	if k.text != "token" && s.parameter(start) {
		c.Confidence = 0.93 // it weighs more than the web address that it stands in
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
			return s.random(value) && !s.placeholder(value) && s.kinds(value) > 1 && (s.has(value, digit) && !s.wordy(value) || s.jumbled(value))
		}
	}
	return false
}

// selfNamed says that a value without quotes has the word of its key in it, as the
// variable testRSA2048PrivateKey does that is given to PrivateKey.
func selfNamed(k key, value []byte) bool {
	bare := func(b []byte) []byte { return bytes.ReplaceAll(bytes.ToLower(b), []byte("_"), nil) }
	word := bare([]byte(k.text))
	return len(word) > 4 && bytes.Contains(bare(value), word)
}

// spoken says that the words before a value name a key so that no sign of an
// assignment is needed: "here is my secret key …", but not "token …".
func (s *search) spoken(k key, start int) bool {
	if k.strength != apiKey {
		return false
	}
	if k.text != "token" {
		return true
	}
	before := bytes.TrimRight(s.lower[max(0, start-16):start], " _-")
	for _, w := range []string{"access", "auth", "api", "bot", "bearer", "refresh", "secret", "personal"} {
		if bytes.HasSuffix(before, []byte(w)) {
			return true
		}
	}
	return false
}

// parameter says that the name around the offset is one of a query.
func (s *search) parameter(at int) bool {
	for n := 0; n < maxName && at > 0 && s.sets.has(s.norm[at-1], url64|dot); n++ {
		at--
	}
	return at > 0 && (s.norm[at-1] == '?' || s.norm[at-1] == '&')
}

// assigned says that a value given to a secret's name is one: random, with
// digits among its letters, and no reference to where the secret is kept.
func (s *search) assigned(k key, v []byte) bool {
	if len(v) < leastValue || len(v) > maxValue || s.reference(v) || s.placeholder(v) || s.spelled(v, 3) {
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
	if seen&(lower|upper) == 0 || s.isUUID(v) && k.strength != apiKey && k.text != "secret" {
		return false
	}
	if least := min(3, 1+len(v)/12); (digits == 0 || changes < least || s.wordy(v)) && !s.jumbled(v) {
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

// wordy says that a value is words written together, as names in programs are:
// hardly a digit, and hardly a change of case.
func (s *search) wordy(v []byte) bool {
	digits, changes := 0, 0
	for i, c := range v {
		switch {
		case s.sets.has(c, digit):
			digits++
		case i > 0 && s.sets.has(c, upper) != s.sets.has(v[i-1], upper) && s.sets.has(v[i-1], lower|upper):
			changes++
		}
	}
	return digits < 2+len(v)/24 && changes < len(v)/3
}

// spelled says that a value is made of words in camelCase with numbers among
// them, as KeyExchangeCurve25519SHA256 is. By chance few small letters of a
// random string stand together. They must make up two parts in "share" of it.
func (s *search) spelled(v []byte, share int) bool {
	run, words, vowels := 0, 0, 0
	for i := 0; i <= len(v); i++ {
		if i < len(v) && s.sets.has(v[i], lower) {
			run++
			if bytes.IndexByte([]byte("aeiou"), v[i]) >= 0 {
				vowels++
			}
			continue
		}
		capital := i > run && s.sets.has(v[i-run-1], upper)
		if vowels > 0 && (capital && run >= 3 || run >= 5) {
			words += run
			if capital {
				words++
			}
		}
		run, vowels = 0, 0
	}
	return s.has(v, upper) && words*share >= len(v)*2
}

// jumbled says that the cases of a value change as no words written together
// do: capitals stand together and small letters alone. By this a random string
// that happens to have no digit is told from the name of a class.
func (s *search) jumbled(v []byte) bool {
	if len(v) < 15 {
		return false
	}
	odd, run, up := 0, 0, false
	for i := 0; i <= len(v); i++ {
		if i < len(v) && run > 0 && s.sets.has(v[i], lower|upper) && s.sets.has(v[i], upper) == up {
			run++
			continue
		}
		if run > 1 && up || run == 1 && !up && i-run > 0 && i < len(v) {
			odd++
		}
		if run = 0; i < len(v) && s.sets.has(v[i], lower|upper) {
			run, up = 1, s.sets.has(v[i], upper)
		}
	}
	return odd >= len(v)/6 && s.kinds(v) > 1 && s.has(v, lower) && s.has(v, upper)
}

// reference says that a value is code, a place or a name, and not a secret.
func (s *search) reference(v []byte) bool {
	switch {
	case v[0] == '$' && s.all(v[1:], word), v[0] == '%' && v[len(v)-1] == '%', v[0] == '{', v[0] == '[', v[0] == '@', v[0] == '/' && !(v[len(v)-1] == '=' || s.jumbled(v[1:])),
		v[0] == '~', v[0] == '.', v[0] == '\\' && len(v) > 1 && v[1] == '\\':
		return true
	case bytes.Contains(v, []byte("://")), bytes.Contains(v, []byte("(")), bytes.Contains(v, []byte("process.env")):
		return true
	}
	if bytes.HasPrefix(v, []byte("urn:")) || bytes.HasPrefix(v, []byte("!$")) || bytes.HasPrefix(v, []byte(`\x`)) {
		return true
	}
	if v[0] == '$' { // $self->, $Config::
		i := 1
		for i < len(v) && s.sets.has(v[i], word) {
			i++
		}
		if rest := v[i:]; i > 1 && (string(rest) == "-" || bytes.HasPrefix(rest, []byte("::")) || bytes.HasPrefix(rest, []byte("["))) {
			return true
		}
	}
	if i := bytes.IndexByte(v, '['); i > 1 && s.all(v[:i], lower|upper|underscore|dot) {
		return true // credentials[1]
	}
	if s.all(v, lower|upper|underscore|dot) && bytes.IndexByte(v, '.') > 0 {
		return true // a.Package.Dir
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
