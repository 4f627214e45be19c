package secret

import "bytes"

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
	if (k.text == "pass" || k.text == "pw") && after < len(s.norm) && s.sets.has(s.norm[after], lower|upper) {
		return nil, 0, false // passFilter, PASSED
	}
	for after < len(s.norm) && after-end < maxName && s.sets.has(s.norm[after], url64) {
		after++
	}
	if after > end && s.norm[after-1] == '-' { // "api_key->"
		after--
	}
	return s.norm[from:after], after, true
}

// qualified says that the word right before the key makes something else of it:
// "sort_key", "nextToken", "hashed_password". It must be a whole word of the
// name, so that ADMIN_API_KEY is no minimum and NEXTAUTH_SECRET no page.
func (s *search) qualified(k key, name []byte, at int) bool {
	if at == 0 {
		return false
	}
	to := at
	for to > 0 && !s.sets.has(name[to-1], alnum) {
		to--
	}
	from := to
	for from > 0 && s.sets.has(name[from-1], alnum) {
		from--
		if s.sets.has(name[from], upper) && from > 0 && s.sets.has(name[from-1], lower) {
			break
		}
	}
	switch lowerCase(string(name[from:to])) {
	case "hash", "hashed":
		return true
	case "primary", "partition", "sort", "cache", "next", "page", "max", "min", "total", "pad", "eos", "bos", "sync", "author",
		"composite", "row", "column", "map", "dict", "lookup", "group", "index", "unique", "shard", "routing":
		return k.text == "key" || k.text == "token"
	}
	return false
}

// harmless says that a name with a key in it is not that of a secret.
func (s *search) harmless(k key, name []byte, start, after int) bool {
	low := s.lower[after-len(name) : after]
	for _, w := range [][]byte{
		[]byte("public"), []byte("csrf"), []byte("xsrf"), []byte("cursor"), []byte("foreign"), []byte("idempotency"),
		[]byte("prompt_tok"), []byte("completion"), []byte("continuation"), []byte("fingerprint"), []byte("pubkey"),
		[]byte("keyword"), []byte("translation"), []byte("i18n"), []byte("object_key"), []byte("objectkey"),
		[]byte("sitekey"), []byte("site_key"), []byte("storagekey"), []byte("storage_key"), []byte("publishable"),
	} {
		if bytes.Contains(low, w) {
			return true
		}
	}
	if s.qualified(k, name, start-(after-len(name))) {
		return true
	}
	// What is asked of, or known about, a secret.
	for _, w := range []string{
		"id", "ids", "name", "names", "count", "type", "length", "len", "url", "uri", "file", "path", "expiry", "expires",
		"expire", "expiration", "ttl", "limit", "field", "label", "hint", "policy", "regex", "pattern", "reset", "attempts",
		"min", "max", "size", "format", "version", "date", "time", "at", "age", "strength", "input", "placeholder", "error", "cost",
		"price", "usage", "budget", "rate", "index", "bucket", "address", "arn", "ref", "alias", "required", "enabled", "prefix", "suffix",
		"endpoint", "schema", "vault", "manager", "status", "state", "kind", "description", "env", "hasher", "hashers", "validator", "validators", "encoder", "start", "end", "stream", "source", "list", "set", "map", "mgr", "parser", "lexer", "separator", "delimiter", "handler", "provider", "class", "store", "callback", "mint", "symbol", "in", "hash",
	} {
		if n := len(low) - len(w); n > 0 && string(low[n:]) == w &&
			(low[n-1] == '_' || low[n-1] == '-' || s.sets.has(name[n], upper) && s.sets.has(name[n-1], lower|digit)) {
			return true
		}
	}
	return false
}
