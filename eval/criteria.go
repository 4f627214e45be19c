package eval

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
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
	extra := maps.Clone(c.Extra)
	// A known name would be read back as the known member.
	maps.DeleteFunc(extra, func(name string, _ json.RawMessage) bool {
		return decode.HasField(reflect.TypeFor[plainCriteria](), name)
	})
	return decode.EncodeOpen(plainCriteria(c), extra)
}

// UnmarshalJSON reads min_score and rules, and keeps the other members in
// Extra.
func (c *Criteria) UnmarshalJSON(data []byte) error {
	var read plainCriteria
	extra, err := decode.Open(data, &read)
	if err != nil {
		return err
	}
	read.Extra = extra
	*c = Criteria(read)
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
