package promptmetrics

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// promptGuard asks the compliance of a workspace about prompts.
type promptGuard struct{ engine *compliance.Engine }

var _ registry.Guard = promptGuard{}

// CheckPrompt implements [registry.Guard].
func (g promptGuard) CheckPrompt(ctx context.Context, in workspace.ID, p registry.Prompt) error {
	s := g.engine.Workspace(in, workspace.Actor{}, nil)
	if mode, err := s.Mode(ctx, compliance.StagePrompt); err != nil || mode == compliance.Off {
		return err
	}
	return s.CheckAs(ctx, compliance.StagePrompt, compliance.Subject{PromptName: p.Name, VersionTag: p.Version}, promptTexts(p))
}

// promptTexts are what people have written into a prompt: its messages, and the
// defaults, descriptions and other fields beside them.
func promptTexts(p registry.Prompt) []string {
	texts := compliance.Texts(p)
	rest := p
	rest.Name, rest.Version, rest.Messages = "", "", slices.Clone(p.Messages)
	for i := range rest.Messages {
		rest.Messages[i].Content = ""
	}
	raw, err := json.Marshal(rest)
	if err != nil {
		return texts // what is no JSON is refused before it is stored
	}
	return append(texts, plain(raw))
}

// logGuard asks the compliance of a workspace about the metadata of logs.
type logGuard struct{ compliance *compliance.Service }

var _ telemetry.Guard = logGuard{}

// CheckLogs implements [telemetry.Guard].
func (g logGuard) CheckLogs(ctx context.Context, logs []telemetry.Log) error {
	if mode, err := g.compliance.Mode(ctx, compliance.StageLog); err != nil || mode == compliance.Off {
		return err
	}
	var texts []string
	of := compliance.Subject{PromptName: logs[0].PromptName, VersionTag: logs[0].VersionTag}
	for _, l := range logs {
		if l.PromptName != of.PromptName || l.VersionTag != of.VersionTag {
			of = compliance.Subject{PromptName: string(compliance.StageLog), VersionTag: compliance.Latest}
		}
		texts = appendTexts(texts, &l)
	}
	return g.compliance.CheckAs(ctx, compliance.StageLog, of, texts)
}

// CheckSpans implements [telemetry.Guard]. What other programs trace counts as
// what they log.
func (g logGuard) CheckSpans(ctx context.Context, spans []telemetry.Span) error {
	if mode, err := g.compliance.Mode(ctx, compliance.StageLog); err != nil || mode == compliance.Off {
		return err
	}
	var texts []string
	for i := range spans {
		texts = append(texts, "name: "+spans[i].Name)
		texts = appendMembers(texts, spans[i].Metadata)
	}
	return g.compliance.CheckAs(ctx, compliance.StageLog, compliance.Subject{PromptName: string(compliance.StageLog), VersionTag: compliance.Latest}, texts)
}

// callGuard asks the compliance of a workspace about what a model is to read.
type callGuard struct{ compliance *compliance.Service }

var _ playground.Guard = callGuard{}

// Check implements [playground.Guard].
func (g callGuard) Check(ctx context.Context, texts []string) error {
	return g.compliance.Check(ctx, compliance.StagePlayground, texts)
}

// appendTexts appends what people may have written into a log: its metadata, and
// what a model was told to do. A card number may well be sent as a number.
func appendTexts(texts []string, l *telemetry.Log) []string {
	texts = appendMembers(texts, l.Metadata)
	for _, raw := range []json.RawMessage{l.OllamaOptions, l.OllamaFormat} {
		if len(raw) > 0 {
			texts = append(texts, plain(raw))
		}
	}
	return texts
}

func appendMembers(texts []string, m telemetry.Metadata) []string {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		texts = append(texts, name+": "+plain(m[name]))
	}
	return texts
}

// plain gives JSON as it reads without escapes; the logs were checked before.
func plain(raw json.RawMessage) string {
	text, _ := jsontext.Plain(raw)
	return text
}
