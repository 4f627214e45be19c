// Package registry keeps prompts: immutable versions in a prompt store (git or
// S3), labels and pins that choose among them, and the rendering of their
// templates.
//
// [Service] does the work of one workspace in-process; the remote client
// implements the same interfaces over HTTP. Code that uses prompts takes the
// interface that it needs:
//
//	func greet(ctx context.Context, prompts registry.Prompts) error
package registry

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Prompts publishes, finds, renders and compares prompt versions.
type Prompts interface {
	// Create publishes a version and returns once it is durable. Faults of the
	// prompt: ErrValidation, all of them at once. A version that exists:
	// ErrBadRequest with details name and version, unless the content is the
	// same and the earlier attempt was never acknowledged. ErrUnavailable.
	Create(ctx context.Context, p Prompt, by Signature) (Version, error)
	// Get finds a version and renders it. No such prompt, version or label:
	// ErrNotFound. Version and label together, or a required variable without
	// a value: ErrBadRequest. A value of the wrong type, or a Version that is
	// neither version nor range: ErrValidation. ErrUnavailable.
	Get(ctx context.Context, name string, q Query) (Entry, error)
	// List gives prompts by name. ErrValidation, ErrUnavailable.
	List(ctx context.Context, f Filter, r page.Request) (page.Of[Summary], error)
	// Versions gives the versions of a prompt, newest first; none for an
	// unknown prompt. ErrValidation, ErrUnavailable.
	Versions(ctx context.Context, name string, r page.Request) (page.Of[VersionItem], error)
	// Diff compares two versions. ErrNotFound, ErrUnavailable.
	Diff(ctx context.Context, name, from, to string) (Comparison, error)
	// History gives what was published and deleted under a name, newest first.
	// ErrValidation, ErrUnavailable.
	History(ctx context.Context, name string, r page.Request) (page.Of[HistoryItem], error)
}

// Lifecycle pins and removes versions.
type Lifecycle interface {
	// Activate pins the version that a Get without version or label answers.
	// An empty version unpins, so that the latest is answered again. Unknown
	// prompt: ErrNotFound; unknown version: ErrBadRequest. ErrUnavailable.
	Activate(ctx context.Context, name, version string) error
	// Delete removes all versions of a prompt; history keeps them. ErrNotFound;
	// ErrConflict while a protected label points at one. ErrUnavailable.
	Delete(ctx context.Context, name string, by Signature) error
	// DeleteVersion removes one version; history keeps it. Errors as Delete.
	DeleteVersion(ctx context.Context, name, version string, by Signature) error
}

// Labels moves names such as "production" between versions.
type Labels interface {
	// SetLabel points a label at a version, the latest if version is empty; it
	// moves a label that exists. Unknown prompt: ErrNotFound; unknown version:
	// ErrBadRequest; bad label name: ErrValidation; a protected label and an
	// actor that is no admin: ErrForbidden. ErrUnavailable.
	SetLabel(ctx context.Context, name, label, version string) (Label, error)
	// Label finds a label. ErrNotFound, ErrUnavailable.
	Label(ctx context.Context, name, label string) (Label, error)
	// Labels gives the labels of a prompt, by name. ErrValidation,
	// ErrUnavailable.
	Labels(ctx context.Context, name string, r page.Request) (page.Of[Label], error)
	// DeleteLabel removes a label. ErrNotFound; protected and no admin:
	// ErrForbidden. ErrUnavailable.
	DeleteLabel(ctx context.Context, name, label string) error
}

// Query says which version of a prompt is wanted, and with which values.
// The zero value asks for the pinned version, else the latest.
type Query struct {
	// Version is an exact version or a SemVer range such as "^1.2", "~1.4.0"
	// or ">=1 <2"; the highest version in the range is taken.
	Version string
	// Label such as "production"; not together with Version.
	Label string
	// Variables are plain JSON data by name. Other Go values are converted
	// through encoding/json.
	Variables map[string]any
	// Raw leaves the templates unrendered.
	Raw bool
}

// Entry answers Get. Content shares maps and slices with a cache: read it, do
// not change it; only Messages is the caller's own.
type Entry struct {
	Content Prompt  `json:"content"`
	Version Version `json:"version"`
	// Source tells where the answer came from. In-process it is always Fresh.
	Source Source `json:"-"`
}

// Source says how current an answer is.
type Source string

// The sources of an Entry.
const (
	// Fresh was answered by the registry, or confirmed within the cache's TTL.
	Fresh Source = "fresh"
	// Stale is older than the TTL: it is being refreshed, or the server could
	// not be reached.
	Stale Source = "stale"
	// Fallback came from the files that the program carries.
	Fallback Source = "fallback"
)

// Version describes a published version.
type Version struct {
	Name      string         `json:"name"`
	Version   string         `json:"version_tag"`
	CreatedAt timestamp.Time `json:"created_at"`
	// Commit of the prompt store; empty where it has none.
	Commit  string `json:"commit_sha,omitempty"`
	Author  string `json:"author,omitempty"`
	Message string `json:"message,omitempty"`
}

// VersionItem is a version in a list.
type VersionItem struct {
	Version
	// Labels that point at the version.
	Labels []string `json:"labels"`
	// Active is set on the pinned version.
	Active bool `json:"active"`
}

// Filter narrows List. The zero value lets everything through.
type Filter struct {
	// Query is a part of the name, without regard to case.
	Query string
	// Tag that the latest version carries.
	Tag string
	// Label that some version carries.
	Label string
}

// Summary is a prompt in a list.
type Summary struct {
	Name          string         `json:"name"`
	LatestVersion string         `json:"latest_version"`
	ActiveVersion string         `json:"active_version,omitempty"`
	Tags          []string       `json:"tags"`
	Labels        []string       `json:"labels"`
	UpdatedAt     timestamp.Time `json:"updated_at"`
}

// Label is a name that points at a version of a prompt.
type Label struct {
	PromptName string         `json:"prompt_name"`
	Name       string         `json:"name"`
	Version    string         `json:"version_tag"`
	CreatedAt  timestamp.Time `json:"created_at"`
	UpdatedAt  timestamp.Time `json:"updated_at"`
	// Protected labels are moved and deleted by admins only.
	Protected bool `json:"protected"`
}

// HistoryItem is one change of a prompt.
type HistoryItem struct {
	// Action is "publish" or "delete".
	Action  string         `json:"action"`
	Version string         `json:"version_tag"`
	Commit  string         `json:"commit_sha,omitempty"`
	Author  string         `json:"author,omitempty"`
	Message string         `json:"message,omitempty"`
	At      timestamp.Time `json:"created_at"`
}

// Comparison is what differs between two versions of a prompt.
type Comparison struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
	// Messages that differ, in order.
	Messages []MessageDiff `json:"messages"`
	// Settings that differ: everything but messages, name and version.
	Settings []SettingDiff `json:"settings"`
}

// MessageDiff is a message that differs.
type MessageDiff struct {
	Index int `json:"index"`
	// Change is "added", "removed" or "changed".
	Change   string `json:"change"`
	FromRole Role   `json:"from_role,omitempty"`
	ToRole   Role   `json:"to_role,omitempty"`
	// Unified is a unified diff of the contents.
	Unified string `json:"unified"`
}

// SettingDiff is a setting that differs. A side that lacks it is nil.
type SettingDiff struct {
	// Path such as "model_config.temperature".
	Path string `json:"path"`
	From any    `json:"from"`
	To   any    `json:"to"`
}
