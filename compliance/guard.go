package compliance

import (
	"context"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Blocked is the code in the details of an error with which a guard refuses a
// text.
const Blocked = "COMPLIANCE_BLOCKED"

// Mode tells what the policy says about a stage. Nothing is read where the
// settings are known. ErrUnavailable.
func (s *Service) Mode(ctx context.Context, at Stage) (Mode, error) {
	set, err := s.ready(ctx)
	if err != nil {
		return Off, err
	}
	return set.policy.mode(at), nil
}

// Check guards a stage: it refuses texts about which the policy says so, with
// an ErrBadRequest whose details have the code COMPLIANCE_BLOCKED and the
// entities that were found, never their values. A foreign scanner that fails
// refuses where the policy blocks, and so does a text with more findings than
// can be looked at. What was found is filed.
func (s *Service) Check(ctx context.Context, at Stage, texts []string) error {
	return s.CheckAs(ctx, at, Subject{PromptName: string(at), VersionTag: Latest}, texts)
}

// CheckAs is Check for texts that belong to a prompt.
func (s *Service) CheckAs(ctx context.Context, at Stage, of Subject, texts []string) error {
	set, err := s.ready(ctx)
	if err != nil {
		return err
	}
	mode := set.policy.mode(at)
	text := strings.Join(texts, "\n")
	if mode == Off || text == "" {
		return nil
	}
	found, partial, err := s.look(ctx, set, text)
	if err != nil {
		if mode == Block || ctx.Err() != nil {
			return err
		}
		s.engine.c.Logger.WarnContext(ctx, "a text was let through unscanned", "workspace", s.id, "stage", string(at), "error", err)
		return nil
	}
	found = slices.DeleteFunc(found, func(f located) bool { return f.Severity.Weight() < set.policy.MinSeverity.Weight() })
	if len(found) == 0 && !partial {
		return nil
	}
	all := findings(found)
	item := s.item(set, at, of, all, partial)
	item.Blocked = mode == Block
	if _, err := s.store.InsertScore(ctx, item); err != nil {
		return err
	}
	if mode != Block {
		return nil
	}
	refusal := pmerr.New(pmerr.BadRequest, "The compliance policy of the workspace refuses this text").
		With("code", Blocked).With("stage", string(at)).With("entities", entities(all))
	if partial {
		// What was not looked at might be what the policy is about.
		_ = refusal.With("truncated", true)
	}
	return refusal
}

// entities of findings, each once, by name.
func entities(all []Finding) []detect.Entity {
	names := []detect.Entity{}
	for _, f := range all {
		if !slices.Contains(names, f.Entity) {
			names = append(names, f.Entity)
		}
	}
	slices.Sort(names)
	return names
}
