package compliance

import (
	"fmt"
	"maps"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Mode says what a guard does about findings.
type Mode string

// The modes of a guard.
const (
	// Off does not look.
	Off Mode = "off"
	// Warn files a score and lets the text through.
	Warn Mode = "warn"
	// Block files a score and refuses the text.
	Block Mode = "block"
)

// Stage is where a text was scanned.
type Stage string

// The stages. All but StageScan have a guard.
const (
	StageScan       Stage = "scan"
	StagePrompt     Stage = "prompt_create"
	StageLog        Stage = "log_ingest"
	StagePlayground Stage = "playground"
)

// Policy is what counts in a workspace, and what follows from it. The zero
// value counts everything and guards nothing.
type Policy struct {
	// Include lists the only entities that count; empty means all.
	Include []detect.Entity `json:"include_entities"`
	// Exclude lists entities that do not count.
	Exclude []detect.Entity `json:"exclude_entities"`
	// MinConfidence is the least confidence that counts, 0 to 1.
	MinConfidence float64 `json:"min_confidence"`
	// Thresholds is the least confidence by entity, in place of MinConfidence.
	Thresholds map[detect.Entity]float64 `json:"thresholds"`
	// Severities replaces the severity of findings by entity.
	Severities map[detect.Entity]detect.Severity `json:"severities"`
	// KeepRaw files findings with their text; default is masked.
	KeepRaw bool `json:"keep_raw"`
	// MinSeverity is the least severity about which guards do something.
	// Default medium.
	MinSeverity detect.Severity `json:"min_severity"`
	// What guards do: when a prompt is published, about the metadata of logs,
	// and before a model is called. Default off.
	OnPromptCreate Mode `json:"on_prompt_create"`
	OnLogIngest    Mode `json:"on_log_ingest"`
	OnPlayground   Mode `json:"on_playground"`
	// UpdatedAt is nil for the default policy.
	UpdatedAt *timestamp.Time `json:"updated_at"`
}

// withDefaults fills what was left out.
func (p Policy) withDefaults() Policy {
	p.Include, p.Exclude = orEmpty(p.Include), orEmpty(p.Exclude)
	if p.Thresholds == nil {
		p.Thresholds = map[detect.Entity]float64{}
	}
	if p.Severities == nil {
		p.Severities = map[detect.Entity]detect.Severity{}
	}
	if p.MinSeverity == "" {
		p.MinSeverity = detect.Medium
	}
	for _, mode := range []*Mode{&p.OnPromptCreate, &p.OnLogIngest, &p.OnPlayground} {
		if *mode == "" {
			*mode = Off
		}
	}
	return p
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// check names everything that is wrong with a policy that has its defaults.
func (p Policy) check() error {
	var f faults
	entities := func(field string, list []detect.Entity) {
		f.check(len(list) <= maxEntities, "%s must have at most %d items", field, maxEntities)
		for i, e := range list[:min(len(list), maxEntities)] {
			f.entity(fmt.Sprintf("%s[%d]", field, i), e)
		}
	}
	entities("include_entities", p.Include)
	entities("exclude_entities", p.Exclude)
	for i, e := range p.Exclude {
		f.check(!slices.Contains(p.Include, e), "exclude_entities[%d] is also in include_entities", i)
	}
	f.fraction("min_confidence", p.MinConfidence)
	f.check(len(p.Thresholds) <= maxEntities, "thresholds must have at most %d members", maxEntities)
	f.check(len(p.Severities) <= maxEntities, "severities must have at most %d members", maxEntities)
	if f == nil {
		for _, e := range slices.Sorted(maps.Keys(p.Thresholds)) {
			f.entity("thresholds", e)
			f.fraction(fmt.Sprintf("thresholds.%.64s", e), p.Thresholds[e])
		}
		for _, e := range slices.Sorted(maps.Keys(p.Severities)) {
			f.entity("severities", e)
			f.severity(fmt.Sprintf("severities.%.64s", e), p.Severities[e])
		}
	}
	f.severity("min_severity", p.MinSeverity)
	for _, g := range []struct {
		field string
		mode  Mode
	}{{"on_prompt_create", p.OnPromptCreate}, {"on_log_ingest", p.OnLogIngest}, {"on_playground", p.OnPlayground}} {
		f.check(g.mode == Off || g.mode == Warn || g.mode == Block, "%s must be one of off, warn, block", g.field)
	}
	return f.err()
}

// mode of the guard of a stage.
func (p *Policy) mode(at Stage) Mode {
	switch at {
	case StagePrompt:
		return p.OnPromptCreate
	case StageLog:
		return p.OnLogIngest
	case StagePlayground:
		return p.OnPlayground
	case StageScan:
	}
	return Off
}

// apply keeps what counts, with the severity that it has here.
func (p *Policy) apply(found []detect.Finding) []detect.Finding {
	kept := found[:0]
	for _, f := range found {
		least, own := p.Thresholds[f.Entity]
		if !own {
			least = p.MinConfidence
		}
		if f.Confidence < least || slices.Contains(p.Exclude, f.Entity) || len(p.Include) > 0 && !slices.Contains(p.Include, f.Entity) {
			continue
		}
		if s, ok := p.Severities[f.Entity]; ok {
			f.Severity = s
		}
		kept = append(kept, f)
	}
	return kept
}
