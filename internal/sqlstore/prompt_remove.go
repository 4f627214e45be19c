package sqlstore

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Remove deletes versions; see [registry.Index].
func (p *prompts) Remove(ctx context.Context, name string, versions []string, at registry.Origin, byHand bool) (kept []string, err error) {
	err = p.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		kept = nil
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		held, err := underProtection(ctx, s, name)
		if err != nil {
			return err
		}
		var gone []string
		for _, version := range versions {
			label, protected := held[version]
			switch {
			case !protected:
				gone = append(gone, version)
			case byHand:
				kept = append(kept, version)
			default:
				return registry.ProtectedVersion(name, version, label)
			}
		}
		if len(gone) == 0 {
			return nil
		}
		return removeVersions(ctx, s, name, gone, at, byHand)
	})
	return kept, err
}

// underProtection maps versions of a prompt to the protected label on them.
func underProtection(ctx context.Context, s *db.Scope, name string) (map[string]string, error) {
	protected, err := protectedLabels(ctx, s)
	if err != nil || len(protected) == 0 {
		return nil, err
	}
	var labels []labelRow
	if err := s.Select(&labels).Where("prompt_name = ? AND name IN (?)", name, bun.List(protected)).Scan(ctx); err != nil {
		return nil, err
	}
	held := map[string]string{}
	for _, label := range labels {
		held[label.Version] = label.Name
	}
	return held, nil
}

func removeVersions(ctx context.Context, s *db.Scope, name string, versions []string, at registry.Origin, byHand bool) error {
	var there []string
	if err := s.Select((*versionRow)(nil)).Column("version").Where("prompt_name = ? AND version IN (?)", name, bun.List(versions)).
		Scan(ctx, &there); err != nil {
		return err
	}
	// A reconciler, of this node or another, may have seen that the files are
	// gone, and removed what the caller deletes, before the caller came here.
	var claimed int64
	if !byHand && len(there) < len(versions) {
		var err error
		if claimed, err = claimDeletions(ctx, s, name, versions, at); err != nil {
			return err
		}
	}
	// A commit proves that the deletion was the caller's. Where the prompt store
	// has none, what a reconciler deleted is whose claim comes first.
	if len(there) == 0 && claimed == 0 && (byHand || at.Commit == "") {
		return pmerr.Missing("Prompt")
	}
	left, err := dropVersions(ctx, s, name, there, at)
	if err != nil {
		return err
	}
	switch {
	case byHand:
		return nil
	case left == 0:
		return audit(ctx, s, entry{action: "prompt:delete", prompt: name, target: name})
	}
	for _, version := range versions {
		if err := audit(ctx, s, entry{action: "prompt:delete_version", prompt: name, version: version, target: name}); err != nil {
			return err
		}
	}
	return nil
}

// claimDeletions gives deletions that the reconciler found to who made them,
// and tells how many there were.
func claimDeletions(ctx context.Context, s *db.Scope, name string, versions []string, at registry.Origin) (int64, error) {
	last := s.Select((*historyRow)(nil)).ColumnExpr("max(id)").
		Where("prompt_name = ? AND version IN (?)", name, bun.List(versions)).Group("version")
	claim := s.Update((*historyRow)(nil)).Set("author = ?", at.Author).Set("message = ?", at.Message).
		Where("prompt_name = ? AND id IN (?) AND action = 'delete' AND author = ?", name, last, registry.ReconcilerName)
	if at.Commit != "" {
		claim = claim.Set("commit_sha = ?", at.Commit)
	}
	done, err := claim.Exec(ctx)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// dropVersions deletes rows of versions and all that leads to them, and tells
// how many versions the prompt has left.
func dropVersions(ctx context.Context, s *db.Scope, name string, versions []string, at registry.Origin) (left int, err error) {
	if len(versions) == 0 {
		rest, err := versionNames(ctx, s, name)
		return len(rest), err
	}
	if _, err := s.Delete((*versionRow)(nil)).Where("prompt_name = ? AND version IN (?)", name, bun.List(versions)).Exec(ctx); err != nil {
		return 0, err
	}
	if _, err := s.Delete((*labelRow)(nil)).Where("prompt_name = ? AND version IN (?)", name, bun.List(versions)).Exec(ctx); err != nil {
		return 0, err
	}
	if err := recount(ctx, s.Tx(), s.Workspace().String(), countVersions, -int64(len(versions))); err != nil {
		return 0, err
	}
	if left, err = pointAtRest(ctx, s, name, versions); err != nil {
		return 0, err
	}
	now := db.Micros(s.Now())
	for _, version := range versions {
		if err := history(ctx, s, historyRow{
			PromptName: name, Action: "delete", Version: version, CommitSHA: at.Commit, Author: at.Author, Message: at.Message, CreatedAt: now,
		}); err != nil {
			return 0, err
		}
	}
	return left, nil
}

// pointAtRest keeps the prompt's row right after versions were deleted, and
// tells how many are left.
func pointAtRest(ctx context.Context, s *db.Scope, name string, gone []string) (left int, err error) {
	rest, err := versionNames(ctx, s, name)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		if _, err := s.Delete((*promptRow)(nil)).Where("name = ?", name).Exec(ctx); err != nil {
			return 0, err
		}
		if err := retag(ctx, s, name, "[]"); err != nil {
			return 0, err
		}
		return 0, recount(ctx, s.Tx(), s.Workspace().String(), countPrompts, -1)
	}
	head, err := prompt(ctx, s, name)
	if err != nil {
		return 0, err
	}
	latest, err := versionOf(ctx, s, name, registry.Latest(rest))
	if err != nil {
		return 0, err
	}
	q := s.Update((*promptRow)(nil)).Set("latest_version = ?", latest.Version).Set("tags = ?", latest.Tags).
		Set("updated_at = ?", db.Micros(s.Now())).Where("name = ?", name)
	if head.ActiveVersion != nil && slices.Contains(gone, *head.ActiveVersion) {
		q = q.Set("active_version = NULL")
	}
	if _, err := q.Exec(ctx); err != nil {
		return 0, err
	}
	return len(rest), retag(ctx, s, name, latest.Tags)
}

// SetActive pins a version, or unpins.
func (p *prompts) SetActive(ctx context.Context, name, version string) error {
	return p.db.Update(ctx, func(ctx context.Context, s *db.Scope) error {
		if err := touch(ctx, s.Tx()); err != nil {
			return err
		}
		if _, err := prompt(ctx, s, name); err != nil {
			return err
		}
		action := "prompt:unpin"
		if version != "" {
			action = "prompt:pin"
		}
		if err := pin(ctx, s, name, version); err != nil {
			return err
		}
		return audit(ctx, s, entry{action: action, prompt: name, version: version, target: name})
	})
}

// pin makes a version that must exist the one that is served by default; an
// empty version leaves that to the latest.
func pin(ctx context.Context, s *db.Scope, name, version string) error {
	q := s.Update((*promptRow)(nil)).Set("updated_at = ?", db.Micros(s.Now())).Where("name = ?", name)
	if version == "" {
		q = q.Set("active_version = NULL")
	} else {
		if err := existing(ctx, s, name, version); err != nil {
			return err
		}
		q = q.Set("active_version = ?", version)
	}
	_, err := q.Exec(ctx)
	return err
}
