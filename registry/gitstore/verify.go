package gitstore

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// verifier walks everything that refs lead to.
type verifier struct {
	ctx   context.Context //nolint:containedctx // of the one call that verifies.
	odb   *odb
	loose map[plumbing.Hash]bool
	// seen are the commits, trees and tags that were looked at; commits are
	// those of them that are commits.
	seen, commits map[plumbing.Hash]bool
	queue         []expected
}

// expected is an object that something leads to, as what; 0 is anything.
type expected struct {
	hash plumbing.Hash
	kind plumbing.ObjectType
}

func newVerifier(ctx context.Context, o *odb, loose []plumbing.Hash) *verifier {
	v := &verifier{ctx: ctx, odb: o, loose: make(map[plumbing.Hash]bool, len(loose)), seen: map[plumbing.Hash]bool{}, commits: map[plumbing.Hash]bool{}}
	for _, h := range loose {
		v.loose[h] = true
	}
	return v
}

// refs looks at everything that refs lead to.
func (v *verifier) refs(refs []ref) error {
	for _, r := range refs {
		if err := v.reach(r.hash, 0); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if strings.HasPrefix(r.name, "refs/heads/") && !v.commits[r.hash] {
			return damaged("%s is a branch and names no commit", r.name)
		}
	}
	return nil
}

// reach looks at an object and at everything that it leads to.
func (v *verifier) reach(h plumbing.Hash, kind plumbing.ObjectType) error {
	v.queue = append(v.queue[:0], expected{h, kind})
	for len(v.queue) > 0 {
		last := len(v.queue) - 1
		next := v.queue[last]
		v.queue = v.queue[:last]
		if err := v.ctx.Err(); err != nil {
			return err
		}
		if err := v.look(next); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) look(e expected) error {
	if v.seen[e.hash] {
		return nil
	}
	if e.kind == plumbing.BlobObject {
		return v.have(e.hash)
	}
	kind, raw, err := v.odb.read(e.hash, maxObject)
	if err != nil {
		return fmt.Errorf("object %s: %w", e.hash, err)
	}
	if e.kind != 0 && kind != e.kind {
		return damaged("object %s is a %s and should be a %s", e.hash, kind, e.kind)
	}
	switch kind {
	case plumbing.CommitObject:
		return v.commit(e.hash, raw)
	case plumbing.TreeObject:
		return v.tree(e.hash, raw)
	case plumbing.TagObject:
		v.seen[e.hash] = true
		return v.tag(e.hash, raw)
	default: // a blob that a tag or an unusual ref names
		return nil
	}
}

func (v *verifier) commit(h plumbing.Hash, raw []byte) error {
	c, err := parseCommit(raw)
	if err != nil {
		return fmt.Errorf("commit %s: %w", h, err)
	}
	v.seen[h], v.commits[h] = true, true
	v.queue = append(v.queue, expected{c.tree, plumbing.TreeObject})
	for _, parent := range c.parents {
		v.queue = append(v.queue, expected{parent, plumbing.CommitObject})
	}
	return nil
}

func (v *verifier) tree(h plumbing.Hash, raw []byte) error {
	t, err := parseTree(raw)
	if err != nil {
		return fmt.Errorf("tree %s: %w", h, err)
	}
	v.seen[h] = true
	for e := range t.entries() {
		switch name := string(e.name); {
		case name == "." || name == ".." || strings.EqualFold(name, ".git"):
			return damaged("tree %s has an entry named %s", h, name)
		case string(e.mode) == modeModule:
		case e.folder():
			v.queue = append(v.queue, expected{e.hash, plumbing.TreeObject})
		default:
			if err := v.have(e.hash); err != nil {
				return fmt.Errorf("tree %s: %w", h, err)
			}
		}
	}
	return nil
}

func (v *verifier) tag(h plumbing.Hash, raw []byte) error {
	text, ok := strings.CutPrefix(string(raw[:min(len(raw), 256)]), "object ")
	line, _, whole := strings.Cut(text, "\n")
	target, valid := parseHash(line)
	if !ok || !whole || !valid {
		return damaged("tag %s names no object", h)
	}
	v.queue = append(v.queue, expected{target, 0})
	return nil
}

// have wants an object, whatever it is.
func (v *verifier) have(h plumbing.Hash) error {
	if v.loose[h] {
		return nil
	}
	for _, p := range v.odb.own() {
		if _, ok := p.index.find(h); ok {
			return nil
		}
	}
	return damaged("the object %s is missing", h)
}

// strictLog turns the first thing that would be logged into a failure.
type strictLog struct{ said string }

func (s *strictLog) logger() *slog.Logger { return slog.New(strictHandler{s}) }

type strictHandler struct{ to *strictLog }

// Enabled implements [slog.Handler].
func (strictHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (h strictHandler) Handle(_ context.Context, r slog.Record) error {
	if h.to.said == "" {
		h.to.said = r.Message
		r.Attrs(func(a slog.Attr) bool {
			h.to.said += ", " + a.String()
			return true
		})
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (h strictHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements [slog.Handler].
func (h strictHandler) WithGroup(string) slog.Handler { return h }
