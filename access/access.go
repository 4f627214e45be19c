// Package access decides who may do what: API keys with scopes, their rate
// limits, and the audit log of what was done. It holds no SQL and no HTTP.
package access

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Keys manages API keys on behalf of one identity. [KeyService] does it
// in-process, the remote client over HTTP. Every method is ErrForbidden for an
// identity without the admin scope, and ErrUnauthorized for one that works
// outside its workspace.
type Keys interface {
	// Create makes a key and shows its secret, this once. Bad name, scope,
	// workspace or expiry: ErrValidation. A foreign workspace without a master
	// key, or a scope that the maker lacks: ErrForbidden. ErrUnavailable.
	Create(ctx context.Context, spec KeySpec) (NewKey, error)
	// List gives the keys of the maker's workspace, newest first; a master key
	// sees all. ErrValidation, ErrUnavailable.
	List(ctx context.Context, r page.Request) (page.Of[Key], error)
	// Revoke ends a key: at once in this process, within a second in others.
	// Unknown, or of a foreign workspace: ErrNotFound. ErrUnavailable.
	Revoke(ctx context.Context, id int64) error
}

// AuditLog reads who changed what in a workspace, newest first.
type AuditLog interface {
	// Entries gives a page of the log. ErrValidation, ErrUnavailable.
	Entries(ctx context.Context, f AuditFilter, r page.Request) (page.Of[AuditEntry], error)
}

// AuditEntry is one change. It was stored in the transaction of the change.
type AuditEntry struct {
	ID int64 `json:"id"`
	// Action such as "create_prompt" or "label:create".
	Action     string  `json:"action"`
	PromptName *string `json:"prompt_name"`
	VersionTag *string `json:"version_tag"`
	// TargetID is the id of the changed thing; for labels the prompt's name.
	TargetID *string `json:"target_id"`
	// APIKeyName and IPAddress are null for calls made in-process.
	APIKeyName *string        `json:"api_key_name"`
	IPAddress  *string        `json:"ip_address"`
	Timestamp  timestamp.Time `json:"timestamp"`
	Workspace  string         `json:"workspace_id"`
}

// AuditFilter narrows the audit log. Empty fields let everything through.
type AuditFilter struct {
	Action, APIKeyName string
	// From is the first second, To the first one that is left out.
	From, To timestamp.Time
}

// StoredKey is a key with what authentication needs.
type StoredKey struct {
	Key
	// Hash is HMAC-SHA256(salt, secret).
	Hash [32]byte
}

// KeyStore keeps keys, of all workspaces: authentication comes before the
// workspace is known. Implementations return ErrUnavailable when down.
type KeyStore interface {
	// InsertKey stores a key, sets its ID, and writes the audit entry
	// api_key:create into the workspace by acts in (for a master key:
	// the workspace that the request named).
	InsertKey(ctx context.Context, in workspace.ID, by workspace.Actor, k StoredKey) (Key, error)
	// KeyByHash finds a key. ErrNotFound.
	KeyByHash(ctx context.Context, hash [32]byte) (StoredKey, error)
	// ListKeys pages through the keys of a workspace, or of all for [Master].
	ListKeys(ctx context.Context, owner string, r page.Request) (page.Of[Key], error)
	// DeleteKey removes a key of owner (any, for [Master]) with its audit entry
	// api_key:revoke, and returns its hash. ErrNotFound.
	DeleteKey(ctx context.Context, in workspace.ID, by workspace.Actor, owner string, id int64) ([32]byte, error)
	// TouchKeys sets when keys were last used; unknown ids are ignored.
	TouchKeys(ctx context.Context, used map[int64]time.Time) error
	// AnyKey reports whether there is a key at all.
	AnyKey(ctx context.Context) (bool, error)
}

// WindowStore keeps the snapshot of the rate limiter over a restart.
type WindowStore interface {
	LoadWindows(ctx context.Context) ([]Window, error)
	// SaveWindows upserts windows and drops those that began before stale.
	SaveWindows(ctx context.Context, windows []Window, stale time.Time) error
}

// Window is the state of one subject's sliding window.
type Window struct {
	// Subject is what is limited, such as "key:7".
	Subject string
	// Start of the current fixed window.
	Start time.Time
	// Previous and Current count the units of the window before and of this one.
	Previous, Current int64
	// Newest is when the newest unit was admitted. Snapshots do not keep it.
	Newest time.Time
}
