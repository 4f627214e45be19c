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
	return s.CheckAs(ctx, compliance.StagePrompt, compliance.Subject{PromptName: p.Name, VersionTag: p.Version}, compliance.Texts(p))
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
	for _, name := range slices.Sorted(maps.Keys(l.Metadata)) {
		texts = append(texts, name+": "+plain(l.Metadata[name]))
	}
	for _, raw := range []json.RawMessage{l.OllamaOptions, l.OllamaFormat} {
		if len(raw) > 0 {
			texts = append(texts, plain(raw))
		}
	}
	return texts
}

// plain gives JSON as it reads without escapes; the logs were checked before.
func plain(raw json.RawMessage) string {
	text, _ := jsontext.Plain(raw)
	return text
}
