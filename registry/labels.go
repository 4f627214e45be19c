package registry

import (
	"context"
	"fmt"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// SetLabel points a label at a version; see [Labels].
func (s *Service) SetLabel(ctx context.Context, name, label, version string) (Label, error) {
	if !ValidLabel(label) {
		return Label{}, pmerr.Invalid("name must be 1 to 128 letters, digits, '_', '.' or '-'")
	}
	if err := s.known(ctx, name, version); err != nil {
		return Label{}, err
	}
	set, err := s.index.SetLabel(ctx, name, label, version)
	if err != nil {
		return Label{}, err
	}
	s.registry.resolver.forget(s.workspace, name)
	return set, nil
}

// Label finds a label; see [Labels].
func (s *Service) Label(ctx context.Context, name, label string) (Label, error) {
	if err := s.knownLabel(ctx, name, label); err != nil {
		return Label{}, err
	}
	return s.index.Label(ctx, name, label)
}

// knownLabel refuses names that no prompt and no label can have.
func (s *Service) knownLabel(ctx context.Context, name, label string) error {
	if err := s.known(ctx, name, ""); err != nil || ValidLabel(label) {
		return err
	}
	if _, err := s.index.Pointers(ctx, name); err != nil {
		return err
	}
	return pmerr.Missing("Label")
}

// Labels gives the labels of a prompt; see [Labels].
func (s *Service) Labels(ctx context.Context, name string, r page.Request) (page.Of[Label], error) {
	if !ValidName(name) {
		return nothing[Label](r)
	}
	return s.index.Labels(ctx, name, r)
}

// DeleteLabel removes a label; see [Labels].
func (s *Service) DeleteLabel(ctx context.Context, name, label string) error {
	if err := s.knownLabel(ctx, name, label); err != nil {
		return err
	}
	if err := s.index.DeleteLabel(ctx, name, label); err != nil {
		return err
	}
	s.registry.resolver.forget(s.workspace, name)
	return nil
}

// maxProtected bounds the setting.
const maxProtected = 100

// ProtectedLabels are the labels that only admins move or delete.
func (s *Service) ProtectedLabels(ctx context.Context) ([]string, error) {
	return s.index.ProtectedLabels(ctx)
}

// SetProtectedLabels replaces the protected labels. Bad names: ErrValidation;
// an actor that is no admin: ErrForbidden. ErrUnavailable.
func (s *Service) SetProtectedLabels(ctx context.Context, labels []string) error {
	if !s.actor.Admin {
		return pmerr.New(pmerr.Forbidden, "Only an admin may change the protected labels")
	}
	var f faults
	f.check(len(labels) <= maxProtected, "labels must be at most 100")
	for i, label := range labels {
		f.check(ValidLabel(label), fmt.Sprintf("labels[%d] must be 1 to 128 letters, digits, '_', '.' or '-'", i))
	}
	if f != nil {
		return pmerr.Invalid(f...)
	}
	return s.index.SetProtectedLabels(ctx, labels)
}
