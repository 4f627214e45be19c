// Package secret detects credentials: the token formats of some two hundred
// vendors, JSON web tokens, private keys, connection strings, authorization
// headers, values assigned to names such as api_key or password, and last, as a
// weak hint, strings that look random.
//
// One automaton looks for all prefixes and keywords in a single pass; what it
// hits is examined near the hit only. No step looks at more than a bounded
// window, or remembers how far it looked, so a text costs linear time.
//
// The formats are public facts of the vendors' documentation and of the
// scanning programmes of code hosts. Lengths have some play where a vendor has
// changed them before.
package secret

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/internal/automaton"
)

// The entities of this package.
const (
	APIKey           detect.Entity = "API_KEY"
	PrivateKey       detect.Entity = "PRIVATE_KEY"
	ConnectionString detect.Entity = "CONNECTION_STRING"
	JWT              detect.Entity = "JWT"
	Password         detect.Entity = "PASSWORD"
	AuthHeader       detect.Entity = "AUTH_HEADER"
	GenericSecret    detect.Entity = "GENERIC_SECRET"
)

// The names of the rules.
const (
	apiKeyRule           = "API Key Detection"
	privateKeyRule       = "Private Key Detection"
	connectionStringRule = "Connection String Detection"
	jwtRule              = "JWT Detection"
	passwordRule         = "Password Detection"
	authHeaderRule       = "Authorization Header Detection"
)

// kind tells what the automaton's pattern starts.
type kind uint8

const (
	vendorToken kind = iota
	vendorName
	assignmentKey
	webToken
	pemBlock
	uriScheme
	authScheme
	authField
	curlUser
	commandPassword
	storageKey
	signature
)

// pattern is one string that the automaton looks for, in lower case, and what
// it means. The index points into the table of its kind.
type pattern struct {
	kind  kind
	index int
	width int
}

// detector is immutable after New.
type detector struct {
	auto     *automaton.Automaton
	sets     *sets
	patterns []pattern
	formats  []format
	vendors  []vendor
	keys     []key
	schemes  map[string]string
	stops    *automaton.Automaton
}

// New compiles the tables into a detector of secrets, which is safe for
// concurrent use. It panics if a table is malformed, which a test excludes.
func New() detect.Detector { return compile() }

func compile() *detector {
	d := &detector{sets: newSets(), formats: formats(), vendors: vendors(), keys: keys(), schemes: schemes()}
	var texts []string
	add := func(text string, k kind, index int) {
		texts = append(texts, text)
		d.patterns = append(d.patterns, pattern{kind: k, index: index, width: len(text)})
	}
	for i := range d.formats {
		f := &d.formats[i]
		s, err := parseShape(f.template)
		if err != nil {
			panic(err)
		}
		if s.literal() == "" {
			panic("secret: a format without a literal: " + f.template)
		}
		f.shape = s
		add(lowerCase(s.literal()), vendorToken, i)
	}
	for i := range d.vendors {
		v := &d.vendors[i]
		for _, template := range v.templates {
			s, err := parseShape(template)
			if err != nil {
				panic(err)
			}
			v.shapes = append(v.shapes, s)
		}
		for _, w := range v.words {
			add(w, vendorName, i)
		}
	}
	for i, k := range d.keys {
		add(k.text, assignmentKey, i)
	}
	add("eyj", webToken, 0)
	add("-----begin ", pemBlock, 0)
	add("://", uriScheme, 0)
	add("bearer ", authScheme, 0)
	add("basic ", authScheme, 1)
	add("authorization: ", authField, 0)
	add("authorization\": \"", authField, 0)
	add("authorization': '", authField, 0)
	add(" -u ", curlUser, 0)
	add(" --user ", curlUser, 0)
	add(" -p", commandPassword, 0)
	add("accountkey=", storageKey, 0)
	add("sharedaccesskey=", storageKey, 0)
	add("sig=", signature, 0)
	d.auto = automaton.New(texts)
	d.stops = automaton.New(placeholderWords())
	return d
}

// candidate is a possible finding. Of two that overlap the one of higher rank
// stays: a vendor's token is known better than what is assigned to "key".
type candidate struct {
	detect.Finding
	rank int
	// detail settles ties: the longer a token's literal, the better known it is.
	detail int
	// named says that the vendor is to be found by the names around it.
	named bool
}

// search is the state of one Find.
type search struct {
	*detector
	norm, lower []byte
	found       []candidate
	names       []mention
	nextEnd     int // where the next "-----END" is, if it was looked for
	lookedFrom  int
	// The last unquoted value, so that names in one long run of text do not
	// measure it again and again.
	valueFrom, valueTo int
}

// mention is a vendor's name in the text.
type mention struct{ start, end, vendor int }

// Find implements [detect.Detector].
func (d *detector) Find(t *detect.Text, report func(detect.Finding)) {
	s := search{detector: d, norm: t.Norm, lower: t.Lower, nextEnd: -1, lookedFrom: -1}
	d.auto.Scan(s.lower, s.hit)
	s.bare()
	s.settle(report)
}

func (s *search) hit(id, end int) {
	p := s.patterns[id]
	start := end - p.width
	switch p.kind {
	case vendorToken:
		s.token(&s.formats[p.index], start)
	case vendorName:
		s.names = append(s.names, mention{start, end, p.index})
		s.named(p.index, start, end)
	case assignmentKey:
		s.assignment(s.keys[p.index], start, end)
	case webToken:
		s.webToken(start)
	case pemBlock:
		s.pem(start, end)
	case uriScheme:
		s.uri(start, end)
	case authScheme:
		s.header(p.index == 1, start, end)
	case authField:
		s.authField(start, end)
	case curlUser:
		s.curlUser(start, end)
	case commandPassword:
		s.commandPassword(start, end)
	case storageKey:
		s.storageKey(start, end)
	case signature:
		s.sharedSignature(start, end)
	}
}

func (s *search) add(c candidate) { s.found = append(s.found, c) }

// settle names the vendors that the surroundings tell, drops what a better
// candidate covers, and reports the rest by position.
func (s *search) settle(report func(detect.Finding)) {
	slices.SortStableFunc(s.found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.rank, a.rank), cmp.Compare(b.End, a.End), cmp.Compare(b.detail, a.detail))
	})
	kept := s.found[:0]
	for _, c := range s.found {
		// What was kept is disjoint and sorted, so only the last can overlap;
		// a better candidate may replace several.
		for len(kept) > 0 && kept[len(kept)-1].End > c.Start && c.rank > kept[len(kept)-1].rank {
			kept = kept[:len(kept)-1]
		}
		if len(kept) > 0 && kept[len(kept)-1].End > c.Start {
			continue
		}
		kept = append(kept, c)
	}
	for _, c := range kept {
		if c.named && c.Vendor == "" {
			c.Vendor = s.vendorNear(c.Start, c.End)
		}
		report(c.Finding)
	}
}

// nameWindow is how far from a secret, in bytes, its vendor may be named.
const nameWindow = 80

// nearest returns the vendor last named before the offset, within the window
// and the same paragraph; -1 if there is none.
func (s *search) nearest(at int) int {
	i, _ := slices.BinarySearchFunc(s.names, at+1, func(m mention, at int) int { return cmp.Compare(m.end, at) })
	for i--; i >= 0 && s.names[i].end+nameWindow > at; i-- {
		// Of names that end together ("azure openai", "openai") the longest is
		// the first.
		for i > 0 && s.names[i-1].end == s.names[i].end {
			i--
		}
		m := s.names[i]
		if !s.wordAt(m.start, m.end) {
			continue
		}
		if bytes.Contains(s.norm[m.end:at], []byte("\n\n")) || bytes.Count(s.norm[m.end:at], []byte("\n")) > 1 {
			return -1
		}
		return m.vendor
	}
	return -1
}

func (s *search) vendorNear(start, end int) string {
	if v := s.nearest(start); v >= 0 {
		return s.vendors[v].name
	}
	// A request's address often follows its header.
	i, _ := slices.BinarySearchFunc(s.names, end, func(m mention, at int) int { return cmp.Compare(m.start, at) })
	if i < len(s.names) && s.names[i].start < end+nameWindow && s.wordAt(s.names[i].start, s.names[i].end) &&
		!bytes.Contains(s.norm[end:s.names[i].start], []byte("\n\n")) {
		return s.vendors[s.names[i].vendor].name
	}
	return ""
}

// wordAt says that the span is a word, or a part of a name such as
// OPENAI_API_KEY or openaiKey.
func (s *search) wordAt(start, end int) bool {
	if start > 0 && s.sets.has(s.norm[start-1], lower|upper) && !s.escaped(start) {
		camel := s.sets.has(s.norm[start-1], lower) && s.sets.has(s.norm[start], upper)
		if !camel {
			return false
		}
	}
	return end >= len(s.norm) || !s.sets.has(s.norm[end], lower)
}

func lowerCase(text string) string { return string(bytes.ToLower([]byte(text))) }
