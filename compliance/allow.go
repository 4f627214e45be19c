package compliance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// AllowKind says how an entry of the allow-list is compared with a finding.
type AllowKind string

// The kinds of entries.
const (
	// AllowExact is the text of a finding, without regard to case.
	AllowExact AllowKind = "exact"
	// AllowRegex is an RE2 pattern that matches the whole text of a finding.
	AllowRegex AllowKind = "regex"
	// AllowDomain is the domain of an e-mail address or URL, or one above it.
	AllowDomain AllowKind = "domain"
	// AllowHash is a hash of the text of a finding, so that the list does not
	// hold the text: what the redaction by hash puts in its place, or SHA-256
	// in hexadecimal digits. The latter can be guessed back where few values
	// are possible.
	AllowHash AllowKind = "hash"
)

// Allowance is an entry of the allow-list.
type Allowance struct {
	ID    int64     `json:"id"`
	Kind  AllowKind `json:"kind"`
	Value string    `json:"value"`
	// Entity limits the entry to findings of one entity; empty means all.
	Entity detect.Entity `json:"entity"`
	// Reason is for people.
	Reason string `json:"reason"`
	// ExpiresAt is when the entry ends; nil never.
	ExpiresAt *timestamp.Time `json:"expires_at"`
	CreatedAt timestamp.Time  `json:"created_at"`
}

// check names everything that is wrong with an entry, and brings its value into
// one form.
func (a *Allowance) check(now time.Time) error {
	var f faults
	f.text("value", a.Value, 1, maxAllowValue)
	f.text("reason", a.Reason, 0, maxReason)
	if a.Entity != "" {
		f.entity("entity", a.Entity)
	}
	f.check(a.ExpiresAt == nil || a.ExpiresAt.After(now), "expires_at must be in the future")
	if len(a.Value) > 4*maxAllowValue {
		return f.err()
	}
	switch a.Kind {
	case AllowExact:
	case AllowRegex:
		_, err := wholeMatch(a.Value)
		f.check(err == nil, "value %v", err)
	case AllowDomain:
		a.Value = strings.Trim(strings.ToLower(a.Value), ".")
		f.check(a.Value != "" && !strings.ContainsAny(a.Value, "@/:?# \t*"), "value must be a domain such as example.com")
	case AllowHash:
		a.Value = strings.ToLower(a.Value)
		raw, err := hex.DecodeString(a.Value)
		f.check(err == nil && len(raw) == sha256.Size, "value must be %d hexadecimal digits", 2*sha256.Size)
	default:
		f.check(false, "kind must be one of exact, regex, domain, hash")
	}
	return f.err()
}

// wholeMatch compiles a pattern so that it matches whole texts only.
func wholeMatch(pattern string) (compiled, error) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return compiled{}, fmt.Errorf("must be a regular expression in the syntax of RE2: %s", reason(err))
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return compiled{}, errors.New("is too large; use smaller repetitions and fewer alternatives")
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return compiled{}, fmt.Errorf("must be a regular expression in the syntax of RE2: %s", reason(err))
	}
	return compiled{re: re, prog: prog}, nil
}

// allowSet is an allow-list that is ready to be asked.
type allowSet struct {
	values map[allowKey][]Allowance
	hashes bool
	// The patterns, with what they belong to, and one automaton for all that
	// tells which of them can match.
	patterns []compiled
	of       []Allowance
	walks    sync.Pool
}

// allowKey finds entries by their value; that of an exact one is in lower case.
type allowKey struct {
	kind  AllowKind
	value string
}

// newAllowSet makes a list ready. Entries that were checked have no error.
func newAllowSet(list []Allowance) (*allowSet, error) {
	if len(list) == 0 {
		return nil, nil
	}
	s := &allowSet{values: map[allowKey][]Allowance{}}
	for _, a := range list {
		if a.Kind == AllowRegex {
			c, err := wholeMatch(a.Value)
			if err != nil {
				return nil, fmt.Errorf("entry %d of the allow-list: its value %w", a.ID, err)
			}
			s.patterns, s.of = append(s.patterns, c), append(s.of, a)
			continue
		}
		key := allowKey{a.Kind, strings.ToLower(a.Value)}
		s.values[key] = append(s.values[key], a)
		s.hashes = s.hashes || a.Kind == AllowHash
	}
	if s.patterns != nil {
		u := newUnion(s.patterns)
		s.walks.New = func() any { return u.walk() }
	}
	return s, nil
}

// maxAllowMatch bounds how long a text is compared with patterns.
const maxAllowMatch = 4096

// allows reports that a finding with that text is none. hash gives the keyed
// hash of a text.
func (s *allowSet) allows(e detect.Entity, text string, now time.Time, hash func(string) string) bool {
	if s == nil {
		return false
	}
	if s.has(AllowExact, strings.ToLower(text), e, now) {
		return true
	}
	for domain := domainOf(text); domain != ""; {
		if s.has(AllowDomain, domain, e, now) {
			return true
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	if s.hashes {
		plain := sha256.Sum256([]byte(text))
		if s.has(AllowHash, hash(text), e, now) || s.has(AllowHash, hex.EncodeToString(plain[:]), e, now) {
			return true
		}
	}
	return len(text) <= maxAllowMatch && s.matches(e, text, now)
}

// matches reports that a pattern matches the whole text.
func (s *allowSet) matches(e detect.Entity, text string, now time.Time) bool {
	if s.patterns == nil {
		return false
	}
	w := s.walks.Get().(*walk) //nolint:forcetypeassert // New makes nothing else.
	defer s.walks.Put(w)
	w.reset()
	for _, i := range w.hits([]byte(text)) {
		if s.of[i].holds(e, now) && s.patterns[i].re.MatchString(text) {
			return true
		}
	}
	return false
}

func (s *allowSet) has(kind AllowKind, value string, e detect.Entity, now time.Time) bool {
	for _, a := range s.values[allowKey{kind, value}] {
		if a.holds(e, now) {
			return true
		}
	}
	return false
}

// holds reports that an entry speaks of an entity and has not ended.
func (a *Allowance) holds(e detect.Entity, now time.Time) bool {
	return (a.Entity == "" || a.Entity == e) && (a.ExpiresAt == nil || a.ExpiresAt.After(now))
}

// maxDomain is the longest domain name, in bytes.
const maxDomain = 255

// domainOf gives the domain of an e-mail address or URL in lower case, or "".
func domainOf(text string) string {
	domain := ""
	if scheme, _, ok := strings.Cut(text, "://"); ok && !strings.Contains(scheme, "@") {
		if u, err := url.Parse(text); err == nil {
			domain = u.Hostname()
		}
	} else if at := strings.LastIndexByte(text, '@'); at >= 0 {
		domain = text[at+1:]
	}
	if len(domain) > maxDomain {
		return ""
	}
	return strings.Trim(strings.ToLower(domain), ".")
}
