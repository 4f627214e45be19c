package compliance

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// located is a finding with its place in bytes.
type located struct {
	Finding
	from, to int
}

// ready is the settings of a workspace, ready to be used.
type ready struct {
	generation uint64
	policy     Policy
	allow      *allowSet
	// rules is nil where a workspace has none.
	rules *ruleSet
}

func prepare(s Settings) (*ready, error) {
	r := &ready{policy: s.Policy.withDefaults()}
	var err error
	if r.rules, err = newRuleSet(s.Rules); err != nil {
		return nil, err
	}
	r.allow, err = newAllowSet(s.Allow)
	return r, err
}

// looker finds what counts in a workspace.
type looker struct {
	driver Driver
	*ready
	now  time.Time
	hash func(string) string
}

// look gives what counts in a text, by position, without overlaps but for
// injection, which may hold other findings. partial says that there was more
// than could be found.
func (l looker) look(ctx context.Context, text string) (found []located, partial bool, err error) {
	all, partial, err := l.driver.Scan(ctx, text)
	if err != nil {
		return nil, false, err
	}
	all = within(all, len(text))
	if l.rules != nil {
		run := &ruleRun{set: l.rules}
		own := detect.NewScanner(detect.Options{Detectors: []detect.Detector{run}, MaxFindings: -1}).Scan(text)
		partial = partial || own.Truncated || run.truncated
		all = append(own.Findings, all...) // the rules win ties
	}
	all = l.policy.apply(all)
	if l.allow != nil {
		all = slices.DeleteFunc(all, func(f detect.Finding) bool {
			return f.End > f.Start && l.allow.allows(f.Entity, text[f.Start:f.End], l.now, l.hash)
		})
	}
	return place(text, settle(all, len(text))), partial, nil
}

// within drops what a foreign scanner says of places that a text does not have.
func within(all []detect.Finding, size int) []detect.Finding {
	return slices.DeleteFunc(all, func(f detect.Finding) bool {
		return f.Start < 0 || f.End > size || f.Start > f.End || f.Start == f.End && f.Start != 0
	})
}

// ruleRun runs the rules of a workspace as one detector over one text.
type ruleRun struct {
	set       *ruleSet
	truncated bool
}

// Find implements [detect.Detector].
func (r *ruleRun) Find(t *detect.Text, report func(detect.Finding)) {
	found, truncated := r.set.find(t.Norm)
	r.truncated = r.truncated || truncated
	for _, f := range found {
		report(f)
	}
}

// place gives findings the form that callers see, with code points counted.
func place(text string, all []detect.Finding) []located {
	out := make([]located, len(all))
	ascii := len(text) == utf8.RuneCountInString(text)
	at, runes := 0, 0
	for i, f := range all {
		start, end := f.Start, f.End
		if !ascii {
			runes += utf8.RuneCountInString(text[at:f.Start])
			at = f.Start
			start, end = runes, runes+utf8.RuneCountInString(text[f.Start:f.End])
		}
		out[i] = located{Finding: Finding{
			Rule: f.Rule, Severity: f.Severity, Category: f.Category, MatchedText: text[f.Start:f.End], Entity: f.Entity,
			Start: start, End: end, Confidence: f.Confidence, Vendor: f.Vendor,
		}, from: f.Start, to: f.End}
	}
	return out
}

// findings strips the places in bytes.
func findings(all []located) []Finding {
	out := make([]Finding, len(all))
	for i := range all {
		out[i] = all[i].Finding
	}
	return out
}
