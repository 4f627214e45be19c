package access

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const (
	maxKeyName    = 128
	maxExpiryDays = 36500
)

// KeyService manages API keys for one identity that works in one workspace. An
// identity sees and ends the keys of its own workspace; one of [Master] those
// of all.
type KeyService struct {
	store KeyStore
	ring  *Keyring
	now   func() time.Time
	in    workspace.ID
	by    workspace.Actor
	who   Identity
}

var _ Keys = (*KeyService)(nil)

// NewKeyService makes a service for the identity who, whose request named the
// workspace in; by is how the audit log shows it.
func NewKeyService(
	store KeyStore, ring *Keyring, now func() time.Time,
	in workspace.ID, by workspace.Actor, who Identity,
) *KeyService {
	return &KeyService{store: store, ring: ring, now: now, in: in, by: by, who: who}
}

// Create implements [Keys].
func (s *KeyService) Create(ctx context.Context, spec KeySpec) (NewKey, error) {
	if err := s.admit(); err != nil {
		return NewKey{}, err
	}
	key, err := s.draft(spec)
	if err != nil {
		return NewKey{}, err
	}
	if err := s.mayGrant(key); err != nil {
		return NewKey{}, err
	}
	secret, err := NewSecret(rand.Reader)
	if err != nil {
		return NewKey{}, err
	}
	stored := StoredKey{Key: key, Hash: s.ring.hasher.sum(secret)}
	if key, err = s.store.InsertKey(ctx, s.in, s.by, stored); err != nil {
		return NewKey{}, pmerr.From(err)
	}
	return NewKey{Key: key, Secret: secret}, nil
}

// List implements [Keys].
func (s *KeyService) List(ctx context.Context, r page.Request) (page.Of[Key], error) {
	if err := s.admit(); err != nil {
		return page.Of[Key]{}, err
	}
	r, err := r.Normal()
	if err != nil {
		return page.Of[Key]{}, err
	}
	keys, err := s.store.ListKeys(ctx, s.who.Workspace, r)
	if err != nil {
		return page.Of[Key]{}, pmerr.From(err)
	}
	return keys, nil
}

// Revoke implements [Keys].
func (s *KeyService) Revoke(ctx context.Context, id int64) error {
	if err := s.admit(); err != nil {
		return err
	}
	if id < 1 {
		return pmerr.Missing("API key")
	}
	hash, err := s.store.DeleteKey(ctx, s.in, s.by, s.who.Workspace, id)
	if err != nil {
		return pmerr.From(err)
	}
	s.ring.Forget(hash)
	return nil
}

// admit is the last door before keys. HTTP has its own in front of every
// route; who makes keys can become anybody, so this one does not rely on it.
func (s *KeyService) admit() error {
	if !s.who.May(s.in) {
		return pmerr.New(pmerr.Unauthorized, "API key does not belong to this workspace")
	}
	if !s.who.Scopes.Has(Admin) {
		return pmerr.New(pmerr.Forbidden, "Managing API keys needs the scope admin")
	}
	return nil
}

// draft fills the defaults of a spec and finds all of its faults.
func (s *KeyService) draft(spec KeySpec) (Key, error) {
	faults := nameFaults(spec.Name)
	scopes := Scopes{Read, Write}
	if spec.Scopes != nil {
		var err error
		if scopes, err = scopesOf(spec.Scopes); err != nil {
			faults = append(faults, pmerr.From(err).Fields...)
		}
	}
	owner := spec.Workspace
	switch {
	case owner == "":
		owner = s.in.String()
	case owner != Master && !workspace.Valid(owner):
		faults = append(faults, "workspace_id must be * or 1 to 128 letters, digits, '_' or '-'")
	}
	now := s.now()
	var expires *timestamp.Time
	if days := spec.ExpiresInDays; days != nil {
		if *days < 1 || *days > maxExpiryDays {
			faults = append(faults, "expires_in_days must be an integer from 1 to 36500")
		} else {
			at := timestamp.Of(now.Add(time.Duration(*days) * 24 * time.Hour))
			expires = &at
		}
	}
	if faults != nil {
		return Key{}, pmerr.Invalid(faults...)
	}
	return Key{
		Name: spec.Name, Scopes: scopes, Workspace: owner,
		CreatedAt: timestamp.Of(now), ExpiresAt: expires,
	}, nil
}

// nameFaults keeps a name readable wherever the audit log is shown.
func nameFaults(name string) (faults []string) {
	if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxKeyName {
		faults = append(faults, "name must be 1 to 128 characters and not blank")
	}
	unreadable := func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) }
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unreadable) {
		faults = append(faults, "name must be UTF-8 without control characters and line breaks")
	}
	return faults
}

// mayGrant checks that the maker has what it gives away.
func (s *KeyService) mayGrant(key Key) error {
	if s.who.Workspace != Master && key.Workspace != s.who.Workspace {
		return pmerr.New(pmerr.Forbidden, "Only a master key may make keys for another workspace")
	}
	for _, scope := range key.Scopes {
		if !s.who.Scopes.Has(scope) {
			return pmerr.New(pmerr.Forbidden, "A key without the scope %s cannot grant it", scope)
		}
	}
	return nil
}
