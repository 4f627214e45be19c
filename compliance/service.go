package compliance

import (
	"context"
	"errors"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Service is the compliance of one workspace.
type Service struct {
	engine  *Engine
	id      string
	actor   workspace.Actor
	prompts Prompts
	store   Store
}

var (
	_ Scans     = (*Service)(nil)
	_ Rules     = (*Service)(nil)
	_ AllowList = (*Service)(nil)
	_ Policies  = (*Service)(nil)
)

// Subject is what a score is filed under.
type Subject struct{ PromptName, VersionTag string }

func (r ScanRequest) check() error {
	var f faults
	f.check(r.Text != "" || r.PromptName != "", "text or prompt_name is required")
	f.scanned("text", r.Text)
	f.text("prompt_name", r.PromptName, 0, maxName)
	f.text("version_tag", r.VersionTag, 0, maxVersion)
	return f.err()
}

// Scan looks at a text or a prompt and files a score; see [Scans].
func (s *Service) Scan(ctx context.Context, r ScanRequest) (Report, error) {
	if err := r.check(); err != nil {
		return Report{}, err
	}
	text, of, err := s.subject(ctx, r)
	if err != nil {
		return Report{}, err
	}
	set, err := s.ready(ctx)
	if err != nil {
		return Report{}, err
	}
	found, partial, err := s.look(ctx, set, text)
	if err != nil {
		return Report{}, err
	}
	all := findings(found)
	n := score(all)
	few, truncated := gravest(all, maxFindings)
	report := Report{
		Score: n, RiskLevel: detect.LevelOf(n), Flagged: detect.Flagged(n), Categories: categories(all),
		Violations: few, Findings: few, Provider: s.engine.c.Driver.Name(), Truncated: partial || truncated,
	}
	if !partial {
		report.RedactedText = s.tokenize(text, found)
	}
	filed, err := s.store.InsertScore(ctx, s.item(set, StageScan, of, all, partial))
	report.ID = filed.ID
	return report, err
}

// subject finds the text to scan, and what it is filed under.
func (s *Service) subject(ctx context.Context, r ScanRequest) (string, Subject, error) {
	if r.Text != "" {
		of := Subject{r.PromptName, r.VersionTag}
		if of.PromptName == "" {
			of = Subject{DirectScan, Latest}
		}
		if of.VersionTag == "" {
			of.VersionTag = Latest
		}
		return r.Text, of, nil
	}
	entry, err := s.prompts.Get(ctx, r.PromptName, registry.Query{Version: r.VersionTag, Raw: true})
	if err != nil {
		return "", Subject{}, tagged(err)
	}
	return strings.Join(Texts(entry.Content), "\n"), Subject{entry.Version.Name, entry.Version.Version}, nil
}

// tagged calls the field that the registry dislikes as requests call it.
func tagged(err error) error {
	if !errors.Is(err, pmerr.ErrValidation) {
		return err
	}
	var fields []string
	for _, fault := range pmerr.From(err).Fields {
		if about, ok := strings.CutPrefix(fault, "version "); ok {
			fault = "version_tag " + about
		}
		fields = append(fields, fault)
	}
	return pmerr.Invalid(fields...)
}

// Texts gives the raw messages of a prompt.
func Texts(p registry.Prompt) []string {
	texts := make([]string, len(p.Messages))
	for i, m := range p.Messages {
		texts[i] = m.Content
	}
	return texts
}

func (s *Service) look(ctx context.Context, set *ready, text string) ([]located, bool, error) {
	return looker{driver: s.engine.c.Driver, ready: set, now: s.engine.c.Now(), hash: s.hash}.look(ctx, text)
}

// hash is the keyed hash of a value in this workspace.
func (s *Service) hash(value string) string { return keyedHash(s.engine.c.Key, s.id, value) }

// tokenize puts tokens in place of findings. What is no data but a heuristic
// about intent stays.
func (s *Service) tokenize(text string, found []located) string {
	data := sensitive(found)
	if len(data) == 0 {
		return text
	}
	r := redactor{text: text, action: func(detect.Entity) Action { return Replace }, hash: s.hash}
	r.redact(data)
	return r.out.String()
}

// sensitive leaves out what is not data to be redacted: injection, which other
// findings may overlap.
func sensitive(found []located) []located {
	data := make([]located, 0, len(found))
	for _, f := range found {
		if f.Category != detect.Injection && f.to > f.from {
			data = append(data, f)
		}
	}
	return data
}

// item makes what is filed.
func (s *Service) item(set *ready, at Stage, of Subject, all []Finding, truncated bool) Score {
	n := score(all)
	item := Score{
		PromptName: of.PromptName, VersionTag: of.VersionTag, Score: n, RiskLevel: detect.LevelOf(n), Flagged: detect.Flagged(n),
		Categories: categories(all), Provider: s.engine.c.Driver.Name(), Stage: at, Workspace: s.id,
	}
	all, cut := gravest(all, maxFiled)
	item.Truncated = truncated || cut
	item.Findings = make([]Finding, len(all))
	copy(item.Findings, all)
	for i := range item.Findings {
		f := &item.Findings[i]
		if !set.policy.KeepRaw {
			f.MatchedText = mask(f.MatchedText)
		}
		f.MatchedText = clip(f.MatchedText)
	}
	return item
}

// maxFiledText bounds the text of one filed finding, in bytes.
const maxFiledText = 1024

// clip cuts a text between two characters.
func clip(text string) string {
	if len(text) <= maxFiledText {
		return text
	}
	return strings.ToValidUTF8(text[:maxFiledText], "")
}

// Scores gives what was filed, newest first; see [Scans].
func (s *Service) Scores(ctx context.Context, r page.Request) (page.Of[Score], error) {
	r, err := r.Normal()
	if err != nil {
		return page.Of[Score]{}, err
	}
	return s.store.Scores(ctx, r)
}

// MaxScoresAfter is how many items ScoresAfter gives at most.
const MaxScoresAfter = 200

// ScoresAfter gives the items behind a cursor, the first ones for none: limit
// of them, 1 to 200. Errors as Scores.
func (s *Service) ScoresAfter(ctx context.Context, cursor string, limit int) (page.Of[Score], error) {
	if limit < 1 || limit > MaxScoresAfter {
		return page.Of[Score]{}, pmerr.Invalid("limit must be an integer from 1 to 200")
	}
	return s.store.Scores(ctx, page.Request{Page: 1, Limit: limit, Cursor: cursor})
}

// Score gives one item; see [Scans].
func (s *Service) Score(ctx context.Context, id int64) (Score, error) {
	if id < 1 {
		return Score{}, pmerr.Missing("Compliance score")
	}
	return s.store.Score(ctx, id)
}

// Redact gives a text without what is found in it; see [Scans].
func (s *Service) Redact(ctx context.Context, q RedactRequest) (Redacted, error) {
	if err := q.check(); err != nil {
		return Redacted{}, err
	}
	set, err := s.ready(ctx)
	if err != nil {
		return Redacted{}, err
	}
	found, partial, err := s.look(ctx, set, q.Text)
	if err != nil {
		return Redacted{}, err
	}
	if partial {
		return Redacted{}, pmerr.Invalid("text has more findings than can be redacted: give it in parts")
	}
	r := redactor{text: q.Text, action: q.action, hash: s.hash}
	out := Redacted{Findings: r.redact(sensitive(found)), Provider: s.engine.c.Driver.Name()}
	out.Text = r.out.String()
	if q.Reversible {
		out.Map = r.values
		if out.Map == nil {
			out.Map = map[string]string{}
		}
	}
	return out, nil
}

// action for an entity.
func (r RedactRequest) action(e detect.Entity) Action {
	if a, ok := r.Actions[e]; ok {
		return a
	}
	if r.Default == "" {
		return Replace
	}
	return r.Default
}
