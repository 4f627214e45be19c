package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Promoted tells of a version that was brought from another workspace.
type Promoted struct {
	Version
	// From and To are the workspaces.
	From string `json:"from"`
	To   string `json:"to"`
	// Existed is set when the workspace had the same version already.
	Existed bool `json:"existed"`
}

// Promote publishes a version of another workspace in this one, by a commit:
// the file is the same, byte for byte, but a YAML file becomes JSON. The query
// chooses the version as Get does; labels and pins are not moved. The same
// version with the same content is no fault. No such version: ErrNotFound; other
// content under that version, or a prompt repository in the way: ErrConflict;
// the workspace itself: ErrBadRequest. ErrUnavailable.
func (s *Service) Promote(ctx context.Context, from *Service, name string, q Query, by Signature) (Promoted, error) {
	if from.workspace == s.workspace {
		return Promoted{}, pmerr.New(pmerr.BadRequest, "A version is promoted from one workspace to another: %s is both", s.id)
	}
	source, err := from.find(ctx, name, q)
	if err != nil {
		return Promoted{}, err
	}
	by, err = s.sign(by, fmt.Sprintf("Promote %s %s from %s to %s", name, source.Version.Version, from.id, s.id))
	if err != nil {
		return Promoted{}, err
	}
	data, err := from.bytes(ctx, source)
	if err != nil {
		return Promoted{}, err
	}
	done := Promoted{From: from.id, To: s.id}
	there, err := s.index.Record(ctx, name, source.Version.Version)
	switch {
	case err == nil:
		done.Version, done.Existed = there.Version, true
		return done, s.same(ctx, there, source, data)
	case !errors.Is(err, pmerr.ErrNotFound):
		return Promoted{}, err
	}
	done.Version, done.Existed, err = s.bring(ctx, source, data, from.id, by)
	return done, err
}

// bring stores a version of another workspace that this one does not have.
func (s *Service) bring(ctx context.Context, source Record, data []byte, from string, by Signature) (v Version, existed bool, err error) {
	name, version := source.Name, source.Version.Version
	p, err := ParseFile("prompt."+source.Format, data)
	if err != nil {
		return v, false, pmerr.New(pmerr.Internal, "the stored prompt cannot be read").Because(err)
	}
	if source.Format != "json" {
		if data, err = FormatFile(p); err != nil {
			return v, false, pmerr.New(pmerr.BadRequest, "the prompt cannot be written as JSON").Because(err)
		}
	}
	if g := s.registry.guard; g != nil {
		if err := g.CheckPrompt(ctx, s.workspace, p); err != nil {
			return v, false, err
		}
	}
	stored, err := s.content.Put(ctx, Key{Name: name, Version: version}, data, by)
	if errors.Is(err, pmerr.ErrConflict) {
		return v, false, s.differs(name, version)
	}
	if err != nil {
		return v, false, err
	}
	stands, inserted, err := s.index.Insert(ctx, Record{
		Version: Version{
			Name: name, Version: version, CreatedAt: timestamp.Of(stored.At),
			Commit: stored.Commit, Author: by.Author, Message: by.Message,
		},
		Ref: stored.Ref, Format: "json", Tags: p.Tags, Acknowledged: true, PromotedFrom: from,
	})
	if err != nil {
		return v, false, err
	}
	s.registry.resolver.forget(s.workspace, name)
	if !inserted && stands.Ref != stored.Ref {
		return v, false, s.differs(name, version)
	}
	return stands.Version, !inserted, nil
}

// same fails unless a version holds what its source does.
func (s *Service) same(ctx context.Context, there, source Record, data []byte) error {
	if there.Ref == source.Ref && there.Format == source.Format {
		return nil
	}
	have, err := s.bytes(ctx, there)
	if err != nil || bytes.Equal(have, data) && there.Format == source.Format {
		return err
	}
	// One of them may be YAML.
	written := make([][]byte, 2)
	for i, file := range []struct {
		format string
		data   []byte
	}{{there.Format, have}, {source.Format, data}} {
		p, err := ParseFile("prompt."+file.format, file.data)
		if err == nil {
			written[i], err = FormatFile(p)
		}
		if err != nil {
			return pmerr.New(pmerr.Internal, "the stored prompt cannot be read").Because(err)
		}
	}
	if !bytes.Equal(written[0], written[1]) {
		return s.differs(source.Name, source.Version.Version)
	}
	return nil
}

func (s *Service) differs(name, version string) error {
	return pmerr.New(pmerr.Conflict, "%s %s exists in the workspace %s with other content, and a version cannot be changed: publish a new one", name, version, s.id)
}
