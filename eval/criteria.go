package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of criteria.
const (
	MaxRules         = 50
	MaxRuleName      = 128       // characters
	MaxRuleWeight    = 1e6       // keeps sums of weights exact enough
	MaxCriteriaBytes = 256 << 10 // of configurations and unknown members
)

type plainCriteria Criteria

// MarshalJSON writes min_score and rules, then Extra by name.
func (c Criteria) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	if err := appendJSON(&b, plainCriteria(c)); err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(c.Extra))
	for key := range c.Extra {
		// A known name would be read back as the known member.
		if !known(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	b.Truncate(b.Len() - 1) // the closing brace
	for _, key := range keys {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		if err := appendJSON(&b, key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(&b, c.Extra[key]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads min_score and rules, and keeps the other members in
// Extra.
func (c *Criteria) UnmarshalJSON(data []byte) error {
	var read plainCriteria
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for key := range all {
		if known(key) {
			delete(all, key)
		}
	}
	if len(all) > 0 {
		read.Extra = all
	}
	*c = Criteria(read)
	return nil
}

// known tells whether encoding/json would store the member in a field, which
// it does without regard to case.
func known(key string) bool {
	return strings.EqualFold(key, "min_score") || strings.EqualFold(key, "rules")
}

// appendJSON writes compact JSON without HTML escapes: patterns and rubrics are
// full of "<" and "&".
func appendJSON(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the newline of Encode
	return nil
}

// Faults lists what is wrong with the criteria whatever the scorers are: their
// number and size, min_score, and the type, name and weight of each rule. What
// is wrong with a rule starts with "criteria.rules[i]".
func (c Criteria) Faults() []string {
	var faults []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	check(c.MinScore == nil || (*c.MinScore >= 0 && *c.MinScore <= 1), "criteria.min_score must be a number from 0 to 1")
	check(c.size() <= MaxCriteriaBytes, "criteria must be at most %d bytes", MaxCriteriaBytes)
	if len(c.Rules) > MaxRules {
		return append(faults, fmt.Sprintf("criteria.rules must be at most %d, not %d", MaxRules, len(c.Rules)))
	}
	first := map[string]int{}
	for i, r := range c.Rules {
		at := fmt.Sprintf("criteria.rules[%d]", i)
		check(r.Type != "", "%s.type is required", at)
		check(r.Weight == nil || (*r.Weight > 0 && *r.Weight <= MaxRuleWeight), "%s.weight must be more than 0 and at most %d", at, int(MaxRuleWeight))
		check(utf8.RuneCountInString(r.Name) <= MaxRuleName, "%s.name must be at most %d characters", at, MaxRuleName)
		check(utf8.ValidString(r.Name) && strings.IndexByte(r.Name, 0) < 0, "%s.name must be UTF-8 without NUL", at)
		if r.Name == "" {
			continue
		}
		before, twice := first[r.Name]
		check(!twice, "%s.name is the name of criteria.rules[%d] too: give each rule its own", at, before)
		if !twice {
			first[r.Name] = i
		}
	}
	return faults
}

// size is about what the criteria take as JSON.
func (c Criteria) size() int {
	n := 0
	for _, r := range c.Rules {
		n += len(r.Type) + len(r.Name) + len(r.Config)
	}
	for key, raw := range c.Extra {
		n += len(key) + len(raw)
	}
	return n
}

// Names gives each rule the name under which its verdicts are kept: its own, or
// its type, numbered where that comes twice ("regex 1", "regex 2").
func (c Criteria) Names() []string {
	taken := map[string]bool{}
	unnamed := map[string]int{}
	for _, r := range c.Rules {
		if r.Name != "" {
			taken[r.Name] = true
		} else {
			unnamed[r.Type]++
		}
	}
	names := make([]string, len(c.Rules))
	for i, r := range c.Rules {
		name := r.Name
		if name == "" {
			name = r.Type
			for n := 1; taken[name] || (n == 1 && unnamed[r.Type] > 1); n++ {
				name = fmt.Sprintf("%s %d", r.Type, n)
				if !taken[name] {
					break
				}
			}
			taken[name] = true
		}
		names[i] = name
	}
	return names
}
